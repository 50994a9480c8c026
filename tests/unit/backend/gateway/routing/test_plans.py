from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from backend.gateway.routing.plans import Plan, RoutingTable, plan_for
from backend.gateway.routing.ranking import RouteCandidate, Tier
from backend.gateway.routing.resolve import EndpointNames
from backend.gateway.routing.rotations import Rotation


def network(
    *rotations: Rotation, fallbacks: Mapping[str, Sequence[str]] | None = None, alias_strategy="least_busy"
) -> RoutingTable:
    aliases = {"a": {"gpt": "big"}, "b": {"gpt": "b1", "solo": "b1"}, "c": {"gpt": "gone"}}
    models = {"a": ("big", "small"), "b": ("b1",), "c": ("c1",)}
    endpoints = [EndpointNames(slug, None, models[slug], aliases[slug], is_started=True) for slug in "abc"]
    known = dict.fromkeys("abc", ())
    weights = {"a": 2.0, "b": 3.0}
    named = {rotation.name: rotation for rotation in rotations}
    return RoutingTable(endpoints, named, {**known, **(fallbacks or {})}, weights, alias_strategy)


def rotation(name: str, *providers: str, fallbacks: Sequence[str] = (), strategy="weighted") -> Rotation:
    body = {"name": name, "providers": [{"provider_id": slug} for slug in providers]}
    return Rotation.model_validate({**body, "fallbacks": fallbacks, "strategy": strategy})


def plan(name: str, world: RoutingTable) -> Plan:
    found = plan_for(name, world)
    assert found is not None
    return found


def behind(found: Plan) -> list[str]:
    return ["+".join(candidate.slug for candidate in tier.candidates) for tier in found.fallbacks]


@pytest.mark.parametrize("name", ["a", "a/big", "solo", "nobody", "a/unknown"])
def test_a_name_without_a_choice_has_no_plan(name):
    assert plan_for(name, network()) is None


def test_a_rotation_has_its_candidates_and_its_strategy_even_with_a_single_one():
    found = plan("r", network(rotation("r", "a", strategy="cost")))

    assert found == Plan("r", (RouteCandidate("a"),), "cost", ())


def test_an_alias_leads_to_every_endpoint_that_has_its_model():
    found = plan("gpt", network())

    assert found.candidates == (RouteCandidate("a", "gpt", 2.0), RouteCandidate("b", "gpt", 3.0))
    assert found.strategy == "least_busy"


def test_an_endpoint_with_fallbacks_is_asked_first_with_the_model_that_was_named():
    found = plan("a/small", network(fallbacks={"a": ("b/b1", "c")}))

    assert found.candidates == (RouteCandidate("a", "small"),)
    assert found.fallbacks == (Tier((RouteCandidate("b", "b1"),)), Tier((RouteCandidate("c"),)))


def test_an_alias_of_one_endpoint_has_the_endpoints_fallbacks():
    found = plan("solo", network(fallbacks={"b": ("c",)}))

    assert (found.candidates, behind(found)) == ((RouteCandidate("b", "solo", 3.0),), ["c"])


def test_an_unknown_model_is_never_answered_by_a_fallback():
    assert plan_for("a/unknown", network(fallbacks={"a": ("b",)})) is None


def test_fallbacks_of_fallbacks_follow_each_once():
    world = network(
        rotation("r", "a", fallbacks=("s", "c")),
        rotation("s", "b", "c", fallbacks=("c", "b")),
        fallbacks={"c": ("b",)},
    )

    assert behind(plan("r", world)) == ["b+c", "c", "b"]


def test_an_endpoint_may_fall_back_on_a_rotation_that_has_it():
    world = network(rotation("r", "a", "b"), fallbacks={"a": ("r",)})

    assert behind(plan("a", world)) == ["a+b"]


def test_a_circle_that_came_about_all_the_same_ends():
    world = network(fallbacks={"a": ("b",), "b": ("a",)})

    assert behind(plan("a", world)) == ["b"]


def test_a_fallback_that_is_gone_is_skipped():
    assert behind(plan("r", network(rotation("r", "a", fallbacks=("gone", "b"))))) == ["b"]
