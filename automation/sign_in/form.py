"""Signs in through the site's own form, with credentials that the account's owner gave."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic, time

from automation.account.credentials import Credentials, one_time_password
from automation.errors import ChallengeRequiredError, SignInRequiredError, SiteChangedError
from automation.page.agent import PageAgent
from automation.page.challenges import STANDS_S
from automation.page.hands import PageActions
from automation.secret_mask import SecretMask

logger = logging.getLogger(__name__)

_NEXT_STEP_S = 2.0


async def fill_form(
    dom: PageAgent,
    hands: PageActions,
    credentials: Credentials,
    timeout_s: float,
    *,
    now_s: Callable[[], float] = time,
) -> None:
    """Fill the form, submit it, and return once the page shows that the account is signed in.

    Args:
        dom: The page's agent.
        hands: Clicks and types.
        credentials: Those to enter.
        timeout_s: How long the site may take over each step.
        now_s: The site's own time, by which it checks a one-time password; Unix seconds.

    Raises:
        SignInRequiredError: The form refused (with its words), or nothing happened in time.
        ChallengeRequiredError: The site wants a check that only a person can pass.
        SiteChangedError: A field of the form matches nothing.
    """
    await _enter(dom, hands, "username", credentials.username)
    await _to_the_password(dom, hands, timeout_s)
    await _enter(dom, hands, "password", credentials.password)
    has_code = bool((await dom.call("look", ["code"]))["code"])
    if has_code:
        await _enter_code(dom, hands, credentials, now_s())
    await _submit(hands, "submit")
    outcome = await _outcome(dom, timeout_s, code={"code": True, "password": False})
    if outcome == "code":
        await _enter_code(dom, hands, credentials, now_s())
        await _submit(hands, "code_submit")
        outcome = await _outcome(dom, timeout_s)
    if outcome == "in":
        logger.info("signed_in")
        return
    if outcome == "captcha":
        raise ChallengeRequiredError("captcha")
    reason = await _refusal_reason(dom, outcome)
    raise SignInRequiredError(SecretMask(credentials.secrets).words(reason))


async def _refusal_reason(dom: PageAgent, outcome: str | None) -> str:
    words = await dom.call("labels", "sign_in_error") if outcome == "refused" else ""
    if words:
        return f"the site refused the credentials: {words}"
    return "the sign-in form did not lead to the chat; check the credentials, or sign in by hand"


async def _outcome(dom: PageAgent, timeout_s: float, **more: dict[str, bool]) -> str | None:
    """Wait for the form's result; None when there is none in time.

    A check of the site counts only when it stays, and nothing better comes of it.
    """
    known = {
        "refused": {"sign_in_error": True},
        "in": {"password": False, "code": False, "input": True},
        **more,
    }
    outcomes = {**known, "captcha": {"captcha": True}}
    found = await dom.call("first", outcomes, int(timeout_s * 1000), timeout_s=timeout_s + 2)
    if found == "captcha":
        found = await dom.call("first", known, int(STANDS_S * 1000), timeout_s=STANDS_S + 2) or "captcha"
    return str(found) if found else None


async def _enter_code(dom: PageAgent, hands: PageActions, credentials: Credentials, now_s: float) -> None:
    if credentials.totp_secret is None:
        reason = "the site asks for a one-time password; give the account its totp_secret, or sign in by hand"
        raise SignInRequiredError(reason)
    await _enter(dom, hands, "code", one_time_password(credentials.totp_secret, now_s))


async def _submit(hands: PageActions, button: str) -> None:
    if not await hands.click_if_there(button, "signing in"):
        await hands.press("Enter", "signing in")


async def _to_the_password(dom: PageAgent, hands: PageActions, timeout_s: float) -> None:
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


async def _enter(dom: PageAgent, hands: PageActions, role: str, text: str) -> None:
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
