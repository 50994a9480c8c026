"""The names of tools as functions, and back."""

from __future__ import annotations

import re
from typing import Any

import pytest

from backend.errors import InvalidRequestError
from backend.wire.responses.request import ResponsesRequest
from backend.wire.responses.tool_names import CalledName, ToolNames, list_tools


def names_of(*tools: dict[str, Any]) -> ToolNames:
    request = ResponsesRequest.model_validate({"model": "demo", "input": "hi", "tools": tools})
    return ToolNames(list_tools(request))


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "name": name}


def namespace(name: str, *tools: dict[str, Any]) -> dict[str, Any]:
    return {"type": "namespace", "name": name, "tools": list(tools)}


LONG = "n" * 60


@pytest.mark.parametrize(
    ("tools", "name", "within", "flat"),
    [
        ([function("f")], "f", None, "f"),
        ([namespace("a", function("f"))], "f", "a", "a__f"),
        ([namespace("a__", function("f"))], "f", "a__", "a__f"),
        ([namespace("a.b/c", function("f"))], "f", "a.b/c", "a_b_c__f"),
        ([namespace("a", function("f")), function("a__f")], "f", "a", "a__f_2"),
        ([namespace("a", function("f")), function("a__f")], "a__f", None, "a__f"),
        ([namespace("a", function("b__f")), namespace("a__b", function("f"))], "f", "a__b", "a__b__f_2"),
        ([], "f", "gone", "gone__f"),
    ],
)
def test_each_tool_has_a_name_that_no_other_has(tools, name, within, flat):
    assert names_of(*tools).flat(name, within) == flat


def test_names_that_are_too_long_stay_apart_and_are_found_again():
    names = names_of(namespace(LONG, function("first"), function("second")))

    flat = [names.flat(name, LONG) for name in ("first", "second")]

    assert len(set(flat)) == 2
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in flat)
    assert [names.called(name).name for name in flat] == ["first", "second"]


@pytest.mark.parametrize(
    ("flat", "called"),
    [
        ("a__f", CalledName("function", "f", "a")),
        ("a__edit", CalledName("custom", "edit", "a")),
        ("plain", CalledName("custom", "plain")),
        ("edit", CalledName("custom", "edit", "a")),
        ("f", CalledName("function", "f")),
        ("nobody", CalledName("function", "nobody")),
    ],
    ids=["a function", "a custom tool", "without a namespace", "the only one", "one of two", "unknown"],
)
def test_a_call_is_given_back_in_the_requests_words(flat, called):
    custom = {"type": "custom", "name": "edit"}
    names = names_of(
        namespace("a", function("f"), custom),
        namespace("b", function("f")),
        {"type": "custom", "name": "plain"},
    )

    assert names.called(flat) == called


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({"type": "namespace", "tools": []}, "tools.0.name"),
        ({"type": "namespace", "name": "n", "tools": ["f"]}, "tools.0.tools"),
    ],
)
def test_a_namespace_without_name_or_tools_is_refused(tool, param):
    with pytest.raises(InvalidRequestError) as caught:
        names_of(tool)

    assert caught.value.param == param
