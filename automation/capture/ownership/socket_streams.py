"""Reads the messages of one turn on the page's WebSockets. Pure.

The turn belongs to the socket on which the page asked, or, where it asks by HTTP, to the first that says something of the
answer; others that match the profile may come and go. When it closes, the page's next one goes on with the answer.
"""

from __future__ import annotations

from collections.abc import Iterable

from automation.capture.decoders.by_path.json_socket import JsonSocketDecoder
from automation.capture.decoders.protocol import (
    SocketDecoder,
    WireAlive,
    WireAsked,
    WireError,
    WireEvent,
    WireOf,
)
from automation.capture.ownership.claims import Claim, OwnRequests
from automation.capture.ownership.turn_streams import TurnStreams
from automation.capture.tap_events import ReplyCame, RequestSent, SocketClosed, SocketMessage, TapEvent
from automation.profiles.wire_format import DecoderName, Wire

# These know the turn by ids of their own, or have a session for each socket.
_CLAIMS: dict[DecoderName, Claim] = {
    "chainlit": Claim.ID,
    "open_webui": Claim.ID,
    "streamlit": Claim.CONDITION,
}


class SocketStreams:
    """Decodes the page's sockets, and hands what each id's messages say to the turn's streams."""

    def __init__(self, wire: Wire, decoder: SocketDecoder, own: OwnRequests, streams: TurnStreams) -> None:
        self._wire = wire
        self._decoder = decoder
        self._own = own
        self._streams = streams
        self._carrier: str | None = None
        self._asked_with_prompt = False
        self._claim = Claim.ADDRESS
        self._begun = 0  # how often the answer may have begun anew: by another message, or on another socket
        self._ids: dict[str, str | None] = {}  # of the turn's streams
        self.has_asked = False
        self.was_missed = False

    @property
    def is_open(self) -> bool:
        """Whether more may come: before the page asks, and until something is said of the answer."""
        return not self.has_asked or not (self._ids or self._streams.has_ended)

    def wants_reply(self, request: RequestSent) -> bool:
        """Whether a request's whole response is to be told as a ``ReplyCame``: it may name the turn's id."""
        if not self._wire.id_path:
            return False
        if self._wire.request_urls:
            return bool(self._decoder.requested(request.url, request.body))
        return self._own.carries_prompt(request)

    def feed(self, seen: TapEvent) -> list[WireEvent]:
        """Return the events of the answer that a tap event completes.

        Raises:
            StreamFormatError: A message is not what the profile's decoder reads.
        """
        match seen:
            case SocketMessage() if seen.outgoing:
                return self._sent(seen, seen.socket_id, list(self._decoder.sent(seen.payload)))
            case SocketMessage():
                return self._received(seen)
            case RequestSent():
                return self._sent(seen, None, list(self._decoder.requested(seen.url, seen.body)))
            case ReplyCame():
                self._own.note_reply(seen.body)
                self._name_turn(self._own.turn_id)
            case SocketClosed():
                return self._closed(seen.socket_id)
        return []

    def _sent(
        self, seen: SocketMessage | RequestSent, socket_id: str | None, events: list[WireEvent]
    ) -> list[WireEvent]:
        if not events:
            return []
        has_prompt = self._own.carries_prompt(seen)
        if self._asked_with_prompt and not has_prompt:
            return []  # the page asks for something else beside it: a title, suggestions
        if has_prompt and isinstance(seen, RequestSent):
            self._own.note_request(seen)
        if isinstance(self._decoder, JsonSocketDecoder):
            asked = next((event for event in events if isinstance(event, WireAsked)), WireAsked())
            self._decoder.begin(asked.turn_id)
        elif self.has_asked:
            return [WireAlive()]  # it knows what it was asked
        told = self._close_all(WireError("its page asked again"))
        self.has_asked, self._asked_with_prompt = True, has_prompt
        self._carrier = socket_id
        self._claim = self._judge(is_on_socket=socket_id is not None, has_prompt=has_prompt)
        return told or [WireAlive()]

    def _judge(self, *, is_on_socket: bool, has_prompt: bool) -> Claim:
        known = _CLAIMS.get(self._wire.decoder)
        if known is not None or not self._own.knows_prompt:
            return known or Claim.CONDITION
        return Claim.PROMPT if is_on_socket and has_prompt and not self._wire.id_path else Claim.ADDRESS

    def _received(self, seen: SocketMessage) -> list[WireEvent]:
        if self._carrier not in {None, seen.socket_id}:
            return []
        told: list[WireEvent] = []
        for message_id, events in _by_id(self._decoder.received(seen.payload)):
            key = f"{self._begun}:{message_id}"
            if self._carrier is None and any(not isinstance(event, WireAlive) for event in events):
                self._carrier = seen.socket_id
            if key not in self._ids:
                self._ids[key] = message_id
                self._streams.open(key, self._claim_of(message_id), has_prompt=self._asked_with_prompt)
            told += self._streams.take(key, events)
        self._note_bound()
        return told

    def _claim_of(self, message_id: str | None) -> Claim:
        if message_id is None:
            return self._claim
        turn_id = self._decoder.turn_id if isinstance(self._decoder, JsonSocketDecoder) else None
        if turn_id == message_id or (turn_id is None and self._own.names(message_id)):
            return Claim.ID
        return self._claim

    def _name_turn(self, turn_id: str | None) -> None:
        if turn_id is not None and isinstance(self._decoder, JsonSocketDecoder):
            self._decoder.turn_id = turn_id
        for key, message_id in self._ids.items():
            if message_id is None:
                continue
            if turn_id is not None and message_id != turn_id:
                self._streams.drop(key)
            elif message_id == turn_id or self._own.names(message_id):
                self._streams.raise_claim(key, Claim.ID)

    def _note_bound(self) -> None:
        """Read messages without an id as the answer's, once it is known whose it is."""
        bound = self._ids.get(self._streams.bound_key or "")
        if bound is not None and isinstance(self._decoder, JsonSocketDecoder):
            self._decoder.turn_id = bound

    def _closed(self, socket_id: str) -> list[WireEvent]:
        if not self.has_asked or self._carrier not in {None, socket_id}:
            return []
        self._carrier, self._asked_with_prompt = None, False
        failure = WireError("its connection closed in mid-answer")
        if not self._ids:
            self._streams.fail(self._claim, failure)
        told = self._close_all(failure)
        if isinstance(self._decoder, JsonSocketDecoder):
            self._decoder.restart()
        return told

    def _close_all(self, failure: WireError) -> list[WireEvent]:
        """End the streams that there are: what comes from here on begins others."""
        told = [event for key in self._ids for event in self._streams.close(key, failure)]
        self._ids.clear()
        self._begun += 1
        return told


def _by_id(events: Iterable[WireEvent]) -> list[tuple[str | None, list[WireEvent]]]:
    """Return the events of each message id, in order."""
    found: list[tuple[str | None, list[WireEvent]]] = []
    for event in events:
        message_id: str | None = None
        inner: list[WireEvent] = [event]
        if isinstance(event, WireOf):
            message_id, inner = event.message_id, [*event.events]
        if found and found[-1][0] == message_id:
            found[-1][1].extend(inner)
        else:
            found.append((message_id, inner))
    return found
