from __future__ import annotations

import asyncio

import pytest

from automation.errors import (
    AccountBannedError,
    AttachmentRejectedError,
    FirstTokenTimeout,
    IdleTimeout,
    PoolFullError,
    ProfileError,
    PromptTooLargeError,
    RateLimitedError,
    SignInRequiredError,
    SiteChangedError,
    SiteError,
    UnreachableError,
)
from backend.errors import (
    EndpointDisabledError,
    EndpointNotRunningError,
    InvalidRequestError,
    ProviderRefusedError,
    QueueFullError,
    RateExceededError,
)
from backend.gateway.routing.breaker import (
    Breaker,
    BreakerLimits,
    counts_as_failure,
    disabled_error,
    is_worth_failing_over,
    limit_s,
    most_useful,
)
from backend.provider_errors import KeyLimitedError, ModelLimitedError
from tests.fakes.errors import every_error

# What each error means: whether another endpoint is asked, and whether it speaks against this one.
MEANINGS = {
    "AutomationError": (True, True),
    "RetryableError": (True, True),
    "SiteError": (True, True),
    "ContentBlockedError": (True, False),
    "AnswerWithdrawnError": (False, False),
    "EmptyAnswerError": (False, True),
    "SendUnconfirmedError": (False, True),
    "CaptureDisagreesError": (False, True),
    "AnswerRewrittenError": (False, False),
    "RateLimitedError": (True, False),
    "FirstTokenTimeout": (True, True),
    "IdleTimeout": (True, True),
    "PageLostError": (True, True),
    "SessionUnavailableError": (True, False),
    "PoolFullError": (True, False),
    "AccountError": (True, False),
    "SessionRefusedError": (True, False),
    "SignInRequiredError": (True, False),
    "ChallengeRequiredError": (True, False),
    "AccountBannedError": (True, False),
    "NoAccountError": (True, False),
    "SiteChangedError": (True, True),
    "PromptRejectedError": (False, False),
    "PromptTooLargeError": (True, False),
    "AttachmentRejectedError": (True, False),
    "ConversationGoneError": (False, False),
    "UnreachableError": (True, True),
    "ProfileError": (True, False),
    "BrowserUnavailableError": (True, True),
    "GatewayError": (False, False),
    "InvalidRequestError": (False, False),
    "EndpointNotFoundError": (True, False),
    "AccountNotFoundError": (False, False),
    "ModelNotFoundError": (True, False),
    "EndpointNotRunningError": (True, False),
    "AlreadyRunningError": (False, False),
    "NameTakenError": (False, False),
    "RotationNotFoundError": (False, False),
    "ConversationNotFoundError": (False, False),
    "ConversationBusyError": (False, False),
    "SignInNotFoundError": (False, False),
    "SignInRunningError": (False, False),
    "LiveTokenExpiredError": (False, False),
    "InvalidCredentialError": (False, False),
    "NotAllowedError": (False, False),
    "PreviousResponseNotFoundError": (False, False),
    "ShuttingDownError": (False, False),
    "StorageError": (False, False),
    "AnswerShapeError": (False, False),
    "ToolCallError": (False, False),
    "StructuredAnswerError": (False, False),
    "ProviderRefusedError": (False, False),
    "ProviderForbidsError": (True, False),
    "ProviderConflictError": (True, False),
    "BusyError": (True, False),
    "QueueFullError": (True, False),
    "RateExceededError": (True, False),
    "EndpointDisabledError": (True, False),
    "TrialTimeoutError": (False, False),
}
LIMITS = BreakerLimits(failures=3, disabled_s=300)
BOOM = SiteError("boom")


def test_the_table_names_every_error_of_both_trees():
    assert set(every_error()) == set(MEANINGS)


@pytest.mark.parametrize("name", MEANINGS)
def test_an_error_means_what_the_table_says(name):
    kind = every_error()[name]
    error = kind.__new__(kind)

    assert (is_worth_failing_over(error), counts_as_failure(error)) == MEANINGS[name]


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (KeyError("a bug"), (True, True)),
        (asyncio.CancelledError(), (False, False)),
        (ExceptionGroup("turn", [InvalidRequestError("no")]), (False, False)),
        (ExceptionGroup("turn", [ValueError(), SiteError("boom")]), (True, True)),
    ],
)
def test_what_is_in_no_tree_has_a_meaning_too(error, meaning):
    assert (is_worth_failing_over(error), counts_as_failure(error)) == meaning


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (RateLimitedError("slow", 7), 7),
        (RateExceededError("much", 3), 3),
        (KeyLimitedError("used up", 9, "quota"), 9),
        (ModelLimitedError("slow", 7), None),
        (ExceptionGroup("turn", [RateLimitedError("slow", 7)]), 7),
        (QueueFullError("full", 5), None),
        (SiteError("boom"), None),
    ],
)
def test_only_a_true_limit_says_for_how_long_nothing_is_taken(error, seconds):
    assert limit_s(error) == seconds


def failed(breaker: Breaker, now: float = 0.0, error: BaseException = BOOM) -> str | None:
    return breaker.note_failure(error, now, LIMITS, is_probe=breaker.begin())


