"""Every error has a row that says which other try it is worth; the functions that ask agree with it."""

from __future__ import annotations

from typing import Any

import pytest

from automation import errors as automation_errors
from automation.errors import AutomationError, PageLostError, SentState
from automation.page.agent import DocumentGone
from automation.web_provider.second_try import may_try_again
from backend.accounts.policy import may_try_another
from backend.endpoints.back_off import is_worth_retrying
from backend.error_table import TABLE, Try, find_row, is_worth
from backend.gateway.routing.breaker import is_worth_failing_over
from backend.provider_errors import ApiFailedError, KeyLimitedError
from backend.providers.library.retries import retry_wait_s
from tests.fakes.errors import every_error

ERRORS = every_error()
ACCOUNT_ERRORS = {
    "AccountError",
    "SignInRequiredError",
    "SessionRefusedError",
    "ChallengeRequiredError",
    "AccountBannedError",
    "NoAccountError",
}
PASSING = {"RetryableError", "SiteError", "RateLimitedError", "PageLostError"}
NOT_BY_THE_CLIENT = {
    "AnswerShapeError",
    "AccountBannedError",
    "AlreadyRunningError",
    "AnswerRewrittenError",
    "AnswerWithdrawnError",
    "BrowserUnavailableError",
    "CaptureDisagreesError",
    "ChallengeRequiredError",
    "ContentBlockedError",
    "EmptyAnswerError",
    "EndpointNotRunningError",
    "NameTakenError",
    "NoAccountError",
    "ProviderForbidsError",
    "SendUnconfirmedError",
    "ShuttingDownError",
    "SessionRefusedError",
    "SignInRequiredError",
    "SignInRunningError",
    "SiteChangedError",
    "StructuredAnswerError",
    "ToolCallError",
}
# The errors that are worth each try; another endpoint's are in the breaker's test.
WORTH: dict[Try, set[str]] = {
    Try.PAGE: {"PageLostError"},
    Try.SAME: {*PASSING, "PoolFullError"},
    Try.ACCOUNT: {*PASSING, *ACCOUNT_ERRORS},
    Try.REOPEN: set(ERRORS) - ACCOUNT_ERRORS - {"ProfileError"},
    Try.CLIENT: set(ERRORS) - NOT_BY_THE_CLIENT,
    Try.SOON: {*PASSING, "FirstTokenTimeout", "IdleTimeout", "PoolFullError"},
}


def made(name: str) -> Any:
    error: Any = ERRORS[name].__new__(ERRORS[name])
    error.retry_after_s = 1.0
    return error


def test_every_error_has_a_row_of_its_own():
    missing = [name for name, kind in ERRORS.items() if kind not in TABLE]

    assert missing == [], (
        f"Add a row to TABLE in backend/error_table.py for each of {', '.join(missing)}: which other tries may go better "
        "(Try), whether it counts as a failure of its endpoint, and its Rank among several errors."
    )


@pytest.mark.parametrize("another", WORTH)
def test_these_errors_and_no_others_are_worth_a_try(another):
    assert {name for name in ERRORS if is_worth(made(name), another)} == WORTH[another]


@pytest.mark.parametrize("sent", [SentState.MAYBE, SentState.YES])
@pytest.mark.parametrize("name", [name for name, kind in ERRORS.items() if issubclass(kind, AutomationError)])
def test_nothing_that_sends_again_is_worth_it_where_the_prompt_may_have_been_sent(name, sent):
    error = made(name)
    error.sent = sent

    sends = (Try.PAGE, Try.SAME, Try.ACCOUNT, Try.ENDPOINT, Try.CLIENT)
    assert [another for another in sends if is_worth(error, another)] == []
    assert is_worth(error, Try.REOPEN) == (name in WORTH[Try.REOPEN])


@pytest.mark.parametrize("name", ERRORS)
def test_whoever_decides_about_another_try_reads_the_table(name):
    error = made(name)

    decided = {
        Try.SAME: retry_wait_s(error, 1, 3, 1.0, 0.0) is not None,
        Try.ACCOUNT: may_try_another(error, 1),
        Try.ENDPOINT: is_worth_failing_over(error),
        Try.REOPEN: is_worth_retrying(error),
    }
    if isinstance(error, AutomationError):
        # automation can't import the table, and has a rule of its own.
        decided[Try.PAGE] = may_try_again(error, tries=1, has_sent_nothing=True)

    assert decided == {another: is_worth(error, another) for another in decided}


@pytest.mark.parametrize(
    ("error", "base"),
    [
        (DocumentGone("gone"), PageLostError),
        (ApiFailedError("boom"), automation_errors.SiteError),
        (KeyLimitedError("slow"), automation_errors.RateLimitedError),
        (KeyError("a bug"), Exception),
        (KeyboardInterrupt(), BaseException),
    ],
)
def test_a_class_without_a_row_has_that_of_its_nearest_base(error, base):
    assert find_row(error) is TABLE[base]
