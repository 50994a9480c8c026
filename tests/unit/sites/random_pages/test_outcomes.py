"""What is said of a reply to a turn with a random page."""

from dataclasses import replace

import pytest

from tests.sites.random_pages import plan_page
from tests.sites.random_pages.answers import PageTurn
from tests.sites.random_pages.outcomes import Reply, judge

WHOLE = PageTurn("Q1.0: ?", "Paris", "Paris", is_streamed=False, continues=False, moments=((0.0, 5),))
STREAMED = replace(WHOLE, is_streamed=True)
DRAFTED = replace(WHOLE, draft="Rome", moments=((0.0, 4),))
REPLACED = replace(plan_page(1), rewriting="replaced")
RAW_FIRST = replace(plan_page(1), rewriting="raw_first")
APPENDED = replace(plan_page(1), rewriting="append")


def error(code, sent="yes"):
    return Reply("", {"code": code, "sent": sent})


@pytest.mark.parametrize(
    ("plan", "turn", "reply", "times", "verdict"),
    [
        (APPENDED, WHOLE, Reply("Paris"), 1, "exact"),
        (APPENDED, WHOLE, Reply("Par"), 1, "wrong text"),
        (APPENDED, WHOLE, Reply("Paris "), 1, "wrong text"),
        (APPENDED, WHOLE, Reply("Paris"), 2, "sent again"),
        (APPENDED, WHOLE, Reply("Paris"), 0, "sent untruly"),
        (APPENDED, WHOLE, error("idle_timeout"), 1, "error"),
        (APPENDED, WHOLE, error("idle_timeout"), 2, "sent again"),
        (APPENDED, WHOLE, error("idle_timeout", "no"), 1, "sent untruly"),
        (APPENDED, WHOLE, error("idle_timeout"), 0, "sent untruly"),
        (APPENDED, WHOLE, error("send_unconfirmed", "maybe"), 0, "error"),
        (APPENDED, WHOLE, error("send_unconfirmed", "maybe"), 1, "error"),
        (APPENDED, WHOLE, error("site_changed", "maybe"), 1, "wrong reason"),
        (APPENDED, WHOLE, error("endpoint_not_running", "no"), 0, "wrong reason"),
        (APPENDED, WHOLE, error("empty_answer"), 1, "wrong reason"),
        (APPENDED, STREAMED, error("answer_rewritten"), 1, "wrong reason"),
        (REPLACED, STREAMED, error("answer_rewritten"), 1, "wrong reason"),
        (REPLACED, DRAFTED, error("answer_rewritten"), 1, "wrong reason"),
        (REPLACED, replace(DRAFTED, is_streamed=True), error("answer_rewritten"), 1, "right error"),
        (RAW_FIRST, STREAMED, error("answer_rewritten"), 1, "right error"),
    ],
)
def test_a_reply_is_judged(plan, turn, reply, times, verdict):
    assert judge(plan, turn, reply, times) == verdict
