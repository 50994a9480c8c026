"""Server-sent events: parses those of OpenAI's chat completions, writes those of our other APIs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.provider_errors import ApiFailedError
from backend.wire.answers.answer_document import read_object, read_objects
from backend.wire.answers.exact_json import parse_lenient
from backend.wire.answers.finish_reasons import read_finish_reason
from backend.wire.chat_response import to_json
from backend.wire.errors import ErrorReply

_END = b"\n\n"
_DATA = b"data:"
_DONE = b"[DONE]"


class ChatEvents:
    """Reads the chunks out of a streamed chat completion, split anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, events: bytes) -> list[dict[str, Any]]:
        """Return the documents of the events that ``events`` completes; comments and ``[DONE]`` are left out.

        Raises:
            ApiFailedError: An event is not a JSON object.
        """
        *whole, self._rest = (self._rest + events).replace(b"\r\n", b"\n").split(_END)
        found = (_data(event) for event in whole)
        return [chat_document(data) for data in found if data and data != _DONE]


def find_choice(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the one choice of a completion or a chunk; empty where there is none, as with the usage.

    Raises:
        ApiFailedError: The choices are no objects.
    """
    choices = read_objects(document, "choices")
    return next((choice for choice in choices if not choice.get("index")), {})


def whole_choice(completion: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the one choice of a whole completion.

    Raises:
        ApiFailedError: It has none, or doesn't say why it ended.
    """
    choice = find_choice(completion)
    if not read_object(choice, "message"):
        msg = "a completion without a message"
        raise ApiFailedError(msg)
    if read_finish_reason(choice.get("finish_reason")) is None:
        msg = "its answer has no finish_reason: it may be cut"
        raise ApiFailedError(msg)
    return choice


def find_usage(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the usage in a completion or a chunk; None where it has none."""
    usage = document.get("usage")
    return usage if isinstance(usage, Mapping) and usage else None


def completion_id_stem(document: Mapping[str, Any]) -> str:
    """Return the random part of a completion's id."""
    return str(document.get("id") or "").removeprefix("chatcmpl-")


def find_error(document: Mapping[str, Any]) -> ErrorReply | None:
    """Return the error that an event carries in OpenAI's shape, or None; its status is unknown and so 502."""
    error = document.get("error")
    if not error:
        return None
    error = error if isinstance(error, Mapping) else {"message": str(error)}
    return ErrorReply(
        502, str(error.get("code") or "site_error"), str(error.get("message") or "unknown error")
    )


def named_event(document: dict[str, Any]) -> bytes:
    """Return one server-sent event that has its document's ``type`` as its name."""
    name: str = document["type"]
    return b"event: " + name.encode() + b"\ndata: " + to_json(document) + _END


def _data(event: bytes) -> bytes:
    lines = (line.removeprefix(_DATA).strip() for line in event.split(b"\n") if line.startswith(_DATA))
    return b"\n".join(lines)


def chat_document(data: bytes) -> dict[str, Any]:
    """Return the document of a completion or of an event's data.

    Raises:
        ApiFailedError: It is no JSON object.
    """
    try:
        document = parse_lenient(data)
    except ValueError as exc:
        msg = "what it sent is not JSON"
        raise ApiFailedError(msg) from exc
    if not isinstance(document, dict):
        msg = "what it sent is no JSON object"
        raise ApiFailedError(msg)
    return document
