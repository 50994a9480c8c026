"""Restores a stored session into the context of an account's own browser, beside what its profile has kept."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from playwright.async_api import BrowserContext

from automation.account.session_state import StorageState
from automation.browser.profile_folder import Found
from automation.errors import PageLostError, SessionRefusedError
from automation.playwright_errors import DRIVER_ERRORS, first_line

logger = logging.getLogger(__name__)


async def take_up(context: BrowserContext, state: StorageState, found: Found) -> None:
    """Restore the stored session in a profile's context: all of it in a new one, what it lost in another one.

    Raises:
        SessionRefusedError: The browser does not take it.
        PageLostError: The browser is gone.
    """
    try:
        if found == "new":
            await context.set_storage_state(state)  # type: ignore[arg-type]
        else:
            known = [] if found == "left" else await context.cookies()
            await context.add_cookies(_missing(state["cookies"], known))  # type: ignore[arg-type]
    except DRIVER_ERRORS as exc:
        if not (context.browser and context.browser.is_connected()):
            msg = f"The browser was lost: {first_line(exc)}"
            raise PageLostError(msg) from exc
        logger.warning("session_refused", extra={"reason": first_line(exc)})
        raise SessionRefusedError from exc


def _missing(cookies: list[dict[str, Any]], known: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the cookies that a profile has not: a browser forgets those of its session when it closes, or is killed.

    What it has is as new as what is stored, or newer.
    """
    there = {(cookie["name"], cookie["domain"], cookie["path"]) for cookie in known}
    return [c for c in cookies if (c["name"], c["domain"], c["path"]) not in there]
