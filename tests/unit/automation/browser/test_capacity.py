"""How many pages to open now, and how many a machine may hold."""

import pytest

from automation.browser.capacity import (
    Demand,
    Wear,
    WearLimits,
    default_max_streaming,
    kept_to_clear,
    pages_to_open,
    worn_by,
)


@pytest.mark.parametrize(
    ("demand", "limit", "warm", "wanted"),
    [
        (Demand(0, 0, 0, 0, 0), 4, 0, 0),
        (Demand(0, 0, 0, 0, 0), 4, 2, 2),
        (Demand(1, 0, 0, 0, 0), 4, 0, 1),
        (Demand(3, 0, 0, 0, 0), 4, 1, 3),
        (Demand(3, 0, 1, 1, 0), 4, 1, 1),
        (Demand(2, 1, 0, 1, 0), 4, 1, 0),
        (Demand(9, 0, 0, 0, 3), 4, 1, 1),
        (Demand(9, 0, 0, 0, 4), 4, 1, 0),
        (Demand(1, 0, 0, 0, 1), 0, 1, 0),
        (Demand(0, 0, 0, 0, 1), 4, 2, 1),
        (Demand(0, 2, 0, 0, 1), 4, 2, 0),
    ],
)
def test_pages_are_opened_for_those_who_have_none_coming_and_to_stay_warm(demand, limit, warm, wanted):
    assert pages_to_open(demand, limit=limit, warm=warm) == wanted


@pytest.mark.parametrize(
    ("demand", "wanted"),
    [
        (Demand(0, 0, 0, 0, 0, 2), 0),
        (Demand(1, 0, 0, 0, 0, 2), 1),
        (Demand(3, 0, 0, 0, 0, 2), 2),
        (Demand(2, 0, 0, 1, 0, 2), 1),
        (Demand(1, 0, 1, 0, 0, 2), 0),
    ],
)
def test_kept_pages_are_cleared_for_those_who_have_no_empty_one_coming(demand, wanted):
    assert kept_to_clear(demand) == wanted


def test_pages_that_are_being_opened_count_as_if_they_were_there():
    assert Demand(waiting=9, free=1, settling=2, opening=3, lent=4).total == 10


@pytest.mark.parametrize(
    ("wear", "cause"),
    [
        (Wear(0, 0.0), None),
        (Wear(199, 21_599.0, 800 * 1024**2), None),
        (Wear(200, 0.0), "turns"),
        (Wear(1, 21_600.0), "age"),
        (Wear(1, 0.0, 800 * 1024**2 + 1), "memory"),
        (Wear(200, 21_600.0, 900 * 1024**2), "turns"),
    ],
)
def test_a_page_is_worn_by_turns_age_or_memory(wear, cause):
    assert worn_by(wear, WearLimits()) == cause


def test_eight_turns_a_core_run_at_once():
    assert [default_max_streaming(cores) for cores in (1, 2, 16)] == [8, 16, 128]
