"""Validates values against a client's JSON Schema (draft 2020-12), at a bounded cost whatever the schema is. Pure.

Nothing is fetched: a ``$ref`` leads only into its own schema. Every keyword that is evaluated counts against a budget, for
a few references can describe more work than there is time, and regular expressions run in RE2, which is linear. Not
checked are ``format``, ``unevaluatedProperties``, ``unevaluatedItems``, and patterns that RE2 can't read (look-around).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

_MOST_STEPS = 50_000
_MOST_NODES = 20_000
_MOST_DEPTH = 48
_MOST_SHOWN = 80
_DATA_KEYS = frozenset({"const", "default", "enum", "examples"})

_Keyword = Callable[[Any, Any, Any, Any], Iterator[Any] | None]
_steps_left: ContextVar[int] = ContextVar("steps_left")


class InvalidSchemaError(ValueError):
    """The schema can't be used; ``str()`` says why."""


class _TooCostlyError(Exception):
    pass


class SchemaChecker:
    """Checks values against one schema."""

    def __init__(self, validator: Any) -> None:
        self._validator = validator

    def find_problem(self, value: Any) -> str | None:
        """Return in a few words what is wrong with ``value``, beginning with where; None if nothing is."""
        token = _steps_left.set(_MOST_STEPS)
        try:
            error = next(iter(self._validator.iter_errors(value)), None)
        except (_TooCostlyError, RecursionError):
            return "the schema takes too long to check"
        except ArithmeticError:
            return "a number in it is too large to check"
        finally:
            _steps_left.reset(token)
        return None if error is None else _describe(error)


def compile_schema(schema: Any) -> SchemaChecker:
    """Return the checker of a schema; the newest of them are kept.

    Raises:
        InvalidSchemaError: It is no schema of draft 2020-12, refers to another document, or is too large.
    """
    _walk(schema)
    return _compile_schema(json.dumps(schema, sort_keys=True))


@lru_cache(maxsize=1024)  # building one takes 3 ms, and clients send the same tools with each turn
def _compile_schema(text: str) -> SchemaChecker:
    # Imported here: it takes 30 ms and 5 MB, and only requests with tools or schemas need it.
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

    schema = json.loads(text)
    try:
        Draft202012Validator.check_schema(schema, format_checker=None)
    except SchemaError as exc:
        where = "/".join(str(part) for part in exc.absolute_path)
        msg = f"it is not valid at {where or 'its root'}"
        raise InvalidSchemaError(msg) from exc
    registry: Registry[Any] = Registry()
    resolver = registry.resolver_with_root(DRAFT202012.create_resource(schema))
    for ref in _refs_in(schema):
        try:
            resolver.lookup(ref)
        except Unresolvable as exc:
            msg = f"{ref!r} leads nowhere"
            raise InvalidSchemaError(msg) from exc
    return SchemaChecker(_validator_class()(schema, registry=registry))


@cache
def _validator_class() -> Any:
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415  as above

    own: dict[str, _Keyword] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    known = {**Draft202012Validator.VALIDATORS, **own}
    unchecked = {"format", "unevaluatedItems", "unevaluatedProperties"}
    counted = {name: _counted(check) for name, check in known.items() if name not in unchecked}
    return validators.create(
        Draft202012Validator.META_SCHEMA, counted, type_checker=Draft202012Validator.TYPE_CHECKER
    )


def _counted(check: _Keyword) -> _Keyword:
    def count_and_check(validator: Any, asked: Any, value: Any, schema: Any) -> Iterator[Any] | None:
        left = _steps_left.get() - 1
        _steps_left.set(left)
        if left < 0:
            raise _TooCostlyError
        return check(validator, asked, value, schema)

    return count_and_check


def _error(*path: str) -> Any:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415  as above

    return ValidationError("", path=path)


@lru_cache(maxsize=256)
def _regex(pattern: str) -> Any:
    """Return the compiled pattern, or None where it can't be checked."""
    import re2  # noqa: PLC0415  as above

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def _matches(pattern: str, text: str) -> bool:
    regex = _regex(pattern)
    if regex is None:
        return True
    # Half a surrogate pair, which RE2's UTF-8 can't carry, matches as the sign for what can't be shown.
    return regex.search(text.encode("utf-8", "replace").decode()) is not None


def _pattern(_validator: Any, pattern: Any, value: Any, _schema: Any) -> Iterator[Any]:
    if isinstance(value, str) and not _matches(pattern, value):
        yield _error()


def _pattern_properties(validator: Any, patterns: Any, value: Any, _schema: Any) -> Iterator[Any]:
    if not isinstance(value, dict):
        return
    for pattern, schema in patterns.items():
        for key in value:
            if _regex(pattern) is not None and _matches(pattern, key):
                yield from validator.descend(value[key], schema, path=key)


def _additional_properties(validator: Any, asked: Any, value: Any, schema: Any) -> Iterator[Any]:
    if not isinstance(value, dict):
        return
    patterns = schema.get("patternProperties", {})
    named = schema.get("properties", {})
    for key in value:
        if key in named or any(_matches(pattern, key) for pattern in patterns):
            continue
        if asked is False:
            yield _error(key)
        else:
            yield from validator.descend(value[key], asked, path=key)


def _unique_items(_validator: Any, asked: Any, value: Any, _schema: Any) -> Iterator[Any]:
    if asked and isinstance(value, list):
        seen = {json.dumps(item, sort_keys=True) for item in value}
        if len(seen) < len(value):
            yield _error()


def _describe(error: Any) -> str:
    """Return where and what, in the schema's words and never in those of the value, which may be long."""
    where = "".join(f".{part}" if isinstance(part, str) else f"[{part}]" for part in error.absolute_path)
    if error.validator is None:  # the schema `false`
        return f"{where.lstrip('.') or 'the value'}: nothing is allowed here"
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"{where.lstrip('.') or 'the value'}: {json.dumps(missing[0], ensure_ascii=False)} is missing"
    asked = json.dumps(error.validator_value, ensure_ascii=False)
    shown = asked if len(asked) <= _MOST_SHOWN else f"{asked[:_MOST_SHOWN]}…"
    return f"{where.lstrip('.') or 'the value'}: does not fit {error.validator} {shown}"


def _walk(schema: Any) -> None:
    """Refuse what is too large, or refers to another document."""
    if not isinstance(schema, dict | bool):
        msg = "it is not an object"
        raise InvalidSchemaError(msg)
    left: list[tuple[Any, int]] = [(schema, 0)]
    seen = 0
    while left:
        node, depth = left.pop()
        seen += 1
        if seen > _MOST_NODES or depth > _MOST_DEPTH:
            msg = f"it has more than {_MOST_NODES} parts or is nested more than {_MOST_DEPTH} deep"
            raise InvalidSchemaError(msg)
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        left += [(child, depth + 1) for child in children]
    for ref in _refs_in(schema):
        if not ref.startswith("#"):
            msg = f"{ref!r} refers to another document, and nothing is fetched"
            raise InvalidSchemaError(msg)


def _refs_in(schema: Any) -> Iterator[str]:
    left = [schema]
    while left:
        node = left.pop()
        if isinstance(node, Mapping):
            yield from (node[key] for key in ("$ref", "$dynamicRef") if isinstance(node.get(key), str))
            left += [child for key, child in node.items() if key not in _DATA_KEYS]
        elif isinstance(node, list):
            left += node
