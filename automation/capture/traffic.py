"""Tracks whether the page's requests of this turn can still bring more of the answer. Pure.

No format is read here: which requests are open, what kind of body they bring and when is enough. It is what proves
the end of an answer on a page that shows no control for it, and what keeps a pause from looking like one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

_STREAMING_TYPES = (
    "text/event-stream",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/json-seq",
    "application/stream+json",
    "application/grpc-web",
    "application/connect+",
    "multipart/mixed",
)


class Flow(Enum):
    """Verdict on whether the page's requests can still bring more of the answer."""

    UNKNOWN = auto()
    """Nothing: it comes through a socket, from a stream of before, by polling, or unseen."""

    WAITING = auto()
    """A request of this turn has brought nothing yet."""

    OPEN = auto()
    """A stream of this turn is unfinished."""

    STREAM_ENDED = auto()
    """Each stream of this turn came to its end, and nothing else is under way."""

    BODY_ENDED = auto()
    """One whole body is all that the page got in this turn."""

    CUT = auto()
    """The last stream of this turn broke off."""


@dataclass(slots=True)
class _Request:
    place: int
    media_type: str = ""
    first_data_s: float | None = None
    last_data_s: float = 0.0
    is_over: bool = False
    is_cut: bool = False

    def streams(self, first_text_s: float | None) -> bool:
        """Whether its body is a stream: by its type, or because text showed before its last part came."""
        if self.first_data_s is None:
            return False
        if self.media_type.startswith(_STREAMING_TYPES):
            return True
        return first_text_s is not None and self.first_data_s < first_text_s < self.last_data_s


class Traffic:
    """Tracks requests and responses of the page in one turn. Times are seconds on one monotonic clock."""

    def __init__(self) -> None:
        self._requests: dict[str, _Request] = {}
        self._begin_counting()

    def _begin_counting(self) -> None:
        self._requests.clear()
        self._others_brought = False
        # Kept at each event, so that a page that has sent thousands of requests costs a look no more than others.
        self._open: set[str] = set()
        self._open_streams: set[str] = set()
        self._streams: set[str] = set()
        self._bodies: set[str] = set()
        self._last_stream: _Request | None = None
        self._first_text_s: float | None = None

    def begin(self) -> None:
        """Start a turn; requests of the turn before are not counted in it."""
        self._begin_counting()

    def request_left(self, request_id: str, media_type: str = "") -> None:
        """Note a request of this turn; one that is redirected comes twice."""
        known = self._requests.get(request_id)
        place = known.place if known is not None else len(self._requests)
        self._requests[request_id] = _Request(place, media_type)
        self._count(request_id)

    def response_began(self, request_id: str, media_type: str) -> None:
        """Note what kind of body a request brings."""
        if request_id in self._requests:
            self._requests[request_id].media_type = media_type.lower()
            self._count(request_id)

    def data_came(self, request_id: str, at_s: float) -> None:
        """Note that a response brought something, in this turn or for one of before."""
        request = self._requests.get(request_id)
        if request is None:
            self._others_brought = True
            return
        request.last_data_s = at_s
        if request.first_data_s is None:
            request.first_data_s = at_s
        self._count(request_id)

    def message_came(self) -> None:
        """Note a message of a socket."""
        self._others_brought = True

    def request_over(self, request_id: str, *, is_cut: bool) -> None:
        """Note the end of a response; ``is_cut`` where the connection broke, not where the page had enough of it."""
        if request_id in self._requests:
            self._requests[request_id].is_over = True
            self._requests[request_id].is_cut = is_cut
            self._count(request_id)

    def flow(self, first_text_s: float | None) -> Flow:
        """Return the verdict for an answer whose text began to show at ``first_text_s``."""
        if first_text_s != self._first_text_s:
            self._first_text_s = first_text_s
            for request_id in self._requests:
                self._count(request_id)
        if self._open_streams:
            return Flow.OPEN
        if self._open:
            return Flow.WAITING
        if self._last_stream is not None:
            return Flow.CUT if self._last_stream.is_cut else Flow.STREAM_ENDED
        if len(self._bodies) == 1 and not self._others_brought:
            return Flow.BODY_ENDED
        return Flow.UNKNOWN

    def _count(self, request_id: str) -> None:
        """Sort a request anew after it changed."""
        request = self._requests[request_id]
        is_stream = request.streams(self._first_text_s)
        for group, belongs in (
            (self._open, not request.is_over),
            (self._open_streams, is_stream and not request.is_over),
            (self._streams, is_stream),
            (self._bodies, request.first_data_s is not None),
        ):
            (group.add if belongs else group.discard)(request_id)
        last = self._last_stream
        if is_stream:
            self._last_stream = request if last is None or request.place >= last.place else last
        elif last is not None and last.place == request.place:
            streams = (self._requests[one] for one in self._streams)
            self._last_stream = max(streams, key=lambda one: one.place, default=None)
