"""Parses a library user's messages into a ``Prompt``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

from automation.library.interface import Messages
from automation.turn import Message, Prompt, Role, join_texts

_ROLES = frozenset(get_args(Role))


def build_prompt(messages: Messages, model: str | None = None) -> Prompt:
    """Return a text of the user, or OpenAI's ``messages``, as a prompt.

    Raises:
        ValueError: A message has no role or no text, or the last one asks nothing.
    """
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    found = tuple(_message(message, i) for i, message in enumerate(messages))
    if not found or not found[-1].text.strip():
        msg = "the last message has no text"
        raise ValueError(msg)
    return Prompt(found, model)


def _message(message: Mapping[str, Any], i: int) -> Message:
    role = "system" if message.get("role") == "developer" else message.get("role")
    if role not in _ROLES:
        msg = f"messages.{i}.role must be one of {', '.join(sorted(_ROLES))}"
        raise ValueError(msg)
    return Message(cast("Role", role), _text(message.get("content"), i, str(role)))


def _text(content: Any, i: int, role: str) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, Mapping) else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        msg = f"messages.{i}.content must be text, or a list of parts that are"
        raise ValueError(msg)
    return join_texts((str(text) for text in texts), role)
