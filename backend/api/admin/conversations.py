"""Routes for kept conversations: list, read, forget."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from backend.api.services import PrincipalOf, ServicesOf
from backend.gateway.placement.placement import SiteConversation

router = APIRouter(prefix="/api/conversations", tags=["conversations"])


@router.get("")
async def list_conversations(
    services: ServicesOf,
    principal: PrincipalOf,
    endpoint: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """List the newest conversations of one endpoint, or of all, newest first; everybody's only to administrators."""
    if endpoint is not None:
        services.manager.get(endpoint)
    newest = await services.conversations.list_newest(endpoint, limit, principal.visible_owner)
    return [conversation_document(conversation) for conversation in newest]


@router.get("/{conversation}")
async def get_conversation(conversation: str, services: ServicesOf, principal: PrincipalOf) -> dict[str, Any]:
    """Return one conversation."""
    return conversation_document(await services.conversations.get(conversation, principal.visible_owner))


@router.delete("/{conversation}", status_code=204)
async def delete_conversation(conversation: str, services: ServicesOf, principal: PrincipalOf) -> Response:
    """Forget a conversation, and delete its chat at the site where the profile says how."""
    is_deleted = await services.gateway.forget_conversation(conversation, principal.visible_owner)
    return Response(status_code=204, headers={} if is_deleted else {"x-gateway-notes": "kept-at-site"})


def conversation_document(conversation: SiteConversation) -> dict[str, Any]:
    """Return a conversation as REST shows it: no words of it are kept."""
    return {
        "id": conversation.id,
        "endpoint": conversation.scope.endpoint,
        "model": conversation.scope.model,
        "turns": conversation.turns,
        "created_at": conversation.created_at.isoformat(),
        "updated_at": conversation.updated_at.isoformat(),
        "url": conversation.chat.url,
    }
