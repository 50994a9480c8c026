"""Translates OpenAI requests into prompts for ``automation``, with stops, limits and ignored parameters. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from automation.turn import Message, Prompt, Role, join_texts
from backend.errors import InvalidRequestError
from backend.wire.answer_fields import ANOTHER_ANSWER, find_given_fields, refuse_fields
from backend.wire.attachments import is_file
from backend.wire.chat_request import ChatMessage, ChatRequest, ContentPart, ToolCall
from backend.wire.tool_envelope import assistant_text, result_block
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
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
    }
)
_MOST_STOPS = 4
_OF_SYSTEM = frozenset({"system", "developer"})


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """Limits at which the gateway itself ends an answer.

    Attributes:
        stops: The answer ends before the first of these.
        most_characters: The answer ends after so many; None without limit.
    """

    stops: tuple[str, ...] = ()
    most_characters: int | None = None


def translate_messages(
    messages: list[ChatMessage], model: str | None = None, *, has_tools: bool = False
) -> Prompt:
    """Return the messages as a prompt for the site's model ``model``, without their files.

    With ``has_tools`` earlier calls and their results are written in the form in which the model is to call tools; else as
    plain words, which it has no reason to imitate. Their order is that of ``prompt_order``.

    Raises:
        InvalidRequestError: A part can't be sent to a page, or the last message asks nothing.
    """
    calls: dict[str, tuple[int, str]] = {}
    translated = [
        _with_tools(m, f"messages.{i}", calls) if has_tools else _message(m, f"messages.{i}")
        for i, m in enumerate(messages)
    ]
    order = prompt_order(messages)
    last, where = translated[order[-1]], f"messages.{order[-1]}"
    if last.role not in ("user", "tool"):
        msg = f"The last message must be of the user or a tool, not of the {messages[order[-1]].role}."
        raise InvalidRequestError(msg, f"{where}.role")
    if not last.text.strip() and not _has_file(messages[order[-1]]):
        msg = "The last message has no text."
        raise InvalidRequestError(msg, f"{where}.content")
    return Prompt(tuple(translated[i] for i in order), model)


def prompt_order(messages: Sequence[ChatMessage]) -> list[int]:
    """Return the messages' positions in the order of a prompt: what the system says in a turn is before what is asked in it.

    Claude Code, for one, says what changed behind the user's message. A turn ends with the assistant's message.
    """
    turns = accumulate((message.role == "assistant" for message in messages), initial=0)
    keys = [(turn, m.role not in _OF_SYSTEM) for turn, m in zip(turns, messages, strict=False)]
    return sorted(range(len(messages)), key=keys.__getitem__)


def parse_answer_limits(request: ChatRequest) -> AnswerLimits:
    """Return where to end the answer; a token counts as four characters, as in estimated usage.

    Raises:
        InvalidRequestError: More than four stop sequences, or an empty one.
    """
    stops = (request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ())
    if len(stops) > _MOST_STOPS or not all(stops):
        msg = "stop takes up to four texts, none of them empty."
        raise InvalidRequestError(msg, "stop")
    tokens = request.max_completion_tokens or request.max_tokens
    return AnswerLimits(stops, tokens * CHARACTERS_PER_TOKEN if tokens else None)


def refuse_unsupported(request: ChatRequest) -> None:
    """Refuse what would change the answer's nature and can't be had from a chat page.

    Raises:
        InvalidRequestError: ``param`` names the parameter.
    """
    refuse_fields({name: getattr(request, name) for name in ANOTHER_ANSWER})


def ignored_params(request: ChatRequest) -> list[str]:
    """Return the parameters that were given and have no effect, sorted. Call ``refuse_unsupported`` first."""
    given = {name: getattr(request, name) for name in request.model_fields_set}
    return sorted(find_given_fields({**(request.model_extra or {}), **given}) - _HONOURED)


def _message(message: ChatMessage, where: str) -> Message:
    role: Role = "system" if message.role == "developer" else message.role
    text = _text(message.content, where, role)
    if message.tool_calls:
        text = "\n".join(filter(None, (text, *(_call_text(call) for call in message.tool_calls))))
    return Message(role, text)


def _with_tools(message: ChatMessage, where: str, calls: dict[str, tuple[int, str]]) -> Message:
    """Return a message of a conversation with tools; ``calls`` are those so far, numbered, by their ids."""
    if message.role == "tool" and message.tool_call_id in calls:
        number, name = calls[message.tool_call_id]
        return Message("tool", result_block(number, name, _text(message.content, where, "tool")))
    plain = _message(message.model_copy(update={"tool_calls": None}), where)
    if message.role != "assistant" or not message.tool_calls:
        return plain
    functions = [call.function for call in message.tool_calls]
    for number, call in enumerate(message.tool_calls, 1):
        if call.id is not None:
            calls[call.id] = (number, call.function.name)
    return Message("assistant", assistant_text(plain.text, [(f.name, f.arguments) for f in functions]))


def _has_file(message: ChatMessage) -> bool:
    return isinstance(message.content, list) and any(is_file(part) for part in message.content)


def _text(content: str | list[ContentPart] | None, where: str, role: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return join_texts((_part_text(part, f"{where}.content.{i}") for i, part in enumerate(content)), role)


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
