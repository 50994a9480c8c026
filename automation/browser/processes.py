"""Finds a browser's processes in the process table, and tells a hung browser from a busy one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# Where a renderer can't see its own process id (a sandbox with a pid namespace), Chromium adds this to it.
_NAMESPACED = 1_000_000_000
_HUNG_AFTER_S = 10.0
_HUNG_SHARE = 0.05
# So long a whole browser may be busy without an answer; longer, and nobody who waits is served by it.
_BUSY_FOR_S = 60.0
_NETWORK = "network.mojom.NetworkService"


@dataclass(frozen=True, slots=True)
class BrowserProcess:
    """One process of a browser.

    Attributes:
        kind: ``browser``, ``renderer``, ``network``, or Chromium's own word for another one.
        cpu_s: Seconds of CPU time that it has used so far.
    """

    pid: int
    kind: str
    cpu_s: float


def parse_processes(reply: Mapping[str, Any]) -> tuple[BrowserProcess, ...]:
    """Read the reply to ``SystemInfo.getProcessInfo``."""
    return tuple(
        BrowserProcess(
            int(p["id"]), "network" if p["type"] == _NETWORK else str(p["type"]), float(p["cpuTime"])
        )
        for p in reply["processInfo"]
    )


def network_pid(processes: Iterable[BrowserProcess]) -> int | None:
    """Return the process that holds all connections and cookies; None in the moment in which it is replaced."""
    return next((p.pid for p in processes if p.kind == "network"), None)


def renderer_pid(request_id: str) -> int | None:
    """Return the process that sent a request: DevTools ids are ``<process id>.<number>``, those of navigations are not."""
    head, dot, _ = request_id.partition(".")
    if not (dot and head.isdecimal()):
        return None
    number = int(head)
    return number - _NAMESPACED if number > _NAMESPACED else number


def cpu_used(pids: Iterable[int], processes: Iterable[BrowserProcess]) -> float | None:
    """Return the most CPU seconds that one of these renderers has used; None when none of them is known to the browser."""
    known = {p.pid: p.cpu_s for p in processes if p.kind == "renderer"}
    return max((known[pid] for pid in pids if pid in known), default=None)


def is_hung(silent_s: float, cpu_s: float | None, *, waits_for_cpu: bool = False) -> bool:
    """Return whether a silent renderer hangs, rather than being busy.

    Args:
        silent_s: Seconds since a call that is not answered yet.
        cpu_s: Its CPU time within ``silent_s``; None where that is unknown, and then nothing is concluded.
        waits_for_cpu: It would compute, but others are served first.
    """
    if cpu_s is None or waits_for_cpu:
        return False
    return silent_s >= _HUNG_AFTER_S and cpu_s < _HUNG_SHARE * silent_s


def is_browser_hung(
    silent_s: float, asked_s: float, cpu_s: float | None, *, waits_for_cpu: bool = False
) -> bool:
    """Return whether a silent browser hangs, rather than being busy.

    Args:
        silent_s: Seconds since its last sign of life.
        asked_s: Seconds since the last call, which is not answered yet.
        cpu_s: What its main process computed in that time; None where that is not known: then its silence counts.
        waits_for_cpu: It would compute, but others are served first.
    """
    if silent_s >= _BUSY_FOR_S:
        return True
    return not waits_for_cpu and (cpu_s is None or cpu_s < _HUNG_SHARE * asked_s)
