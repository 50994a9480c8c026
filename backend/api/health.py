"""Routes for liveness and readiness."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from backend import __version__
from backend.api.services import ServicesOf
from backend.ending import SCOPE_KEY, Ending
from backend.identity.request_principal import find_principal

router = APIRouter(tags=["health"])


@router.head("/health", include_in_schema=False)
@router.get("/health")
async def health(services: ServicesOf) -> dict[str, Any]:
    """Tell that the gateway is alive."""
    return {
        "status": "ok",
        "version": __version__,
        "uptime_s": round(time.monotonic() - services.started_at, 3),
    }


@router.head("/ready", include_in_schema=False)
@router.get("/ready")
async def ready(request: Request, services: ServicesOf) -> JSONResponse:
    """Tell whether the database works, and how browser and endpoints are; 503 when it can't serve, or stops.

    With authentication on, a caller without the key gets the status alone.
    """
    problem = await services.find_database_problem()
    ending: Ending = request.scope[SCOPE_KEY]
    status = "stopping" if ending.is_begun else "unavailable" if problem else "ready"
    document: dict[str, Any] = {"status": status}
    if find_principal(request.scope) is not None:
        document |= {
            "database": {"status": "error", "reason": problem} if problem else {"status": "ok"},
            "browser": services.browser_status(),
            "endpoints": {
                e.slug: {"state": str(e.state), "state_reason": e.board.reason}
                for e in services.manager.list_all()
            },
        }
    return JSONResponse(document, 200 if status == "ready" else 503)
