"""What a profile's ``wire`` may say: which decoder reads the answer, and where it stands in JSON of no known dialect. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from automation.json_path import Condition, JsonPath

DecoderName = Literal[
    "openai_sse",
    "vercel_ai",
    "gradio_queue",
    "chainlit",
    "open_webui",
    "streamlit",
    "text",
    "text_sse",
    "json_sse",
    "json_lines",
    "json_body",
    "json_patch",
    "json_socket",
    "json_socketio",
]

CLOSE: Final = "@close"
"""The ``end`` of a body that just ends."""

_SOCKETS = frozenset({"json_socket", "json_socketio"})
_SSE = frozenset({"json_sse", "json_patch", "text_sse"})
_JSON = _SSE | _SOCKETS | {"json_lines", "json_body"}
_USED_BY: Final[dict[str, frozenset[str]]] = {
    "text_path": _JSON,
    "reasoning_path": _JSON,
    "sources_path": _JSON,
    "error_path": _JSON,
    "finish_reason_path": _JSON,
    "end": _JSON - {"json_body"},
    "events": _SSE | {"json_socketio"},
    "snapshot": _JSON - {"json_body", "json_patch"},
    "request_urls": _SOCKETS,
    "request": _SOCKETS,
    "request_id_path": _SOCKETS,
    "id_path": _SOCKETS,
}


def _check_path(path: str) -> str:
    JsonPath.parse(path)
    return path


def _check_condition(condition: str) -> str:
    Condition.parse(condition)
    return condition


def _check_end(end: str) -> str:
    return _check_condition(end) if is_condition(end) else end


def is_condition(end: str) -> bool:
    """Whether an ``end`` is a condition on the JSON, not a data line or an event's name."""
    return "==" in end or "!=" in end


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_list)]
_Paths = Annotated[tuple[Annotated[str, AfterValidator(_check_path)], ...], BeforeValidator(_as_list)]
_Conditions = Annotated[
    tuple[Annotated[str, AfterValidator(_check_condition)], ...], BeforeValidator(_as_list)
]
_Ends = Annotated[
    tuple[Annotated[str, Field(min_length=1), AfterValidator(_check_end)], ...], BeforeValidator(_as_list)
]


class Wire(BaseModel):
    """How the page's own traffic carries the answer.

    The keys from ``text_path`` on are for the decoders whose names begin with ``json_``, and ``text_sse``. Paths are those of
    ``automation.json_path``; of several, the first that finds something counts.

    Attributes:
        decoder: Which pure decoder reads it.
        urls: Glob patterns of the answer's request (``*`` spans slashes); for WebSockets, of the socket's address.
        methods: HTTP methods of the answer's request.
        ready_message: The message that the page itself sends on a new socket once everything goes through it; before
            that nothing is sent. Engine.IO begins with long polling, which is not read, and says ``5`` then.
        snapshot_tail: Text that the page appends to unfinished answers, such as a cursor; it is not the model's.
        text_path: Strings that are the answer's next piece.
        reasoning_path: The same of the reasoning.
        sources_path: Cited pages: addresses, objects with an address and perhaps a title, or lists of these.
        error_path: What stands there, unless empty or false, is the site's error: its words, or an object with them.
        finish_reason_path: ``length`` and ``content_filter``, in the words of the usual APIs, are passed on.
        end: What ends the answer, any of: a data line (``[DONE]``), an event's name, a condition on the JSON
            (``done==true``), or ``@close``, the clean end of a response that has no mark of its own.
        events: Names of the events that are read; none means all. Others are signs of life.
        snapshot: What stands at the paths is the whole text so far, not its next piece.
        request: Conditions that all hold for the message by which the page asks on its socket.
        request_urls: Glob patterns of the HTTP request by which the page asks, if it doesn't ask on the socket.
        request_id_path: The turn's id in what the page sends, where one socket carries several chats.
        id_path: The same id in what it receives; messages with another one are not read. Without
            ``request_id_path`` the first message with text tells it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    decoder: DecoderName
    urls: Annotated[_Texts, Field(min_length=1)]
    methods: tuple[str, ...] = ("GET", "POST")
    ready_message: str = ""
    snapshot_tail: str = ""
    text_path: _Paths = ()
    reasoning_path: _Paths = ()
    sources_path: _Paths = ()
    error_path: _Paths = ()
    finish_reason_path: _Paths = ()
    end: _Ends = ()
    events: _Texts = ()
    snapshot: bool = False
    request_urls: _Texts = ()
    request: _Conditions = ()
    request_id_path: _Paths = ()
    id_path: _Paths = ()

    @field_validator(*_USED_BY)
    @classmethod
    def _check_use(cls, value: Any, info: ValidationInfo) -> Any:
        decoder, key = info.data.get("decoder"), str(info.field_name)
        if value and decoder is not None and decoder not in _USED_BY[key]:
            msg = f"is not a key for the decoder {decoder}"
            raise ValueError(msg)
        if not value and decoder in _USED_BY[key] and _is_needed(key, info):
            msg = f"is needed by the decoder {decoder}"
            raise ValueError(msg)
        return value

    @field_validator("end")
    @classmethod
    def _check_close(cls, end: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if CLOSE in end and info.data.get("decoder") in _SOCKETS:
            msg = f"a socket that closes is no end of an answer: {CLOSE} is for responses"
            raise ValueError(msg)
        return end


def _is_needed(key: str, info: ValidationInfo) -> bool:
    if key == "text_path":
        return str(info.data["decoder"]) != "text_sse"
    return key == "end" or (key == "request" and not info.data.get("request_urls"))
