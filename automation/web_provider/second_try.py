"""Decides whether a turn that failed may be retried once from its beginning. Pure."""

from __future__ import annotations

from automation.errors import AutomationError, PageLostError

_MOST_TRIES = 2


def may_try_again(error: AutomationError, *, tries: int, has_sent_nothing: bool) -> bool:
    """Return whether to retry the turn on another page.

    Only for a page that was lost, once, and only where nothing can have been sent: a prompt that went out twice is two
    turns in the account's history and in its limits, and the site may act on both.

    Args:
        error: The error that ended it.
        tries: Number of tries so far, this one included.
        has_sent_nothing: It is proven that the site did not get the prompt.
    """
    return isinstance(error, PageLostError) and has_sent_nothing and tries < _MOST_TRIES
