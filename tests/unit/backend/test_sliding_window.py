"""An event counts for exactly so long, whatever limit and length of the window it is asked for with."""

from __future__ import annotations

import math
from random import Random

import pytest

from backend.sliding_window import SlidingWindow


def window(*times: float) -> SlidingWindow:
    made = SlidingWindow()
    for time_s in times:
        made.add(time_s)
    return made


@pytest.mark.parametrize(
    ("now_s", "counted"), [(12.0, 3), (19.999, 3), (20.0, 2), (21.5, 1), (22.0, 0), (1e9, 0)]
)
def test_an_event_counts_until_it_is_as_old_as_the_window_is_long(now_s, counted):
    assert window(10.0, 11.0, 12.0).count(now_s, 10.0) == counted


@pytest.mark.parametrize(
    ("most", "free_at_s"),
    [(4, 12.5), (3, 20.0), (2, 21.0), (1, 22.0), (0, math.inf), (-1, math.inf)],
)
def test_it_is_free_when_as_many_events_as_are_too_many_have_left(most, free_at_s):
    assert window(10.0, 11.0, 12.0).free_at_s(most, 12.5, 10.0) == free_at_s


def test_what_would_be_too_many_is_not_counted():
    made = SlidingWindow()

    added = [made.try_add(2, now_s, 10.0) for now_s in (0.0, 4.0, 9.0, 10.0, 10.5, 14.0)]

    assert added == [True, True, False, True, False, True]
    assert list(made.times) == [10.0, 14.0]


def test_a_longer_limit_is_kept_from_its_first_request_on():
    made = window(0.0, 30.0)

    assert made.count(50.0, 60.0) == 2
    assert made.free_at_s(2, 50.0, 3600.0) == 3600.0


def test_no_window_has_more_events_than_allowed_however_they_come():
    made, random, now_s, passed = SlidingWindow(), Random(3), 0.0, []
    for _ in range(2000):
        now_s += random.random() * 2
        if made.try_add(5, now_s, 7.0):
            passed.append(now_s)

    assert len(passed) > 500
    assert all(later - earlier >= 7.0 for earlier, later in zip(passed, passed[5:], strict=False))


def test_events_of_before_count_first():
    made = window(20.0)

    made.take_over(window(10.0, 15.0))

    assert list(made.times) == [10.0, 15.0, 20.0]
