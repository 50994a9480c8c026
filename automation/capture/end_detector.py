"""Detects the end of an answer from samples of what the wire and the page show. Pure.

Proof, strongest first: the stream's own end marker · the page's finished-actions on this turn · the stop control was
seen and is gone while the prompt field takes input again · what the page showed as work in progress is over · the
page's requests of this turn are over and the text rests · nothing changed for long (the last resort). What is only
seen in the page must hold for two looks, and controls for longer than a page needs between two steps. Nothing is an
end while a stop control shows, one that comes back means that the work goes on, and what rests is a text, not its length;
a stream that is still open outweighs quiet, and controls have to stand the longer beside requests that are under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from automation.capture.traffic import Flow

_CHECKS = 2
_CHECK_GAP_S = 0.08
_EMPTY_S = 5.0
_EMPTY_STREAM_S = 10.0
# How long controls must show the end, by what the page's requests say beside them.
_CONTROLS_S = 0.28
_CONTROLS_BESIDE_S = {Flow.OPEN: 1.0, Flow.WAITING: 3.0, Flow.ASKING_AGAIN: 30.0}
# Where the stop control came back before, it must be gone for longer than it was then.
_CONTROLS_AFTER_GAP_S = 1.0
_GAP_TIMES = 2.0
_PAINTED_ANEW_S = 0.15
# How long the text must rest after each kind of sign, in seconds.
_REST_AFTER_STREAM_S = 0.25
_REST_AFTER_WORK_S = 1.0
_REST_WITHOUT_FINISHED_S = 3.0
_REST_WHILE_WAITING_S = 30.0
_NEVER_S = float("inf")
AT_WORK = frozenset({Flow.OPEN, Flow.WAITING, Flow.ASKING_AGAIN, Flow.POLLING})
# A field that is closed for a moment while the prompt goes out says nothing about the answer.
_FIELD_CLOSED_S = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen at one moment; ``None`` where the profile names no such control.

    Attributes:
        at_s: Time of the sample, on a monotonic clock.
        wire_ended: The stream's own end marker was seen.
        answer_chars: Letters in the answer so far, wherever they were read.
        revision: Number that changes with the answer's text, also where its length does not.
        stop: The stop control is visible.
        finished: This turn's finished-actions are visible.
        ready: The prompt field takes input.
        busy: The turn is marked as being worked on: ``aria-busy``, or the profile's cursor at its end.
        error: New words by which the site reports an error.
        error_rest_s: How long they must stand.
        is_error_past: They were heard and are no longer there: they count where no answer comes.
        is_limit: They say that the account's limit is reached, which may be so after a whole answer as well.
        flow: Verdict of the page's requests.
    """

    at_s: float
    wire_ended: bool = False
    answer_chars: int = 0
    revision: int = 0
    stop: bool | None = None
    finished: bool | None = None
    ready: bool = False
    busy: bool = False
    error: str | None = None
    error_rest_s: float = 0.0
    is_error_past: bool = False
    is_limit: bool = False
    flow: Flow = Flow.UNKNOWN


class Verdict(Enum):
    """Result of the end detection so far."""

    WAIT = auto()
    COMPLETE = auto()
    EMPTY = auto()
    ERROR = auto()


class EndMove(Enum):
    """What follows what looks like an answer's end."""

    OVER = auto()
    WAIT = auto()
    PRESS = auto()


# How long a page may take to show the control for going on after the wire told the end.
_CONTROL_AFTER_WIRE_S = 0.5
_CONTROL_AFTER_CUT_S = 3.0
# How long a page may take to show that an answer goes on after it was told to.
_GOES_ON_S = 10.0


