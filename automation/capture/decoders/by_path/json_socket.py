"""Decodes JSON WebSocket messages, plain or as Socket.IO events, by a profile's paths. Pure.

The profile tells by which message, or by which HTTP request, the page asks; what the socket says before that, and after
the answer's end, is not the turn's. Where one socket carries several chats, ids tell which messages are.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from automation.capture.decoders.by_path.json_fields import JsonFields
from automation.capture.decoders.framing.engine_io import SocketEvent, parse_events
from automation.capture.decoders.framing.json_shape import decode_json_values
from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEvent
from automation.json_path import Condition, JsonPath
from automation.profiles.wire_format import Wire

_JSON_BEGINS = frozenset({b"{", b"[", b'"'})


class JsonSocketDecoder:
    """Decodes the turn that the page's last request began, from messages of plain JSON."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._request = tuple(map(Condition.parse, wire.request))
        self._request_id = tuple(map(JsonPath.parse, wire.request_id_path))
        self._turn: _TurnFields | None = None

    def requested(self, url: str, body: str | None) -> list[WireEvent]:
        """Note a request to an address by which the page asks; its body may hold the turn's id."""
        if not any(fnmatchcase(url, pattern) for pattern in self._wire.request_urls):
            return []
        try:
            values = decode_json_values(body or "")
        except StreamFormatError:
            values = []  # a form, say; then it holds no id
        return self._begin(values[0] if values else None)

    def sent(self, payload: str | bytes) -> list[WireEvent]:
        """Note the message by which the page asks.

        Raises:
            StreamFormatError: It is no frame of Socket.IO, where the profile says so.
        """
        events: list[WireEvent] = []
        for message in self._messages(payload):
            if self._request and all(one.holds(message.argument, message.name) for one in self._request):
                events += self._begin(message.argument)
        return events

    def received(self, payload: str | bytes) -> list[WireEvent]:
        """Return what one message says.

        Raises:
            StreamFormatError: It begins like JSON and is none, or what a path finds is no text.
        """
        turn = self._turn
        if turn is None or turn.is_over:
            return []
        if isinstance(payload, str) and turn.is_end(payload):
            return turn.end()
        messages = self._messages(payload)
        return [event for one in messages for event in turn.read_value(one.argument, one.name)]

    def _begin(self, request: Any) -> list[WireEvent]:
        self._turn = _TurnFields(self._wire, _id_in(self._request_id, request))
        return [WireAlive()]

    def _messages(self, payload: str | bytes) -> list[SocketEvent]:
        """Return the values in a message; one that doesn't begin like JSON ("ping") has none."""
        data = payload.encode("utf-8", "surrogatepass") if isinstance(payload, str) else payload
        if data.lstrip()[:1] not in _JSON_BEGINS:
            return []
        return [SocketEvent("", value) for value in decode_json_values(_decode_text(payload))]


class JsonSocketIoDecoder(JsonSocketDecoder):
    """Decodes the turn from Socket.IO's events: their names, and their first arguments."""

    def _messages(self, payload: str | bytes) -> list[SocketEvent]:
        return parse_events(payload) if isinstance(payload, str) else []


class _TurnFields(JsonFields):
    """Reads only the messages of one turn, where ids tell."""

    def __init__(self, wire: Wire, turn_id: object) -> None:
        super().__init__(wire)
        self._id_path = tuple(map(JsonPath.parse, wire.id_path))
        self._id = turn_id

    def take(self, value: Any, event: str = "") -> list[WireEvent]:
        told_id = _id_in(self._id_path, value)
        if None not in {told_id, self._id} and told_id != self._id:
            return []
        events = super().take(value, event)
        if self._id is None and self.has_answer:
            self._id = told_id
        return events


def _id_in(paths: tuple[JsonPath, ...], value: object) -> str | None:
    found = (one for path in paths for one in path.find(value))
    return next((str(one) for one in found if isinstance(one, str | int)), None)


def _decode_text(payload: str | bytes) -> str:
    try:
        return payload if isinstance(payload, str) else payload.decode("utf-8")
    except UnicodeDecodeError as exc:
        msg = f"a message is not UTF-8: {exc.reason}"
        raise StreamFormatError(msg) from exc
