"""Route of OpenAI's Responses API, served by every endpoint."""

from __future__ import annotations

from typing import Any

from backend.api.inference.chat import answer_translated
from backend.api.inference.reply_response import ResponseEncoder
from backend.api.operations import RawOperation
from backend.asgi import Receive, Scope, Send
from backend.wire.responses.encoder import ResponsesEncoder
from backend.wire.responses.request import ResponsesRequest
from backend.wire.responses.translate import responses_to_chat_body


class Responses:
    """``POST /v1/responses`` as plain ASGI; nothing is stored."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the form of OpenAI's Responses API."""
        await answer_translated(_read, scope, receive, send)


def _read(body: dict[str, Any]) -> tuple[dict[str, Any], ResponseEncoder]:
    request = ResponsesRequest.model_validate(body)
    return responses_to_chat_body(request), ResponsesEncoder(request)


OPERATIONS = (
    RawOperation(
        "/v1/responses",
        Responses(),
        "Answer in the form of OpenAI's Responses API.",
        ResponsesRequest,
        "responses",
    ),
)
