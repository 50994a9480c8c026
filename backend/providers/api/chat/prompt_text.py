"""Renders a chat body's messages as one text, for APIs that take no conversation. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from automation.web_provider.transcript import compose_transcript
from backend.errors import InvalidRequestError
from backend.providers.api.chat.chat_body import text_of
from backend.wire.chat_request import ChatMessage
from backend.wire.translate import translate_messages

_SYSTEM = ("system", "developer")


def compose_chat_transcript(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return a conversation as chat pages are given it; earlier calls of tools and their results are in plain words.

    Raises:
        InvalidRequestError: A part of a message is no text, or the last message asks nothing.
    """
    for i, message in enumerate(messages):
        text_of(message, f"messages.{i}")
    try:
        checked = [ChatMessage.model_validate(message) for message in messages]
    except ValidationError as exc:
        msg = f"A message is not what it must be: {exc.errors()[0]['msg']}."
        raise InvalidRequestError(msg, "messages") from exc
    return compose_transcript(translate_messages(checked))


def system_and_prompt(messages: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return the system's text, empty where there is none, and the transcript of all the rest.

    Raises:
        InvalidRequestError: As ``compose_chat_transcript``.
    """
    system = [text_of(m, f"messages.{i}") for i, m in enumerate(messages) if m["role"] in _SYSTEM]
    others = [message for message in messages if message["role"] not in _SYSTEM]
    if not others:
        msg = "There is no message but the system's."
        raise InvalidRequestError(msg, "messages")
    return "\n\n".join(system), compose_chat_transcript(others)
