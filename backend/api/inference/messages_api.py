"""Routes of Anthropic's Messages API, served by every endpoint."""

from __future__ import annotations

from starlette.responses import Response

from backend.api.errors import reply_to
from backend.api.inference.chat import answer_at_door
from backend.api.operations import RawOperation
from backend.asgi import Receive, Scope, Send, header, read_body
from backend.gateway.call_parser import parse_body
from backend.observability.request_id import request_id
from backend.wire.chat_response import to_json
from backend.wire.messages.door import MessagesDoor
from backend.wire.messages.errors import ERROR_SCHEMA, error_document
from backend.wire.messages.request import CountRequest, MessagesRequest
from backend.wire.messages.translate import count_tokens

_HEADERS = ("anthropic-version", "anthropic-beta")
_BETA_QUERY = "?beta=true"  # as Anthropic's own clients ask for what is not released


class Messages:
    """``POST /v1/messages`` as plain ASGI; errors have Anthropic's shape."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the form of Anthropic's Messages API."""
        body = parse_body(await read_body(receive))
        headers = {name: value for name in _HEADERS if (value := header(scope, name))}
        query = _BETA_QUERY if scope["query_string"] == _BETA_QUERY[1:].encode() else ""
        door = MessagesDoor(body, headers=headers, query=query, request_id=request_id.get())
        await answer_at_door(door, scope, receive, send)


class TokenCount:
    """``POST /v1/messages/count_tokens`` as plain ASGI."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Estimate the tokens of a request, which is not sent anywhere."""
        request = CountRequest.model_validate(parse_body(await read_body(receive)))
        response = Response(to_json(count_tokens(request)), media_type="application/json")
        await response(scope, receive, send)


def _refuse(scope: Scope, exc: Exception) -> Response:
    """Tell an error in Anthropic's shape."""
    error = reply_to(scope, exc)
    document = error_document(error, request_id.get())
    return Response(to_json(document), error.status, dict(error.headers), "application/json")


OPERATIONS = (
    RawOperation(
        "/v1/messages",
        Messages(),
        "Answer in the form of Anthropic's Messages API.",
        MessagesRequest,
        "messages",
        refuse=_refuse,
        error=ERROR_SCHEMA,
    ),
    RawOperation(
        "/v1/messages/count_tokens",
        TokenCount(),
        "Estimate the tokens of a request, without sending it.",
        CountRequest,
        "messages",
        is_streamed=False,
        refuse=_refuse,
        error=ERROR_SCHEMA,
    ),
)
