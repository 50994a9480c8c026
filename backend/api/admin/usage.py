"""Route for usage and cost of requests."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from backend.api.services import PrincipalOf, ServicesOf
from backend.errors import InvalidRequestError

router = APIRouter(prefix="/api/usage", tags=["usage"])


@router.get("/")
async def total_usage(
    services: ServicesOf,
    principal: PrincipalOf,
    since: Annotated[datetime | None, Query(description="Only what came later; ISO 8601.")] = None,
    endpoint: Annotated[str | None, Query(description="Only this endpoint's.")] = None,
) -> dict[str, Any]:
    """Add up requests, tokens and costs by endpoint and model, the most expensive first; everybody's only to administrators."""
    since = _in_utc(since) if since is not None else None
    totals = await services.usage.totals(since, endpoint, principal.visible_owner)
    return {
        "since": since.isoformat() if since is not None else None,
        "data": [asdict(total) for total in totals],
        "requests": sum(total.requests for total in totals),
        "cost_usd": sum(total.cost_usd for total in totals),
    }


def _in_utc(at: datetime) -> datetime:
    """Return the time as SQLite must be asked, which compares without a zone."""
    if at.tzinfo is None:
        return at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError as exc:
        msg = "since: is out of the years that there are."
        raise InvalidRequestError(msg, "since") from exc
