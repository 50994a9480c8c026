"""Every log call has a constant event name, and docs/operating.md lists every event with its level and its facts."""

import ast
import functools
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
# ``logging`` itself refuses the first, and the second would write over what every line in JSON says.
TAKEN_KEYS = {*vars(logging.makeLogRecord({})), "message", "asctime"} | {
    "time",
    "level",
    "logger",
    "request_id",
    "exception",
}


class LogCall(NamedTuple):
    """One call that logs.

    Attributes:
        where: File and line.
        events: The names that it may log; empty if they aren't constants.
        level: None where it is chosen as the program runs.
        keys: Of the facts; None if they can't be read from the source.
    """

    where: str
    events: list[str]
    level: str | None
    keys: list[str] | None


class Documented(NamedTuple):
    """One row of the table."""

    levels: set[str]
    when: str
    keys: set[str]


def log_calls_in(source: str, name: str) -> Iterator[LogCall]:
    """Yield every call of a module's loggers, and of ``log_often``."""
    if "logging" not in source and "log_often" not in source:
        return
    tree = ast.parse(source)
    loggers = {"logging"}
    scopes: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("logging.getLogger("):
            loggers |= {ast.unparse(target) for target in node.targets}
        for child in ast.iter_child_nodes(node):
            is_scope = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module)
            scopes[child] = node if is_scope else scopes[node]
    level: str | None
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        facts = next((keyword.value for keyword in node.keywords if keyword.arg == "extra"), None)
        match node.func:
            case ast.Name("log_often"):
                level, message, facts = "info", node.args[1], node.args[2]
            case ast.Attribute(logger, "log") if ast.unparse(logger) in loggers:
                level, message = None, node.args[1]
            case ast.Attribute(logger, method) if method in LEVELS and ast.unparse(logger) in loggers:
                level, message = method.replace("exception", "error"), node.args[0]
            case _:
                continue
        yield LogCall(f"{name}:{node.lineno}", events_of(message), level, keys_of(facts, scopes[node]))


def events_of(message: ast.expr) -> list[str]:
    match message:
        case ast.Constant(str(event)):
            return [event]
        case ast.IfExp(_, ast.Constant(str(event)), ast.Constant(str(other))):
            return [event, other]
        case _:
            return []


def added_keys(name: str, scope: ast.AST) -> list[str]:
    """Return the constant keys that are set in a dictionary of this name after it was made."""
    return [
        target.slice.value
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Subscript)
        and ast.unparse(target.value) == name
        and isinstance(target.slice, ast.Constant)
        and isinstance(target.slice.value, str)
    ]


def keys_of(facts: ast.expr | None, scope: ast.AST) -> list[str] | None:
    """Return the keys of a dictionary that stands in the call, or gets its name once in the function around it."""
    found: list[str] | None
    match facts:
        case None:
            return []
        case ast.Name(name):
            assigned = [
                node.value
                for node in ast.walk(scope)
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
            ]
            found = keys_of(assigned[0], scope) if len(assigned) == 1 else None
            return None if found is None else found + added_keys(name, scope)
        case ast.Dict(keys, values):
            found = []
            for key, value in zip(keys, values, strict=True):
                match key:
                    case ast.Constant(str(constant)):
                        found.append(constant)
                    case None if (spread := keys_of(value, scope)) is not None:
                        found += spread
                    case _:
                        return None
            return found
        case _:
            return None


@functools.cache
def log_calls() -> list[LogCall]:
    paths = [path for room in ("automation", "backend") for path in sorted((ROOT / room).rglob("*.py"))]
    return [
        call
        for path in paths
        if path != ROOT / "backend/observability/logs.py"  # passes on what ``log_often`` is given
        for call in log_calls_in(path.read_text("utf-8"), str(path.relative_to(ROOT)))
    ]


def documented_events() -> dict[str, Documented]:
    text = (ROOT / "docs/operating.md").read_text("utf-8")
    table = text.partition("| event | level | when | keys |\n|---|---|---|---|\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    return {
        event.strip("`"): Documented(set(levels.split(", ")), when, set(re.findall(r"`(\w+)`", keys)))
        for event, levels, when, keys in rows
    }


