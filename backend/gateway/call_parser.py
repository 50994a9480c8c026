"""Parses a chat body as far as every kind of endpoint needs it understood."""

from __future__ import annotations

from typing import Any

from backend.errors import InvalidRequestError
from backend.identity.principal import LOCAL_ADMINISTRATOR, Principal
from backend.providers.chat_call import ChatCall
from backend.wire.chat_request import check_message_count
from backend.wire.door import DoorRequest
from backend.wire.json_body import parse_json


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
    model = _parse_model(body, needs_model=needs_model)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        msg = "messages: must be a list of at least one message."
        raise InvalidRequestError(msg, "messages")
    check_message_count(messages)
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            msg = f"messages.{index}: must be an object with a role."
            raise InvalidRequestError(msg, f"messages.{index}")
    is_streamed, options = _parse_stream(body), body.get("stream_options")
    if options is not None and not isinstance(options, dict):
        msg = "stream_options: must be an object."
        raise InvalidRequestError(msg, "stream_options")
    with_usage = bool(options and options.get("include_usage"))
    return ChatCall(model, body, is_streamed, with_usage, principal=principal)


def parse_door_call(door: DoorRequest, *, principal: Principal = LOCAL_ADMINISTRATOR) -> ChatCall:
    """Return the call of another API's request; the rest of it is read by who answers.

    Raises:
        InvalidRequestError: It names no model, or ``stream`` is no truth value.
    """
    model, is_streamed = _parse_model(door.body), _parse_stream(door.body)
    # These APIs tell what a streamed answer used without being asked.
    return ChatCall(model, door.body, is_streamed, is_streamed, principal=principal, door=door)


def _parse_model(body: dict[str, Any], *, needs_model: bool = True) -> str:
    model = body.get("model", "" if not needs_model else None)
    if not isinstance(model, str) or (needs_model and not model):
        msg = "model: must be the name of a model; GET /v1/models lists them."
        raise InvalidRequestError(msg, "model")
    return model


def _parse_stream(body: dict[str, Any]) -> bool:
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        msg = "stream: must be true or false."
        raise InvalidRequestError(msg, "stream")
    return bool(stream)
