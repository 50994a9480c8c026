"""Parses a chat body as far as every kind of endpoint needs it understood."""

from __future__ import annotations

from typing import Any

from backend.errors import InvalidRequestError
from backend.identity.principal import LOCAL_ADMINISTRATOR, Principal
from backend.providers.chat_call import ChatCall
from backend.wire.json_body import parse_json

# No model reads as many; each costs memory and time in every later step.
MOST_MESSAGES = 10_000


def parse_call(
    raw: bytes, *, needs_model: bool = True, principal: Principal = LOCAL_ADMINISTRATOR
) -> ChatCall:
    """Return the request in a body.

    Raises:
        InvalidRequestError: It is not JSON, or lacks what every endpoint needs; ``param`` names the field.
    """
    return parse_chat_call(parse_body(raw), needs_model=needs_model, principal=principal)


def parse_body(raw: bytes) -> dict[str, Any]:
    """Return a body's JSON object.

    Raises:
        InvalidRequestError: It is none, or ``parse_json`` refuses it.
    """
    body = parse_json(raw)
    if not isinstance(body, dict):
        msg = "The body must be a JSON object."
        raise InvalidRequestError(msg)
    return body


def parse_chat_call(
    body: dict[str, Any], *, needs_model: bool = True, principal: Principal = LOCAL_ADMINISTRATOR
) -> ChatCall:
    """Return the request in a chat body.

    Raises:
        InvalidRequestError: It lacks what every endpoint needs; ``param`` names the field.
    """
    model = body.get("model", "" if not needs_model else None)
    if not isinstance(model, str) or (needs_model and not model):
        msg = "model: must be the name of a model; GET /v1/models lists them."
        raise InvalidRequestError(msg, "model")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        msg = "messages: must be a list of at least one message."
        raise InvalidRequestError(msg, "messages")
    if len(messages) > MOST_MESSAGES:
        msg = f"messages: must be at most {MOST_MESSAGES} messages, not {len(messages)}."
        raise InvalidRequestError(msg, "messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            msg = f"messages.{index}: must be an object with a role."
            raise InvalidRequestError(msg, f"messages.{index}")
    stream, options = body.get("stream"), body.get("stream_options")
    if stream is not None and not isinstance(stream, bool):
        msg = "stream: must be true or false."
        raise InvalidRequestError(msg, "stream")
    if options is not None and not isinstance(options, dict):
        msg = "stream_options: must be an object."
        raise InvalidRequestError(msg, "stream_options")
    with_usage = bool(options and options.get("include_usage"))
    return ChatCall(model, body, bool(stream), with_usage, principal=principal)
