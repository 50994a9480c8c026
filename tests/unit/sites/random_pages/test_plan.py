"""What seeds give: every choice of every dimension, profiles that are valid, turns whose answers are known."""

from collections import Counter
from dataclasses import fields
from typing import get_args, get_type_hints

import pytest

from automation.profiles.validation import parse_profile
from tests.browser.test_random_pages import FIXED_SEEDS, SOAKED_SEEDS
from tests.sites.random_pages import build_profile, plan_page, plan_site_turns
from tests.sites.random_pages.answers import find_turn
from tests.sites.random_pages.plan import HAVE_DECODER, PagePlan, SideRequest

CHOICES = {
    name: set(get_args(kind)) if get_args(kind) else {True, False}
    for name, kind in get_type_hints(PagePlan).items()
    if name not in ("seed", "side")
}


def test_the_seeds_are_as_many_as_promised_and_each_is_another_page():
    pages = {tuple(getattr(plan_page(seed), f.name) for f in fields(PagePlan)[1:]) for seed in SOAKED_SEEDS}

    assert (len(set(FIXED_SEEDS)), len(SOAKED_SEEDS)) == (20, 300)
    assert len(pages) == 300


@pytest.mark.parametrize("seeds", [FIXED_SEEDS, SOAKED_SEEDS], ids=["fixed", "soaked"])
@pytest.mark.parametrize("dimension", sorted(CHOICES))
def test_every_choice_of_a_dimension_is_met(dimension, seeds):
    met = {getattr(plan_page(seed), dimension) for seed in seeds}

    assert met == CHOICES[dimension]


def test_every_side_request_is_met_in_the_fixed_seeds():
    met = {kind for seed in FIXED_SEEDS for kind in plan_page(seed).side}

    assert met == set(get_args(SideRequest))


def test_every_pair_of_a_transport_and_another_choice_is_met_in_the_soak():
    met = {
        (plan.transport, dimension, getattr(plan, dimension))
        for plan in map(plan_page, SOAKED_SEEDS)
        for dimension in ("identity", "end", "rewriting")
    }
    every = {
        (transport, dimension, choice)
        for transport in CHOICES["transport"]
        for dimension in ("identity", "end", "rewriting")
        for choice in CHOICES[dimension]
    }

    assert every - met == set()


def test_every_profile_is_valid_and_has_a_wire_only_where_a_decoder_fits():
    for plan in map(plan_page, SOAKED_SEEDS):
        profile = parse_profile(build_profile(plan))

        assert (profile.wire is not None) == plan.has_wire
        assert not plan.has_wire or plan.transport in HAVE_DECODER


def test_a_turns_last_moment_is_its_whole_text_and_comes_soon():
    for seed in SOAKED_SEEDS:
        for number, turn in enumerate(plan_site_turns(seed)):
            lengths = [length for _, length in turn.moments]

            assert lengths[-1] == len(turn.draft)
            assert lengths == sorted(set(lengths))
            assert turn.moments[-1][0] < 5
            assert find_turn(turn.prompt) == (seed, number)


def test_one_answer_of_each_page_comes_twice_and_both_ways_of_asking_are_met():
    counts = Counter(turn.is_streamed for seed in FIXED_SEEDS for turn in plan_site_turns(seed))

    for seed in SOAKED_SEEDS:
        assert len({turn.answer for turn in plan_site_turns(seed)}) == 2
    assert min(counts[True], counts[False]) >= 20


def test_a_transcript_asks_its_last_question():
    assert find_turn("User:\nQ7.0: Tell me.\n\nAssistant:\nYes\n\nUser:\nQ7.1: Tell me.") == (7, 1)
    assert find_turn("Write a title for this chat") is None
