"""Counters of one endpoint's turns since the gateway started. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

_KEPT = 512
BOUNDS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


@dataclass(slots=True)
class TurnCounts:
    """What happened in an endpoint's turns; durations of the last 512 are kept.

    Attributes:
        total_s: How long the finished turns took together.
        within_bound: How many finished turns took no longer than each of ``BOUNDS_S``, and not within a lower one.
    """

    finished: int = 0
    cancelled: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    durations_s: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    total_s: float = 0.0
    within_bound: list[int] = field(default_factory=lambda: [0] * len(BOUNDS_S))

    def note_finished(self, duration_s: float) -> None:
        """Count a turn that ended with its answer."""
        self.finished += 1
        self.durations_s.append(duration_s)
        self.total_s += duration_s
        at = bisect_left(BOUNDS_S, duration_s)
        if at < len(BOUNDS_S):
            self.within_bound[at] += 1

    def note_cancelled(self) -> None:
        """Count a turn that its client or a stop ended early."""
        self.cancelled += 1

    def note_failed(self, kind: str) -> None:
        """Count a turn that failed, under the name of its error."""
        self.failed[kind] += 1

    def summary(self) -> dict[str, Any]:
        """Return the counts and the median and 95th percentile of durations in seconds (None before the first)."""
        ordered = sorted(self.durations_s)
        return {
            "turns_finished": self.finished,
            "turns_cancelled": self.cancelled,
            "turns_failed": sum(self.failed.values()),
            "failures": dict(self.failed),
            "duration_p50_s": _percentile(ordered, 0.50),
            "duration_p95_s": _percentile(ordered, 0.95),
        }


def _percentile(ordered: list[float], share: float) -> float | None:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 3) if ordered else None
