"""Values against schemas, whatever the schemas are."""

from __future__ import annotations

from typing import Any

import pytest

from backend.gateway.structured_output.schema_check import InvalidSchemaError, compile_schema

TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        (True, 1, None),
        (False, 1, "nothing is allowed"),
        ({}, {"a": 1}, None),
        ({"type": "object"}, [], 'the value: does not fit type "object"'),
        ({"properties": {"a": {"items": {"type": "string"}}}}, {"a": ["x", 1]}, "a[1]: does not fit type"),
        ({"required": ["a", "b"]}, {"a": 1}, '"b" is missing'),
        ({"enum": ["x" * 200]}, 1, "…"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None, None),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "anyOf"),
        ({"pattern": "^[a-z]+$"}, "abc", None),
        ({"pattern": "^[a-z]+$"}, "ABC", "pattern"),
        ({"pattern": "a(?=b)"}, "zzz", None),  # look-around is not checked
        ({"patternProperties": {"^x": {"type": "string"}}, "additionalProperties": False}, {"xa": "1"}, None),
        ({"patternProperties": {"^x": {"type": "string"}}}, {"xa": 1}, "xa: does not fit type"),
        ({"patternProperties": {"^x": {}}, "additionalProperties": False}, {"y": 1}, "y: does not fit"),
        ({"additionalProperties": {"type": "integer"}}, {"y": "1"}, "y: does not fit type"),
        ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1}], "uniqueItems"),
        ({"uniqueItems": True}, [1, 2], None),
        ({"prefixItems": [{"type": "string"}]}, [1], "[0]: does not fit type"),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, '"b" is missing'),
        ({"multipleOf": 0.5}, 1e400, "too large"),
        (TREE, {"children": [{"children": []}]}, None),
        (TREE, {"children": [{"leaf": 1}]}, "children[0].leaf"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"type": "null"}}, "$ref": "#/definitions/a"}, 1, "type"),
    ],
)  # fmt: skip
def test_a_value_is_checked(schema: Any, value: Any, problem: str | None):
    found = compile_schema(schema).find_problem(value)

    assert found is problem is None or (problem is not None and problem in (found or ""))


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ([], "no object|not an object"),
        ("string", "not an object"),
        ({"type": "nothing"}, "not valid at type"),
        ({"properties": {"a": {"minimum": "1"}}}, "not valid at properties/a/minimum"),
        ({"$ref": "https://example.org/schema.json"}, "nothing is fetched"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "nothing is fetched"),
        ({"$ref": "#/$defs/missing"}, "leads nowhere"),
        ({"enum": [[0]] * 30_000}, "more than"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema, why):
    with pytest.raises(InvalidSchemaError, match=why):
        compile_schema(schema)


def test_a_schema_that_is_nested_too_deep_is_refused():
    schema: dict[str, Any] = {}
    for _ in range(5000):
        schema = {"not": schema}

    with pytest.raises(InvalidSchemaError, match="nested"):
        compile_schema(schema)


def doubling(levels: int) -> dict[str, Any]:
    defs: dict[str, Any] = {"a0": {"type": "object"}}
    for level in range(1, levels):
        below = {"$ref": f"#/$defs/a{level - 1}"}
        defs[f"a{level}"] = {"allOf": [below, below]}
    return {"$defs": defs, "$ref": f"#/$defs/a{levels - 1}"}


@pytest.mark.usefixtures("little_cpu_time")
@pytest.mark.parametrize(
    "schema",
    [
        doubling(40),
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
    ],
)
def test_a_schema_without_end_is_given_up(schema):
    assert compile_schema(schema).find_problem({}) == "the schema takes too long to check"


@pytest.mark.usefixtures("little_cpu_time")
def test_a_pattern_costs_no_more_than_its_text_is_long():
    assert "pattern" in (compile_schema({"pattern": "^(a+)+$"}).find_problem("a" * 50_000 + "b") or "")


def test_a_problem_never_repeats_the_value():
    found = compile_schema({"type": "integer"}).find_problem("secret words")

    assert found is not None
    assert "secret" not in found
