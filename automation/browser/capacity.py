"""Computes how many pages to open, and when a page is recycled. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """The pages of one account at one moment.

    Attributes:
        waiting: Turns that wait for a page.
        free: Pages with an empty chat that can be lent at once.
        settling: Pages that are being made ready for their next turn; they come back by themselves.
        opening: Pages that are being opened; they count as if they were there.
        lent: Pages in use.
        kept: Pages that nobody uses and that hold a chat which may go on.
    """

    waiting: int
    free: int
    settling: int
    opening: int
    lent: int
    kept: int = 0

    @property
    def total(self) -> int:
        """Every page there is or will be in a moment."""
        return self.free + self.settling + self.opening + self.lent + self.kept

    @property
    def empty(self) -> int:
        """Pages with an empty chat, now or in a moment."""
        return self.free + self.settling + self.opening


def pages_to_open(demand: Demand, *, limit: int, warm: int) -> int:
    """Return how many pages to open, up to ``limit``: for turns that wait, or to have ``warm`` pages in all."""
    short = demand.waiting - demand.empty
    cold = warm - demand.total
    return max(0, min(max(short, cold), limit - demand.total))


def kept_to_clear(demand: Demand) -> int:
    """Return how many pages must drop the chat that they hold, for turns that wait and have no empty page coming."""
    return max(0, min(demand.waiting - demand.empty, demand.kept))


@dataclass(frozen=True, slots=True)
class Wear:
    """Usage of one page so far: turns, age and memory.

    Attributes:
        memory_bytes: Memory of its renderer; None where that is unknown.
    """

    turns: int
    age_s: float
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class WearLimits:
    """Thresholds above which a page is recycled: pages leak memory, and sites keep old code in them."""

    turns: int = 200
    age_s: float = 6 * 3600.0
    memory_bytes: int = 800 * 1024**2


def worn_by(wear: Wear, limits: WearLimits) -> str | None:
    """Return the threshold that a page exceeds, ``turns``, ``age`` or ``memory``; None when it exceeds none."""
    if wear.turns >= limits.turns:
        return "turns"
    if wear.age_s >= limits.age_s:
        return "age"
    if wear.memory_bytes is not None and wear.memory_bytes > limits.memory_bytes:
        return "memory"
    return None


def default_max_streaming(cores: int) -> int:
    """Return how many turns may run at once: eight a core.

    Four streaming pages a core at 50 pieces a second each were measured to lose nothing and to add 12 ms; models mostly are
    slower, and think before they write.
    """
    return 8 * cores
