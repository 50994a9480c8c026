"""Picks the answer's stream out of the page's traffic and decodes it: tap events in, wire events out. Pure.

A page may send several requests that match its profile, and its sockets may tell of other chats. Which of them is the
answer, and whether it goes on in another one after a cut, is decided in ``ownership``.
"""

from __future__ import annotations

from automation.capture.decoders.protocol import WireEvent
from automation.capture.decoders.registry import SOCKET_DECODERS, make_socket_decoder
from automation.capture.ownership.body_streams import BodyStreams
from automation.capture.ownership.claims import BoundBy, OwnRequests
from automation.capture.ownership.socket_streams import SocketStreams
from automation.capture.ownership.turn_streams import TurnStreams
from automation.capture.tap_events import RequestSent, TapEvent
from automation.capture.whole_characters import WholeCharacters
from automation.profiles.wire_format import Wire


class WireReader:
    """Reads one turn's answer off the wire."""

    def __init__(self, wire: Wire) -> None:
        is_socket = wire.decoder in SOCKET_DECODERS
        self._own = OwnRequests(() if is_socket else wire.request, wire.response_id_path)
        self._streams = TurnStreams()
        self._side: BodyStreams | SocketStreams = (
            SocketStreams(wire, make_socket_decoder(wire), self._own, self._streams)
            if is_socket
            else BodyStreams(wire, self._own, self._streams)
        )
        self._characters = WholeCharacters()

    def expect(self, prompt: str) -> None:
        """Note the prompt of this turn: the request that carries it is the turn's own."""
        self._own.expect(prompt)

    @property
    def request_left(self) -> bool:
        """Whether the page sent a request or a message that may be the turn's own."""
        return self._side.has_asked

    @property
    def has_text(self) -> bool:
        """Whether a stream said something that may be of the answer, told or held back."""
        return self._streams.has_text

    @property
    def is_lost(self) -> bool:
        """Whether the answer's stream broke off, and no other one continues it yet."""
        return self._streams.is_lost

    @property
    def was_missed(self) -> bool:
        """Whether a stream can't be read that may be the answer, and none is there that can."""
        return self._side.was_missed

    @property
    def bound_by(self) -> BoundBy | None:
        """How the answer's stream is tied to this turn; None while no stream is known to be the answer's."""
        return self._streams.bound_by

    @property
    def is_open(self) -> bool:
        """Whether a stream that may be the answer is still running, or may still come."""
        return self._side.is_open or self._streams.is_open

    def wants_reply(self, request: RequestSent) -> bool:
        """Whether a request's whole response is to be told as a ``ReplyCame``: it may name the turn's id."""
        return self._side.wants_reply(request)

    def feed(self, seen: TapEvent, at_s: float) -> list[WireEvent]:
        """Return the events of the answer that a tap event completes, which came at ``at_s`` of a monotonic clock.

        Raises:
            StreamFormatError: The stream is not what the profile's decoder reads.
        """
        self._streams.at_s = at_s
        return [self._characters.feed(event) for event in self._side.feed(seen)]

    def look(self, head: str | None, at_s: float, *, is_busy: bool, looked_s: float) -> list[WireEvent]:
        """Return what becomes known by a look at the page; call it now and then, also while nothing changes.

        Args:
            head: The beginning of the answer that the page shows; None where it is as it was.
            at_s: Time on a monotonic clock.
            is_busy: The page shows that it works: by a control, a mark, or a request that is under way.
            looked_s: When the page last told what it shows.

        Raises:
            StreamFormatError: The page's answer is in none of its streams, or half a character stands alone.
        """
        found = self._streams.look(head, at_s, is_busy=is_busy, looked_s=looked_s)
        return [self._characters.feed(event) for event in found]

    def go_on(self) -> None:
        """Read on after an end: the page was told to continue its answer."""
        self._streams.go_on()
