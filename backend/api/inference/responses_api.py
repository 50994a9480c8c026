"""Route of OpenAI's Responses API, served by every endpoint."""

from __future__ import annotations

from backend.api.inference.chat import answer_at_door
from backend.api.operations import RawOperation
from backend.asgi import Receive, Scope, Send, read_body
from backend.gateway.call_parser import parse_body
from backend.wire.responses.door import ResponsesDoor
from backend.wire.responses.request import ResponsesRequest


class Responses:
    """``POST /v1/responses`` as plain ASGI; nothing is stored."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the form of OpenAI's Responses API."""
        await answer_at_door(ResponsesDoor(parse_body(await read_body(receive))), scope, receive, send)


OPERATIONS = (
    RawOperation(
        "/v1/responses",
        Responses(),
        "Answer in the form of OpenAI's Responses API.",
        ResponsesRequest,
        "responses",
    ),
)
