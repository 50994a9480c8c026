"""Tracks whether the page's requests of this turn can still bring more of the answer. Pure.

No format is read here: which requests are open, what kind of body they bring and when is enough. It is what proves
the end of an answer on a page that shows no control for it, and what keeps a pause from looking like one.

Which of the requests brought the answer is told by time: the one whose data came last before the text began to show.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

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
_ERROR_STATUS = 400
# Text that shows so long after data came was not brought by it.
_BRINGS_WITHIN_S = 1.0
# A page that asks again and again is over when it lets so many of its own pauses pass.
_POLLS_MISSED = 1.5
_POLL_LATE_S = 1.0
_LONGEST_PAUSE_S = 15.0
# Text that shows after another stream's data is that stream's now and then, by chance.
_AT_RANDOM = 5
# An address that is asked so often between two turns is asked whether there is a turn or not.
_TIMES_AT_REST = 2
_MOST_BACKGROUND = 200


class Flow(Enum):
    """Verdict on whether the page's requests can still bring more of the answer."""

    UNKNOWN = auto()
    """Nothing: it comes through a socket, from a stream of before, or unseen."""

    WAITING = auto()
    """A request of this turn has brought nothing yet."""

    ASKING_AGAIN = auto()
    """The page has asked for more at the address that brought the answer so far."""

    POLLING = auto()
    """The page asks at that address again and again, and has not let a pause pass."""

    OPEN = auto()
    """A stream of this turn is unfinished."""

    STREAM_ENDED = auto()
    """Each stream of this turn came to its end, or its polling did, and nothing else is under way."""

    BODY_ENDED = auto()
    """One whole body is all that the page got in this turn."""

    CUT = auto()
    """The last stream of this turn broke off."""