def disabled(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(3):
        failed(breaker, now)
    return breaker


def test_three_failures_in_a_row_disable_for_five_minutes():
    breaker = Breaker()

    changes = [failed(breaker, now) for now in (1.0, 2.0, 3.0)]

    assert changes == [None, None, "disabled"]
    assert breaker.unavailable_until(3.0) == 303.0


def test_an_answer_in_between_starts_the_count_anew():
    breaker = Breaker()

    failed(breaker)
    failed(breaker)
    breaker.note_success(is_probe=False)
    failed(breaker)
    failed(breaker)

    assert breaker.unavailable_until(0.0) is None


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequestError("no"),
        ProviderRefusedError("no", 422),
        PromptTooLargeError(9, 5),
        RateLimitedError("s", 1),
    ],
)
def test_what_does_not_speak_against_the_endpoint_never_disables_it(error):
    breaker = Breaker()

    for _ in range(50):
        failed(breaker, error=error)

    assert breaker.failures == 0
    assert breaker.disabled_until is None


def test_a_limit_keeps_requests_away_until_it_ends_and_no_longer():
    breaker = Breaker()

    failed(breaker, 10.0, RateLimitedError("slow", 60))

    assert breaker.unavailable_until(10.0) == 70.0
    assert breaker.unavailable_until(70.0) is None


def test_a_shorter_limit_does_not_end_a_longer_one():
    breaker = Breaker()

    failed(breaker, 10.0, RateLimitedError("slow", 60))
    failed(breaker, 11.0, RateLimitedError("slow", 1))

    assert breaker.unavailable_until(11.0) == 70.0


def test_one_request_at_a_time_probes_a_disabled_endpoint():
    breaker = disabled()

    assert [breaker.begin(), breaker.begin()] == [True, False]


def test_a_probe_that_is_answered_ends_it():
    breaker = disabled()

    change = breaker.note_success(is_probe=breaker.begin())

    assert change == "recovered"
    assert (breaker.unavailable_until(0.0), breaker.is_probing, breaker.failures) == (None, False, 0)


def test_a_probe_that_fails_begins_the_time_anew_without_being_news():
    breaker = disabled()

    change = failed(breaker, 400.0)

    assert change is None
    assert (breaker.unavailable_until(400.0), breaker.is_probing) == (700.0, False)


def test_a_probe_that_shows_nothing_lets_the_next_one_probe():
    breaker = disabled()

    breaker.note_cancelled(is_probe=breaker.begin())
    is_probe = breaker.begin()

    assert is_probe
    assert failed(breaker, error=InvalidRequestError("no")) is None
    assert breaker.disabled_until == 300.0


def test_another_request_that_ends_leaves_the_probe_alone():
    breaker = disabled()
    breaker.begin()

    breaker.note_cancelled(is_probe=False)

    assert breaker.is_probing


def test_the_longer_of_limit_and_rest_counts():
    breaker = disabled()

    failed(breaker, 0.0, RateLimitedError("slow", 500))

    assert breaker.unavailable_until(1.0) == 500.0
    assert breaker.unavailable_until(501.0) == 300.0


def test_what_is_told_of_a_disabled_endpoint_says_when_it_is_tried_again():
    error = disabled_error("demo", disabled(), 100.0)

    assert (error.slug, error.retry_after_s) == ("demo", 200.0)
    assert disabled_error("demo", disabled(), 900.0).retry_after_s == 1.0


LONG, SHORT = RateLimitedError("slow", 3600), RateLimitedError("slow", 4)
SIGN_IN, CHANGED = SignInRequiredError("x"), SiteChangedError("input", "compose")
STOPPED, TOO_LARGE = EndpointNotRunningError("a", "inactive"), PromptTooLargeError(9, 5)


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([BOOM], BOOM),
        ([LONG, SHORT], SHORT),
        ([LONG, BOOM], BOOM),
        ([BOOM, SHORT], SHORT),
        ([SIGN_IN, LONG], LONG),
        ([STOPPED, SIGN_IN], SIGN_IN),
        ([CHANGED, SIGN_IN], SIGN_IN),
        ([STOPPED, TOO_LARGE], TOO_LARGE),
        ([SIGN_IN, TOO_LARGE, BOOM], BOOM),
        ([STOPPED, UnreachableError("u", "dns")], None),
        ([AccountBannedError("x"), STOPPED, PoolFullError(1)], None),
        ([STOPPED, AttachmentRejectedError("f", "p", "r"), FirstTokenTimeout(1)], None),
        ([STOPPED, ProfileError("s", "k", "r"), IdleTimeout(3)], None),
    ],
)
def test_the_error_that_is_told_says_when_another_try_makes_sense(errors, told):
    expected = errors[-1] if told is None else told

    assert most_useful(errors) is expected


def test_of_errors_that_are_alike_the_first_is_told():
    first, second = SiteError("one"), SiteError("two")

    assert most_useful([first, second]) is first


def test_a_group_is_told_by_what_it_is_about():
    assert most_useful([STOPPED, ExceptionGroup("turn", [SHORT])]) is SHORT


def test_a_disabled_endpoint_that_is_tried_soon_is_worth_telling():
    soon = EndpointDisabledError("a", 2.0)

    assert most_useful([BOOM, LONG, soon]) is soon
