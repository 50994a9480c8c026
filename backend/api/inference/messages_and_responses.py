"""Routes for OpenAI's Responses API and Anthropic's Messages API, in front of the same endpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from backend.api.errors import reply_to
from backend.api.inference.chat import opener
from backend.api.inference.reply_response import ReplyResponse, ResponseEncoder
from backend.api.operations import RawOperation
from backend.api.services import Services
from backend.asgi import Receive, Scope, Send, read_body
from backend.gateway.call import parse_body, parse_chat_call
from backend.identity.request_principal import get_principal
from backend.observability.request_id import request_id
from backend.wire.chat_response import to_json
from backend.wire.messages.encoder import MessagesEncoder
from backend.wire.messages.errors import ERROR_SCHEMA, error_document
from backend.wire.messages.request import CountRequest, MessagesRequest
from backend.wire.messages.translate import count_tokens
from backend.wire.messages.translate import messages_to_chat_body as messages_chat_body
from backend.wire.responses.encoder import ResponsesEncoder
from backend.wire.responses.request import ResponsesRequest
from backend.wire.responses.translate import responses_to_chat_body as responses_chat_body

Read = Callable[[dict[str, Any]], tuple[dict[str, Any], ResponseEncoder]]


class Responses:
    """``POST /v1/responses`` as plain ASGI; nothing is stored."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the form of OpenAI's Responses API."""
        await _answer(_read_responses, scope, receive, send)


class Messages:
    """``POST /v1/messages`` as plain ASGI; errors have Anthropic's shape."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the form of Anthropic's Messages API."""
        await _answer(_read_messages, scope, receive, send)


class TokenCount:
    """``POST /v1/messages/count_tokens`` as plain ASGI."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Estimate the tokens of a request, which is not sent anywhere."""
        request = CountRequest.model_validate(parse_body(await read_body(receive)))
        response = Response(to_json(count_tokens(request)), media_type="application/json")
        await response(scope, receive, send)


async def _answer(read: Read, scope: Scope, receive: Receive, send: Send) -> None:
    parts: Services = scope["app"].state.parts
    body, form = read(parse_body(await read_body(receive)))
    call = parse_chat_call(body, principal=get_principal(scope))
    await ReplyResponse(call, opener(parts, call, scope), form)(scope, receive, send)


def _read_responses(body: dict[str, Any]) -> tuple[dict[str, Any], ResponseEncoder]:
    request = ResponsesRequest.model_validate(body)
    return responses_chat_body(request), ResponsesEncoder(request)


def _read_messages(body: dict[str, Any]) -> tuple[dict[str, Any], ResponseEncoder]:
    request = MessagesRequest.model_validate(body)
    return messages_chat_body(request), MessagesEncoder(request, request_id.get())


def _refuse_message(scope: Scope, exc: Exception) -> Response:
    """Tell an error in Anthropic's shape."""
    error = reply_to(scope, exc)
    document = error_document(error, request_id.get())
    return Response(to_json(document), error.status, dict(error.headers), "application/json")


OPERATIONS = (
    RawOperation(
        "/v1/responses",
        Responses(),
        "Answer in the form of OpenAI's Responses API.",
        ResponsesRequest,
        "responses",
    ),
    RawOperation(
        "/v1/messages",
        Messages(),
        "Answer in the form of Anthropic's Messages API.",
        MessagesRequest,
        "messages",
        refuse=_refuse_message,
        error=ERROR_SCHEMA,
    ),
    RawOperation(
        "/v1/messages/count_tokens",
        TokenCount(),
        "Estimate the tokens of a request, without sending it.",
        CountRequest,
        "messages",
        is_streamed=False,
        refuse=_refuse_message,
        error=ERROR_SCHEMA,
    ),
)
