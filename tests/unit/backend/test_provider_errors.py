"""An API's errors speak of APIs, and are to every table and handler what their bases are."""

from __future__ import annotations

import pytest

from automation.errors import ContentBlockedError, RateLimitedError, SignInRequiredError, SiteError
from backend.api.errors import describe_error
from backend.provider_errors import (
    ApiContentBlockedError,
    ApiFailedError,
    ApiOverloadedError,
    KeyLimitedError,
    KeyRefusedError,
    ModelLimitedError,
)
from backend.providers.api.dialect import Refusal
from backend.providers.api.failures import map_http_failure


@pytest.mark.parametrize(
    ("error", "base", "words"),
    [
        (ApiFailedError("boom"), SiteError, "The provider reported: boom"),
        (ApiContentBlockedError("no"), ContentBlockedError, "The provider reported: no"),
        (KeyLimitedError("slow"), RateLimitedError, "The provider limits this key: slow"),
        (ModelLimitedError("slow"), KeyLimitedError, "The provider limits this model: slow"),
        (KeyRefusedError("wrong"), SignInRequiredError, "The provider refused the API key: wrong"),
    ],
)
def test_an_error_speaks_of_the_provider_and_is_told_with_its_bases_status_and_code(error, base, words):
    told, as_base = describe_error(error), describe_error(base("x"))

    assert type(error).__base__ is base
    assert told.message == words
    assert (told.status, told.code, told.headers) == (as_base.status, as_base.code, as_base.headers)


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (401, "Incorrect API key", "The provider refused the API key: Incorrect API key"),
        (500, "", "The provider reported: HTTP 500 without words"),
        (429, "Slow down", "The provider limits this model: Slow down"),
        (402, "", "The provider limits this key: HTTP 402"),
    ],
)
def test_an_http_error_is_told_in_the_words_of_apis(status, message, words):
    assert str(map_http_failure(status, Refusal(message), None)) == words


def test_a_limit_that_is_told_later_keeps_its_words_and_its_kind():
    later = KeyLimitedError("used up", 60.0, "quota").with_time_left(7.5)

    assert type(later) is KeyLimitedError
    assert (str(later), later.retry_after_s, later.kind) == (
        "The provider limits this key: used up",
        7.5,
        "quota",
    )


def test_a_provider_that_has_too_much_to_do_is_told_as_such_with_when_to_try_again():
    told = describe_error(ApiOverloadedError("busy", 7.0))

    assert (told.status, told.code, dict(told.headers)) == (529, "overloaded", {"retry-after": "7"})


def test_when_to_try_a_failed_provider_again_is_told():
    assert dict(describe_error(ApiFailedError("busy", 7.0)).headers) == {"retry-after": "7"}
    assert dict(describe_error(ApiFailedError("busy")).headers) == {}
