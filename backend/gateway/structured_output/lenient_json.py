"""Parses JSON as language models write it: repaired only where one reading is possible, else an error. Pure.

What is mended, and nothing else: a comma after the last member; curly or single quotes around a string, and keys without
any; line ends and tabs that stand in a string as they are; Python's ``True``, ``False`` and ``None``. A string ends at the
first quote of its kind, and if what follows can't follow a string, the text is refused and not guessed at. Brackets that
are missing are never added: what they were to hold is not known. So are invalid escapes, and keys that come twice.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_SPACE = re.compile(r"[\s\u200b\ufeff]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.+-])")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_LITERALS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_CURLY, _CURLY_SINGLE = "“”„‟", "‘’‚‛"
# Which characters may end a string that began with this one.
_ENDS = {'"': '"', "'": "'"} | dict.fromkeys(_CURLY, _CURLY) | dict.fromkeys(_CURLY_SINGLE, _CURLY_SINGLE)
_PLAIN = {start: re.compile(f"[^\\\\{ends}]*") for start, ends in _ENDS.items()}
_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt])|u([0-9a-fA-F]{4}))')
_ESCAPED = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")
_MOST_DEPTH = 64
_MOST_DIGITS = 1000


class LenientJsonError(ValueError):
    """The text is not JSON, and could be mended in more than one way or in none; ``str()`` says where and why."""


@dataclass(frozen=True, slots=True)
class JsonNode:
    """One value.

    Attributes:
        value: As ``json`` reads it.
        text: As strict JSON, numbers digit for digit as they were written.
        end: Where it ends in the text that was read.
        members: Those of an object.
        items: Those of an array.
    """

    value: Any
    text: str
    end: int
    members: dict[str, JsonNode] = field(default_factory=dict)
    items: tuple[JsonNode, ...] = ()


def read_json(text: str) -> JsonNode:
    """Return the one value that ``text`` is, white space around it aside.

    Raises:
        LenientJsonError: It isn't one.
    """
    node = read_value(text, 0)
    if skip_space(text, node.end) < len(text):
        raise _error(text, node.end, "something follows the value")
    return node


def read_value(text: str, at: int) -> JsonNode:
    """Return the value that begins at ``at`` or after white space there.

    Raises:
        LenientJsonError: There is none.
    """
    return _Reader(text).value(at, 0)


def skip_space(text: str, at: int) -> int:
    """Return the position of the first character from ``at`` that is not white space."""
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # matches nothing at the least


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def value(self, at: int, depth: int) -> JsonNode:
        at = skip_space(self._text, at)
        first = self._text[at : at + 1]
        if depth > _MOST_DEPTH:
            raise _error(self._text, at, f"it is nested more than {_MOST_DEPTH} deep")
        if first == "{":
            return self._object(at + 1, depth)
        if first == "[":
            return self._array(at + 1, depth)
        if first in _ENDS:
            return self._string(at)
        return self._literal(at)

    def _object(self, at: int, depth: int) -> JsonNode:
        members: dict[str, JsonNode] = {}
        while (at := skip_space(self._text, at)) < len(self._text) and self._text[at] != "}":
            key = self._key(at)
            if key.value in members:
                raise _error(self._text, at, "this key comes twice")
            at = skip_space(self._text, key.end)
            self._expect(":", at)
            node = members[key.value] = self.value(at + 1, depth + 1)
            at = self._after_member(node.end, "}")
        self._expect("}", at)
        inside = ", ".join(f"{_quoted(key)}: {node.text}" for key, node in members.items())
        plain = {key: node.value for key, node in members.items()}
        return JsonNode(plain, f"{{{inside}}}", at + 1, members)

    def _array(self, at: int, depth: int) -> JsonNode:
        items: list[JsonNode] = []
        while (at := skip_space(self._text, at)) < len(self._text) and self._text[at] != "]":
            items.append(self.value(at, depth + 1))
            at = self._after_member(items[-1].end, "]")
        self._expect("]", at)
        inside = ", ".join(node.text for node in items)
        return JsonNode([node.value for node in items], f"[{inside}]", at + 1, items=tuple(items))

    def _after_member(self, at: int, end: str) -> int:
        at = skip_space(self._text, at)
        if self._text[at : at + 1] == ",":
            return at + 1
        self._expect(end, at)
        return at

    def _key(self, at: int) -> JsonNode:
        if self._text[at] in _ENDS:
            return self._string(at)
        name = _NAME.match(self._text, at)
        if name is None:
            raise _error(self._text, at, "a key was expected")
        return JsonNode(name[0], _quoted(name[0]), name.end())

    def _string(self, at: int) -> JsonNode:
        start, begun = self._text[at], at
        ends, plain, parts = _ENDS[start], _PLAIN[start], []
        at += 1
        while True:
            run = plain.match(self._text, at)
            assert run is not None  # it matches nothing at the least
            parts.append(run[0])
            at = run.end()
            if at >= len(self._text):
                raise _error(self._text, begun, "this string has no end")
            if self._text[at] in ends:
                break
            at, character = self._escape(at, start)
            parts.append(character)
        value = _PAIR.sub(_joined, "".join(parts))
        if start in _CURLY and '"' in value:
            raise _error(self._text, begun, "this string mixes curly and straight quotes")
        return JsonNode(value, _quoted(value), at + 1)

    def _escape(self, at: int, start: str) -> tuple[int, str]:
        if start == "'" and self._text.startswith("\\'", at):
            return at + 2, "'"
        found = _ESCAPE.match(self._text, at)
        if found is None:
            raise _error(self._text, at, "there is no such escape")
        return found.end(), _ESCAPED[found[1]] if found[1] else chr(int(found[2], 16))

    def _literal(self, at: int) -> JsonNode:
        number = _NUMBER.match(self._text, at)
        if number is not None and len(number[0]) <= _MOST_DIGITS:
            return JsonNode(json.loads(number[0]), number[0], number.end())
        name = _NAME.match(self._text, at)
        if name is not None and name[0] in _LITERALS:
            value = _LITERALS[name[0]]
            return JsonNode(value, json.dumps(value), name.end())
        raise _error(self._text, at, "a value was expected")

    def _expect(self, character: str, at: int) -> None:
        if self._text[at : at + 1] != character:
            raise _error(self._text, at, f"{character!r} was expected")


def _quoted(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair can only be written as an escape
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)


def _joined(pair: re.Match[str]) -> str:
    return chr(0x10000 + ((ord(pair[1]) - 0xD800) << 10) + ord(pair[2]) - 0xDC00)


def _error(text: str, at: int, why: str) -> LenientJsonError:
    if at >= len(text):
        return LenientJsonError(f"it ends too early: {why}")
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return LenientJsonError(f"line {line}, column {column}: {why}")
