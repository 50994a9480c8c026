from __future__ import annotations

from typing import Any

import pytest

from automation.errors import SiteError
from backend.wire.answer_blocks import AnswerBlock, Blocks, JsonEnd, message_to_delta


class Script:
    """Writes blocks as lines of a script."""

    def begin(self, block: AnswerBlock) -> bytes:
        return f"<{block.position}{block.kind}{block.name and ':' + block.name}>".encode()

    def more(self, block: AnswerBlock, text: str) -> bytes:
        return text.encode()

    def cite(self, block: AnswerBlock, citation: dict[str, Any]) -> bytes:
        return f"[{citation['start_index']}]".encode()

    def close(self, block: AnswerBlock) -> bytes:
        return f"</{block.position}>".encode()


def call(
    index: int, arguments: str = "", name: str | None = None, call_id: str | None = None
) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"tool_calls": [{"index": index, "function": function} | ({"id": call_id} if call_id else {})]}


def cited(at: int) -> dict[str, Any]:
    page = {"url": "https://a.test", "title": "A", "start_index": at, "end_index": at}
    return {"annotations": [{"type": "url_citation", "url_citation": page}]}


CASES = {
    "text alone": ([{"content": "a"}, {"content": "b"}], "<0text>ab</0>"),
    "empty deltas open nothing": ([{"role": "assistant", "content": ""}, {"content": None}], ""),
    "reasoning ends where text begins": (
        [{"reasoning_content": "r"}, {"content": "t"}],
        "<0reasoning>r</0><1text>t</1>",
    ),
    "reasoning by its other name": ([{"reasoning": "r"}], "<0reasoning>r</0>"),
    "reasoning may come again": (
        [{"content": "t"}, {"reasoning_content": "r"}, {"content": "u"}],
        "<0text>t</0><1reasoning>r</1><2text>u</2>",
    ),
    "parallel calls in turns are written one after the other": (
        [
            call(0, "", "f"),
            call(1, "", "g"),
            call(0, '{"a"'),
            call(1, '{"b"'),
            call(0, ":1}"),
            call(1, ":2}"),
        ],
        '<0call:f>{"a":1}</0><1call:g>{"b":2}</1>',
    ),
    "indexes out of order": (
        [call(1, "{", "g"), call(0, "{}", "f"), call(1, "}")],
        "<0call:g>{}</0><1call:f>{}</1>",
    ),
    "text amid the arguments of a call waits for their end": (
        [call(0, '{"a', "f"), {"content": "t"}, call(0, '":1}'), {"content": "u"}],
        '<0call:f>{"a":1}</0><1text>tu</1>',
    ),
    "a call without arguments has an empty object": ([call(0, "", "f")], "<0call:f>{}</0>"),
    "a name that comes late": ([call(0, "{"), call(0, "}", "f")], "<0call:f>{}</0>"),
    "white space after the arguments": (
        [call(0, "{}", "f"), call(1, "{}", "g"), call(0, "\n")],
        "<0call:f>{}</0><1call:g>{}</1>",
    ),
    "citations are counted from their block's start": (
        [{"content": "abc"}, {"reasoning": "r"}, {"content": "def"}, cited(5)],
        "<0text>abc</0><1reasoning>r</1><2text>def[2]</2>",
    ),
}


@pytest.mark.parametrize(("deltas", "written"), CASES.values(), ids=CASES)
def test_blocks_are_written_one_after_the_other(deltas, written):
    blocks = Blocks(Script())

    out = b"".join(blocks.feed(delta) for delta in deltas) + blocks.finish()

    assert out.decode() == written


def test_a_later_call_streams_as_soon_as_the_one_before_is_whole():
    blocks = Blocks(Script())
    blocks.feed(call(0, '{"a":"}"}', "f"))

    out = blocks.feed(call(1, '{"b', "g"))

    assert out == b'</0><1call:g>{"b'


@pytest.mark.parametrize(
    "deltas", [[call(0, "{}")], [call(0, "{}", "f"), call(0, "{}")]], ids=["no name", "more after the end"]
)
def test_a_call_that_cannot_be_read_is_an_error(deltas):
    blocks = Blocks(Script())

    with pytest.raises(SiteError):
        [blocks.feed(delta) for delta in deltas] and blocks.finish()

    assert len(blocks.all) == 1


def test_no_arguments_are_made_up_for_a_call_that_was_cut():
    blocks = Blocks(Script())
    blocks.feed(call(0, "", "f"))

    assert blocks.finish(is_cut=True) == b"</0>"


def test_a_call_without_an_id_gets_one_that_names_its_answer():
    blocks = Blocks(Script())
    blocks.stem = "abc"

    blocks.feed(call(0, "{}", "f"))
    blocks.feed(call(1, "{}", "g", "call_theirs"))
    blocks.finish()

    assert [block.call_id for block in blocks.all] == ["call_abc_0", "call_theirs"]


def test_a_whole_message_is_one_delta_whose_calls_are_told_apart():
    calls = [{"id": f"c{i}", "function": {"name": "f", "arguments": "{}"}} for i in range(2)]
    blocks = Blocks(Script())

    out = blocks.feed(message_to_delta({"content": "t", "tool_calls": calls})) + blocks.finish()

    assert out == b"<0text>t</0><1call:f>{}</1><2call:f>{}</2>"


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ('{"a":[1,{"b":2}]}', True),
        ('{"a":"}', False),
        ('{"a":"\\"}', False),
        ('{"a":"\\\\"}', True),
        ("[{}]", True),
        ("", False),
    ],
)
def test_the_end_of_a_value_is_seen_whatever_stands_in_its_strings(text, ends):
    end = JsonEnd()

    for character in text:
        end.feed(character)

    assert end.is_reached is ends
