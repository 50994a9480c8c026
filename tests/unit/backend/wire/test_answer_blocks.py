from __future__ import annotations

import json
from typing import Any

import pytest

from automation.errors import SiteError
from backend.wire.answer_blocks import AnswerBlock, Blocks, message_to_delta
from backend.wire.chat_response import to_json


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

    out = b"".join(blocks.feed(delta) for delta in deltas) + blocks.finish("stop")

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
        [blocks.feed(delta) for delta in deltas] and blocks.finish("stop")

    assert len(blocks.all) == 1


def test_no_arguments_are_made_up_for_a_call_that_was_cut():
    blocks = Blocks(Script())
    blocks.feed(call(0, "", "f"))

    assert blocks.finish("length") == b"<0call:f></0>"


def test_a_call_without_an_id_gets_one_that_names_its_answer():
    blocks = Blocks(Script())
    blocks.stem = "abc"

    blocks.feed(call(0, "{}", "f"))
    blocks.feed(call(1, "{}", "g", "call_theirs"))
    blocks.finish("stop")

    assert [block.call_id for block in blocks.all] == ["call_abc_0", "call_theirs"]


def test_a_call_whose_id_is_taken_gets_another_one():
    blocks = Blocks(Script())
    blocks.stem, blocks.taken = "abc", {"call_0"}

    blocks.feed(call(0, "{}", "f", "call_0"))
    blocks.feed(call(1, "{}", "g", "call_1"))
    blocks.feed(call(2, "{}", "h", "call_1"))
    blocks.finish("stop")

    assert [block.call_id for block in blocks.all] == ["call_abc_0", "call_1", "call_abc_2"]


def test_a_whole_message_is_one_delta_whose_calls_are_told_apart():
    calls = [{"id": f"c{i}", "function": {"name": "f", "arguments": "{}"}} for i in range(2)]
    blocks = Blocks(Script())

    out = blocks.feed(message_to_delta({"content": "t", "tool_calls": calls})) + blocks.finish("stop")

    assert out == b"<0text>t</0><1call:f>{}</1><2call:f>{}</2>"


PARTS = {
    "text": ([{"type": "text", "text": "t"}], "<0text>t</0>"),
    "thinking in parts, then text": (
        [{"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}, {"type": "text", "text": "t"}],
        "<0reasoning>r</0><1text>t</1>",
    ),
    "thinking as a text": ([{"type": "thinking", "thinking": "r"}], "<0reasoning>r</0>"),
    "a reference between texts": (
        [
            {"type": "text", "text": "t"},
            {"type": "reference", "reference_ids": [1]},
            {"type": "text", "text": "u"},
        ],
        "<0text>tu</0>",
    ),
    "a refusal": ([{"type": "refusal", "refusal": "no"}], "<0refusal>no</0>"),
    "nothing": ([], ""),
}


@pytest.mark.parametrize(("parts", "written"), PARTS.values(), ids=PARTS)
def test_a_content_that_is_a_list_is_read_part_by_part(parts, written):
    blocks = Blocks(Script())

    out = blocks.feed({"content": parts}) + blocks.finish("stop")

    assert out.decode() == written


@pytest.mark.parametrize(
    "delta",
    [
        {"content": 7},
        {"content": [{"type": "image_url", "image_url": {}}]},
        {"content": ["text"]},
        {"content": [{"type": "thinking", "thinking": [7]}]},
        {"refusal": {}},
        {"annotations": 7},
        {"tool_calls": {}},
        {"tool_calls": ["f"]},
        {"function_call": "f"},
    ],
)
def test_what_has_no_place_in_an_answer_is_an_error(delta):
    with pytest.raises(SiteError):
        Blocks(Script()).feed(delta)


def test_the_one_call_of_the_api_before_tools_is_a_call():
    blocks = Blocks(Script())
    deltas = [{"function_call": {"name": "f", "arguments": '{"a"'}}, {"function_call": {"arguments": ":1}"}}]

    out = b"".join(blocks.feed(delta) for delta in deltas) + blocks.finish("function_call")

    assert out == b'<0call:f>{"a":1}</0>'


@pytest.mark.parametrize("reason", ["tool_calls", "function_call"])
def test_an_answer_that_ended_for_a_call_that_is_not_there_is_an_error(reason):
    blocks = Blocks(Script())
    blocks.feed({"content": "t"})

    with pytest.raises(SiteError):
        blocks.finish(reason)


def test_a_name_is_written_once_no_more_of_it_can_come():
    blocks = Blocks(Script())

    out = [blocks.feed(one) for one in (call(0, "", "get_"), call(0, "", "time"), call(0, "{}"))]

    assert out == [b"", b"", b"<0call:get_time>{}"]


def test_two_calls_on_one_index_are_two_blocks():
    blocks = Blocks(Script())

    out = blocks.feed(call(0, '{"a":1}', "f", "c1")) + blocks.feed(call(0, '{"b":2}', "g", "c2"))

    assert out + blocks.finish("tool_calls") == b'<0call:f>{"a":1}</0><1call:g>{"b":2}</1>'


class Texts(Script):
    """Writes texts as they would be sent, one in a line."""

    def more(self, block: AnswerBlock, text: str) -> bytes:
        return to_json(text) + b"\n"


def test_a_character_that_comes_in_halves_is_written_whole():
    blocks = Blocks(Texts())

    out = [blocks.feed({"content": text}) for text in ("a\ud83d", "\ude00b", "\ud83d")] + [
        blocks.finish("stop")
    ]

    lines = [json.loads(line) for line in b"".join(out).decode().partition(">")[2].split("\n")[:-1]]
    assert lines == ["a😀b", "\ud83d"]
