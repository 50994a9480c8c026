"""OpenAI requests in the words of ``automation``: what to ask, where to cut, what can't be honoured. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automation.turn import Message, Prompt, Role
from backend.errors import InvalidRequestError
from backend.wire.attachments import is_file
from backend.wire.chat_request import ChatMessage, ChatRequest, ContentPart, ToolCall
from backend.wire.usage import CHARACTERS_PER_TOKEN

_HONOURED = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "stop",
        "max_tokens",
        "max_completion_tokens",
        "conversation",
    }
)
_MOST_STOPS = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the gateway itself ends an answer.

    Attributes:
        stops: The answer ends before the first of these.
        most_characters: The answer ends after so many; None without limit.
    """

    stops: tuple[str, ...] = ()
    most_characters: int | None = None


def translate_messages(messages: list[ChatMessage], model: str | None = None) -> Prompt:
    """Return the messages as a prompt for the site's model ``model``, without their files.

    Raises:
        InvalidRequestError: A part can't be sent to a page, or the last message asks nothing.
    """
    prompt = Prompt(tuple(_message(m, f"messages.{i}") for i, m in enumerate(messages)), model)
    last, where = prompt.messages[-1], f"messages.{len(messages) - 1}"
    if last.role not in ("user", "tool"):
        msg = f"The last message must be of the user or a tool, not of the {messages[-1].role}."
        raise InvalidRequestError(msg, f"{where}.role")
    if not last.text.strip() and not _has_file(messages[-1]):
        msg = "The last message has no text."
        raise InvalidRequestError(msg, f"{where}.content")
    return prompt


def limits_of(request: ChatRequest) -> Limits:
    """Return where to end the answer; a token counts as four characters, as in estimated usage.

    Raises:
        InvalidRequestError: More than four stop sequences, or an empty one.
    """
    stops = (request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ())
    if len(stops) > _MOST_STOPS or not all(stops):
        msg = "stop takes up to four texts, none of them empty."
        raise InvalidRequestError(msg, "stop")
    tokens = request.max_completion_tokens or request.max_tokens
    return Limits(stops, tokens * CHARACTERS_PER_TOKEN if tokens else None)


def refuse_unsupported(request: ChatRequest) -> None:
    """Refuse what would change the answer's nature and can't be had from a chat page.

    Raises:
        InvalidRequestError: ``param`` names the parameter.
    """
    refused: dict[str, bool] = {
        "n": request.n not in (None, 1),
        "logprobs": bool(request.logprobs),
        "top_logprobs": bool(request.top_logprobs),
        "tools": bool(request.tools),
        "tool_choice": request.tool_choice not in (None, "none", "auto"),
        "functions": bool(request.functions),
        "function_call": request.function_call not in (None, "none", "auto"),
        "response_format": (request.response_format or {}).get("type", "text") != "text",
        "modalities": "audio" in (request.modalities or ()),
        "audio": request.audio is not None,
    }
    for name, is_refused in refused.items():
        if is_refused:
            msg = f"{name} is not supported with this value in this version."
            raise InvalidRequestError(msg, name)


def ignored_params(request: ChatRequest) -> list[str]:
    """Return the parameters that were given and have no effect, sorted. Call ``refuse_unsupported`` first."""
    given = {name for name in request.model_fields_set if not _says_nothing(name, getattr(request, name))}
    given |= {name for name, value in (request.model_extra or {}).items() if value is not None}
    return sorted(given - _HONOURED)


def _says_nothing(name: str, value: Any) -> bool:
    """Whether a value asks for what happens anyway."""
    defaults: dict[str, tuple[Any, ...]] = {
        "n": (1,),
        "logprobs": (False,),
        "tools": ([],),
        "functions": ([],),
        "tool_choice": ("none", "auto"),
        "function_call": ("none", "auto"),
        "response_format": ({"type": "text"},),
        "modalities": (["text"],),
    }
    return value is None or value in defaults.get(name, ())


def _message(message: ChatMessage, where: str) -> Message:
    role: Role = "system" if message.role == "developer" else message.role
    text = _text(message.content, where)
    if message.tool_calls:
        text = "\n".join(filter(None, (text, *(_call_text(call) for call in message.tool_calls))))
    return Message(role, text)


def _has_file(message: ChatMessage) -> bool:
    return isinstance(message.content, list) and any(is_file(part) for part in message.content)


def _text(content: str | list[ContentPart] | None, where: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "".join(_part_text(part, f"{where}.content.{i}") for i, part in enumerate(content))


def _part_text(part: ContentPart, where: str) -> str:
    if part.type == "text" and part.text is not None:
        return part.text
    if part.type == "refusal" and part.refusal is not None:
        return part.refusal
    if is_file(part):
        return ""
    msg = f"A part of type {part.type!r} can't be sent; text, image_url, file and input_audio can."
    raise InvalidRequestError(msg, where)


def _call_text(call: ToolCall) -> str:
    return f"{call.function.name}({call.function.arguments})"
