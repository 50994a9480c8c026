"""Which account takes a turn, and when, is decided from what it was asked before."""

import math
from random import Random

import pytest

from automation.errors import (
    AccountBannedError,
    ChallengeRequiredError,
    ContentBlockedError,
    FirstTokenTimeout,
    PageLostError,
    PromptTooLargeError,
    RateLimitedError,
    SignInRequiredError,
    SiteChangedError,
    SiteError,
)
from backend.accounts.policy import (
    AccountCandidate,
    AccountLimits,
    AccountLoad,
    begins_at_s,
    may_try_another,
    pick,
    remaining,
    rest_s,
)


def used(limits: AccountLimits, *starts: float, in_flight: int = 0, chance: float = 0.0) -> AccountLoad:
    usage = AccountLoad()
    for start in starts:
        usage.note_start(limits, start, chance)
        usage.note_sent(limits, start)
    usage.in_flight = in_flight
    return usage


def test_an_account_without_limits_may_begin_at_once():
    limits = AccountLimits()

    assert begins_at_s(limits, used(limits, 1, 2, 3), 3.0) == 3.0


def test_a_used_up_period_lets_the_next_one_in_when_its_oldest_request_is_over_the_edge():
    limits = AccountLimits(max_requests=2, period_s=60)
    usage = used(limits, 10.0, 20.0)

    assert begins_at_s(limits, usage, 30.0) == pytest.approx(70.0, abs=0.01)
    assert begins_at_s(limits, usage, 71.0) == 71.0


@pytest.mark.parametrize(("chance", "begins_at"), [(0.0, 15.0), (1.0, 16.0)])
def test_the_pause_between_two_requests_is_never_shorter_than_asked_for_and_a_fifth_longer_at_most(
    chance, begins_at
):
    limits = AccountLimits(min_delay_s=5)

    assert begins_at_s(limits, used(limits, 10.0, chance=chance), 11.0) == begins_at


def test_a_resting_account_begins_when_its_rest_is_over():
    usage = AccountLoad(rests_until_s=100.0)

    assert begins_at_s(AccountLimits(), usage, 3.0) == 100.0


def test_no_window_of_the_period_has_more_requests_than_allowed():
    limits, usage, now = AccountLimits(max_requests=3, period_s=10), AccountLoad(), 0.0
    starts: list[float] = []
    while len(starts) < 30:
        now = max(now + 0.7, begins_at_s(limits, usage, now))
        usage.note_start(limits, now, 0.0)
        usage.note_sent(limits, now)
        starts.append(now)

    assert all(later - earlier > 10 for earlier, later in zip(starts, starts[3:], strict=False))


def test_the_site_sees_no_more_than_the_limit_however_late_each_prompt_is_sent():
    limits, usage, now, random = (
        AccountLimits(max_requests=3, period_s=10, at_once=2),
        AccountLoad(),
        0.0,
        Random(7),
    )
    arrivals: list[float] = []
    while len(arrivals) < 60:
        begins = begins_at_s(limits, usage, now)
        assert begins < math.inf
        usage.note_start(limits, begins, 0.0)
        arrivals.append(begins + random.random() * 8)
        now = arrivals[-1] + random.random() * 2
        usage.note_sent(limits, now)

    assert all(later - earlier > 10 for earlier, later in zip(arrivals, arrivals[3:], strict=False))


def test_while_requests_are_under_way_that_fill_the_limit_nothing_begins():
    limits, usage = AccountLimits(max_requests=2, at_once=5), AccountLoad()
    usage.note_start(limits, 0.0, 0.0)
    usage.note_start(limits, 1.0, 0.0)

    assert begins_at_s(limits, usage, 1000.0) == math.inf
    assert remaining(limits, usage, 1000.0) == 0


def test_the_fewest_in_flight_come_first_then_the_most_left_then_the_longest_unused():
    limits = AccountLimits(max_requests=10, at_once=2)
    busy = AccountCandidate("busy", limits, used(limits, in_flight=1))
    spent = AccountCandidate("spent", limits, used(limits, 1.0, 2.0))
    recent = AccountCandidate("recent", limits, used(limits, 3.0))
    rested = AccountCandidate("rested", limits, used(limits, 2.5))

    order = []
    left = [busy, spent, recent, rested]
    while left:
        chosen = pick(left, 4.0)
        assert chosen is not None
        order.append(chosen.id)
        left.remove(chosen)

    assert order == ["rested", "recent", "spent", "busy"]


def test_nobody_is_picked_while_all_are_in_use_or_over_their_limits():
    limits = AccountLimits(max_requests=1)

    assert pick([AccountCandidate("a", limits, used(limits, in_flight=1))], 5.0) is None
    assert pick([AccountCandidate("b", limits, used(limits, 4.0))], 5.0) is None
    assert remaining(limits, used(limits, 4.0), 5.0) == 0
    assert remaining(AccountLimits(), AccountLoad(), 5.0) == math.inf


def test_a_rest_is_what_the_site_says_but_a_second_at_least_and_a_week_at_most():
    assert rest_s(RateLimitedError("slow", 7.0)) == 7.0
    assert rest_s(RateLimitedError("slow", 0.0)) == 1.0
    assert rest_s(RateLimitedError("slow", 1e9)) == 7 * 24 * 3600


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SignInRequiredError("x"), True),
        (ChallengeRequiredError("captcha"), True),
        (AccountBannedError("x"), True),
        (RateLimitedError("x"), True),
        (PageLostError("x"), True),
        (SiteError("x"), True),
        (ContentBlockedError("x"), False),
        (FirstTokenTimeout(1.0), False),
        (PromptTooLargeError(2, 1), False),
        (SiteChangedError("input", "opening"), False),
    ],
)
def test_only_what_may_go_better_elsewhere_is_tried_elsewhere(error, expected):
    assert may_try_another(error, attempts=1) is expected
    assert not may_try_another(error, attempts=3)
