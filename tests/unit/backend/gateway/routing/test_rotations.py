from __future__ import annotations

import pytest
from pydantic import ValidationError

from backend.errors import InvalidRequestError, NameTakenError
from backend.gateway.routing.ranking import RouteCandidate
from backend.gateway.routing.rotations import Rotation, RotationDraft, check_fallbacks, check_rotation

ONE = {"name": "fast", "providers": [{"provider_id": "openai"}]}


def rotation(name: str = "fast", provider: str = "openai", fallbacks: tuple[str, ...] = ()) -> Rotation:
    return Rotation.model_validate(
        {"name": name, "providers": [{"provider_id": provider}], "fallbacks": fallbacks}
    )


def test_every_model_of_every_provider_is_a_candidate():
    body = {
        "providers": [
            {
                "provider_id": "openai",
                "models": [{"name": "gpt-4", "weight": 1}, {"name": "mini", "weight": 3}],
            },
            {"provider_id": "anthropic", "models": [{"name": "haiku"}], "weight": 2},
            {"provider_id": "demo"},
        ]
    }

    candidates = list(RotationDraft.model_validate(body).candidates())

    assert candidates == [
        RouteCandidate("openai", "gpt-4", 1),
        RouteCandidate("openai", "mini", 3),
        RouteCandidate("anthropic", "haiku", 2),
        RouteCandidate("demo", None, 1),
    ]


def test_weights_decide_unless_another_strategy_is_named():
    assert rotation().strategy == "weighted"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "Endpoints"}, "name"),
        ({"providers": []}, "providers"),
        ({"provider": []}, "provider"),
        ({"strategy": "fastest"}, "strategy"),
        ({"providers": [{"provider_id": "a", "model": "x"}]}, "model"),
        ({"providers": [{"provider_id": "a", "models": [{"name": "x", "weight": 0}]}]}, "weight"),
        ({"providers": [{"provider_id": "a", "models": [{"name": "x", "weight": "inf"}]}]}, "weight"),
    ],
)
def test_a_rotation_that_makes_no_sense_is_refused_by_field(change, field):
    with pytest.raises(ValidationError) as refused:
        Rotation.model_validate({**ONE, **change})

    assert field in refused.value.errors()[0]["loc"]


def test_a_rotation_cannot_have_an_endpoints_name():
    with pytest.raises(NameTakenError):
        check_rotation(rotation("openai"), {}, {"openai": ()})


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        (rotation(provider="opnai"), "providers.0.provider_id"),
        (rotation(fallbacks=("openai", "nobody")), "fallbacks.1"),
        (rotation(fallbacks=("nobody/gpt-4",)), "fallbacks.0"),
        (rotation(fallbacks=("fast",)), "fallbacks.0"),
        (rotation(fallbacks=("openai", "slow")), "fallbacks.1"),
        (rotation(fallbacks=("other",)), "fallbacks.0"),
    ],
)
def test_a_rotation_that_leads_nowhere_or_in_a_circle_is_refused(wrong, param):
    rotations = {"slow": rotation("slow", fallbacks=("other/m",)), "fast": rotation("fast")}

    with pytest.raises(InvalidRequestError) as refused:
        check_rotation(wrong, rotations, {"openai": (), "other": ("fast",)})

    assert refused.value.param == param


def test_a_misspelt_endpoint_is_answered_with_what_was_meant():
    with pytest.raises(InvalidRequestError, match="Did you mean openai"):
        check_rotation(rotation(provider="opnai"), {}, {"openai": ()})


def test_a_circle_is_shown():
    with pytest.raises(InvalidRequestError, match="a -> b -> c -> a"):
        check_fallbacks("a", ("b",), {"a": (), "b": ("c/model",), "c": ("a",)})


def test_an_endpoints_own_models_may_stand_in_for_each_other():
    check_fallbacks("a", ("a/other",), {"a": ()}, is_endpoint=True)

    with pytest.raises(InvalidRequestError, match="a -> a"):
        check_fallbacks("a", ("a/other",), {"a": ()})
    with pytest.raises(InvalidRequestError, match="a -> a"):
        check_fallbacks("a", ("a",), {"a": ()}, is_endpoint=True)


def test_fallbacks_that_meet_again_are_no_circle():
    known = {"a": (), "b": ("d",), "c": ("d",), "d": (), "e": ("e",)}

    check_fallbacks("a", ("b", "c", "d/model", "e"), known)

    assert set(known) == set("abcde")


def test_a_rotation_may_be_replaced_by_one_without_the_circle():
    before = {"fast": rotation(fallbacks=("slow",)), "slow": rotation("slow")}

    check_rotation(rotation(), before, {"openai": ()})

    with pytest.raises(InvalidRequestError, match="circle"):
        check_rotation(rotation("slow", fallbacks=("fast",)), before, {"openai": ()})


def test_the_ways_of_fallbacks_are_looked_for_once_each_however_many_there_are():
    layers = {f"{side}{layer}": (f"a{layer + 1}", f"b{layer + 1}") for layer in range(60) for side in "ab"}
    known = {**layers, "a60": (), "b60": ()}

    check_fallbacks("new", ("a0",), {**known, "new": ()})
    with pytest.raises(InvalidRequestError, match=r"circle: b60 -> a0 -> .* -> b60"):
        check_fallbacks("b60", ("a0",), known)


def test_a_chain_of_fallbacks_may_be_longer_than_calls_can_nest():
    known = {f"r{at}": (f"r{at + 1}",) for at in range(5_000)} | {"r5000": ()}

    with pytest.raises(InvalidRequestError, match="circle"):
        check_fallbacks("r5000", ("r0",), known)
