"""Notes on an error what the page showed when it happened: the profile's matches, role by role, and a screenshot."""

from __future__ import annotations

import logging

from playwright.async_api import Page

from automation.errors import (
    AutomationError,
    CaptureDisagreesError,
    EmptyAnswerError,
    FirstTokenTimeout,
    IdleTimeout,
    PageLostError,
    SendUnconfirmedError,
    SiteChangedError,
)
from automation.page.roles import TURN_ROLES, advise_on_turns, describe_roles, parse_roles
from automation.page.waits import AgentCaller
from automation.playwright_errors import DRIVER_ERRORS, first_line

logger = logging.getLogger(__name__)

PROFILE_ERRORS = (
    SiteChangedError,
    SendUnconfirmedError,
    FirstTokenTimeout,
    IdleTimeout,
    EmptyAnswerError,
    CaptureDisagreesError,
)
"""Errors of a turn that a wrong key of the profile may be the cause of."""

_SCREENSHOT_MS = 3000


async def site_changed(
    page: Page, agent: AgentCaller, profile_key: str, step: str, *, problem: str = ""
) -> SiteChangedError:
    """Return the error with what the page shows now."""
    error = SiteChangedError(profile_key, step, problem=problem)
    await add_evidence(error, page, agent)
    return error


async def add_evidence(error: AutomationError, page: Page, agent: AgentCaller) -> None:
    """Note on ``error`` what the page shows now; a page that is gone or hung leaves it as it is."""
    error.roles = error.roles or await _describe_page(agent, error)
    error.screenshot = error.screenshot or await _take_screenshot(page)


async def _describe_page(agent: AgentCaller, error: AutomationError) -> str:
    blamed = error.profile_key if isinstance(error, SiteChangedError) else ""
    try:
        found = parse_roles(await agent.call("roles"))
    except (PageLostError, SiteChangedError) as exc:
        logger.info("roles_not_read", extra={"reason": str(exc)})
        return ""
    said = describe_roles(
        found, [*TURN_ROLES, *([blamed] if blamed in found and blamed not in TURN_ROLES else [])]
    )
    advice = advise_on_turns(found) if isinstance(error, FirstTokenTimeout | SendUnconfirmedError) else ""
    return "; ".join(part for part in (said, advice) if part)


async def _take_screenshot(page: Page) -> bytes | None:
    """Return a picture of the page in which every field is painted over."""
    try:
        fields = page.locator("input, textarea, [contenteditable]")
        return await page.screenshot(mask=[fields], timeout=_SCREENSHOT_MS)
    except DRIVER_ERRORS as exc:
        logger.info("screenshot_failed", extra={"reason": first_line(exc)})
        return None
