"""A turn is begun anew only once, only for a lost page, and only where nothing was sent."""

import pytest

from automation.errors import (
    FirstTokenTimeout,
    IdleTimeout,
    PageLostError,
    PoolFullError,
    SentState,
    SignInRequiredError,
    SiteChangedError,
    SiteError,
)
from automation.web_provider.second_try import may_try_again

LOST = PageLostError("The page's renderer crashed.")


def signed_out(sent):
    error = SignInRequiredError("the site refused the prompt's request")
    error.sent = sent
    return error


@pytest.mark.parametrize(
    ("sent", "tries", "can_sign_in", "again"),
    [
        (SentState.NO, 1, True, True),
        (SentState.NO, 1, False, False),
        (SentState.NO, 2, True, False),
        (SentState.MAYBE, 1, True, False),
        (SentState.YES, 1, True, False),
        (None, 1, True, False),
    ],
)
def test_after_a_session_that_was_over_the_account_signs_in_once(sent, tries, can_sign_in, again):
    error = signed_out(sent)

    assert may_try_again(error, tries=tries, has_sent_nothing=False, can_sign_in=can_sign_in) is again


@pytest.mark.parametrize(
    ("error", "tries", "has_sent_nothing", "again"),
    [
        (LOST, 1, True, True),
        (LOST, 1, False, False),
        (LOST, 2, True, False),
        (SiteError("no"), 1, True, False),
        (PoolFullError(30.0), 1, True, False),
        (SiteChangedError("input", "composing"), 1, True, False),
        (SignInRequiredError("no session"), 1, True, False),
        (FirstTokenTimeout(120.0), 1, False, False),
        (IdleTimeout(45.0), 1, False, False),
    ],
)
def test_only_a_lost_page_that_was_sent_nothing_is_worth_another(error, tries, has_sent_nothing, again):
    assert may_try_again(error, tries=tries, has_sent_nothing=has_sent_nothing) is again
