"""Picks the answer's stream out of the page's traffic and decodes it: tap events in, wire events out. Pure.

A page may send several requests that match its profile, side requests and long polls among them. The answer is the
first stream that gives text or an end; from then on the others are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from automation.capture.decoders.protocol import (
    BodyDecoder,
    SocketDecoder,
    WireAlive,
    WireEnd,
    WireError,
    WireEvent,
)
from automation.capture.decoders.registry import SOCKET_DECODERS, make_body_decoder, make_socket_decoder
from automation.capture.site_errors import error_of_status
from automation.capture.tap_events import (
    BodyBytes,
    BodyEnded,
    RequestSent,
    ResponseBegan,
    SocketClosed,
    SocketMessage,
    StreamMissed,
    TapEvent,
)
from automation.capture.whole_characters import WholeCharacters
from automation.profiles.wire_format import Wire

BoundBy = Literal["id", "request", "address"]
"""How a stream is tied to a turn: by the turn's id, by the page's own request for it, or by nothing but its address."""

_ERROR_STATUS = 400
_ERROR_BODY_BYTES = 65536


@dataclass(slots=True)
class _Stream:
    decoder: BodyDecoder
    status: int = 200
    retry_after: str | None = None
    error_body: bytearray = field(default_factory=bytearray)


class WireReader:
    """Reads one turn's answer off the wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._socket: SocketDecoder | None = (
            make_socket_decoder(wire) if wire.decoder in SOCKET_DECODERS else None
        )
        self._streams: dict[str, _Stream] = {}
        self._bound: str | None = None
        self._characters = WholeCharacters()
        self._ended = False
        self.request_left = False
        self._has_missed = False

    @property
    def was_missed(self) -> bool:
        """Whether a stream can't be read that may be the answer, and none is there that can."""
        return self._has_missed and not self.request_left

    @property
    def bound_by(self) -> BoundBy | None:
        """How the answer's stream is tied to this turn; None while no stream is known to be the answer's."""
        return "address" if self._bound is not None or (self._socket and self.request_left) else None

    @property
    def is_open(self) -> bool:
        """Whether a stream that may be the answer is still running; a socket always is."""
        return self._socket is not None or bool(self._streams) or not self.request_left

    def feed(self, seen: TapEvent) -> list[WireEvent]:
        """Return the events of the answer that a tap event completes.

        Raises:
            StreamFormatError: The stream is not what the profile's decoder reads.
        """
        if self._ended:
            return []
        events = self._feed_socket(seen) if self._socket else self._feed_body(seen)
        self.request_left = self.request_left or bool(events)
        told: list[WireEvent] = []
        for event in events:
            told.append(self._characters.feed(event))
            if isinstance(event, WireEnd | WireError):
                self._ended = True
                break
        return told

    def _feed_socket(self, seen: TapEvent) -> list[WireEvent]:
        assert self._socket is not None
        if isinstance(seen, SocketMessage):
            if not seen.outgoing:
                return list(self._socket.received(seen.payload))
            return list(self._socket.sent(seen.payload))
        if isinstance(seen, RequestSent):
            return list(self._socket.requested(seen.url, seen.body))
        if isinstance(seen, SocketClosed):
            return [WireError("its connection closed in mid-answer")]
        return []

    def _feed_body(self, seen: TapEvent) -> list[WireEvent]:
        if isinstance(seen, RequestSent):
            if seen.matches:
                self.request_left = True
                self._streams[seen.request_id] = _Stream(make_body_decoder(self._wire))
            return []
        if isinstance(seen, StreamMissed):
            self._has_missed = True
            return []
        if isinstance(seen, SocketMessage | SocketClosed):
            return []
        stream = self._streams.get(seen.request_id)
        if stream is None or self._bound not in {None, seen.request_id}:
            return []
        if isinstance(seen, ResponseBegan):
            stream.status, stream.retry_after = seen.status, seen.retry_after
            return [WireAlive()] if seen.status < _ERROR_STATUS else []
        if isinstance(seen, BodyBytes):
            return self._feed_bytes(seen, stream)
        return self._body_ended(seen, stream)

    def _feed_bytes(self, seen: BodyBytes, stream: _Stream) -> list[WireEvent]:
        if stream.status >= _ERROR_STATUS:
            stream.error_body += seen.data[: _ERROR_BODY_BYTES - len(stream.error_body)]
            return []
        events = list(stream.decoder.feed(seen.data))
        if any(not isinstance(event, WireAlive) for event in events):
            self._bound = seen.request_id
        return events

    def _body_ended(self, seen: BodyEnded, stream: _Stream) -> list[WireEvent]:
        del self._streams[seen.request_id]
        if stream.status >= _ERROR_STATUS:
            return [error_of_status(stream.status, bytes(stream.error_body), stream.retry_after)]
        if seen.failure is not None:
            # A long poll that the page gave up before it said anything is no news about the answer.
            if self._bound is None and seen.failure == "cancelled":
                return []
            return [WireError(f"its stream was cut ({seen.failure})")]
        events = list(stream.decoder.closed())
        if self._bound == seen.request_id and not any(isinstance(e, WireEnd | WireError) for e in events):
            events.append(WireError("its stream ended without its end marker"))
        return events
