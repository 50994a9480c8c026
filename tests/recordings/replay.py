"""Plays a recording to a decoder and sums up what the decoder told."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automation.capture.decoders.protocol import (
    BodyDecoder,
    SocketDecoder,
    WireAlive,
    WireEnd,
    WireError,
    WireEvent,
    WireText,
)
from automation.turn import ReasoningDelta, TextDelta

FOLDER = Path(__file__).parent


@dataclass
class Told:
    """What events amount to."""

    text: str = ""
    reasoning: str = ""
    ends: list[WireEnd | WireError] = field(default_factory=list)
    others: list[WireEvent] = field(default_factory=list)
    rewrites: int = 0


def sum_up(events: Iterable[WireEvent]) -> Told:
    """Join deltas and snapshots."""
    told = Told()
    for event in events:
        match event:
            case TextDelta(text):
                told.text += text
            case ReasoningDelta(text):
                told.reasoning += text
            case WireText(text, reasoning):
                told.text, told.reasoning = text, reasoning
                told.rewrites += 1
            case WireEnd() | WireError():
                told.ends.append(event)
            case WireAlive():
                pass
            case _:
                told.others.append(event)
    return told


def lines(name: str) -> list[dict[str, Any]]:
    """Return the lines of ``<page>/<case>``."""
    text = (FOLDER / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def payload(line: dict[str, Any]) -> str | bytes:
    """Return a line's text or bytes."""
    return str(line["text"]) if "text" in line else base64.b64decode(line["b64"])


def bodies(name: str) -> list[list[bytes]]:
    """Return the pieces of each response of a recording, oldest first."""
    found: dict[int, list[bytes]] = {}
    for line in lines(name):
        if line["kind"] == "body":
            piece = payload(line)
            found.setdefault(line["id"], []).append(piece.encode() if isinstance(piece, str) else piece)
    return list(found.values())


def play_body(pieces: list[bytes], decoder: BodyDecoder) -> Told:
    """Feed one response, with a clean end of the network."""
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return sum_up([*events, *decoder.closed()])


def byte_by_byte(pieces: list[bytes]) -> list[bytes]:
    """Split a response into single bytes."""
    return [bytes([byte]) for piece in pieces for byte in piece]


def play_socket(name: str, make: Callable[[], SocketDecoder]) -> list[Told]:
    """Play a socket's recording with a new decoder for each turn; return what each told."""
    decoder = make()
    events: list[WireEvent] = []
    turns: list[Told] = []
    for line in lines(name):
        if line["kind"] == "request":
            events += decoder.requested(line["url"], line["body"])
        elif line["kind"] == "sent":
            events += decoder.sent(payload(line))
        elif line["kind"] == "received":
            events += decoder.received(payload(line))
        if events and isinstance(events[-1], WireEnd | WireError):
            turns.append(sum_up(events))
            decoder, events = make(), []
    return turns if not events else [*turns, sum_up(events)]
