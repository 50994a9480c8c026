"""What the operating system tells of a process, where it has a ``/proc``; elsewhere nothing is known and nothing breaks."""

from __future__ import annotations

import os
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
    try:
        stat = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "R"
