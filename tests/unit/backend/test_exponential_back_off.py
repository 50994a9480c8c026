from __future__ import annotations

import pytest

from backend.exponential_back_off import back_off_s


def test_pauses_double_up_to_a_minute():
    assert [back_off_s(n) for n in (1, 2, 3, 6, 7, 50)] == [1, 2, 4, 32, 60, 60]


@pytest.mark.parametrize(
    ("first_s", "most_s", "waits_s"), [(2.0, 60.0, [2.0, 4.0, 8.0, 60.0]), (0.5, 3.0, [0.5, 1.0, 2.0, 3.0])]
)
def test_the_first_pause_and_the_longest_are_the_callers(first_s, most_s, waits_s):
    assert [back_off_s(n, first_s, most_s) for n in (1, 2, 3, 20)] == waits_s


def test_any_number_of_attempts_has_a_pause():
    assert back_off_s(1_000_000) == 60.0
    assert back_off_s(1_000_000, 0.0) == 0.0
