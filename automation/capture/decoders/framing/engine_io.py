"""Parses Socket.IO events in Engine.IO's text frames (Engine.IO 4, Socket.IO 5). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from automation.capture.decoders.framing.json_shape import as_dict, as_list, as_text, decode_json
from automation.capture.decoders.protocol import StreamFormatError

_SEPARATOR = "\x1e"  # between packets that share a frame
# type, "attachments-" of binary packets, "/namespace,", acknowledgement id, JSON
_PACKET = re.compile(r"([0-6])(?:\d+-)?(/[^,]*,?)?(\d+)?(.*)", re.DOTALL)
_EVENT, _CONNECT_ERROR = "2", "4"


@dataclass(frozen=True, slots=True)
class SocketEvent:
    """One event: its name and its first argument. A refused connection is an event named ``connect_error``."""

    name: str
    argument: Any


def parse_events(frame: str) -> list[SocketEvent]:
    """Return the events in one text frame; pings, acknowledgements and binary events have none for us.

    Raises:
        StreamFormatError: A packet is of no known type, or an event is not a JSON array with a name.
    """
    return [event for packet in frame.split(_SEPARATOR) for event in _packet(packet)]


def _packet(packet: str) -> list[SocketEvent]:
    if packet[:1] not in set("0123456"):
        msg = "a frame is not of Engine.IO"
        raise StreamFormatError(msg)
    if packet[0] != "4":
        return []
    match = _PACKET.fullmatch(packet, 1)
    if match is None:
        msg = "a message is not of Socket.IO"
        raise StreamFormatError(msg)
    kind, payload = match[1], match[4]
    if kind == _CONNECT_ERROR:
        return [SocketEvent("connect_error", as_dict(decode_json(payload)).get("message"))]
    return [_event(decode_json(payload))] if kind == _EVENT else []


def _event(value: object) -> SocketEvent:
    array = as_list(value)
    if not array or not as_text(array[0]):
        msg = "an event has no name"
        raise StreamFormatError(msg)
    return SocketEvent(array[0], array[1] if len(array) > 1 else None)
