from __future__ import annotations

import random
from collections import Counter

import pytest

from backend.gateway.routing.ranking import STRATEGIES, EndpointStats, RouteCandidate, Tier, rank_candidates
from backend.providers.config import Price

A, B, C = RouteCandidate("a"), RouteCandidate("b"), RouteCandidate("c")
NOW = 1000.0


def always_half() -> float:
    return 0.5


def endpoint_stats(**known: EndpointStats) -> dict[str, EndpointStats]:
    return {**{slug: EndpointStats() for slug in "abc"}, **known}


def asked(*candidates: RouteCandidate, known=None, strategy="round_robin", **more) -> list[str]:
    chosen = rank_candidates(
        candidates, known or endpoint_stats(), strategy, now=NOW, **{"random": always_half, **more}
    )
    return [candidate.slug for candidate in chosen]


def with_outcomes(*outcomes: bool, at: float = NOW) -> EndpointStats:
    stats = EndpointStats()
    for is_good in outcomes:
        stats.note_outcome(at, is_good=is_good)
    return stats


def with_first_delta(seconds: float, at: float = NOW, in_flight: int = 0) -> EndpointStats:
    stats = EndpointStats(in_flight=in_flight)
    stats.note_first_delta(seconds, at)
    return stats


def priced(price: float) -> EndpointStats:
    return EndpointStats(prices={"*": Price(input=price, output=price)})


@pytest.mark.parametrize(
    ("strategy", "known", "expected"),
    [
        ("success_rate", {"a": with_outcomes(False, True), "b": EndpointStats(in_flight=1)}, "cba"),
        ("success_rate", {"c": EndpointStats(in_flight=2), "b": EndpointStats(in_flight=1)}, "abc"),
        (
            "response_time",
            {"a": with_first_delta(3), "b": with_first_delta(1), "c": with_first_delta(2)},
            "bca",
        ),
        ("response_time", {"a": with_first_delta(3), "b": with_first_delta(1)}, "cba"),
        ("least_busy", {"a": EndpointStats(in_flight=2), "c": EndpointStats(in_flight=1)}, "bca"),
        ("cost", {"a": priced(3), "b": priced(0), "c": priced(2)}, "bca"),
        ("cost", {"a": priced(3), "b": priced(1)}, "bac"),
    ],
)
def test_a_strategy_asks_the_best_first(strategy, known, expected):
    chosen = asked(A, B, C, known=endpoint_stats(**known), strategy=strategy)

    assert "".join(chosen) == expected


def test_an_endpoint_that_was_slow_long_ago_is_measured_anew():
    known = endpoint_stats(a=with_first_delta(9, at=NOW - 400), b=with_first_delta(1), c=with_first_delta(2))

    assert asked(A, B, C, known=known, strategy="response_time") == ["a", "b", "c"]


def test_only_one_request_at_a_time_goes_where_the_speed_is_unknown():
    known = endpoint_stats(a=EndpointStats(in_flight=1), b=with_first_delta(1), c=with_first_delta(2))

    assert asked(A, B, C, known=known, strategy="response_time") == ["b", "c", "a"]


def test_a_model_is_cheaper_by_its_own_price_than_by_that_of_the_others():
    prices = {"*": Price(input=9, output=9), "mini": Price(input=1, output=1)}
    known = {"a": EndpointStats(prices=prices), "b": priced(2)}

    chosen = rank_candidates(
        [RouteCandidate("a", "big"), RouteCandidate("a", "mini"), B],
        known,
        "cost",
        now=NOW,
        random=always_half,
    )

    assert [(c.slug, c.model) for c in chosen] == [("a", "mini"), ("b", None), ("a", "big")]


def test_a_model_that_is_limited_is_left_out_while_the_endpoints_others_are_asked():
    limited = EndpointStats(limited_models={"big": 40.0}, default_model="big", aliases={"gpt": "big"})
    models = [RouteCandidate("a", name) for name in ("big", "mini", "gpt", None)]

    chosen = rank_candidates(models, {"a": limited}, "round_robin", now=NOW, random=always_half)

    assert [candidate.model for candidate in chosen] == ["mini"]


def test_models_that_are_all_limited_are_asked_soonest_first():
    limited = EndpointStats(limited_models={"big": 40.0, "mini": 3.0})
    models = [RouteCandidate("a", "big"), RouteCandidate("a", "mini")]

    chosen = rank_candidates(models, {"a": limited}, "round_robin", now=NOW, random=always_half)

    assert [candidate.model for candidate in chosen] == ["mini", "big"]


