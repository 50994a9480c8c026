"""What may pass is asked again, later each time; what won't is not."""

from __future__ import annotations

import pytest

from automation.errors import (
    ContentBlockedError,
    FirstTokenTimeout,
    IdleTimeout,
    RateLimitedError,
    SignInRequiredError,
    SiteError,
)
from backend.errors import InvalidRequestError
from backend.providers.library.retries import retry_wait_s


@pytest.mark.parametrize(
    ("error", "tries", "chance", "expected"),
    [
        (SiteError("x"), 1, 0.0, 2.0),
        (SiteError("x"), 2, 0.0, 4.0),
        (SiteError("x"), 3, 0.5, 8.8),
        (SiteError("x"), 4, 0.0, None),
        (RateLimitedError("x", 9.0), 1, 0.0, 9.0),
        (RateLimitedError("x", 0.5), 1, 0.0, 2.0),
        (RateLimitedError("x", 61.0), 1, 0.0, None),
        (ContentBlockedError("x"), 1, 0.0, None),
        (FirstTokenTimeout(1.0), 1, 0.0, None),
        (IdleTimeout(1.0), 1, 0.0, None),
        (SignInRequiredError("x"), 1, 0.0, None),
        (InvalidRequestError("x"), 1, 0.0, None),
    ],
)
def test_the_wait_before_the_next_try(error, tries, chance, expected):
    assert retry_wait_s(error, tries, 3, 2.0, chance) == (
        None if expected is None else pytest.approx(expected)
    )


def test_no_wait_grows_beyond_a_minute_and_a_fifth():
    assert retry_wait_s(SiteError("x"), 99, 100, 2.0, 1.0) == pytest.approx(72.0)
