from __future__ import annotations

import pytest

from backend.gateway.routing.rotations import Rotation
from backend.imports.imports import _in_order


def rotation(name: str, *fallbacks: str) -> Rotation:
    return Rotation.model_validate(
        {"name": name, "providers": [{"provider_id": "x"}], "fallbacks": fallbacks}
    )


@pytest.mark.parametrize(
    ("rotations", "names"),
    [
        ([], []),
        ([rotation("a", "b"), rotation("b", "c", "x"), rotation("c")], ["c", "b", "a"]),
        ([rotation("a", "c", "b"), rotation("b", "c"), rotation("c")], ["c", "b", "a"]),
        ([rotation("a"), rotation("b", "a"), rotation("c", "a")], ["a", "b", "c"]),
    ],
    ids=["none", "a chain", "two ways", "two of one"],
)
def test_each_rotation_comes_after_those_that_it_falls_back_on(rotations, names):
    assert [one.name for one in _in_order(rotations)] == names


def test_a_chain_may_be_longer_than_calls_can_nest():
    chain = [rotation(f"r{at}", f"r{at + 1}") for at in range(3_000)]

    ordered = _in_order(chain)

    assert [one.name for one in ordered] == [f"r{at}" for at in reversed(range(3_000))]
