"""File descriptors of this process: how many it may have open, and how many of them connections may take."""

from __future__ import annotations

import resource

_MOST_WANTED = 65_536
# The database, log files, pipes to browsers, and connections that were accepted but not looked at yet.
_RESERVED = 128
_FEWEST = 16


def raise_descriptor_limit() -> int:
    """Raise the limit on open files as far as this user may, at most to 65,536, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _MOST_WANTED if hard == resource.RLIM_INFINITY else min(hard, _MOST_WANTED)
    if soft == resource.RLIM_INFINITY or soft >= allowed:
        return _MOST_WANTED if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def count_connections_for(descriptors: int) -> int:
    """Return how many connections fit into so many descriptors: each may need one more to an API or a browser."""
    return max((descriptors - _RESERVED) // 2, _FEWEST)
