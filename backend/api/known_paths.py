"""Finds which path was meant by one at which there is nothing: clients add ``/v1`` themselves, or a slash too many. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_SLASHES = re.compile(r"/{2,}")
_VERSION = "/v1"
_OWN = "/api/{endpoint}"
_PINNED = re.compile(r"/api/(?!v\d+/)([^/]+)/")
_CLOSE = 0.85


def suggest_path(path: str, known: Sequence[str]) -> str | None:
    """Return the one of the ``known`` paths that is meant, or None.

    Args:
        path: As it was asked for.
        known: Those that are served, with ``{name}`` for their parameters.
    """
    plain = _SLASHES.sub("/", f"/{path}").rstrip("/")
    if found := _PINNED.match(plain):
        # The name of an endpoint is the client's own.
        own = f"/api/{found[1]}"
        named = [one.replace(_OWN, own) for one in known if one.startswith(_OWN)]
        if ended := _longest(one for one in named if plain.endswith(one.removeprefix(own))):
            return ended
    fixed = [one for one in known if "{" not in one]
    served = [one for one in fixed if one.startswith(f"{_VERSION}/")]
    ended = _longest(one for one in served if plain.endswith(one.removeprefix(_VERSION)))
    return ended or next(iter(get_close_matches(plain, fixed, 1, _CLOSE)), None)


def _longest(paths: Iterable[str]) -> str | None:
    return max(paths, key=len, default=None)