@dataclass(slots=True)
class _Request:
    place: int
    media_type: str = ""
    address: str = ""
    status: int = 0
    left_s: float = 0.0
    first_data_s: float | None = None
    last_data_s: float = 0.0
    over_s: float = 0.0
    is_over: bool = False
    is_cut: bool = False
    texts: int = 0

    @property
    def is_asked(self) -> bool:
        """Whether the page sent something with it, rather than fetched something."""
        return not self.address.startswith("GET ")

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
        self._asked_at_rest: Counter[str] = Counter()
        self._background: set[str] = set()
        self._is_sent = True
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
        self._latest: _Request | None = None  # whose data came last; None after a message of a socket
        self._is_by_socket = False  # the first text showed after one
        self._bringing: list[_Request] = []  # those that text showed after
        self._by_address: dict[str, list[_Request]] = {}

    def begin(self) -> None:
        """Start a turn; requests of the turn before are not counted in it."""
        self._begin_counting()
        self._is_sent = False

    def asked_at_rest(self, address: str) -> None:
        """Note a request that the page sent while no prompt was under way. ``address`` as for ``request_left``.

        What it asks for again and again then has nothing to do with an answer that comes later.
        """
        self._asked_at_rest[address] += 1
        if self._asked_at_rest[address] >= _TIMES_AT_REST and len(self._background) < _MOST_BACKGROUND:
            self._background.add(address)

    def sent(self) -> None:
        """Note that the prompt is about to leave the page."""
        self._is_sent = True
        self._asked_at_rest.clear()

    def request_left(
        self, request_id: str, media_type: str = "", *, address: str = "", at_s: float = 0.0
    ) -> None:
        """Note a request of this turn; one that is redirected comes twice. ``address`` is method and URL without query."""
        if not self._is_sent:
            self.asked_at_rest(address)
        known = self._requests.get(request_id)
        place = known.place if known is not None else len(self._requests)
        request = self._requests[request_id] = _Request(place, media_type, address, left_s=at_s)
        if known is None:
            self._by_address.setdefault(address, []).append(request)
        self._count(request_id)

    def response_began(self, request_id: str, media_type: str, status: int = 200) -> None:
        """Note what kind of body a request brings, and its HTTP status."""
        if request_id in self._requests:
            self._requests[request_id].media_type = media_type.lower()
            self._requests[request_id].status = status
            self._count(request_id)

    def data_came(self, request_id: str, at_s: float) -> None:
        """Note that a response brought something, in this turn or for one of before."""
        request = self._requests.get(request_id)
        if request is None:
            self._others_brought = True
            return
        request.last_data_s = at_s
        if request.address not in self._background:
            self._latest = request
        if request.first_data_s is None:
            request.first_data_s = at_s
        self._count(request_id)

    def message_came(self) -> None:
        """Note a message of a socket: text that shows next is no request's."""
        self._others_brought = True
        self._latest = None

    def text_grew(self, at_s: float) -> None:
        """Note that the page's answer changed: whose data came last has brought it.

        A page may write out a body for long after it came: of bodies only the first text tells whose it is.
        """
        latest = self._latest
        if latest is None:
            self._is_by_socket = self._is_by_socket or (self._others_brought and not self._bringing)
            return
        if at_s - latest.last_data_s > _BRINGS_WITHIN_S:
            return
        if not (self._bringing or self._is_by_socket) or latest.streams(self._first_text_s):
            latest.texts += 1
            if latest.texts == 1:
                self._bringing.append(latest)

    def request_over(self, request_id: str, *, is_cut: bool, at_s: float = 0.0) -> None:
        """Note the end of a response; ``is_cut`` where the connection broke, not where the page had enough of it."""
        if request_id in self._requests:
            self._requests[request_id].is_over = True
            self._requests[request_id].is_cut = is_cut
            self._requests[request_id].over_s = at_s
            self._count(request_id)

    def failed_status(self) -> int | None:
        """Return the HTTP error that all of this turn's responses had, where nothing else brought anything; else None."""
        statuses = [request.status for request in self._requests.values() if request.status]
        if self._others_brought or not statuses or min(statuses) < _ERROR_STATUS:
            return None
        return statuses[-1]

    def flow(self, first_text_s: float | None, at_s: float = 0.0) -> Flow:
        """Return the verdict at ``at_s`` for an answer whose text began to show at ``first_text_s``."""
        if first_text_s != self._first_text_s:
            self._first_text_s = first_text_s
            for request_id in self._requests:
                self._count(request_id)
        if self._open:
            return self._flow_of_open()
        polls = self._polls()
        if polls and at_s < self._next_poll_s(polls):
            return Flow.POLLING
        if self._last_stream is not None:
            return Flow.CUT if self._last_stream.is_cut else Flow.STREAM_ENDED
        if polls and not self._others_brought:
            return Flow.STREAM_ENDED
        return Flow.BODY_ENDED if self._is_one_body() else Flow.UNKNOWN

    def _flow_of_open(self) -> Flow:
        """Return the verdict while requests are open, of which some may have nothing to do with the answer."""
        most = max((one.texts for one in self._bringing), default=0)
        bringing = [one for one in self._bringing if one.texts * _AT_RANDOM >= most]
        is_answered = bool(bringing) and all(one.is_over for one in bringing)
        open_now = [self._requests[request_id] for request_id in self._open]
        addresses = {one.address for one in bringing if one.is_asked}
        if is_answered and any(one.address in addresses for one in open_now):
            return Flow.ASKING_AGAIN
        if not self._open_streams:
            return Flow.WAITING
        if not is_answered:
            return Flow.OPEN
        # A stream that was there before the text and never brought any is of something else: of news, of the page's state.
        return Flow.BODY_ENDED if all(self._is_aside(one) for one in open_now) else Flow.WAITING

    def _is_aside(self, request: _Request) -> bool:
        first_text_s = self._first_text_s
        return request.first_data_s is not None and first_text_s is not None and request.left_s < first_text_s

    def _is_one_body(self) -> bool:
        if len(self._bodies) != 1 or self._others_brought:
            return False
        body = self._requests[next(iter(self._bodies))]
        # What is fetched after the prompt was taken may be the first of many looks.
        return body.is_asked or not any(one.is_asked for one in self._requests.values())

    def _polls(self) -> list[_Request]:
        """Return the bodies by which the page asks for the answer again and again, or nothing."""
        for one in self._bringing:
            like = [
                other
                for other in self._by_address.get(one.address, ())
                if not other.streams(self._first_text_s)
            ]
            if one.address and len(like) > 1 and one in like:
                return like
        return []

    @staticmethod
    def _next_poll_s(polls: list[_Request]) -> float:
        """Return by when the page should have asked again."""
        pause_s = max(later.left_s - one.left_s for one, later in pairwise(polls))
        return (
            max(one.over_s for one in polls) + _POLLS_MISSED * min(pause_s, _LONGEST_PAUSE_S) + _POLL_LATE_S
        )

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
