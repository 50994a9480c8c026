"""Model of a profile's ``wire``: the decoder of the answer, and its paths in JSON of no known dialect. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from automation.json_path import Condition, JsonPath
from automation.profiles.selector import ProfilePart, wrap_single

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
_BODIES = frozenset(
    {
        "openai_sse",
        "vercel_ai",
        "gradio_queue",
        "text",
        "text_sse",
        "json_sse",
        "json_lines",
        "json_body",
        "json_patch",
    }
)
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
    "request": _SOCKETS | _BODIES,
    "request_id_path": _SOCKETS,
    "response_id_path": _SOCKETS | _BODIES,
    "id_path": _SOCKETS,
}
_NEEDED_BY: Final[dict[str, frozenset[str]]] = {
    "text_path": _JSON - {"text_sse"},
    "end": _USED_BY["end"],
    "request": _SOCKETS,
}
_INSTEAD_OF: Final[dict[str, tuple[str, ...]]] = {"request": ("request_urls",)}


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


_Text = Annotated[str, Field(min_length=1)]
_TextOrTexts = BeforeValidator(wrap_single, json_schema_input_type=_Text | tuple[_Text, ...])
_Texts = Annotated[tuple[_Text, ...], _TextOrTexts]
_Paths = Annotated[tuple[Annotated[str, AfterValidator(_check_path)], ...], _TextOrTexts]
_Conditions = Annotated[tuple[Annotated[str, AfterValidator(_check_condition)], ...], _TextOrTexts]
_Ends = Annotated[tuple[Annotated[_Text, AfterValidator(_check_end)], ...], _TextOrTexts]


def _add_needed_keys(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema which keys a decoder needs."""
    schema["allOf"] = [
        {
            "if": {"properties": {"decoder": {"enum": sorted(decoders)}}, "required": ["decoder"]},
            "then": _require_any(key, *_INSTEAD_OF.get(key, ())),
        }
        for key, decoders in _NEEDED_BY.items()
    ]


def _require_any(*keys: str) -> dict[str, Any]:
    required = [{"required": [key]} for key in keys]
    return required[0] if len(required) == 1 else {"anyOf": required}


class Wire(ProfilePart):
    """How the page's own traffic carries the answer.

    The keys from ``text_path`` on are for the decoders whose names begin with ``json_``, and ``text_sse``. Paths are explained
    in ``selectors/README.md``; of several, the first that finds something counts.
    """

    model_config = ConfigDict(validate_default=True, json_schema_extra=_add_needed_keys)

    decoder: DecoderName
    """What reads the answer."""

    urls: Annotated[
        tuple[_Text, ...],
        BeforeValidator(
            wrap_single, json_schema_input_type=_Text | Annotated[tuple[_Text, ...], Field(min_length=1)]
        ),
        Field(min_length=1),
    ]
    """Globs over the whole address (with its query) of the request whose response is the answer; for WebSockets, of the
    socket. ``*`` spans slashes: ``"*/api/chat*"``."""

    methods: tuple[str, ...] = ("GET", "POST")
    """HTTP methods of the answer's request; of no use for WebSockets."""

    ready_message: str = ""
    """The message that the page itself sends on a new socket once everything goes through it; before that nothing is asked.
    Engine.IO begins with long polling, which is not read, and says ``"5"`` then."""

    snapshot_tail: str = ""
    """Text that the page appends to unfinished answers, such as ``▌``; it is not the model's. For ``snapshot`` and the decoder
    ``streamlit``."""

    text_path: _Paths = ()
    """Where the answer's next piece stands. What it finds must be text; several finds of one path are joined."""

    reasoning_path: _Paths = ()
    """Where the reasoning's next piece stands, if it is told apart from the answer."""

    sources_path: _Paths = ()
    """Where cited pages stand: addresses, objects with an address (``url``, ``uri``, ``link``, ``href``) and perhaps a ``title``
    or ``name``, or lists of these."""

    error_path: _Paths = ()
    """What stands there, unless empty or false, is the site's error: its words, or an object with them. Without a path it is
    ``error``."""

    finish_reason_path: _Paths = ()
    """Where the reason for the end stands. ``length`` (or ``max_tokens``) and ``content_filter`` are passed on; all others mean
    ``stop``."""

    end: _Ends = ()
    """What ends the answer, any of: a data line (``"[DONE]"``), an event's name, a condition on the JSON (``done==true``), or
    ``"@close"``, the clean end of a response that has no mark of its own."""

    events: _Texts = ()
    """Names of the events that are read; without any, all are. Others are signs of life, but ``error`` is an error."""

    snapshot: bool = False
    """What stands at the paths is the whole text so far, not its next piece."""

    request_urls: _Texts = ()
    """Globs over the address of the HTTP request by which the page asks, if it doesn't ask on the socket."""

    request: _Conditions = ()
    """Conditions that all hold for what the page asks by. On a socket, its message: ``type==ask``. By HTTP, the body of the
    request (JSON or a form; without a body the address's query): ``stream==true``, where the page asks other things of the same
    address; with ``request_urls`` that request's JSON."""

    request_id_path: _Paths = ()
    """Where the turn's id stands in what the page sends, if one socket carries several chats."""

    id_path: _Paths = ()
    """Where the same id stands in what the page receives on its socket; messages with another one are not read. Without
    ``request_id_path`` and ``response_id_path`` the id counts that the page's own request or its response names, else the one
    whose text the page shows."""

    response_id_path: _Paths = ()
    """Where the turn's id stands in the response of the page's own request, the one with the prompt: ``message.id``. Only
    messages with that id at ``id_path`` are read; of responses, the one whose address or body names it."""

    @property
    def is_anonymous(self) -> bool:
        """Whether the answer comes on a socket whose messages don't name what they belong to."""
        return self.decoder in _SOCKETS and not self.id_path

    @field_validator(*_USED_BY)
    @classmethod
    def _check_use(cls, value: Any, info: ValidationInfo) -> Any:
        decoder, key = info.data.get("decoder"), str(info.field_name)
        if value and decoder is not None and decoder not in _USED_BY[key]:
            msg = f"is not a key for the decoder {decoder}"
            raise ValueError(msg)
        if not value and decoder is not None and _is_needed(key, info):
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
    is_given_otherwise = any(info.data.get(other) for other in _INSTEAD_OF.get(key, ()))
    return info.data["decoder"] in _NEEDED_BY.get(key, ()) and not is_given_otherwise
