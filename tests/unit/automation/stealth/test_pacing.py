"""A hand that moves and types as people's do, by chance that is given."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise
from random import Random

import pytest

from automation.stealth.pacing import HumanMotion, Point, key_for

SEEDS = range(50)


def distance(a: Point, b: Point) -> float:
    return math.dist((a.x, a.y), (b.x, b.y))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (Point(0, 0), Point(800, 600)),
        (Point(500, 20), Point(500, 700)),
        (Point(900, 10), Point(5, 10)),
        (Point(3, 3), Point(3, 3)),
    ],
)
def test_a_path_has_30_to_50_moves_and_ends_where_it_should(start, end):
    for seed in SEEDS:
        path = HumanMotion(Random(seed)).path(start, end)

        assert 30 <= len(path) <= 50
        assert path[-1] == end


def test_a_path_is_bent_and_slow_at_both_ends():
    start, end = Point(0, 300), Point(1000, 300)
    for seed in SEEDS:
        path = [start, *HumanMotion(Random(seed)).path(start, end)]

        steps = [distance(a, b) for a, b in pairwise(path)]
        middle = statistics.mean(steps[len(steps) // 3 : -len(steps) // 3])
        assert max(steps[0], steps[-1]) < middle / 2
        assert max(abs(point.y - 300) for point in path) <= 250

    bends = [max(abs(p.y - 300) for p in HumanMotion(Random(seed)).path(start, end)) for seed in SEEDS]
    assert statistics.median(bends) > 20


def test_a_click_is_near_the_middle_and_never_in_it():
    for seed in SEEDS:
        point = HumanMotion(Random(seed)).aim(Point(100, 50), 80, 20)

        assert point != Point(100, 50)
        assert abs(point.x - 100) <= 16
        assert abs(point.y - 50) <= 4


@pytest.mark.parametrize(
    ("name", "least_s", "most_s"),
    [
        ("press_s", 0.08, 0.14),
        ("hold_s", 0.05, 0.1),
        ("move_s", 0.006, 0.018),
        ("key_gap_s", 0.005, 0.6),
    ],
)
def test_pauses_stay_within_what_people_do_and_vary(name, least_s, most_s):
    pace = HumanMotion(Random(1))

    pauses = [getattr(pace, name)() for _ in range(1000)]

    assert least_s <= min(pauses) < max(pauses) <= most_s
    assert len(set(pauses)) > 900


def test_gaps_between_keys_are_mostly_short_and_sometimes_long():
    pace = HumanMotion(Random(1))

    gaps = sorted(pace.key_gap_s() for _ in range(2000))

    assert 0.055 < statistics.median(gaps) < 0.065
    # Skewed: the mean lies above the median.
    assert statistics.mean(gaps) > statistics.median(gaps) * 1.05


def test_the_same_chance_gives_the_same_hand():
    one, same, other = (HumanMotion(Random(seed)) for seed in (5, 5, 6))
    ends = Point(0, 0), Point(300, 200)

    assert one.path(*ends) == same.path(*ends)
    assert one.key_gap_s() == same.key_gap_s() != other.key_gap_s()


@pytest.mark.parametrize(
    ("character", "key"),
    [
        ("a", "a"),
        ("A", "Shift+A"),
        ("1", "1"),
        ("!", "Shift+!"),
        ("+", "Shift++"),
        ("-", "-"),
        (" ", " "),
        ("é", None),
        ("\n", None),
        ("\t", None),
        ("日", None),
        ("🙂", None),
    ],
)
def test_a_character_is_on_a_key_or_on_none(character, key):
    assert key_for(character) == key
