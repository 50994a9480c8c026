"""OpenAI's chunks, as pages get them from llama.cpp, proxies and the recorded pages."""

import json

import pytest

from automation.capture.decoders.framing import whole_body
from automation.capture.decoders.protocol import StreamFormatError, WireContinues, WireEnd, WireError
from automation.capture.decoders.uis.openai_sse import OpenAiSseDecoder
from automation.turn import ReasoningDelta, TextDelta, UsageReported
from tests.recordings.replay import bodies, byte_by_byte, play_body

PLAIN = "Two plus two is a fun way to show the total of two."  # a small model's own words
LENGTH = "A:1, 1"
STOPPED = "As the sun began to set on a dark and stormy night, a lone lighthouse on the island"
RECORDED = [
    ("assistant-ui/plain", 0, "Hello **wörld** 🎉\n\n- one\n- two", "", WireEnd()),
    ("assistant-ui/plain", 1, "Second turn: `x < 1`", "", WireEnd()),
    ("assistant-ui/reasoning", 0, "Then I *answer*.", "First I weigh it up.", WireEnd()),
    ("assistant-ui/error", 0, "", "", WireError("mock error 500")),
    ("assistant-ui/ratelimit", 0, "", "", WireError("mock error 429", "rate_limited")),
    ("assistant-ui/cut", 0, "word1 word2 word3 ", "", None),
    ("assistant-ui/stopped", 0, "word1 word2 word3 ", "", None),
    ("assistant-ui/stopped", 1, "after the stop", "", WireEnd()),
    ("deep-chat/plain", 1, "Second turn: `x < 1`", "", WireEnd()),
    ("deep-chat/reasoning", 0, "Then I *answer*.", "First I weigh it up.", WireEnd()),
    ("deep-chat/error", 0, "", "", WireError("mock error 500")),
    ("deep-chat/cut", 0, "word1 word2 word3 ", "", None),
    ("llama-cpp/plain", 0, PLAIN, "", WireEnd()),
    ("llama-cpp/length", 0, LENGTH, "", WireEnd("length")),
    ("llama-cpp/stopped", 0, STOPPED, "", None),
    (
        "llama-cpp/error",
        0,
        "",
        "",
        WireError(
            "request (5031 tokens) exceeds the available context size (2048 tokens), try increasing it"
        ),
    ),
]


def chunk(delta=None, finish=None, **more):
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    body = {"object": "chat.completion.chunk", "choices": [choice], **more}
    return f"data: {json.dumps(body)}\n\n".encode()


def conversation(*pieces):
    decoder = OpenAiSseDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)], decoder.closed()


@pytest.mark.parametrize("split", [list, byte_by_byte])
@pytest.mark.parametrize(("name", "turn", "text", "reasoning", "end"), RECORDED)
def test_a_recorded_answer_is_read(name, turn, text, reasoning, end, split):
    pieces = split(bodies(name)[turn])

    told = play_body(pieces, OpenAiSseDecoder())

    if end is None:
        assert told.ends == []
        assert told.text.startswith(text)
    else:
        assert (told.text, told.reasoning, told.ends) == (text, reasoning, [end])


def test_text_reasoning_usage_and_end_come_in_order():
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2},"timings":{"x":1}}\n\n'

    events, at_close = conversation(
        chunk({"role": "assistant", "content": None}),
        chunk({"reasoning": "Hm"}),
        chunk({"reasoning_content": "m", "reasoning": "m"}),
        chunk({"content": "Hi"}),
        chunk({}, "length"),
        usage,
        b"data: [DONE]\n\n",
    )

    assert events == [
        ReasoningDelta("Hm"),
        ReasoningDelta("m"),
        TextDelta("Hi"),
        UsageReported(3, 2),
        WireEnd("length"),
    ]
    assert at_close == []


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("model_context_window_exceeded", "length"),
        ("sensitive", "content_filter"),
        ("content_filter", "content_filter"),
        ("eos", "stop"),
    ],
)
def test_a_stream_that_closes_after_its_finish_reason_is_complete(word, reason):
    events, at_close = conversation(chunk({"content": "Hi"}, word))

    assert events == [TextDelta("Hi")]
    assert at_close == [WireEnd(reason)]


