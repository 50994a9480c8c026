"""Signs in through the site's own form, with credentials that the account's owner gave."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Protocol

from automation.capture.dom_tap import DomTap
from automation.errors import SignInRequiredError, SiteChangedError
from automation.sign_in.credentials import Credentials

log = logging.getLogger(__name__)

_NEXT_STEP_S = 2.0


class Hands(Protocol):
    """The clicks and keys that a form needs."""

    async def click(self, role: str, step: str) -> None:
        """Click the role's element."""
        ...

    async def click_if_there(self, role: str, step: str) -> bool:
        """Click the role's element if it is there."""
        ...

    async def press(self, key: str, step: str) -> None:
        """Press one key."""
        ...

    async def insert(self, text: str, step: str) -> None:
        """Put text where the caret is."""
        ...


async def fill_form(dom: DomTap, hands: Hands, credentials: Credentials, timeout_s: float) -> None:
    """Fill the form, submit it, and return once the page shows that the account is signed in.

    Raises:
        SignInRequiredError: The form refused (with its words), or nothing happened in time.
        SiteChangedError: A field of the form matches nothing.
    """
    await _enter(dom, hands, "username", credentials.username)
    await _to_the_password(dom, hands, timeout_s)
    await _enter(dom, hands, "password", credentials.password)
    if not await hands.click_if_there("submit", "signing in"):
        await hands.press("Enter", "signing in")
    outcome = await dom.call(
        "first",
        {"refused": {"sign_in_error": True}, "in": {"password": False, "input": True}},
        int(timeout_s * 1000),
        timeout_s=timeout_s + 2,
    )
    if outcome == "in":
        log.info("signed_in")
        return
    words = await dom.call("labels", "sign_in_error") if outcome == "refused" else ""
    if words:
        reason = f"the site refused the credentials: {words}"
    else:
        reason = "the sign-in form did not lead to the chat; check the credentials, or sign in by hand"
    raise SignInRequiredError(reason)


async def _to_the_password(dom: DomTap, hands: Hands, timeout_s: float) -> None:
    if not await hands.click_if_there("next_step", "signing in"):
        return
    deadline = monotonic() + timeout_s
    while True:
        wait_s = min(_NEXT_STEP_S, max(0.0, deadline - monotonic()))
        if await dom.call("until", {"password": True}, int(wait_s * 1000), timeout_s=wait_s + 2):
            return
        if monotonic() >= deadline:
            return
        # A form is often painted before its script listens: where the button is still there, the click did nothing.
        await hands.click_if_there("next_step", "signing in")


async def _enter(dom: DomTap, hands: Hands, role: str, text: str) -> None:
    for enter in ("insert", "assign"):
        described = await dom.call("focus", role)
        if described is None:
            raise SiteChangedError(f"sign_in.{role}", "signing in")
        if enter == "insert":
            await hands.insert(text, "signing in")
        else:
            await dom.call("assign", role, text)
        found = await dom.call("field", role)
        if found is not None and found["text"] == text:
            return
    reason = f"the form's {role} field does not keep what is entered"
    raise SignInRequiredError(reason)
