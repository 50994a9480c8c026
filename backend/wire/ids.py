"""Generates ids of requests and answers; they are no secrets. Pure but for their chance."""

from __future__ import annotations

import random

# Seeded by the system once: asking it for each id costs a request two per cent of its time.
_chance = random.Random()  # noqa: S311  not for secrets


def new_id(prefix: str) -> str:
    """Return ``prefix`` and 128 random bits in hexadecimal."""
    return f"{prefix}{_chance.getrandbits(128):032x}"
