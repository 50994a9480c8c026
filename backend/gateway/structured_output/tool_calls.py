"""Parses tool calls out of an answer's text as it streams; they are checked and never passed on as text. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.gateway.structured_output.envelope_scanner import EnvelopeScanner, Opening
from backend.gateway.structured_output.lenient_json import (
    JsonNode,
    LenientJsonError,
    read_json,
    read_value,
    skip_space,
)
from backend.gateway.structured_output.schema_check import SchemaChecker
from backend.wire.tool_envelope import WORD

_NAME_KEYS = (WORD, "name", "tool", "function")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
_LABEL_KEYS = frozenset({"id", "call_id", "index", "type"})
_LIST_KEYS = ("tool_calls", "toolcalls")
_BETWEEN = re.compile(r"[\s,;]*")
_STRAY = re.compile(r"\s*[}\]]")
_TAG_END = re.compile(r"\s*</tool_?calls?>[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; ``checker`` knows its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    checker: SchemaChecker


@dataclass(frozen=True, slots=True)
class ToolBox:
    """The tools of one request.

    Attributes:
        must_call: The answer must be a call.
        only: The one tool that it must call; None for any.
        is_parallel: It may call several at once.
    """

    tools: Mapping[str, Tool]
    must_call: bool = False
    only: str | None = None
    is_parallel: bool = True


@dataclass(frozen=True, slots=True)
class ReadCall:
    """A valid tool call; ``arguments`` is a JSON object as text."""

    name: str
    arguments: str


@dataclass(slots=True)
class _Raw:
    name: str
    arguments: JsonNode | None = None
    others: list[str] = field(default_factory=list)


class ToolCallReader:
    """Splits an answer, in whatever pieces it comes, into text and tool calls; ``finish`` ends it.

    Text is passed on as soon as it is surely none of an envelope. From the first envelope on everything is held until the
    end: what stands in a call's strings may look like the end of it, and only reading all of it tells.

    Attributes:
        calls: The answer's calls once it is over, in their order; empty where there is a problem.
        problem: Why the answer can't be taken as it is, in words for the model; None if it can.
    """

    def __init__(self, box: ToolBox) -> None:
        self._box = box
        self._scanner = EnvelopeScanner()
        self._held = ""
        self._opening: Opening | None = None
        self._pieces: list[str] = []
        self._has_text = False
        self._reasoning: list[str] = []
        self.calls: tuple[ReadCall, ...] = ()
        self.problem: str | None = None

    @property
    def has_envelope(self) -> bool:
        """Whether an envelope began."""
        return self._opening is not None

    def feed(self, text: str) -> str:
        """Return what of the text so far, not yet returned, is surely no envelope."""
        if self._opening is not None:
            self._pieces.append(text)
            return ""
        return self._scan(self._held + text, is_last=False)

    def note_reasoning(self, text: str) -> None:
        """Take note of reasoning: a call that stands only there is none, but the model may believe it made one."""
        self._reasoning.append(text)

    def finish(self) -> str:
        """Return the rest of the text, because the answer is over; ``calls`` and ``problem`` are known afterwards."""
        passed = self._scan(self._held, is_last=True) if self._opening is None else ""
        raw: list[_Raw] = []
        if self._opening is not None:
            try:
                passed += "".join(self._read("".join([self._held, *self._pieces]), raw))
            except LenientJsonError as exc:
                self.problem = f"a {WORD} block can't be read: {exc}"
                return passed
        self._has_text = self._has_text or bool(passed.strip())
        self._judge(raw)
        return passed

    def _scan(self, text: str, *, is_last: bool) -> str:
        end, self._opening = self._scanner.scan(text, 0, is_last=is_last)
        passed, self._held = text[:end], text[end:]
        self._has_text = self._has_text or bool(passed.strip())
        return passed

    def _read(self, text: str, raw: list[_Raw]) -> Iterator[str]:
        """Yield the text between and after the envelopes, whose calls go to ``raw``.

        Raises:
            LenientJsonError: An envelope can't be read.
        """
        opening, start = self._opening, 0
        assert opening is not None
        opening = Opening(0, opening.body - opening.start, opening.dress, opening.closer)
        while opening is not None:
            start = _read_envelope(text, opening, raw)
            scanner = EnvelopeScanner()
            end, opening = scanner.scan(text, start, is_last=True)
            yield text[start:end]

    def _judge(self, raw: Sequence[_Raw]) -> None:
        problems: list[str] = []
        calls: list[ReadCall] = []
        for call in raw:
            found = self._check(call)
            if isinstance(found, ReadCall):
                calls.append(found)
            else:
                problems.append(found)
        problems = problems or list(self._shortcomings(calls))
        if problems:
            self.problem = "; ".join(problems)
        else:
            self.calls = tuple(calls)

    def _shortcomings(self, calls: Sequence[ReadCall]) -> Iterator[str]:
        if len(calls) > 1 and not self._box.is_parallel:
            yield f"there are {len(calls)} calls, and only one is allowed"
        if not calls and self._box.must_call:
            yield f"there is no {WORD} block, and the answer must be one"
        elif not calls and not self._has_text and WORD in "".join(self._reasoning):
            yield f"the {WORD} block stands only in the reasoning, where it has no effect"

    def _check(self, raw: _Raw) -> ReadCall | str:
        """Return the call, or what is wrong with it."""
        tool = self._box.tools.get(raw.name)
        if tool is None:
            return f"there is no tool {_shown(raw.name)}; there are {', '.join(sorted(self._box.tools))}"
        if self._box.only not in (None, raw.name):
            return f"the tool to call is {self._box.only}, not {raw.name}"
        if raw.others:
            return f"the call of {raw.name} has keys beside {WORD} and arguments: {_shown(raw.others[0])}"
        try:
            arguments = _arguments(raw.arguments)
        except LenientJsonError as exc:
            return f"the arguments of {raw.name} can't be read: {exc}"
        if not isinstance(arguments.value, dict):
            return f"the arguments of {raw.name} are no object"
        problem = tool.checker.find_problem(arguments.value)
        return (
            ReadCall(raw.name, arguments.text) if problem is None else f"arguments of {raw.name}: {problem}"
        )


def _read_envelope(text: str, opening: Opening, raw: list[_Raw]) -> int:
    """Read one envelope's calls, and return where what follows it begins."""
    node = read_value(text, opening.body)
    raw += _calls_in(node)
    if opening.dress == "bare":
        if _STRAY.match(text, node.end):
            msg = "there is a bracket too many behind a call"
            raise LenientJsonError(msg)
        return node.end
    at = node.end
    while (end := _end_of_dress(text, at, opening)) is None:
        between = _BETWEEN.match(text, at)
        assert between is not None
        node = read_value(text, between.end())
        raw += _calls_in(node)
        at = node.end
    return end


