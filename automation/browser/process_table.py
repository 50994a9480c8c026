"""Reads memory, CPU time and command lines of processes from ``/proc``; on systems without it nothing is known."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def resident_bytes(pid: int) -> int | None:
    """Return the memory that a process holds now; None when it is gone or that can't be told."""
    try:
        pages = int((_PROC / str(pid) / "statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def waits_for_cpu(pid: int) -> bool:
    """Return whether the main thread of a process could run at once: on a crowded machine that is no sign of a hang."""
    return _stat(pid)[:1] == ["R"]


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU time that a process which descends from this one has used so far; None of any other."""
    fields = _stat(pid) if _is_own(pid) else []
    if not fields:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_arguments(pid: int) -> list[str]:
    """Return a process's command line; nothing when it is gone or that can't be told."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return []


def own_children() -> set[int]:
    """Return the processes that this one started and that are not reaped yet."""
    try:
        numbers = [int(path.name) for path in _PROC.iterdir() if path.name.isdecimal()]
    except OSError:
        return set()
    return {number for number in numbers if _stat(number)[1:2] == [str(os.getpid())]}


def end_own(pid: int) -> bool:
    """Kill a process if it descends from this one, and return whether it was.

    A browser that somebody else started, here or on another machine, is never ended by us: its numbers may be anyone's.
    """
    if not _is_own(pid):
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return True


def _is_own(pid: int) -> bool:
    while pid > 1:
        fields = _stat(pid)
        if not fields:
            return False
        pid = int(fields[1])
        if pid == os.getpid():
            return True
    return False


def _stat(pid: int) -> list[str]:
    """Return a process's state, its parent's id and what follows in ``/proc/<pid>/stat``; nothing of one that is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []
