"""JSON output: the instruction for the model, and extraction of the one JSON value from its answer. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from backend.gateway.structured_output.lenient_json import JsonNode, LenientJsonError, read_json, read_value
from backend.gateway.structured_output.schema_check import SchemaChecker

_FENCE = re.compile(r"[ \t>]*+(`{3,}+|~{3,}+)([^`]*+)")
_BRACKET = re.compile(r"[{\[]")
_MOST_TRIES = 100


@dataclass(frozen=True, slots=True)
class JsonForm:
    """Parsed ``response_format``.

    Attributes:
        schema: What the value must fit; None where any object will do.
    """

    schema: Any = None
    checker: SchemaChecker | None = None

    def find_problem(self, value: Any) -> str | None:
        """Return what is wrong with a value, or None."""
        if self.checker is not None:
            return self.checker.find_problem(value)
        return None if isinstance(value, dict) else "it is no JSON object"


class UnfitAnswerError(ValueError):
    """There is not exactly one fitting value in the answer; ``str()`` says why, in words for the model."""


def json_directive(form: JsonForm, *, may_call: bool) -> str:
    """Return the instruction for the model in this turn; with ``may_call`` it has tools as well."""
    # In a code block pages leave quotes, underscores and line ends alone.
    kind = "object" if form.schema is None else "value"
    condition = "Unless you call a tool, write" if may_call else "Write"
    asked = (
        f"{condition} your whole answer to this as one JSON {kind} in one ```json code block, "
        "and nothing before or after it."
    )
    if form.schema is None:
        return asked
    return f"{asked} It must fit this JSON Schema:\n\n{json.dumps(form.schema, ensure_ascii=False)}"


def json_repair_prompt(problem: str) -> str:
    """Return the message that asks for the JSON once more."""
    return (
        f"Your last answer can't be used: {problem}.\n\n"
        "Write the whole JSON again, correctly and complete, in one ```json code block, and nothing before or after it."
    )


def extract_json(answer: str, form: JsonForm) -> str:
    """Return the answer's one JSON value as text, as it was written if that is strict JSON.

    The whole answer, else a code block, else what stands in prose; where several fit, none is preferred.

    Raises:
        UnfitAnswerError: There is none that fits, or more than one.
    """
    why = "there is no JSON in it"
    for texts in (_whole(answer), _in_blocks(answer), _in_prose(answer)):
        found = list(texts)
        fitting = [text for node, text in found if form.find_problem(node.value) is None]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            msg = f"there are {len(fitting)} JSON values in it, and there must be one"
            raise UnfitAnswerError(msg)
        if found:
            why = form.find_problem(found[0][0].value) or why
            break
    raise UnfitAnswerError(why)


def _whole(answer: str) -> Iterator[tuple[JsonNode, str]]:
    try:
        node = read_json(answer)
    except LenientJsonError:
        return
    yield node, _as_written(answer, node)


def _in_blocks(answer: str) -> Iterator[tuple[JsonNode, str]]:
    for block in _blocks(answer):
        yield from _whole(block)


def _blocks(answer: str) -> Iterator[str]:
    """Yield what stands in the code blocks that have an end."""
    run, inside = "", list[str]()
    for line in answer.splitlines(keepends=True):
        fence = _FENCE.fullmatch(line)
        if run and fence and fence[1].startswith(run) and not fence[2].strip():
            yield "".join(inside)
            run = ""
        elif run:
            inside.append(line)
        elif fence:
            run, inside = fence[1], []


def _in_prose(answer: str) -> Iterator[tuple[JsonNode, str]]:
    at = 0
    for _ in range(_MOST_TRIES):
        bracket = _BRACKET.search(answer, at)
        if bracket is None:
            return
        at = bracket.end()
        try:
            node = read_value(answer, bracket.start())
        except LenientJsonError:
            continue
        if node.members or bracket[0] == "{":  # a list in prose is a footnote's number as a rule
            at = node.end
            yield node, _as_written(answer[bracket.start() : node.end], node)


def _as_written(text: str, node: JsonNode) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return node.text
    return text.strip()
