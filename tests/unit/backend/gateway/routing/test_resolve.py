from __future__ import annotations

import pytest

from backend.errors import ModelNotFoundError
from backend.gateway.routing.resolve import (
    EndpointNames,
    list_names,
    requested_names,
    resolve,
    resolve_pinned,
)
from backend.providers.target import Target


def names(slug: str, *, default=None, models=(), aliases=None, is_started=True) -> EndpointNames:
    return EndpointNames(slug, default, models, aliases or {}, is_started)


DEEP = names("deep", default="chat", models=("chat", "think"), aliases={"gpt-4": "think", "broken": "gone"})
PLAIN = names("plain", default="named", aliases={"gpt-4": "named", "mini": "small"})
BARE = names("bare")


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("deep", Target("deep", "chat", "chat")),
        ("deep/think", Target("deep", "think", "think")),
        ("deep/gpt-4", Target("deep", "think", "think")),
        ("gpt-4", Target("deep", "think", "think")),
        ("mini", Target("plain", "small", None)),
        ("plain/named", Target("plain", "named", None)),
        ("plain/small", Target("plain", "small", None)),
        ("bare", Target("bare", None, None)),
    ],
)
def test_a_name_means(name, target):
    assert resolve(name, [DEEP, PLAIN, BARE]) == target


@pytest.mark.parametrize("name", ["", "deep/", "deep/other", "bare/x", "broken", "deepx", "plain/other"])
def test_a_name_that_nothing_has_means_nothing(name):
    with pytest.raises(ModelNotFoundError):
        resolve(name, [DEEP, PLAIN, BARE])


def test_an_alias_of_several_endpoints_means_the_started_one():
    stopped = names("a", aliases={"gpt-4": "m"}, is_started=False)

    assert resolve("gpt-4", [stopped, PLAIN]).slug == "plain"
    assert resolve("gpt-4", [stopped]).slug == "a"


def test_close_names_are_told():
    with pytest.raises(ModelNotFoundError) as caught:
        resolve("deep/thunk", [DEEP])

    assert caught.value.close_matches[0] == "deep/think"


@pytest.mark.parametrize(
    ("name", "model"),
    [("", "chat"), ("deep", "chat"), ("think", "think"), ("deep/think", "think"), ("gpt-4", "think")],
)
def test_a_pinned_name_may_be_short(name, model):
    assert resolve_pinned(name, DEEP).model == model


def test_a_pinned_name_means_nothing_elsewhere():
    with pytest.raises(ModelNotFoundError):
        resolve_pinned("plain", DEEP)


def test_an_endpoint_answers_to_its_name_its_models_and_its_aliases():
    assert list(list_names(DEEP)) == ["deep", "deep/chat", "deep/think", "gpt-4", "broken"]


def test_the_full_name_is_the_endpoints_and_the_models():
    assert (Target("e", "m", None).name, Target("e", None, None).name) == ("e/m", "e")


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("", ["deep"]),
        ("deep", ["deep"]),
        ("deep/think", ["deep/think"]),
        ("deep/gpt-4", ["deep/gpt-4"]),
        ("think", ["deep/think"]),
        ("gpt-4", ["deep/gpt-4", "gpt-4"]),
        ("other", ["deep/other"]),
        ("deeper", ["deep/deeper"]),
    ],
)
def test_a_pinned_name_is_known_by_the_names_of_the_list_of_models(name, listed):
    assert list(requested_names(name, DEEP)) == listed
