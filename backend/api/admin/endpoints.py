"""Routes for endpoints: create, read, change, delete, start, stop, test, watch."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from backend.api.admin.endpoint_documents import (
    change_config,
    endpoint_document,
    failure_document,
    state_document,
    tested_document,
    validation_problem,
)
from backend.api.admin.state_stream import StateStream
from backend.api.json_route import JsonRoute
from backend.api.services import PrincipalOf, ServicesOf
from backend.gateway.call_parser import parse_chat_call
from backend.providers.config import EndpointDraft
from backend.wire.chat_events import chat_document
from backend.wire.chat_request import TestRequest

router = APIRouter(prefix="/api/endpoints", tags=["endpoints"], route_class=JsonRoute)
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events without end",
        "content": {"text/event-stream": {}},
    }
}


@router.get("/")
async def list_endpoints(services: ServicesOf) -> list[dict[str, Any]]:
    """List all endpoints, oldest first."""
    return [endpoint_document(endpoint) for endpoint in services.manager.list_all()]


@router.post("/", status_code=201)
async def create_endpoint(body: EndpointDraft, services: ServicesOf) -> dict[str, Any]:
    """Create an endpoint, not started."""
    return endpoint_document(await services.manager.create(body))


@router.get("/{slug}")
async def get_endpoint(slug: str, services: ServicesOf) -> dict[str, Any]:
    """Return one endpoint and its state."""
    return endpoint_document(services.manager.get(slug))


@router.patch("/{slug}")
async def update_endpoint(slug: str, body: dict[str, Any], services: ServicesOf) -> dict[str, Any]:
    """Change fields of an endpoint; a running one is restarted if the change needs it."""
    try:
        return endpoint_document(await services.manager.update(slug, partial(change_config, changes=body)))
    except ValidationError as exc:
        raise RequestValidationError(validation_problem(exc)) from exc


@router.delete("/{slug}", status_code=204)
async def delete_endpoint(slug: str, services: ServicesOf) -> Response:
    """Stop an endpoint and forget it, its credentials and its sessions."""
    await services.manager.delete(slug)
    return Response(status_code=204)


@router.post("/{slug}/start")
async def start_endpoint(slug: str, services: ServicesOf) -> dict[str, Any]:
    """Begin to open an endpoint; GET it or watch its events for when it is active."""
    return endpoint_document(await services.manager.start(slug))


@router.post("/{slug}/stop")
async def stop_endpoint(slug: str, services: ServicesOf) -> dict[str, Any]:
    """End an endpoint's turns and close it."""
    return endpoint_document(await services.manager.stop(slug))


@router.post("/{slug}/restart")
async def restart_endpoint(slug: str, services: ServicesOf) -> dict[str, Any]:
    """Close an endpoint and begin to open it again."""
    return endpoint_document(await services.manager.restart(slug))


@router.post("/{slug}/test")
async def test_endpoint(
    slug: str, body: TestRequest, services: ServicesOf, principal: PrincipalOf
) -> dict[str, Any]:
    """Ask an endpoint one thing and return its whole answer."""
    call = parse_chat_call(
        {"model": body.model or "", "messages": [{"role": "user", "content": body.message}]},
        needs_model=False,
        principal=principal,
    )
    call = replace(call, is_throwaway=True)
    async with services.gateway.open_reply(call, pinned_to=slug) as reply:
        return tested_document(chat_document(reply.body), reply.headers, services.manager.get(slug).config)


@router.get("/{slug}/health")
async def check_endpoint(slug: str, services: ServicesOf) -> dict[str, Any]:
    """Look whether the endpoint could answer now, without asking it anything."""
    endpoint = services.manager.get(slug)
    health = await endpoint.check()
    return {
        "status": "healthy" if health.is_healthy else "unhealthy",
        "reason": health.reason,
        **health.details,
        **state_document(endpoint.board.last_change),
        "screenshot": endpoint.screenshot,
        "last_error": failure_document(endpoint.last_failure),
    }


@router.get("/{slug}/metrics")
async def count_endpoint(slug: str, services: ServicesOf) -> dict[str, Any]:
    """Return counts of the endpoint's turns since the gateway started."""
    endpoint = services.manager.get(slug)
    return {"endpoint": slug, "turns_running": endpoint.turns_running, **endpoint.counts.summary()}


@router.get("/{slug}/events", responses=_EVENTS)
async def watch_endpoint(slug: str, services: ServicesOf) -> Response:
    """Stream the endpoint's state now and every change of it, as server-sent events named ``state``."""
    return StateStream(services.manager.get(slug))
