"""Measures memory (PSS) and idle CPU of the browsers of 1, 5 and 12 signed-in sessions, and of a closed one.

Every session is an endpoint's context with one page of llama.cpp's web UI that has answered once. *Shared* sessions are
contexts of one browser, *isolated* ones have a browser and a profile each. PSS counts memory that processes share once, divided
among them. Of a session that sleeps its snapshot is kept, and of an isolated one its profile, both encrypted.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from automation.browser.pool import BrowserPool, open_browser_pool
from automation.profiles.loader import SHIPPED_PROFILES, load_profile
from automation.stealth.options import BrowserConfig
from automation.timing import Timeouts
from automation.web_provider.chat_site import ChatSite, WebChatConfig
from backend.accounts.browser_profiles import BrowserProfiles, SealedProfile
from backend.accounts.vault import Vault
from demo.processes import free_port, running
from demo.site import has_model
from tests.browser.process_kills import below
from tests.fakes.chat_provider import MemorySessions, open_with_account, prompt_of

ROOT = Path(__file__).resolve().parents[2]
MODES = ("shared", "isolated")
COUNTS = (1, 5, 12)
_SITE_S = 120.0
_SETTLES_S = 10.0  # renderers give memory back and finish their work for some seconds after an answer
_IDLE_S = 10.0


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    Attributes:
        total_mb: PSS of all browser processes; the driver is not counted.
        idle_percent: CPU of one core that they use together while nobody asks anything.
    """

    mode: str
    sessions: int
    total_mb: float
    driver_mb: float
    idle_percent: float

    @property
    def mb_each(self) -> float:
        """Megabytes a session."""
        return self.total_mb / self.sessions


@dataclass(frozen=True, slots=True)
class Asleep:
    """What a session costs that was put to sleep after an answer.

    Attributes:
        kept_mb: What is kept of it.
        sleep_s: From the wish that it sleeps until its pages are closed and all is kept.
        wake_s: From then until its page takes a prompt again; an isolated one starts its browser meanwhile, shared ones run on.
    """

    mode: str
    kept_mb: float
    sleep_s: float
    wake_s: float


def problem() -> str | None:
    """Return why nothing can be measured here, or None."""
    if not Path("/proc/self/smaps_rollup").exists():
        return "PSS is told by Linux alone"
    return None if has_model() else "llama.cpp's page is not installed; `make demo` does that"


async def measure(counts: tuple[int, ...] = COUNTS) -> list[Row]:
    """Measure each mode with each number of sessions, all at rest."""
    with _site() as url:
        return [await _one(url, mode, count) for mode in MODES for count in counts]


@contextmanager
def _site() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        url = f"http://127.0.0.1:{port}/"
        command = ["demo.site", "model", "--port", str(port)]
        with running("chat site", command, Path(folder) / "site.log", {}) as site:
            site.wait_until_it_answers(f"{url}health", _SITE_S)
            yield url


async def measure_sleep(times: int = 3) -> list[Asleep]:
    """Put a session of each mode to sleep and wake it, ``times`` times."""
    with _site() as url:
        return [await _asleep(url, mode) for mode in MODES for _ in range(times)]


async def _asleep(url: str, mode: str) -> Asleep:
    sessions, vault = MemorySessions(), Vault("bench")
    with tempfile.TemporaryDirectory() as folder:
        profile = BrowserProfiles(Path(folder), vault).profile("bench", "0") if mode == "isolated" else None
        async with open_browser_pool(None, max_pages=1) as pool:
            async with _open(pool, url, sessions, profile) as provider:
                await _ask(provider)
                begins_s = time.monotonic()
            sleeps_s = time.monotonic()
            kept = len(vault.seal(orjson.dumps(sessions.state), "session")) + (
                profile.size_bytes() if profile else 0
            )
            async with _open(pool, url, sessions, profile):
                woken_s = time.monotonic()
    return Asleep(mode, kept / 1e6, sleeps_s - begins_s, woken_s - sleeps_s)


async def _one(url: str, mode: str, count: int) -> Row:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        profiles = BrowserProfiles(Path(folder), Vault("bench"))
        pool = await stack.enter_async_context(open_browser_pool(None, max_pages=count))
        for number in range(count):
            profile = profiles.profile("bench", str(number)) if mode == "isolated" else None
            provider = await stack.enter_async_context(_open(pool, url, MemorySessions(), profile))
            await _ask(provider)
        await asyncio.sleep(_SETTLES_S)
        before, start = _cpu_s(), time.monotonic()
        await asyncio.sleep(_IDLE_S)
        idle_percent = 100 * (_cpu_s() - before) / (time.monotonic() - start)
        total_mb, driver_mb = _pss_mb()
    return Row(mode, count, total_mb, driver_mb, idle_percent)


async def _ask(provider: ChatSite) -> None:
    async with provider.open_turn(prompt_of("Say one word.")) as events:
        async for _ in events:
            pass


def _open(
    pool: BrowserPool, url: str, sessions: MemorySessions, profile: SealedProfile | None
) -> AbstractAsyncContextManager[ChatSite]:
    config = WebChatConfig(
        base_url=url,
        login_url=None,
        profile=load_profile("llama-cpp", [SHIPPED_PROFILES]),
        credentials=None,
        browser=BrowserConfig(timeout_ms=30_000),
        max_pages=1,
        timeouts=Timeouts(ready_s=60, navigate_s=60),
        name="bench",
    )
    return open_with_account(pool, config, sessions, profile)


def _browser_pids() -> tuple[list[int], list[int]]:
    """Return the processes of browsers, and those of drivers."""
    ours = [process for process in below(os.getpid()) if "demo.site" not in process.command]
    drivers = [process.pid for process in ours if process.kind == "driver"]
    return [process.pid for process in ours if process.pid not in drivers], drivers


def _pss_mb() -> tuple[float, float]:
    browsers, drivers = _browser_pids()
    return sum(map(_pss_of, browsers)), sum(map(_pss_of, drivers))


def _pss_of(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _cpu_s() -> float:
    ticks = 0
    for pid in _browser_pids()[0]:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
