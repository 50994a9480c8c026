from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from backend.alerts.notices import Notice, NoticeBook
from backend.endpoints.states import EndpointState, StateChange

AT = datetime(2026, 1, 2, tzinfo=UTC)
S = EndpointState


def state(state: EndpointState, reason: str | None = None, cause: str | None = None) -> StateChange:
    return StateChange(state, reason, AT, cause)


def told(book: NoticeBook, now: float = 0.0) -> list[str]:
    return [notice.kind for notice in book.take_due(now)]


@pytest.fixture
def book() -> NoticeBook:
    return NoticeBook(60.0)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (state(S.ERROR, "boom", "SiteChangedError"), "error"),
        (state(S.AUTHENTICATION_REQUIRED, "sign in", "SignInRequiredError"), "authentication_required"),
        (state(S.AUTHENTICATION_REQUIRED, "closed", "AccountBannedError"), "banned"),
    ],
)
def test_trouble_is_told_with_its_reason(book, change, kind):
    book.note_state("a", change)

    assert book.take_due(0.0) == [Notice("a", kind, change.reason, AT)]


@pytest.mark.parametrize("quiet", [S.INITIALIZING, S.ACTIVE, S.BUSY, S.RATE_LIMITED, S.INACTIVE])
def test_what_is_no_trouble_is_not_told(book, quiet):
    book.note_state("a", state(quiet))

    assert (told(book), book.next_due()) == ([], math.inf)


def test_news_is_told_once(book):
    book.note_state("a", state(S.ERROR))

    assert [told(book), told(book), told(book, 1e6)] == [["error"], [], []]


def test_a_recovery_is_told_after_trouble_and_only_then(book):
    book.note_state("a", state(S.ACTIVE))
    before = told(book)
    book.note_state("a", state(S.ERROR))
    told(book)
    book.note_state("a", state(S.INITIALIZING))
    meanwhile = told(book)
    book.note_state("a", state(S.ACTIVE))

    assert [before, meanwhile, told(book)] == [[], [], ["recovered"]]


def test_the_same_news_is_not_told_again_within_the_interval_but_after_it_if_it_is_still_true(book):
    for one in (S.ERROR, S.ACTIVE):
        book.note_state("a", state(one))
        told(book, 10.0)
    book.note_state("a", state(S.ERROR))

    assert (told(book, 20.0), book.next_due()) == ([], 70.0)
    assert told(book, 70.0) == ["error"]


def test_trouble_that_ends_before_its_time_is_never_told(book):
    for one in (S.ERROR, S.ACTIVE):
        book.note_state("a", state(one))
        told(book, 10.0)
    book.note_state("a", state(S.ERROR))
    book.note_state("a", state(S.ACTIVE))

    assert (told(book, 1000.0), book.next_due()) == ([], math.inf)


def test_other_trouble_and_other_endpoints_are_told_at_once(book):
    book.note_state("a", state(S.ERROR))
    told(book)
    book.note_state("a", state(S.AUTHENTICATION_REQUIRED))
    book.note_state("b", state(S.ERROR))

    assert told(book, 1.0) == ["authentication_required", "error"]


def test_a_stopped_endpoint_is_no_news_and_one_that_works_after_it_is(book):
    book.note_state("a", state(S.ERROR))
    told(book)
    book.note_state("a", state(S.INACTIVE))
    stopped = told(book, 100.0)
    book.note_state("a", state(S.ACTIVE))

    assert (stopped, told(book, 100.0)) == ([], ["recovered"])


def test_trouble_that_ends_with_a_stop_before_its_time_is_never_told(book):
    for one in (S.ERROR, S.ACTIVE):
        book.note_state("a", state(one))
        told(book)
    book.note_state("a", state(S.ERROR))
    book.note_state("a", state(S.INACTIVE))

    assert told(book, 1000.0) == []


def test_a_disabled_endpoint_is_told_and_its_recovery(book):
    book.note_breaker("a", "disabled", "boom")
    first = book.take_due(0.0)
    book.note_breaker("a", "recovered", "")

    assert [(n.kind, n.reason) for n in first] == [("disabled", "boom")]
    assert told(book) == ["recovered"]


def test_an_endpoint_works_again_only_when_all_its_troubles_are_over(book):
    book.note_state("a", state(S.ERROR))
    book.note_breaker("a", "disabled", "boom")
    first = told(book)
    book.note_state("a", state(S.ACTIVE))
    second = told(book)
    book.note_breaker("a", "recovered", "")

    assert [first, second, told(book)] == [["error"], ["disabled"], ["recovered"]]


def test_a_notice_reads_like_a_sentence_and_like_data():
    notice = Notice("demo", "error", "Nothing matches.", AT)

    assert notice.text == "Parley: endpoint demo has an error. Nothing matches."
    assert notice.document() == {
        "event": "endpoint.error",
        "endpoint": "demo",
        "state": "error",
        "reason": "Nothing matches.",
        "at": "2026-01-02T00:00:00+00:00",
        "text": notice.text,
    }
