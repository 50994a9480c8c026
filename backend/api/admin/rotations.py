"""Routes for rotations: list, create, read, replace, delete."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from backend.api.json_route import JsonRoute
from backend.api.services import Services, ServicesOf
from backend.errors import InvalidRequestError
from backend.gateway.routing.rotations import Fallbacks, Rotation, RotationDraft

router = APIRouter(prefix="/api/rotations", tags=["rotations"], route_class=JsonRoute)


class RotationReplacement(RotationDraft):
    """What a rotation becomes; ``name`` may be there as GET shows it, but can't change."""

    name: str | None = None


@router.get("/")
async def list_rotations(services: ServicesOf) -> list[dict[str, Any]]:
    """List all rotations, oldest first."""
    return [rotation_document(rotation) for rotation in services.rotations.all.values()]


@router.post("/", status_code=201)
async def create_rotation(body: Rotation, services: ServicesOf) -> dict[str, Any]:
    """Create a rotation of endpoints that exist."""
    return rotation_document(await services.rotations.add(body, _endpoints(services)))


@router.get("/{name}")
async def get_rotation(name: str, services: ServicesOf) -> dict[str, Any]:
    """Return one rotation."""
    return rotation_document(services.rotations.get(name))


@router.put("/{name}")
async def replace_rotation(name: str, body: RotationReplacement, services: ServicesOf) -> dict[str, Any]:
    """Replace a rotation; what is left out gets its default."""
    services.rotations.get(name)
    if body.name not in {None, name}:
        msg = f"name: a rotation keeps its name, {name!r}; create another one."
        raise InvalidRequestError(msg, "name")
    return rotation_document(await services.rotations.replace(Rotation.of(name, body), _endpoints(services)))


@router.delete("/{name}", status_code=204)
async def delete_rotation(name: str, services: ServicesOf) -> Response:
    """Forget a rotation; its endpoints stay."""
    await services.rotations.delete(name)
    return Response(status_code=204)


def rotation_document(rotation: Rotation) -> dict[str, Any]:
    """Return a rotation as REST shows it, its name first."""
    return {"name": rotation.name, **rotation.model_dump(mode="json", exclude={"name"})}


def _endpoints(services: Services) -> Fallbacks:
    return services.manager.fallbacks()
