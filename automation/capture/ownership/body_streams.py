"""Reads the responses of one turn that may be its answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from automation.capture.decoders.protocol import (
    BodyDecoder,
    StreamFormatError,
    WireAlive,
    WireContinues,
    WireEnd,
    WireError,
    WireEvent,
)
from automation.capture.decoders.registry import make_body_decoder
from automation.capture.ownership.claims import OwnRequests
from automation.capture.ownership.turn_streams import TurnStreams
from automation.capture.site_errors import error_of_status
from automation.capture.tap_events import (
    BodyBytes,
    BodyEnded,
    ReplyCame,
    RequestSent,
    ResponseBegan,
    StreamMissed,
    TapEvent,
)
from automation.profiles.wire_format import Wire

_ERROR_STATUS = 400
_ERROR_BODY_BYTES = 65536


@dataclass(slots=True)
class _Body:
    request: RequestSent
    decoder: BodyDecoder
    has_prompt: bool
    status: int = 200
    retry_after: str | None = None
    error_body: bytearray = field(default_factory=bytearray)
    has_ended: bool = False
    is_page: bool = False


class BodyStreams:
    """Decodes each response by itself, and hands what it says to the turn's streams."""

    def __init__(self, wire: Wire, own: OwnRequests, streams: TurnStreams) -> None:
        self._wire = wire
        self._own = own
        self._streams = streams
        self._bodies: dict[str, _Body] = {}
        self._has_missed = False
        self.has_asked = False

    @property
    def was_missed(self) -> bool:
        """Whether a stream can't be read that may be the answer, and none is there that can."""
        return self._has_missed and not self.has_asked

    @property
    def is_open(self) -> bool:
        """Whether a response that may be the answer is to come still."""
        return not self.has_asked

    def wants_reply(self, request: RequestSent) -> bool:
        """Whether a request's whole response is to be told as a ``ReplyCame``: it may name the turn's stream."""
        return not request.matches and self._own.carries_prompt(request)

    def feed(self, seen: TapEvent) -> list[WireEvent]:
        """Return the events of the answer that a tap event completes.

        Raises:
            StreamFormatError: The stream is not what the profile's decoder reads.
        """
        if isinstance(seen, RequestSent):
            self._request_left(seen)
            return []
        if isinstance(seen, ReplyCame):
            self._own.note_reply(seen.body)
            for request_id, known in self._bodies.items():
                self._streams.raise_claim(
                    request_id, self._own.judge(known.request, has_prompt=known.has_prompt)
                )
            return []
        if isinstance(seen, StreamMissed):
            self._has_missed = True
            return []
        body = (
            self._bodies.get(seen.request_id)
            if isinstance(seen, ResponseBegan | BodyBytes | BodyEnded)
            else None
        )
        if body is None:
            return []
        if isinstance(seen, ResponseBegan):
            return self._response_began(seen, body)
        return self._read(seen, body) if isinstance(seen, BodyBytes | BodyEnded) else []

    def _request_left(self, request: RequestSent) -> None:
        has_prompt = self._own.carries_prompt(request)
        if has_prompt:
            self._own.note_request(request)
        if not request.matches or not self._own.may_answer(request):
            return
        self.has_asked = True
        self._bodies[request.request_id] = _Body(request, make_body_decoder(self._wire), has_prompt)
        if not self._streams.has(request.request_id):
            claim = self._own.judge(request, has_prompt=has_prompt)
            self._streams.open(request.request_id, claim, has_prompt=has_prompt)

    @staticmethod
    def _response_began(seen: ResponseBegan, body: _Body) -> list[WireEvent]:
        body.status, body.retry_after = seen.status, seen.retry_after
        body.is_page = seen.is_other_page
        return [WireAlive()] if seen.status < _ERROR_STATUS else []

    def _read(self, seen: BodyBytes | BodyEnded, body: _Body) -> list[WireEvent]:
        try:
            if isinstance(seen, BodyBytes):
                return self._read_bytes(seen, body)
            return self._read_end(seen, body)
        except StreamFormatError:
            if self._streams.is_alone(seen.request_id):
                raise
            # Beside the answer a page may load what is of another format.
            self._streams.drop(seen.request_id)
            return []

    def _read_bytes(self, seen: BodyBytes, body: _Body) -> list[WireEvent]:
        if body.status >= _ERROR_STATUS or body.is_page:
            body.error_body += seen.data[: _ERROR_BODY_BYTES - len(body.error_body)]
            return []
        events = list(body.decoder.feed(seen.data))
        body.has_ended = body.has_ended or _has_end(events)
        return self._streams.take(seen.request_id, events)

    def _read_end(self, seen: BodyEnded, body: _Body) -> list[WireEvent]:
        del self._bodies[seen.request_id]
        if body.is_page:
            words = "the site sent the prompt's request on to another page"
            return self._streams.refuse(seen.request_id, WireError(words, "sign_in_required"))
        if body.status >= _ERROR_STATUS:
            refusal = error_of_status(body.status, bytes(body.error_body), body.retry_after)
            return self._streams.close(seen.request_id, refusal)
        if seen.failure is not None:
            return self._streams.close(seen.request_id, self._cut(seen))
        events = list(body.decoder.closed())
        told = self._streams.take(seen.request_id, events)
        has_ended = body.has_ended or _has_end(events)
        says_nothing = self._streams.says_nothing(seen.request_id)
        failure = None if has_ended or says_nothing else WireError("its stream ended without its end marker")
        return told + self._streams.close(seen.request_id, failure)

    def _cut(self, seen: BodyEnded) -> WireError | None:
        # A long poll that the page gave up before it said anything is no news about the answer.
        if seen.failure == "cancelled" and self._streams.says_nothing(seen.request_id):
            return None
        return WireError(f"its stream was cut ({seen.failure})")


def _has_end(events: list[WireEvent]) -> bool:
    return any(isinstance(event, WireEnd | WireError | WireContinues) for event in events)