def test_an_image_of_megabytes_between_words_is_no_end_of_them():
    image = {"images": [{"image_url": {"url": "data:image/png;base64," + "A" * 1_600_000}}]}

    events, _ = conversation(chunk({"content": "a fox "}), chunk(image), chunk({"content": "in snow"}))

    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "a fox in snow"


def test_a_stream_that_closes_without_a_finish_reason_has_no_end():
    events, at_close = conversation(chunk({"content": "Hi"}))

    assert (events, at_close) == ([TextDelta("Hi")], [])


def test_an_empty_body_has_no_end():
    events, at_close = conversation(b"", b"\r\n")

    assert (events, at_close) == ([], [])


@pytest.mark.parametrize("word", ["tool_calls", "function_call"])
def test_a_stream_that_asks_for_a_tool_is_not_the_end_of_the_answer(word):
    events, at_close = conversation(chunk({"tool_calls": []}, word), b"data: [DONE]\n\n")

    assert (events, at_close) == ([WireContinues()], [])


def test_done_alone_is_an_end():
    events, _ = conversation(chunk({"content": "Hi"}), b"data: [DONE]\n\n")

    assert events == [TextDelta("Hi"), WireEnd("stop")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"message": "Slow down", "code": 429}}, WireError("Slow down", "rate_limited")),
        ({"error": {"message": "No slot", "type": "server_error"}}, WireError("No slot")),
        ({"choices": [{"finish_reason": "error"}]}, WireError("finish_reason: error")),
    ],
)
def test_an_error_in_mid_stream_ends_it_and_what_follows_is_not_told(body, expected):
    error = f"data: {json.dumps(body)}\n\n".encode()

    events, at_close = conversation(
        chunk({"content": "Hi"}, "stop"), error, chunk({"content": "!"}), b"data: [DONE]\n\n"
    )

    assert events == [TextDelta("Hi"), expected]
    assert at_close == []


def test_only_the_first_of_several_choices_is_the_answer():
    both = b'data: {"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}\n\n'
    other = b'data: {"choices":[{"index":1,"delta":{"content":"c"}}]}\n\n'

    events, _ = conversation(both, other)

    assert events == [TextDelta("a")]


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"message": "rate limit exceeded"}}, [WireError("rate limit exceeded", "rate_limited")]),
        ({"detail": "Model not found"}, [WireError("Model not found")]),
        (
            {
                "choices": [{"message": {"content": "Hi", "reasoning": "Hm"}, "finish_reason": "length"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 2},
            },
            [ReasoningDelta("Hm"), TextDelta("Hi"), UsageReported(1, 2), WireEnd("length")],
        ),
        (
            {"choices": [{"message": {"content": "H"}, "finish_reason": "error"}]},
            [TextDelta("H"), WireError("finish_reason: error")],
        ),
    ],
)
def test_one_json_body_is_read_at_its_end(body, expected, split):
    data = b"\n " + json.dumps(body).encode()
    pieces = [bytes([byte]) for byte in data] if split else [data]

    events, at_close = conversation(*pieces)

    assert events == []
    assert at_close == expected


@pytest.mark.parametrize("body", [b'{"choices": [', b'{"ok": true}', b"[]", b'{"a": "\xff"}'])
def test_a_json_body_that_is_cut_or_means_something_else_is_refused(body):
    decoder = OpenAiSseDecoder()
    decoder.feed(body)

    with pytest.raises(StreamFormatError):
        decoder.closed()


@pytest.mark.parametrize("body", [b"<!doctype html>", b"data: {\n\n", b"data: 1\n\n", b"data: \xff\n\n"])
def test_other_bodies_are_refused(body):
    with pytest.raises(StreamFormatError):
        OpenAiSseDecoder().feed(body)


def test_a_json_body_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(whole_body, "BODY_LIMIT_BYTES", 100)
    decoder = OpenAiSseDecoder()
    decoder.feed(b"{" + b" " * 99)

    with pytest.raises(StreamFormatError, match="exceeds 100 bytes"):
        decoder.feed(b" ")