def test_every_log_call_names_its_event_by_a_constant_in_snake_case():
    wrong = [
        f"{call.where}: the message must be a constant like `endpoint_failed_over`, with the facts in `extra`"
        for call in log_calls()
        if not call.events
        or not all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) for name in call.events)
    ]

    assert wrong == []


def test_every_log_call_shows_the_keys_of_its_facts():
    wrong = [
        f"{call.where}: give `extra` as a dictionary with constant keys, in the call or named in the same function"
        for call in log_calls()
        if call.keys is None
    ]

    assert wrong == []


def test_no_fact_takes_the_place_of_what_every_line_says():
    wrong = [
        f"{call.where}: the key `{key}` is taken by every line; name the fact otherwise"
        for call in log_calls()
        for key in call.keys or []
        if key in TAKEN_KEYS
    ]

    assert wrong == []


def test_every_event_is_documented_with_its_level_and_its_facts():
    documented = documented_events()

    missing = []
    for call in log_calls():
        for event in call.events:
            row = documented.get(event)
            if row is None:
                missing.append(f"{call.where}: add a row for `{event}` to the events of docs/operating.md")
                continue
            if call.level and call.level not in row.levels:
                missing.append(f"{call.where}: add the level {call.level} to `{event}` in docs/operating.md")
            missing += [
                f"{call.where}: add the key `{key}` to `{event}` in docs/operating.md"
                for key in call.keys or []
                if key not in row.keys
            ]

    assert missing == []


def test_every_documented_event_is_logged_with_what_is_documented():
    logged: dict[str, list[LogCall]] = {}
    for call in log_calls():
        for event in call.events:
            logged.setdefault(event, []).append(call)

    stale = []
    for event, row in documented_events().items():
        calls = logged.get(event, [])
        if not calls:
            stale.append(f"`{event}` is logged nowhere: remove its row from docs/operating.md")
            continue
        keys = {key for call in calls for key in call.keys or []}
        stale += [
            f"`{event}` has no key `{key}`: remove it from docs/operating.md" for key in row.keys - keys
        ]
        if all(call.level for call in calls):
            levels = {call.level for call in calls}
            stale += [
                f"`{event}` is never logged at {level}: correct docs/operating.md"
                for level in row.levels - levels
            ]

    assert stale == []


def test_the_table_of_events_is_sorted_and_says_when_each_is_logged():
    documented = documented_events()

    assert documented
    assert list(documented) == sorted(documented)
    assert [event for event, row in documented.items() if not row.when] == []


@pytest.mark.parametrize(
    ("statement", "events", "level", "keys"),
    [
        ('logger.info("a_b")', ["a_b"], "info", []),
        ('logger.exception("a_b", extra={"x": 1})', ["a_b"], "error", ["x"]),
        ('logger.log(level, "a_b", extra={"x": 1})', ["a_b"], None, ["x"]),
        ('logger.info("a" if late else "b")', ["a", "b"], "info", []),
        ('log_often(logger, "a_b", {**facts, "y": 2})', ["a_b"], "info", ["x", "y"]),
        ('logger.info("a_b", extra=facts)', ["a_b"], "info", ["x"]),
        ('logger.info("a_b", extra=unknown)', ["a_b"], "info", None),
        ('logger.info("a_b", extra={key: 1})', ["a_b"], "info", None),
        ('logger.info(f"a {level}")', [], "info", []),
        ("logger.info(warning)", [], "info", []),
        ('logging.warning("a_b")', ["a_b"], "warning", []),
    ],
)
def test_log_calls_are_read_from_the_source(statement, events, level, keys):
    source = f'logger = logging.getLogger(__name__)\ndef f():\n    facts = {{"x": 1}}\n    {statement}\n'

    (call,) = log_calls_in(source, "m.py")

    assert call == LogCall("m.py:4", events, level, keys)
