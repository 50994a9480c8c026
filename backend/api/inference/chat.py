"""Routes for OpenAI's chat completions and models, over all endpoints and pinned to one."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

from fastapi import APIRouter

from backend.api.inference.reply_response import AnswerDoor, BeforeEnd, OpenReply, ReplyResponse
from backend.api.operations import RawOperation
from backend.api.services import PrincipalOf, Services, ServicesOf
from backend.asgi import Receive, Scope, Send, header, read_body
from backend.gateway.call_parser import parse_call, parse_door_call
from backend.identity.request_principal import get_principal
from backend.providers.chat_call import ChatCall
from backend.wire.chat_request import ChatRequest, PinnedChatRequest
from backend.wire.door import DoorRequest

router = APIRouter(tags=["chat"])


class Door(DoorRequest, AnswerDoor, Protocol):
    """A request of another API than chat completions, and the writers of its answer."""


class ChatCompletions:
    """``POST …/chat/completions`` as plain ASGI: FastAPI's way through a route takes longer than all that is done here."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a conversation."""
        services: Services = scope["app"].state.services
        pinned_to: str | None = scope["path_params"].get("endpoint")
        body, principal = await read_body(receive), get_principal(scope)
        call = parse_call(body, needs_model=pinned_to is None, principal=principal)
        await ReplyResponse(call, opener(services, call, scope, pinned_to))(scope, receive, send)


def opener(services: Services, call: ChatCall, scope: Scope, pinned_to: str | None = None) -> OpenReply:
    """Return what opens the answer to a request: a new one, or with the cache on one that others have too."""
    fresh = partial(services.gateway.open_reply, call, pinned_to)
    if not services.answers.cache.is_on:
        return fresh
    # Its owner may have asked by another key, which may use more.
    services.gateway.check_allowed(call.principal, call.model, pinned_to)
    name = f"{pinned_to or ''}/{call.model}"
    return partial(services.answers.open_reply, call, name, header(scope, "cache-control"), fresh)


async def answer_at_door(
    door: Door, scope: Scope, receive: Receive, send: Send, before_end: BeforeEnd | None = None
) -> None:
    """Answer a request of another API than OpenAI's chat completions; ``before_end`` as in ``ReplyResponse``.

    Raises:
        InvalidRequestError: It names no model.
    """
    services: Services = scope["app"].state.services
    call = parse_door_call(door, principal=get_principal(scope))
    response = ReplyResponse(call, opener(services, call, scope), door, before_end)
    await response(scope, receive, send)


_handler = ChatCompletions()
OPERATIONS = (
    RawOperation(
        "/v1/chat/completions",
        _handler,
        "Answer a conversation with what `model` names; `stream` for server-sent events.",
        ChatRequest,
    ),
    RawOperation(
        "/api/{endpoint}/chat/completions",
        _handler,
        "Answer a conversation with this endpoint; `model` may be left out or be one of its own names.",
        PinnedChatRequest,
    ),
)


@router.get("/v1/models")
async def list_models(services: ServicesOf, principal: PrincipalOf) -> dict[str, Any]:
    """List every name that ``model`` may have: those of started endpoints that the key may use."""
    return {"object": "list", "data": services.gateway.list_models(principal)}


@router.get("/v1/models/{name:path}")
async def get_model(name: str, services: ServicesOf, principal: PrincipalOf) -> dict[str, Any]:
    """Return one model's entry; behind a slash too many stands no name, and all are meant."""
    if not name:
        return {"object": "list", "data": services.gateway.list_models(principal)}
    return services.gateway.get_model(principal, name)


@router.get("/api/{endpoint}/models")
async def list_pinned_models(endpoint: str, services: ServicesOf, principal: PrincipalOf) -> dict[str, Any]:
    """List the names that mean this endpoint."""
    return {"object": "list", "data": services.gateway.list_models(principal, pinned_to=endpoint)}
