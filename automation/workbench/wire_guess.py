"""Finds a ``wire`` that reads the answer which a page shows from what one of its responses brought. Pure.

A guess is made of words: what a decoder reads must be the page's answer, word for word, or nothing is suggested.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from automation.capture.agreement import count_words
from automation.capture.decoders.protocol import StreamFormatError, WireError, WireText
from automation.capture.decoders.registry import make_body_decoder
from automation.profiles.wire_format import DecoderName, Wire
from automation.turn import TextDelta

_WITHOUT_PATHS: Final[tuple[DecoderName, ...]] = ("openai_sse", "vercel_ai", "gradio_queue", "text")
_MOST_VALUES = 20_000
_TOLERATED_SHARE = 0.05
_ID = re.compile(r"[0-9]+|[0-9a-fA-F-]{16,}")


def agree(one: str, other: str) -> bool:
    """Whether two texts have the same words, in any markup: one in twenty may differ."""
    first, second = count_words(one), count_words(other)
    total = max(first.total(), second.total())
    apart = max((first - second).total(), (second - first).total())
    return total > 0 and apart <= _TOLERATED_SHARE * total


def decode_body(wire: Wire, body: bytes) -> str | None:
    """Return the answer that the profile's decoder reads from a whole body; None where it reads none, or an error."""
    decoder = make_body_decoder(wire)
    text = ""
    try:
        for event in [*decoder.feed(body), *decoder.closed()]:
            if isinstance(event, TextDelta):
                text += event.text
            elif isinstance(event, WireText):
                text = event.text
            elif isinstance(event, WireError):
                return None
    except StreamFormatError:
        return None
    return text or None


def suggest_wire(url: str, body: bytes, page_text: str) -> str:
    """Return the ``wire`` that reads the page's answer from this body, as one line of YAML; empty where none does."""
    urls = _build_glob(url)
    for name in _WITHOUT_PATHS:
        text = decode_body(Wire(decoder=name, urls=(urls,)), body)
        if text is not None and agree(text, page_text):
            return f'wire: {{decoder: {name}, urls: "{urls}"}}'
    for name, values, end in _read_json(body):
        found = _find_path(values, page_text)
        if found is not None:
            path, is_snapshot = found
            more = (f', end: "{end}"' if end else "") + (", snapshot: true" if is_snapshot else "")
            return f'wire: {{decoder: {name}, urls: "{urls}", text_path: {_quote(path)}{more}}}'
    return ""


def _build_glob(url: str) -> str:
    """Return a glob of the address that holds for other hosts and other ids as well."""
    parts = ["*" if _ID.fullmatch(part) else part for part in urlsplit(url).path.split("/")]
    return f"*{'/'.join(parts)}*"


def _read_json(body: bytes) -> Iterator[tuple[DecoderName, list[Any], str]]:
    """Yield the ways in which a body holds JSON: decoder, values, and what ends them."""
    text = body.decode("utf-8", "replace")
    data = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    if data:
        values = [value for value in map(_parse, data) if value is not None]
        yield "json_sse", values, "[DONE]" if data[-1] == "[DONE]" else "@close"
        return
    whole = _parse(text)
    if whole is not None:
        yield "json_body", [whole], ""
        return
    lines = [line for line in text.splitlines() if line.strip()]
    values = [value for value in map(_parse, lines) if value is not None]
    if lines and len(values) == len(lines):
        yield "json_lines", values, "@close"


def _parse(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def _find_path(values: list[Any], page_text: str) -> tuple[str, bool] | None:
    """Return the path whose texts are the answer, and whether each is the whole of it so far."""
    pieces: dict[str, list[str]] = {}
    for value in values[:_MOST_VALUES]:
        for path, text in _list_texts(value, ""):
            pieces.setdefault(path, []).append(text)
    for path, found in pieces.items():
        if agree("".join(found), page_text):
            return path, False
    for path, found in pieces.items():
        if len(found) > 1 and agree(found[-1], page_text):
            return path, True
    return None


def _list_texts(value: Any, path: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, str):
        yield path or "$", value
        return
    members: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Mapping):
        members = ((name if name.isidentifier() else json.dumps([name]), one) for name, one in value.items())
    elif isinstance(value, list):
        members = ((str(index), one) for index, one in enumerate(value))
    for name, one in members:
        yield from _list_texts(one, f"{path}{'.' if path and not name.startswith('[') else ''}{name}")


def _quote(text: str) -> str:
    """Return a path as YAML takes it: in quotes only where it needs them."""
    return text if re.fullmatch(r"\w[\w.]*", text) else f"'{text}'"
