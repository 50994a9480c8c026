"""OpenAI's chat completions and models, over all endpoints and pinned to one."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from backend.api.access import Parts, PartsOf
from backend.api.event_stream import StreamedAnswer, WholeAnswer
from backend.gateway.completion import Order
from backend.wire.chat_request import ChatRequest, PinnedChatRequest

router = APIRouter(tags=["chat"])


@router.post("/v1/chat/completions")
async def create_completion(body: ChatRequest, parts: PartsOf) -> Response:
    """Answer a conversation with the endpoint that ``model`` names; ``stream`` for server-sent events."""
    return _respond(parts, parts.gateway.understand(body))


@router.get("/v1/models")
async def list_models(parts: PartsOf) -> dict[str, Any]:
    """List every name that ``model`` may have: those of started endpoints."""
    return {"object": "list", "data": parts.gateway.list_models()}


@router.get("/v1/models/{name:path}")
async def get_model(name: str, parts: PartsOf) -> dict[str, Any]:
    """Return one model's entry."""
    return parts.gateway.get_model(name)


@router.post("/api/{endpoint}/chat/completions")
async def create_pinned_completion(endpoint: str, body: PinnedChatRequest, parts: PartsOf) -> Response:
    """Answer a conversation with this endpoint; ``model`` may be left out or be one of its own names."""
    return _respond(parts, parts.gateway.understand(body, pinned_to=endpoint))


@router.get("/api/{endpoint}/models")
async def list_pinned_models(endpoint: str, parts: PartsOf) -> dict[str, Any]:
    """List the names that mean this endpoint."""
    return {"object": "list", "data": parts.gateway.list_models(pinned_to=endpoint)}


def _respond(parts: Parts, order: Order) -> Response:
    headers = {"x-gateway-endpoint": order.target.slug}
    if order.ignored:
        # Names come from the client; a header takes only plain ASCII.
        named = ", ".join(order.ignored).encode("ascii", "backslashreplace").decode()
        headers["x-gateway-ignored-params"] = "".join(c if c.isprintable() else "?" for c in named)
    open_answer = partial(parts.gateway.open_answer, order)
    if order.is_streamed:
        return StreamedAnswer(open_answer, headers, order.head, with_usage=order.with_usage)
    return WholeAnswer(open_answer, headers, order.head)
