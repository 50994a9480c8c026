"""After many turns, half of them cancelled at random moments, everything is as it was: pages, processes, leases, memory."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from automation.browser.pool import BrowserPool
from automation.web_provider.chat_site import ChatSite
from tests.fakes.chat_provider import ask, open_provider, prompt_of, read
from tests.fakes.chat_site import FakeChatSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SEED = 20261121


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the turns could leave behind; memory is what the processes own alone, in MB."""

    pages: int
    leases: int
    processes: int
    memory_mb: float


def descendants(ancestor: int) -> Iterator[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if stat.rsplit(")", 1)[1].split()[0] != "Z":
                parents[int(entry.name)] = int(stat.rsplit(")", 1)[1].split()[1])
    found = {ancestor}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return iter(found)
        found |= more


def private_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


async def footprint(browsers: BrowserPool, provider: ChatSite) -> Footprint:
    gc.collect()
    for page in provider.pool.pages:
        # What the page's own JavaScript has let go of is not left behind; it is only not swept up yet.
        await page.connection.devtools.send("HeapProfiler.collectGarbage")
    pids = list(descendants(os.getpid()))
    in_use = (await provider.check())["pages"]["in_use"]
    return Footprint(browsers.status()["pages"], in_use, len(pids), sum(map(private_mb, pids)))


async def until_settled(provider: ChatSite, pages: int) -> None:
    def at_rest(counts: dict[str, int]) -> int:
        return counts["free"] + counts["kept"]

    while at_rest((await provider.check())["pages"]) != pages:
        await anyio.sleep(0.05)


async def cancelled_turn(provider: ChatSite, chance: random.Random) -> None:
    with anyio.move_on_after(chance.uniform(0.0, 0.6)):
        async with provider.open_turn(prompt_of("[[count:400]][[slow:10]]")) as events:
            await read(events)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="counts processes in Linux's /proc")
@pytest.mark.parametrize("turns", [40, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
async def test_turns_leave_nothing_behind(
    turns: int, browsers: BrowserPool, site: FakeChatSite, capsys: pytest.CaptureFixture[str]
):
    chance = random.Random(SEED)
    async with open_provider(browsers, site, "fetch-sse", max_pages=2) as provider:
        for _ in range(10):
            await ask(provider, "[[count:20]]")
        await until_settled(provider, 2)
        before = await footprint(browsers, provider)

        for turn in range(turns):
            if turn % 2:
                await cancelled_turn(provider, chance)
            else:
                assert (await ask(provider, f"[[echo:turn {turn}]]")).text == f"turn {turn}"
        await until_settled(provider, 2)
        after = await footprint(browsers, provider)
        with anyio.move_on_after(60):
            # Chromium ends the renderer that it had ready for the next page when it finds the time.
            while after.processes > before.processes:
                await anyio.sleep(0.2)
                after = await footprint(browsers, provider)

    with capsys.disabled():
        print(f"\n{turns} turns, half of them cancelled:\n  before {before}\n  after  {after}")
    assert (after.pages, after.leases) == (before.pages, before.leases)
    assert after.processes <= before.processes
    assert after.memory_mb <= before.memory_mb * 1.1 + 20
    assert all(request.ended in {"done", "aborted"} for request in site.requests)
