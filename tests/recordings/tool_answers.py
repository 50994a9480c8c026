"""Answers of models that were told about tools, in the ways in which they write them: right, mendable and wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "days": {"type": "integer", "minimum": 1},
        "units": {"enum": ["metric", "imperial"]},
    },
    "required": ["city"],
    "additionalProperties": False,
}
NOTE: dict[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["text"],
}
SCHEMAS = {"get_weather": WEATHER, "save_note": NOTE, "now": {"type": "object", "properties": {}}}

Call = tuple[str, dict[str, Any]]
Calls = tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """One answer.

    Attributes:
        text: What must be passed on of it; None where it is wrong.
        calls: What it calls.
        problem: What must be said of it, in part; empty where it is right.
    """

    name: str
    answer: str
    text: str | None = ""
    calls: Calls = ()
    problem: str = ""


PARIS: Call = ("get_weather", {"city": "Paris"})
ROME: Call = ("get_weather", {"city": "Zürich ☂", "days": 3, "units": "metric"})
CODE: Call = ("save_note", {"text": 'def f():\n\treturn "{x}" # \\d ```\n', "tags": ["a", "b"]})
MARKUP: Call = ("save_note", {"text": "<b>1 < 2</b> [x](y) `z` _u_ “q” it's", "tags": []})
NOW: Call = ("now", {})
ANY = (PARIS, ROME, CODE, MARKUP, NOW)


def body(*calls: Call, **style: Any) -> str:
    """Return the JSON of calls, one a line."""
    style = {"ensure_ascii": False, **style}
    return "\n".join(json.dumps({"toolcall": name, "arguments": given}, **style) for name, given in calls)


def block(text: str, info: str = "toolcall", run: str = "```") -> str:
    return f"{run}{info}\n{text}\n{run}"


DRESSES = {
    "its own block": block,
    "a block of JSON": lambda text: block(text, "json"),
    "a block of no language": lambda text: block(text, ""),
    "a block of tildes": lambda text: block(text, run="~~~"),
    "a longer block": lambda text: block(text, run="````"),
    "another spelling": lambda text: block(text, "tool_calls"),
    "a block with a title": lambda text: block(text, "json title=call"),
    "a block on one line": lambda text: f"```toolcall {text}```",
    "a tag": lambda text: f"<tool_call>\n{text}\n</tool_call>",
    "a tag on one line": lambda text: f"<tool_call>{text}</tool_call>",
    "no dress": lambda text: text,
    "no end of its block": lambda text: f"```toolcall\n{text}",
}
PROSE = {
    "alone": ("", ""),
    "after a sentence": ("Let me look it up.\n\n", ""),
    "between sentences": ("I call it `now`:\n", "\nThat is all.\n"),
    "after other code": ('```json\n{"a": [1]}\n```\n\n* a list\n\n', ""),
    "after a code span that never ends": ("The ` key.\n", ""),
}


def _clean() -> list[ToolAnswer]:
    found = [
        ToolAnswer(f"{call[0]} {number} in {dress}", wrap(body(call)), calls=(call,))
        for dress, wrap in DRESSES.items()
        for number, call in enumerate(ANY)
    ]
    for dress in ("its own block", "a block of JSON", "a tag", "no dress"):
        for where, (before, after) in PROSE.items():
            after_text = after if dress in ("no dress", "a tag") else after.removeprefix("\n")
            if dress == "a tag" and after:
                after_text = after
            answer = before + DRESSES[dress](body(CODE)) + after
            found.append(ToolAnswer(f"{dress} {where}", answer, before + after_text, (CODE,)))
    return found


def _careless() -> list[ToolAnswer]:
    call = body(PARIS)
    return [
        ToolAnswer("no line end before", "Here:" + block(call), "Here:", (PARIS,)),
        ToolAnswer("no line end before JSON", "Here: " + block(call, "json"), "Here: ", (PARIS,)),
        ToolAnswer("no line end before code", "Run:```py\nf()\n```\n" + block(call, "json"),
                   "Run:```py\nf()\n```\n", (PARIS,)),
        ToolAnswer("in a block that never ends", "```py\nf()\n\n" + block(call), "```py\nf()\n\n", (PARIS,)),
        ToolAnswer("in a block without a language", "```\n" + block(call), "```\n", (PARIS,)),
        ToolAnswer("in a list", "* first\n  " + block(call), "* first\n  ", (PARIS,)),
        ToolAnswer("after a code span of three", "See ```x``` and " + call, "See ```x``` and ", (PARIS,)),
        ToolAnswer("right after a code span of three", "See ```x``` " + call, "See ```x``` ", (PARIS,)),
    ]  # fmt: skip


def _several() -> list[ToolAnswer]:
    both = (PARIS, CODE)
    three = (PARIS, ROME, NOW)
    return [
        ToolAnswer("two blocks", block(body(PARIS)) + "\n" + block(body(CODE)), "", both),
        ToolAnswer("two blocks apart", block(body(PARIS)) + "\n\n" + block(body(CODE)), "\n", both),
        ToolAnswer("words between", block(body(PARIS)) + "\nand\n" + block(body(CODE)), "and\n", both),
        ToolAnswer("two lines", block(body(*both)), "", both),
        ToolAnswer("two lines of JSON", block(body(*both), "json"), "", both),
        ToolAnswer("three lines", block(body(*three)), "", three),
        ToolAnswer("a list", block("[" + body(*three).replace("\n", ",\n") + "]"), "", three),
        ToolAnswer("a list in JSON", block("[" + body(*both).replace("\n", ", ") + "]", "json"), "", both),
        ToolAnswer("a list alone", "[" + body(*both).replace("\n", ", ") + "]", "", both),
        ToolAnswer("commas between", block(body(*both).replace("\n", ",\n")), "", both),
        ToolAnswer("two tags", f"<tool_call>{body(PARIS)}</tool_call><tool_call>{body(NOW)}</tool_call>",
                   "", (PARIS, NOW)),
        ToolAnswer("the same twice", block(body(PARIS, PARIS)), "", (PARIS, PARIS)),
        ToolAnswer("two dresses", block(body(PARIS)) + "\n" + body(NOW), "", (PARIS, NOW)),
    ]  # fmt: skip


MENDABLE = {
    "a comma too many": body(ROME).replace("}}", ",},}"),
    "commas in lists": body(CODE).replace('"b"]', '"b",]'),
    "Python's quotes": "{'toolcall': 'get_weather', 'arguments': {'city': 'Zürich ☂', 'days': 3, 'units': 'metric'}}",
    "curly quotes": body(ROME).replace('"', "“"),
    "curly quotes in pairs": "{“toolcall”: “get_weather”, “arguments”: {“city”: “Zürich ☂”, “days”: 3, “units”: “metric”}}",
    "curly single quotes": body(ROME).replace('"', "’"),
    "low quotes": "{„toolcall“: „get_weather“, „arguments“: {„city“: „Zürich ☂“, „days“: 3, „units“: „metric“}}",
    "keys without quotes": '{toolcall: "get_weather", arguments: {city: "Zürich ☂", days: 3, units: "metric"}}',
    "many lines": body(ROME, indent=4),
    "escapes": body(ROME, ensure_ascii=True),
    "no spaces": body(ROME, separators=(",", ":")),
    "hard spaces": body(ROME, indent=2).replace("\n", "\n\u00a0"),
    "arguments as text": json.dumps({"toolcall": "get_weather", "arguments": json.dumps(ROME[1])}),
    "other keys": json.dumps({"name": "get_weather", "parameters": ROME[1], "toolcall": {}}).replace(
        ', "toolcall": {}', ""
    ),
    "the API's form": json.dumps(
        {"id": "x", "type": "function", "function": {"name": "get_weather", "arguments": json.dumps(ROME[1])}}
    ),
    "the API's list": json.dumps(
        {"tool_calls": [{"function": {"name": "get_weather", "arguments": ROME[1]}}]}
    ),
    "nested": json.dumps({"toolcall": {"name": "get_weather", "arguments": ROME[1]}}),
}
_ONLY_DRESSED = {"other keys", "the API's form", "the API's list"}


def _mendable() -> list[ToolAnswer]:
    found = []
    for name, text in MENDABLE.items():
        calls = (CODE,) if name == "commas in lists" else (ROME,)
        found += [
            ToolAnswer(f"{name} in {dress}", DRESSES[dress](text), "", calls)
            for dress in ("its own block", "a block of JSON", "a tag", "no dress")
            if name not in _ONLY_DRESSED or dress in ("its own block", "a tag")
        ]
    raw = '{"toolcall": "save_note", "arguments": {"text": "one\n```\ntwo\tthree\n"}}'
    call = ("save_note", {"text": "one\n```\ntwo\tthree\n"})
    found += [
        ToolAnswer("line ends in a string", block(raw), "", (call,)),
        ToolAnswer("line ends in a string, no dress", raw, "", (call,)),
        ToolAnswer("Python's words", block("{'toolcall': 'now', 'arguments': None}"), "", (NOW,)),
        ToolAnswer("no arguments", block('{"toolcall": "now"}'), "", (NOW,)),
        ToolAnswer("empty arguments", block('{"toolcall": "now", "arguments": ""}'), "", (NOW,)),
    ]
    return found


WRONG = {
    "unknown tool": ('{"toolcall": "get_wether", "arguments": {}}', "no tool"),
    "no name": ('{"toolcall": null, "arguments": {}}', "names no tool"),
    "wrong type": ('{"toolcall": "get_weather", "arguments": {"city": 7}}', "city: does not fit type"),
    "a number as text": ('{"toolcall": "get_weather", "arguments": {"city": "x", "days": "3"}}', "days"),
    "too small": ('{"toolcall": "get_weather", "arguments": {"city": "x", "days": 0}}', "minimum"),
    "no such choice": ('{"toolcall": "get_weather", "arguments": {"city": "x", "units": "K"}}', "enum"),
    "missing": ('{"toolcall": "get_weather", "arguments": {"days": 3}}', '"city" is missing'),
    "missing at all": ('{"toolcall": "get_weather"}', '"city" is missing'),
    "one too many": ('{"toolcall": "get_weather", "arguments": {"city": "x", "zip": 1}}', "zip"),
    "arguments as list": ('{"toolcall": "get_weather", "arguments": ["x"]}', "no object"),
    "arguments as bad text": ('{"toolcall": "get_weather", "arguments": "city=x"}', "can't be read"),
    "flat arguments": ('{"toolcall": "get_weather", "city": "x"}', "keys beside"),
    "cut off": ('{"toolcall": "get_weather", "arguments": {"city": "Pa', "no end"),
    "a bracket missing": ('{"toolcall": "get_weather", "arguments": {"city": "Paris"}', "expected"),
    "a bracket too many": ('{"toolcall": "get_weather", "arguments": {"city": "Paris"}}}', ""),
    "quotes in quotes": ('{"toolcall": "save_note", "arguments": {"text": "say "hi" now"}}', "expected"),
    "an apostrophe": ("{'toolcall': 'save_note', 'arguments': {'text': 'it's'}}", "expected"),
    "a key twice": ('{"toolcall": "now", "arguments": {"a": 1, "a": 2}}', "twice"),
    "no such escape": ('{"toolcall": "save_note", "arguments": {"text": "\\d"}}', "escape"),
    "a comma missing": ('{"toolcall": "get_weather" "arguments": {"city": "x"}}', "expected"),
    "a comment": ('{"toolcall": "now", // call\n"arguments": {}}', "key was expected"),
    "not a number": ('{"toolcall": "now", "arguments": {"x": NaN}}', "value was expected"),
    "mixed quotes": ('{"toolcall": "save_note", "arguments": {"text": “a"}}', "no end"),
    "three dots": ('{"toolcall": "get_weather", "arguments": {...}}', "key was expected"),
}


def _wrong() -> list[ToolAnswer]:
    found = [
        ToolAnswer(f"{name} in {dress}", DRESSES[dress](text), None, problem=problem)
        for name, (text, problem) in WRONG.items()
        for dress in ("its own block", "a block of JSON", "no dress")
    ]
    right_and_wrong = block(body(PARIS) + '\n{"toolcall": "nothing", "arguments": {}}')
    return [
        *found,
        ToolAnswer("one right, one wrong", right_and_wrong, None, problem="no tool"),
        ToolAnswer("an empty block", block(""), None, problem="value was expected"),
        ToolAnswer("words in the block", block("I call it"), None, problem="value was expected"),
        ToolAnswer("words behind the call", block(body(PARIS) + "\nDone."), None, problem="can't be read"),
        ToolAnswer("only the fence", "```toolcall", None, problem="ends too early"),
        ToolAnswer("half the word", 'Well.\n{"toolc', None, problem="ends too early"),
        ToolAnswer("only the tag", "<tool_call>\n", None, problem="ends too early"),
    ]


_TALK = [
    'The form is `{"toolcall": "now", "arguments": {}}`, and that is all.',
    'Use ``{"toolcall": "a`b"}`` in code.',
    '`toolcall` is the word, {"tool": 1} is not, nor is {toolbox: 2}.',
    '````markdown\n```toolcall\n{"toolcall": "now"}\n```\n````\nLike so.',
    '```python\nsay({"toolcall": "now"})\n```\n',
    '~~~\nx = 1\n{"toolcall": "now"}\n~~~\nbye',
    'A <tool_call> tag, a [link](u), a list [1, {"a": 2}] and {braces}.',
    '```json\n{"tool_calls": [{"id": 1}]}\n```\n',
    "Nothing\n\n```\ncode\n```\n- [ ] ~~old~~ `` ` `` ``` ` ```\n",
    "It ends in a bracket {",
    "It ends in ticks ``",
    "```",
    "",
    "   \n",
]  # fmt: skip


def _talk() -> list[ToolAnswer]:
    return [ToolAnswer(f"talk {number}", text, text) for number, text in enumerate(_TALK)]


RIGHT = [*_clean(), *_careless(), *_several(), *_mendable(), *_talk()]
REFUSED = _wrong()
