"""The AI SDK's two streams, recorded from its versions 4, 5 and 7."""

import json

import pytest

from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireError
from automation.capture.decoders.uis.vercel_ai import VercelAiDecoder
from automation.turn import SourceFound, TextDelta, UsageReported
from tests.recordings.replay import bodies, byte_by_byte, play_body, sum_up

TEXT = 'Hello **wörld** 🎉\n\n- one\n- two\n\n```py\nif x < 1:\n    print("a\\tb")\n```\n'
SOURCES = [SourceFound("https://a.example/x", "A & B"), SourceFound("https://b.example/", "")]
CASES = {
    "plain": (TEXT, "", [WireEnd()], []),
    "reasoning": ("Then I *answer*.", "First I weigh it up.\nThen I answer.", [WireEnd()], []),
    "sources": ("As A says.", "", [WireEnd()], SOURCES),
    "length": ("A: 1, 1", "", [WireEnd("length")], []),
    "error": ("word1 word2 ", "", [WireError("mock error 500")], []),
    "ratelimit": ("", "", [WireError("Rate limit reached for mock-small", "rate_limited")], []),
    "steps": ("Let me look.\n\nIt is *cold* in Oslo.", "", [WireEnd()], []),
    "writer": ("Written by hand: café.", "", [WireEnd()], [SourceFound("https://c.example/", "C")]),
}


@pytest.mark.parametrize("split", [list, byte_by_byte])
@pytest.mark.parametrize("version", ["v4", "v5", "v7"])
@pytest.mark.parametrize("case", CASES)
def test_a_recorded_answer_is_read(case, version, split):
    told = play_body(split(bodies(f"vercel_ai/{version}-{case}")[0]), VercelAiDecoder())

    found = [one for one in told.others if not isinstance(one, UsageReported)]
    assert (told.text, told.reasoning, told.ends, found) == CASES[case]
    assert told.rewrites == 0


@pytest.mark.parametrize("split", [list, byte_by_byte])
def test_a_step_that_the_server_writes_anew_replaces_what_was_told(split):
    told = play_body(split(bodies("vercel_ai/v7-reset")[0]), VercelAiDecoder())

    assert (told.text, told.ends, told.rewrites) == ("A second try.", [WireEnd()], 1)


def test_the_data_stream_reports_usage():
    told = play_body(bodies("vercel_ai/v4-steps")[0], VercelAiDecoder())

    assert told.others == [UsageReported(14, 22)]


def chunks(*messages, end="data: [DONE]\n\n"):
    return ("".join(f"data: {json.dumps(message)}\n\n" for message in messages) + end).encode()


def delta(text, part_id="1"):
    return {"type": "text-delta", "id": part_id, "delta": text}


def told_of(body):
    return play_body([body], VercelAiDecoder())


@pytest.mark.parametrize(
    ("body", "ends"),
    [
        (chunks(delta("a"), {"type": "finish"}, end=""), [WireEnd()]),
        (
            chunks(delta("a"), {"type": "finish"}, delta("b"), {"type": "finish", "finishReason": "length"}),
            [WireEnd("length")],
        ),
        (chunks(delta("a"), end="data: [DONE]"), [WireEnd()]),
        (chunks(delta("a"), end=""), []),
        (chunks(delta("a"), {"type": "finish", "finishReason": "tool-calls"}), []),
        (
            chunks(delta("a"), {"type": "finish", "finishReason": "content-filter"}),
            [WireEnd("content_filter")],
        ),
        (chunks(delta("a"), {"type": "abort"}), [WireError("the answer was stopped")]),
        (chunks(delta("a"), {"type": "abort", "reason": "user"}), [WireError("user")]),
        (chunks({"type": "error", "errorText": "No"}), [WireError("No")]),
        (b'0:"a"\nd:{"finishReason":"stop"}', [WireEnd()]),
        (b'0:"a"\ne:{"finishReason":"stop","isContinued":false}\n', [WireEnd()]),
        (b'0:"a"\ne:{"finishReason":"length","isContinued":true}\n', []),
        (b'0:"a"\nd:{"finishReason":"tool-calls"}\n', []),
        (b'3:"No"\n{broken\n', [WireError("No")]),
        (b"3:null\n", [WireError("the answer was stopped")]),
        (b'0:"a"\n', []),
        (b"", []),
    ],
)
def test_how_a_stream_ends(body, ends):
    assert told_of(body).ends == ends


def test_a_step_that_is_continued_goes_on_in_the_same_text():
    body = b'0:"Hel"\ne:{"isContinued":true}\nf:{}\n0:"lo"\nd:{"finishReason":"stop"}\n'

    assert told_of(body).text == "Hello"


def test_thoughts_files_tools_and_keep_alive_lines_say_nothing():
    body = b': ping\n\nid: 1\nevent: x\nretry: 5\ndata:\n\n2:[1]\n9:{"a":1}\nj:{"signature":"s"}\nk:{}\ndata: {"type":"file"}\n\n'

    events = VercelAiDecoder().feed(body)

    assert set(events) == {WireAlive()}


def test_text_parts_without_a_beginning_and_citations_of_a_part_are_read():
    citation = {"source": {"sourceType": "url", "url": "https://a.example", "title": "A"}}
    body = chunks(delta("a"), {"type": "text-end", "id": "1", "citations": [citation]})

    told = told_of(body)

    assert (told.text, told.others) == ("a", [SourceFound("https://a.example", "A")])


def test_what_follows_the_end_is_not_looked_at():
    decoder = VercelAiDecoder()

    events = [*decoder.feed(chunks(delta("a")) + b"<html>\n"), *decoder.feed(b"\xff\n"), *decoder.closed()]

    assert events == [TextDelta("a"), WireEnd()]


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html>\n",
        b"hello\n",
        b'{"error": "x"}\n',
        b'0:"a\n',
        b"data: {broken\n",
        b'0:"\xff"\n',
        b"z:1\n",
        b"0x\n",
    ],
)
def test_other_bodies_are_refused(body):
    with pytest.raises(StreamFormatError):
        VercelAiDecoder().feed(body)


@pytest.mark.parametrize("body", [b'0:"a', b'data: {"type":"text-delta"'])
def test_a_body_cut_inside_a_line_is_refused(body):
    decoder = VercelAiDecoder()
    decoder.feed(body)

    with pytest.raises(StreamFormatError):
        decoder.closed()


def test_values_of_the_wrong_kind_say_nothing():
    body = b'0:5\ng:{}\nh:"x"\nd:5\ndata: 5\n\ndata: {"type":5}\n\n' + chunks(
        {"type": "text-delta", "delta": {}}, end=""
    )

    assert sum_up(VercelAiDecoder().feed(body)).text == ""
