"""Decodes JSON WebSocket messages, plain or as Socket.IO events, by a profile's paths. Pure.

The profile tells by which message, or by which HTTP request, the page asks; what the socket says before that, and after
the answer's end, is not the turn's. Where one socket carries several chats, ids tell which messages are.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from automation.capture.decoders.by_path.json_fields import JsonFields
from automation.capture.decoders.framing.engine_io import SocketEvent, parse_events
from automation.capture.decoders.framing.json_shape import decode_json_values
from automation.capture.decoders.protocol import StreamFormatError, WireAsked, WireEvent, WireOf
from automation.json_path import Condition, JsonPath
from automation.profiles.wire_format import Wire

_JSON_BEGINS = frozenset({b"{", b"[", b'"'})


class JsonSocketDecoder:
    """Decodes what comes after the page asked, from messages of plain JSON; each id's messages by themselves.

    Attributes:
        turn_id: The turn's id, once it is known: other messages are not read then.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._request = tuple(map(Condition.parse, wire.request))
        # A page that asks by HTTP may say other things on its socket that look like it.
        self._asks_here = bool(wire.request) and not wire.request_urls
        self._request_id = tuple(map(JsonPath.parse, wire.request_id_path))
        self._id_path = tuple(map(JsonPath.parse, wire.id_path))
        self._has_asked = False
        self._fields: dict[str | None, JsonFields] = {}
        self.turn_id: str | None = None

    def requested(self, url: str, body: str | None) -> list[WireEvent]:
        """Tell of a request to an address by which the page asks; its body may hold the turn's id."""
        if not any(fnmatchcase(url, pattern) for pattern in self._wire.request_urls):
            return []
        try:
            values = decode_json_values(body or "")
        except StreamFormatError:
            values = []  # a form, say; then it holds no id
        asked = values[0] if values else None
        if not all(one.holds(asked) for one in self._request):
            return []
        return [WireAsked(_id_in(self._request_id, asked))]

    def sent(self, payload: str | bytes) -> list[WireEvent]:
        """Tell of the message by which the page asks.

        Raises:
            StreamFormatError: It is no frame of Socket.IO, where the profile says so.
        """
        return [
            WireAsked(_id_in(self._request_id, message.argument))
            for message in self._messages(payload)
            if self._asks_here and all(one.holds(message.argument, message.name) for one in self._request)
        ]

    def begin(self, turn_id: str | None) -> None:
        """Read from here on: the page has asked."""
        self._has_asked, self.turn_id = True, turn_id
        self._fields.clear()

    def restart(self) -> None:
        """Read on from another socket, which may begin the answer anew."""
        self._fields.clear()

    def received(self, payload: str | bytes) -> list[WireEvent]:
        """Return what one message says, with the ids that it names where the profile says their place.

        Raises:
            StreamFormatError: It begins like JSON and is none, or what a path finds is no text.
        """
        if not self._has_asked:
            return []
        if isinstance(payload, str) and (fields := self._fields_of(None)).is_end(payload):
            return self._told(None, [] if fields.is_over else fields.end())
        return [event for one in self._messages(payload) for event in self._read(one)]

    def _read(self, message: SocketEvent) -> list[WireEvent]:
        message_id = _id_in(self._id_path, message.argument)
        if message_id is not None and self.turn_id is not None and message_id != self.turn_id:
            return []
        return self._told(message_id, self._fields_of(message_id).read_value(message.argument, message.name))

    def _fields_of(self, message_id: str | None) -> JsonFields:
        """Return what reads an id's messages; one without an id belongs to the only id there is."""
        key = self._key(message_id)
        if key not in self._fields:
            self._fields[key] = JsonFields(self._wire)
        return self._fields[key]

    def _key(self, message_id: str | None) -> str | None:
        if message_id is not None or not self._id_path:
            return message_id
        ids = [one for one in self._fields if one is not None]
        return self.turn_id or (ids[0] if len(ids) == 1 else None)

    def _told(self, message_id: str | None, events: list[WireEvent]) -> list[WireEvent]:
        if not self._id_path or not events:
            return events
        return [WireOf(self._key(message_id), tuple(events))]

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


def _id_in(paths: tuple[JsonPath, ...], value: object) -> str | None:
    found = (one for path in paths for one in path.find(value))
    return next((str(one) for one in found if isinstance(one, str | int)), None)


def _decode_text(payload: str | bytes) -> str:
    try:
        return payload if isinstance(payload, str) else payload.decode("utf-8")
    except UnicodeDecodeError as exc:
        msg = f"a message is not UTF-8: {exc.reason}"
        raise StreamFormatError(msg) from exc
