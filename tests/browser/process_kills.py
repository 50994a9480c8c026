"""Kills for tests: the processes of this test's own browsers, found by descent and ended by their ids."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from automation.browser.pool import BrowserPool
from automation.web_provider.chat_site import ChatSite

Fault = Literal["renderer", "browser", "driver", "network", "hang", "freeze"]
FAULTS: tuple[Fault, ...] = ("renderer", "browser", "driver", "network", "hang", "freeze")


def on_this_machine(limit_s: float) -> float:
    """Return what the limit of a machine that has nothing else to do is on this one now.

    The load average of a minute is late: what waits for a processor in this moment counts as well.
    """
    running = int(Path("/proc/loadavg").read_text().split()[3].split("/")[0])
    busy = max(os.getloadavg()[0], running - 1) / (os.cpu_count() or 1)
    return limit_s * max(1.0, busy)


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    command: str

    @property
    def kind(self) -> str:
        if "--type=renderer" in self.command:
            return "renderer"
        if "network.mojom.NetworkService" in self.command:
            return "network"
        if "run-driver" in self.command:
            return "driver"
        is_browser = "--user-data-dir=" in self.command and "--type=" not in self.command
        return "browser" if is_browser and "crashpad" not in self.command else "other"


def below(ancestor: int) -> list[Process]:
    """Return every living process that descends from this one."""
    known: dict[int, Process] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
                if state != "Z":
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                    known[int(entry.name)] = Process(int(entry.name), int(parent), command)

    def descends(process: Process) -> bool:
        seen: Process | None = process
        while seen is not None:
            if seen.parent == ancestor:
                return True
            seen = known.get(seen.parent)
        return False

    return [process for process in known.values() if descends(process)]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def page_renderers(provider: ChatSite) -> Iterator[int]:
    """Yield the renderers that the provider's pages live in."""
    for page in provider.pool.pages:
        yield from page.connection.life.renderers


def inflict(fault: Fault, provider: ChatSite) -> list[int]:
    """Do to this test's own browsers what the fault says, and return whom it hit.

    ``hang`` stops the pages' renderers, ``freeze`` the whole browser: neither tells anybody.
    """
    ours = {process.pid: process.kind for process in below(os.getpid())}
    if fault in {"renderer", "hang"}:
        victims = [pid for pid in set(page_renderers(provider)) if ours.get(pid) == "renderer"]
    else:
        kind_of_victim = "browser" if fault == "freeze" else fault
        victims = [pid for pid, kind in ours.items() if kind == kind_of_victim]
    is_stopped = fault in {"hang", "freeze"}
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP if is_stopped else signal.SIGKILL)
            _stopped.update({pid} if is_stopped else ())
    return victims


_stopped: set[int] = set()


def end_stopped() -> None:
    """End what was stopped: a stopped process does not notice that its browser is gone, as one that only hangs would."""
    for pid in _stopped:
        with suppress(OSError):
            if "chrom" in Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace"):
                os.kill(pid, signal.SIGKILL)
    _stopped.clear()


def pages_open(pool: BrowserPool) -> int:
    """Return how many pages the pool's browsers have, whoever counts them or not."""
    return sum(len(context.pages) for browser in pool.browsers for context in browser.contexts)
