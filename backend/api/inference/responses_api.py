"""Route of OpenAI's Responses API, served by every endpoint."""

from __future__ import annotations

from backend.api.inference.chat import answer_at_door
from backend.api.operations import RawOperation
from backend.api.services import Services
from backend.asgi import Receive, Scope, Send, read_body
from backend.gateway.call_parser import parse_body
from backend.identity.request_principal import get_principal
from backend.wire.responses.door import ResponsesDoor
from backend.wire.responses.kept_items import find_previous
from backend.wire.responses.request import ResponsesRequest


class Responses:
    """``POST /v1/responses`` as plain ASGI."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the form of OpenAI's Responses API, and keep the response for who asked."""
        services: Services = scope["app"].state.services
        asked, owner, keeper = (
            parse_body(await read_body(receive)),
            get_principal(scope).id,
            services.responses,
        )
        body = await keeper.unfold(asked, owner)
        is_kept = keeper.wants(body)
        door = ResponsesDoor(body, previous_response_id=find_previous(asked), is_kept=is_kept)

        async def keep() -> None:
            if (response := door.response()) is not None:
                await keeper.keep(body, response, owner)

        await answer_at_door(door, scope, receive, send, before_end=keep if is_kept else None)


OPERATIONS = (
    RawOperation(
        "/v1/responses",
        Responses(),
        "Answer in the form of OpenAI's Responses API.",
        ResponsesRequest,
        "responses",
    ),
)
