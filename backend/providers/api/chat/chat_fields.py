"""What a translating dialect reads out of OpenAI's chat body. Pure.

A body is as a client sent it, so every value may be of any type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from backend.errors import InvalidRequestError
from backend.providers.api.dialect import Body

_SAYS_NOTHING: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "tools": ([],),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "modalities": ([], ["text"]),
    "response_format": ({"type": "text"},),
    "tool_choice": ("none", "auto"),
}
# What they ask for is another answer, which no other API than OpenAI's own has under these names.
ANOTHER_ANSWER = ("n", "logprobs", "top_logprobs", "functions", "function_call", "modalities", "audio")


def given_fields(body: Body) -> set[str]:
    """Return the names of the fields that ask for something, which null and defaults don't."""
    return {
        name for name, value in body.items() if value is not None and value not in _SAYS_NOTHING.get(name, ())
    }


def refuse_fields(body: Body, names: Iterable[str] = ANOTHER_ANSWER) -> None:
    """Refuse what would change what the answer is.

    Raises:
        InvalidRequestError: One of the fields ``names`` asks for something.
    """
    given = given_fields(body)
    for name in names:
        if name in given:
            instead = " Send tools." if name in ("functions", "function_call") else ""
            msg = f"{name} is not supported with this value by this endpoint's API.{instead}"
            raise InvalidRequestError(msg, name)


def parse_messages(body: Body) -> list[Mapping[str, Any]]:
    """Return the messages.

    Raises:
        InvalidRequestError: There are none, or one is not an object with a role.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        msg = "messages must be a list with at least one message."
        raise InvalidRequestError(msg, "messages")
    for i, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            msg = "A message must be an object with a role."
            raise InvalidRequestError(msg, f"messages.{i}")
    return messages


def iter_parts(message: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    """Return a message's content as parts; text alone is one part, null none. ``where`` is its dotted name.

    Raises:
        InvalidRequestError: It is neither.
    """
    content = message.get("content")
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        msg = "content must be a text or a list of parts."
        raise InvalidRequestError(msg, f"{where}.content")
    return content


def text_of(part: Mapping[str, Any], where: str) -> str:
    """Return a part's text, also that of a refusal.

    Raises:
        InvalidRequestError: It is no text.
    """
    kind = part.get("type")
    text = part.get("refusal") if kind == "refusal" else part.get("text")
    if kind not in ("text", "refusal") or not isinstance(text, str):
        msg = f"Parts of type {kind!r} can't be sent to this endpoint's API."
        raise InvalidRequestError(msg, where)
    return text


def joined_text(message: Mapping[str, Any], where: str) -> str:
    """Return the text of a message that has nothing else; its parts stand on lines of their own.

    Raises:
        InvalidRequestError: A part is no text.
    """
    parts = iter_parts(message, where)
    return "\n".join(text_of(part, f"{where}.content.{i}") for i, part in enumerate(parts))


def parse_stops(body: Body) -> list[str]:
    """Return the stop sequences.

    Raises:
        InvalidRequestError: They are no texts.
    """
    stop = body.get("stop")
    stops = [stop] if isinstance(stop, str) else (stop or [])
    if not isinstance(stops, list) or not all(isinstance(one, str) for one in stops):
        msg = "stop must be a text or a list of texts."
        raise InvalidRequestError(msg, "stop")
    return stops


def most_tokens(body: Body) -> int | None:
    """Return the limit of the answer's tokens; ``max_completion_tokens`` wins.

    Raises:
        InvalidRequestError: It is no number above 0.
    """
    for name in ("max_completion_tokens", "max_tokens"):
        if (most := body.get(name)) is None:
            continue
        if not isinstance(most, int) or isinstance(most, bool) or most <= 0:
            msg = f"{name} must be a number above 0."
            raise InvalidRequestError(msg, name)
        return most
    return None


def parsed_arguments(call: Any, where: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the arguments of an earlier call of a tool.

    Raises:
        InvalidRequestError: It has no name, or its arguments are not a JSON object.
    """
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        msg = "A tool call must have a function with a name."
        raise InvalidRequestError(msg, where)
    try:
        arguments = orjson.loads(function.get("arguments") or "{}")
    except (orjson.JSONDecodeError, TypeError):
        arguments = None
    if not isinstance(arguments, dict):
        msg = "The arguments of a tool call must be a JSON object as text."
        raise InvalidRequestError(msg, f"{where}.function.arguments")
    return function["name"], arguments