class CutOffAnswer:
    """Decides whether an answer that looks complete was cut off by the site, and is to be made to go on.

    Args:
        times: How often the control for that is pressed for one answer; 0 where the profile names none.
    """

    def __init__(self, times: int) -> None:
        self._left = times
        self._ended_s: float | None = None
        self._pressed_s: float | None = None
        self._revision = 0
        self.is_cut = False

    def judge_end(self, *, is_shown: bool, shows_late: bool, is_cut: bool, at_s: float) -> EndMove:
        """Return what follows what looks like the end.

        ``is_shown``: the control for going on shows. ``shows_late``: it may come after this end, as one that the wire told;
        ``is_cut``: the site said that it cut the answer off.
        """
        self.is_cut = is_cut or is_shown
        if not self._left:
            return EndMove.OVER
        if self._ended_s is None:
            self._ended_s = at_s
        if is_shown:
            self._left -= 1
            self._ended_s = None
            return EndMove.PRESS
        waits_s = _CONTROL_AFTER_CUT_S if is_cut else _CONTROL_AFTER_WIRE_S
        return EndMove.WAIT if shows_late and at_s - self._ended_s < waits_s else EndMove.OVER

    def pressed(self, at_s: float, revision: int) -> None:
        """Note that it was; ``revision`` is that of the text then."""
        self._pressed_s, self._revision = at_s, revision

    def is_awaited(self, sample: Sample) -> bool:
        """Whether the answer was told to go on, and nothing shows yet that it does."""
        if self._pressed_s is None:
            return False
        goes_on = bool(sample.stop or sample.busy) or sample.revision != self._revision
        if goes_on or sample.at_s - self._pressed_s >= _GOES_ON_S:
            self._pressed_s = None
        return self._pressed_s is not None


