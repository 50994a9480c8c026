"""Decides whether a turn that failed may be retried once from its beginning. Pure."""

from __future__ import annotations

from automation.errors import AutomationError, PageLostError, SentState, SignInRequiredError

_MOST_TRIES = 2


def may_try_again(
    error: AutomationError, *, tries: int, has_sent_nothing: bool, can_sign_in: bool = False
) -> bool:
    """Return whether to retry the turn on another page.

    Only for a page that was lost and for a session that was over, once, and only where the site did not get the prompt: one
    that went out twice is two turns in the account's history and in its limits, and the site may act on both.

    Args:
        error: The error that ended it.
        tries: Number of tries so far, this one included.
        has_sent_nothing: Nothing was done that sends.
        can_sign_in: The account signs in again by itself.
    """
    if tries >= _MOST_TRIES:
        return False
    if isinstance(error, SignInRequiredError):
        # The site refused the request that carried the prompt.
        return can_sign_in and error.sent is SentState.NO
    return isinstance(error, PageLostError) and has_sent_nothing
