"""JSON line by line."""

import json

import pytest

from automation.capture.decoders.by_path.json_lines import JsonLinesDecoder
from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireError
from automation.profiles.wire_format import Wire
from automation.turn import TextDelta
from tests.recordings.replay import byte_by_byte, play_body


def decoder(**keys):
    return JsonLinesDecoder(
        Wire(decoder="json_lines", urls="*", **{"text_path": "t", "end": "done==true", **keys})
    )


def lines(*messages, end="\n"):
    return "".join(json.dumps(message) + end for message in messages).encode()


SITES = {
    "Ollama's chat": (
        {
            "text_path": "message.content",
            "reasoning_path": "message.thinking",
            "finish_reason_path": "done_reason",
        },
        lines(
            {"message": {"role": "assistant", "content": "", "thinking": "Hm"}, "done": False},
            {"message": {"content": "Hé"}, "done": False},
            {"message": {"content": "llo"}, "done": False},
            {"message": {"content": ""}, "done": True, "done_reason": "length"},
        ),
        ("Héllo", "Hm", [WireEnd("length")]),
    ),
    "typed lines": (
        {
            "text_path": "[type==stream].token",
            "reasoning_path": "[type==reasoning].token",
            "error_path": "[status==error].message",
            "end": "status==finished",
        },
        lines(
            {"type": "status", "status": "started"},
            {"type": "reasoning", "token": "Hm"},
            {"type": "stream", "token": "Hi"},
            {"type": "title", "title": "Greeting"},
            {"type": "status", "status": "finished"},
            end="\r\n",
        ),
        ("Hi", "Hm", [WireEnd()]),
    ),
    "tokens that are thoughts or not": (
        {
            "text_path": "result.response[isThinking==false].token",
            "reasoning_path": "result.response[isThinking==true].token",
            "end": "result.response.modelResponse.responseId==R",
        },
        lines(
            {"result": {"response": {"token": "Hm", "isThinking": True}}},
            {"result": {"response": {"token": "Hi", "isThinking": False}}},
            {"result": {"response": {"modelResponse": {"responseId": "R", "message": "Hi"}}}},
        ),
        ("Hi", "Hm", [WireEnd()]),
    ),
    "a last line without its end, after a byte order mark and blank lines": (
        {"end": "@close"},
        b"\xef\xbb\xbf" + lines({"t": "a"}) + b"\n  \n" + b'{"t": "b"}',
        ("ab", "", [WireEnd()]),
    ),
    "two values in a line": ({}, b'{"t":"a"} {"t":"b"}\x1e{"done":true}\n', ("ab", "", [WireEnd()])),
    "a word at the end": ({"end": "[DONE]"}, lines({"t": "a"}) + b"[DONE]\n", ("a", "", [WireEnd()])),
}


@pytest.mark.parametrize("split", [list, byte_by_byte])
@pytest.mark.parametrize(("keys", "stream", "expected"), SITES.values(), ids=SITES)
def test_a_site_is_read_by_its_paths(keys, stream, expected, split):
    told = play_body(split([stream]), decoder(**keys))

    assert (told.text, told.reasoning, told.ends) == expected


def test_blank_lines_say_nothing_and_other_messages_are_signs_of_life():
    assert decoder().feed(b'\n\n{"status": "thinking"}\n') == [WireAlive()]


def test_an_error_line_ends_the_answer():
    reader = decoder()

    events = reader.feed(lines({"t": "a"}, {"error": "model not found"}, {"t": "b"}))

    assert events == [TextDelta("a"), WireError("model not found")]
    assert reader.feed(b"{broken\n") == []
    assert reader.closed() == []


@pytest.mark.parametrize(
    "stream", [b"<!doctype html>\n", b'{"t": "a"\n', b'{"t": "\xe9"}\n', b'data: {"t": "a"}\n']
)
def test_other_lines_are_refused(stream):
    with pytest.raises(StreamFormatError):
        decoder().feed(stream)


def test_a_body_cut_inside_its_last_line_is_refused():
    reader = decoder(end="@close")
    reader.feed(b'{"t": "a"}\n{"t": "b')

    with pytest.raises(StreamFormatError):
        reader.closed()