def _end_of_dress(text: str, at: int, opening: Opening) -> int | None:
    """Return where the text continues if the envelope's code block ends at ``at``."""
    if skip_space(text, at) == len(text):
        return len(text)
    if opening.dress == "tag":
        end = _TAG_END.match(text, at)
    else:
        closer = re.escape(opening.closer)
        end = re.compile(rf"[\s>]*{closer}{opening.closer[0]}*[ \t]*(?:\n|$)").match(text, at)
    return end.end() if end else None


def _calls_in(node: JsonNode) -> Iterator[_Raw]:
    if node.items:
        for item in node.items:
            yield from _calls_in(item)
        return
    for key in _LIST_KEYS:
        if key in node.members:
            yield from _calls_in(node.members[key])
            return
    inner = next((node.members[key] for key in (WORD, "function") if key in node.members), None)
    yield _call(inner if inner is not None and inner.members else node)


def _call(node: JsonNode) -> _Raw:
    name_key = next((key for key in _NAME_KEYS if key in node.members), None)
    name = node.members[name_key].value if name_key else None
    if not isinstance(name, str):
        msg = "it names no tool"
        raise LenientJsonError(msg)
    argument_key = next((key for key in _ARGUMENT_KEYS if key in node.members), None)
    others = [key for key in node.members if key not in (name_key, argument_key) and key not in _LABEL_KEYS]
    return _Raw(name, node.members[argument_key] if argument_key else None, others)


def _arguments(node: JsonNode | None) -> JsonNode:
    """Return the arguments as an object; left out, null and the empty text are an object without members."""
    if node is None or node.value in (None, ""):
        return JsonNode({}, "{}", 0)
    return read_json(node.value) if isinstance(node.value, str) else node


def _shown(name: str) -> str:
    text = json.dumps(name, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:80]}…"
