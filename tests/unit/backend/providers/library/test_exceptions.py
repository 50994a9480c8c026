"""Our errors by the names that programs catch, with ours as their cause."""

from __future__ import annotations

import pytest

from automation.errors import (
    AccountBannedError,
    ChallengeRequiredError,
    NoAccountError,
    RateLimitedError,
    SignInRequiredError,
    SiteError,
)
from backend.errors import ProviderRefusedError, RateExceededError
from backend.providers.library.exceptions import (
    AccountBanned,
    AllRetriesFailed,
    APIError,
    NoAccountAvailable,
    RateLimited,
    TokenExpired,
    all_failed,
    to_public_error,
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SignInRequiredError("x"), TokenExpired),
        (ChallengeRequiredError("captcha"), TokenExpired),
        (AccountBannedError("x"), AccountBanned),
        (RateLimitedError("x", 7.0), RateLimited),
        (RateExceededError("x", 7.0), RateLimited),
        (NoAccountError("x"), NoAccountAvailable),
        (SiteError("x"), APIError),
        (ProviderRefusedError("x"), APIError),
    ],
)
def test_each_error_has_the_name_that_programs_catch(error, kind):
    made = to_public_error(error)

    assert type(made) is kind
    assert made.__cause__ is error
    assert str(made) == str(error)


def test_a_limit_tells_when_to_come_back():
    made = to_public_error(RateLimitedError("x", 7.0))

    assert isinstance(made, RateLimited)
    assert made.retry_after_s == 7.0


def test_one_failure_is_itself_and_several_are_all_of_them():
    one = all_failed([SiteError("a")])
    several = all_failed([SiteError("a"), SignInRequiredError("b")])

    assert type(one) is APIError
    assert isinstance(several, AllRetriesFailed)
    assert [type(error) for error in several.errors] == [APIError, TokenExpired]