class EndDetector:
    """Detects an answer's end: takes samples in order, and returns a verdict for each.

    Args:
        quiet_s: How long nothing may change before quiet alone counts, where the page shows nothing better.
        is_quiet_trusted: A person said that so much quiet is enough, whatever the page's requests say.
    """

    def __init__(self, quiet_s: float, *, is_quiet_trusted: bool = False) -> None:
        self._quiet_s = quiet_s
        self._is_quiet_trusted = is_quiet_trusted
        self._stop_seen = False
        self._worked_s: float | None = None
        self._busy_s = float("-inf")
        self._shown_s: float | None = None
        self._gone_s: float | None = None
        self._flow = Flow.UNKNOWN
        self._flow_s = 0.0
        self._longest_gap_s = 0.0
        self._text = (-1, 0)
        self._changed_s = 0.0
        self._text_s: float | None = None
        self._proofs = 0
        self._errors = 0
        self._error_s = 0.0
        self._checked_s = float("-inf")
        self._by_controls = False

    @property
    def is_shown_by_controls(self) -> bool:
        """Whether the page's controls showed the last sample's end, not quiet alone."""
        return self._by_controls

    def feed(self, sample: Sample) -> Verdict:
        """Take one sample and return the verdict of all so far."""
        if sample.wire_ended:
            return Verdict.COMPLETE if sample.answer_chars else Verdict.EMPTY
        self._note_stop(sample)
        self._note_controls(sample)
        if sample.flow is not self._flow:
            self._flow, self._flow_s = sample.flow, sample.at_s
        text = (sample.answer_chars, sample.revision)
        if text != self._text:
            self._text, self._changed_s = text, sample.at_s
            if self._text_s is None and sample.answer_chars:
                self._text_s = sample.at_s
            self._proofs = self._errors = 0
            self._by_controls = False
            self._checked_s = sample.at_s
            return Verdict.WAIT
        if sample.at_s - self._checked_s < _CHECK_GAP_S:
            return Verdict.WAIT
        self._checked_s = sample.at_s
        self._note_work(sample)
        return self._judge(sample)

    def _note_stop(self, sample: Sample) -> None:
        """Note the stop control, and for how long it was gone where it comes back."""
        if not sample.stop:
            self._gone_s = sample.at_s if self._gone_s is None else self._gone_s
            return
        gap_s = 0.0 if self._gone_s is None or not self._stop_seen else sample.at_s - self._gone_s
        # Controls that are painted anew are gone for one look.
        if gap_s > _PAINTED_ANEW_S:
            self._longest_gap_s = max(self._longest_gap_s, gap_s)
        self._stop_seen, self._gone_s = True, None

    def _note_work(self, sample: Sample) -> None:
        """Note that the answer is being worked on: by a mark, or by a field that stays closed beside its text."""
        text_for_s = 0.0 if self._text_s is None else sample.at_s - self._text_s
        if sample.busy or (text_for_s >= _FIELD_CLOSED_S and not sample.ready):
            self._worked_s = sample.at_s
        if sample.busy:
            self._busy_s = sample.at_s

    def _judge(self, sample: Sample) -> Verdict:
        if self._shows_error(sample):
            return Verdict.ERROR
        self._proofs = self._proofs + 1 if self._shows_end(sample) else 0
        if self._proofs < _CHECKS:
            return Verdict.WAIT
        if sample.answer_chars:
            return Verdict.COMPLETE
        # A page may take its stop control away a moment before the text shows.
        is_over = sample.at_s - self._changed_s >= _EMPTY_S and sample.flow not in AT_WORK
        return Verdict.EMPTY if is_over else Verdict.WAIT

    def _shows_error(self, sample: Sample) -> bool:
        is_over = not sample.stop and not (sample.is_limit and sample.answer_chars)
        if sample.is_error_past:
            is_over = is_over and not sample.answer_chars and sample.flow not in AT_WORK
        if not sample.error or not is_over:
            self._errors = 0
            return False
        self._errors += 1
        if self._errors == 1:
            self._error_s = sample.at_s
        return self._errors >= _CHECKS and sample.at_s - self._error_s >= sample.error_rest_s

    def _shows_end(self, sample: Sample) -> bool:
        self._by_controls = self._shown_s is not None
        if self._shown_s is not None:
            stood_s = sample.at_s - max(self._shown_s, self._changed_s)
            if stood_s >= self._controls_needed_s(sample.flow):
                self._proofs = _CHECKS  # they were seen at each look meanwhile
                return True
            return False
        if sample.stop or sample.busy:
            return False
        if not sample.answer_chars:
            return sample.flow is Flow.STREAM_ENDED and sample.at_s - self._flow_s >= _EMPTY_STREAM_S
        # A mark that goes on and off, as cursors do, has to stay off.
        rest_s = sample.at_s - max(self._changed_s, self._busy_s)
        if self._stop_seen:
            # Some pages take no more input after an answer; then the stream's end is the proof.
            return sample.flow is Flow.STREAM_ENDED and rest_s >= _REST_WITHOUT_FINISHED_S
        return rest_s >= self._rest_needed_s(sample)

    def _note_controls(self, sample: Sample) -> None:
        """Note since when the page's controls have shown the end."""
        # A field that the account's limit closes does not open again after the answer.
        takes_input = sample.ready or sample.is_limit
        if sample.stop or not (sample.finished or (self._stop_seen and takes_input)):
            self._shown_s = None
        elif self._shown_s is None:
            self._shown_s = sample.at_s

    def _controls_needed_s(self, flow: Flow) -> float:
        needed_s = _CONTROLS_BESIDE_S.get(flow, _CONTROLS_S)
        if not self._longest_gap_s:
            return needed_s
        return max(needed_s, _CONTROLS_AFTER_GAP_S, _GAP_TIMES * self._longest_gap_s)

    def _rest_needed_s(self, sample: Sample) -> float:
        """How long the text of a page without a stop control must rest before that is its end."""
        needed_s = self._needed_by_flow_s(sample)
        if self._is_quiet_trusted:
            needed_s = min(needed_s, self._quiet_s)
        elif self._worked_s is not None and not sample.ready and sample.flow is Flow.UNKNOWN:
            # The field is closed as long as the page works; only a page that never opens it again ends by quiet.
            needed_s = max(needed_s, _REST_WHILE_WAITING_S)
        if self._worked_s is None or not sample.ready or sample.flow in AT_WORK:
            return needed_s
        is_over = sample.at_s - self._worked_s >= _REST_AFTER_WORK_S
        return min(needed_s, _REST_AFTER_WORK_S) if is_over else needed_s

    def _needed_by_flow_s(self, sample: Sample) -> float:
        if sample.flow is Flow.OPEN:
            return _NEVER_S
        if sample.flow in AT_WORK:
            return max(_REST_WHILE_WAITING_S, self._quiet_s)
        if sample.flow is Flow.STREAM_ENDED:
            return _REST_AFTER_STREAM_S if sample.finished is None else _REST_WITHOUT_FINISHED_S
        if sample.flow is Flow.BODY_ENDED:
            return min(_REST_WITHOUT_FINISHED_S, self._quiet_s)
        return self._quiet_s
