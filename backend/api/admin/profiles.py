"""Routes for profiles: try one on its page."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from backend.api.admin.trial_documents import trial_document
from backend.api.json_route import JsonRoute
from backend.api.services import ServicesOf
from backend.errors import TrialTimeoutError
from backend.providers.fields import HttpAddress
from backend.providers.kinds import TrialOrder

router = APIRouter(prefix="/api/profiles", tags=["profiles"], route_class=JsonRoute)


class ProfileTrial(BaseModel):
    """What is tried.

    Attributes:
        url: Of the page.
        profile: A profile's name, or an inline profile.
        ask: The one prompt that is sent; left out, the page is only looked at.
        timeout_seconds: Most seconds that the whole trial may take.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    url: HttpAddress
    profile: str | dict[str, Any]
    ask: Annotated[str, Field(min_length=1, max_length=100_000)] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 300.0


@router.post("/try")
async def run_profile_trial(body: ProfileTrial, services: ServicesOf) -> dict[str, Any]:
    """Open a page with a profile, say what matches, ask once if told, and say what to change; answers when it is done."""
    with anyio.move_on_after(body.timeout_seconds):
        return trial_document(await services.try_profile(TrialOrder(body.url, body.profile, body.ask)))
    raise TrialTimeoutError(body.timeout_seconds)
