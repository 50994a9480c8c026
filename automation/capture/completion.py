"""When is an answer complete? A pure classifier over samples of what the wire and the page show.

Proof, strongest first: the stream's own end marker · the page's finished-actions on this turn · the stop control was
seen and is gone while the prompt field takes input again · nothing changed for long (the last resort, never while a
stop control shows). What is only seen in the page must hold for two checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

_CHECKS = 2
_CHECK_GAP_S = 0.08
_EMPTY_S = 5.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen at one moment; ``None`` where the profile names no such control.

    Attributes:
        at_s: When, on a monotonic clock.
        wire_ended: The stream's own end marker was seen.
        answer_chars: Letters in the answer so far, wherever they were read.
        stop: The stop control is visible.
        finished: This turn's finished-actions are visible.
        ready: The prompt field takes input.
        error: New words of an error banner.
    """

    at_s: float
    wire_ended: bool = False
    answer_chars: int = 0
    stop: bool | None = None
    finished: bool | None = None
    ready: bool = False
    error: str | None = None


class Verdict(Enum):
    """What the samples so far prove."""

    WAIT = auto()
    COMPLETE = auto()
    EMPTY = auto()
    ERROR = auto()


class Completion:
    """Feed it samples in order; it answers with a verdict each time.

    Args:
        quiet_s: How long nothing may change before quiet alone counts, where the page shows nothing better.
    """

    def __init__(self, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._stop_seen = False
        self._chars = -1
        self._changed_s = 0.0
        self._proofs = 0
        self._errors = 0
        self._checked_s = float("-inf")
        self._by_controls = False

    @property
    def is_shown_by_controls(self) -> bool:
        """Whether the page's controls showed the last sample's end, not quiet alone."""
        return self._by_controls

    def feed(self, sample: Sample) -> Verdict:
        """Take one sample and return what all of them together prove."""
        if sample.wire_ended:
            return Verdict.COMPLETE if sample.answer_chars else Verdict.EMPTY
        self._stop_seen = self._stop_seen or bool(sample.stop)
        if sample.answer_chars != self._chars:
            self._chars, self._changed_s = sample.answer_chars, sample.at_s
            self._proofs = self._errors = 0
            self._by_controls = False
            self._checked_s = sample.at_s
            return Verdict.WAIT
        if sample.at_s - self._checked_s < _CHECK_GAP_S:
            return Verdict.WAIT
        self._checked_s = sample.at_s
        return self._judge(sample)

    def _judge(self, sample: Sample) -> Verdict:
        self._errors = self._errors + 1 if sample.error and not sample.stop else 0
        if self._errors >= _CHECKS:
            return Verdict.ERROR
        self._proofs = self._proofs + 1 if self._shows_end(sample) else 0
        if self._proofs < _CHECKS:
            return Verdict.WAIT
        if sample.answer_chars:
            return Verdict.COMPLETE
        # A page may take its stop control away a moment before the text shows.
        return Verdict.EMPTY if sample.at_s - self._changed_s >= _EMPTY_S else Verdict.WAIT

    def _shows_end(self, sample: Sample) -> bool:
        self._by_controls = not sample.stop and bool(sample.finished or (self._stop_seen and sample.ready))
        if self._by_controls:
            return True
        if sample.stop or self._stop_seen:
            return False
        return sample.answer_chars > 0 and sample.at_s - self._changed_s >= self._quiet_s