def test_a_model_that_two_tiers_name_differently_is_asked_once():
    known = {"a": EndpointStats(default_model="big", aliases={"gpt": "big"})}
    behind = [Tier([RouteCandidate("a", "gpt")]), Tier([RouteCandidate("a", "mini")])]

    chosen = rank_candidates(
        [RouteCandidate("a")], known, "weighted", now=NOW, random=always_half, fallbacks=behind
    )

    assert [candidate.model for candidate in chosen] == [None, "mini"]


def test_a_price_is_found_by_alias_and_for_the_default_model():
    prices = {"mini": Price(input=1, output=3), "*": Price(input=9, output=9)}
    stats = EndpointStats(prices=prices, default_model="mini", aliases={"gpt": "mini"})

    assert [stats.blended_price(model) for model in (None, "gpt", "mini", "big")] == [2, 2, 2, 9]


def test_each_takes_its_turn():
    assert ["".join(asked(A, B, C, turn=turn)) for turn in range(4)] == ["abc", "bca", "cab", "abc"]


def test_requests_are_shared_by_weight():
    seeded = random.Random(7)
    weighted = [RouteCandidate("a", weight=1), RouteCandidate("b", weight=3), RouteCandidate("c", weight=6)]

    firsts = Counter(asked(*weighted, strategy="weighted", random=seeded.random)[0] for _ in range(5000))

    assert firsts["a"] == pytest.approx(500, rel=0.15)
    assert firsts["b"] == pytest.approx(1500, rel=0.1)
    assert firsts["c"] == pytest.approx(3000, rel=0.1)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_asks_everyone_once(strategy):
    assert sorted(asked(A, B, C, strategy=strategy, random=random.Random(1).random)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "trouble",
    [
        EndpointStats(is_usable=False),
        EndpointStats(disabled_until=NOW + 1),
        EndpointStats(disabled_until=NOW - 1, is_probing=True),
    ],
)
def test_an_endpoint_in_trouble_is_left_out_while_another_is_left(trouble):
    assert asked(A, B, known=endpoint_stats(a=trouble)) == ["b"]


def test_an_endpoint_whose_time_is_over_is_probed():
    assert asked(A, B, known=endpoint_stats(a=EndpointStats(disabled_until=NOW - 1))) == ["a", "b"]


def test_disabled_endpoints_are_asked_when_no_other_is_left_the_soonest_first():
    known = endpoint_stats(
        a=EndpointStats(is_usable=False),
        b=EndpointStats(disabled_until=NOW + 9),
        c=EndpointStats(disabled_until=NOW + 5),
    )

    assert asked(A, B, C, known=known) == ["c", "b", "a"]


def test_a_disabled_endpoint_that_is_being_probed_is_not_asked_besides():
    known = endpoint_stats(
        a=EndpointStats(disabled_until=NOW + 5, is_probing=True), b=EndpointStats(disabled_until=NOW + 9)
    )

    assert asked(A, B, known=known) == ["b"]


def test_nobody_is_asked_when_all_are_being_probed():
    probing = EndpointStats(disabled_until=NOW + 5, is_probing=True)

    assert asked(A, B, known=endpoint_stats(a=probing, b=probing)) == []


def test_a_single_candidate_is_asked_whatever_its_standing():
    assert asked(A, known={"a": EndpointStats(disabled_until=NOW + 5, is_probing=True)}) == ["a"]


def test_an_endpoint_that_is_gone_is_never_asked():
    assert asked(A, B, known={"b": EndpointStats()}) == ["b"]
    assert asked(A, known={"b": EndpointStats()}) == []


def test_fallbacks_come_after_all_candidates_and_nobody_is_asked_twice():
    tiers = [Tier([C, A]), Tier([B])]

    assert asked(A, B, fallbacks=tiers) == ["a", "b", "c"]


def test_a_fallback_that_works_comes_before_a_candidate_that_is_disabled():
    known = endpoint_stats(a=EndpointStats(disabled_until=NOW + 5))

    assert asked(A, known=known, fallbacks=[Tier([B])]) == ["b"]


def test_two_models_of_one_endpoint_are_two_candidates():
    chosen = rank_candidates(
        [RouteCandidate("a", "x"), RouteCandidate("a", "y")],
        endpoint_stats(),
        "round_robin",
        now=NOW,
        random=always_half,
    )

    assert [c.model for c in chosen] == ["x", "y"]


def test_an_old_failure_weighs_less_and_less():
    stats = with_outcomes(False, at=NOW)

    shares = [stats.success_share(NOW + age) for age in (0, 300, 3000)]

    assert shares[0] == pytest.approx(1 / 2)
    assert shares[1] == pytest.approx(2 / 3)
    assert shares[2] > 0.99


def test_the_newest_first_delta_counts_three_tenths():
    stats = with_first_delta(1.0)

    stats.note_first_delta(2.0, NOW)

    assert stats.first_delta_s == pytest.approx(1.3)
