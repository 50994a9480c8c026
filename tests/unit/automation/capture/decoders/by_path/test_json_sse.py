"""Server-sent JSON of sites that need no decoder of their own."""

import json

import pytest

from automation.capture.decoders.by_path.json_sse import JsonSseDecoder, TextSseDecoder
from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireError, WireText
from automation.profiles.wire_format import Wire
from automation.turn import ReasoningDelta, SourceFound, TextDelta
from tests.recordings.replay import byte_by_byte, play_body

SIMPLE = {"text_path": "delta", "end": "[DONE]"}


def decoder(**keys):
    return JsonSseDecoder(Wire(decoder="json_sse", urls="*", **{**SIMPLE, **keys}))


def sent(*messages, event=None):
    head = f"event: {event}\n" if event else ""
    lines = (one if isinstance(one, str) else json.dumps(one) for one in messages)
    return "".join(f"{head}data: {line}\n\n" for line in lines).encode()


def events_of(reader, *pieces):
    return [event for piece in pieces for event in reader.feed(piece)]


SITES = {
    "OpenAI's chunks": (
        {
            "text_path": "choices.0.delta.content",
            "reasoning_path": "choices.0.delta.reasoning",
            "finish_reason_path": "choices.*.finish_reason",
        },
        sent(
            {"choices": [{"delta": {"role": "assistant", "content": None}}]},
            {"choices": [{"delta": {"reasoning": "Hm"}}]},
            {"choices": [{"delta": {"content": "Hi 🎉"}, "finish_reason": None}]},
            {"choices": [{"delta": {}, "finish_reason": "length"}]},
            "[DONE]",
        ),
        ("Hi 🎉", "Hm", [WireEnd("length")], []),
    ),
    "typed content blocks": (
        {
            "text_path": "[type==content_block_delta].delta.text",
            "reasoning_path": "delta.thinking",
            "finish_reason_path": "delta.stop_reason",
            "end": "type==message_stop",
        },
        b": ping\n\n"
        + sent({"type": "content_block_start", "content_block": {"text": ""}}, event="content_block_start")
        + sent({"type": "content_block_delta", "delta": {"thinking": "Hm"}}, event="content_block_delta")
        + sent({"type": "content_block_delta", "delta": {"text": "Hel"}}, event="content_block_delta")
        + sent({"type": "content_block_delta", "delta": {"text": "lo"}}, event="content_block_delta")
        + sent({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
        + sent({"type": "message_stop"}, event="message_stop"),
        ("Hello", "Hm", [WireEnd()], []),
    ),
    "event names and bare strings": (
        {
            "text_path": "[@event==text]",
            "reasoning_path": "[@event==reasoning]",
            "events": ["text", "reasoning"],
            "end": "stop",
        },
        sent({"id": 1}, event="data")
        + sent('"Hm"', event="reasoning")
        + sent('"Hi\\n"', '"you"', event="text")
        + sent("not JSON", event="usage")
        + sent('"end_turn"', event="stop"),
        ("Hi\nyou", "Hm", [WireEnd()], []),
    ),
    "snapshots with a cursor": (
        {"text_path": "answer", "snapshot": True, "end": "done==true"},
        sent(
            {"answer": "Hel▌", "done": False},
            {"answer": "Hello ▌"},
            {"step": 1},
            {"answer": "Hello you", "done": True},
        ),
        ("Hello you", "", [WireEnd()], []),
    ),
    "phases, with sources": (
        {
            "text_path": "choices.0.delta[phase==answer].content",
            "reasoning_path": "choices.0.delta[phase==think].content",
            "sources_path": ["choices.0.delta.extra.web", "references"],
            "end": "choices.0.delta[phase==answer].status==finished",
        },
        sent(
            {"choices": [{"delta": {"phase": "think", "content": "Hm", "status": "finished"}}]},
            {
                "choices": [
                    {
                        "delta": {
                            "phase": "web",
                            "extra": {"web": [{"url": "https://a.example", "title": "A"}]},
                        }
                    }
                ]
            },
            {"references": ["https://a.example", "https://b.example"]},
            {"choices": [{"delta": {"phase": "answer", "content": "Hi", "status": "typing"}}]},
            {"choices": [{"delta": {"phase": "answer", "content": "", "status": "finished"}}]},
        ),
        (
            "Hi",
            "Hm",
            [WireEnd()],
            [SourceFound("https://a.example", "A"), SourceFound("https://b.example", "")],
        ),
    ),
    "a body that just ends, its last blank line left out": (
        {"end": "@close"},
        sent({"delta": "a"}) + b'data: {"delta": "b"}',
        ("ab", "", [WireEnd()], []),
    ),
    "two values in one event": (
        {},
        b'data: {"delta":"a"}{"delta":"b"}\n\ndata: {"delta":"c"}\ndata: {"delta":"d"}\n\ndata: [DONE]\n\n',
        ("abcd", "", [WireEnd()], []),
    ),
}


@pytest.mark.parametrize("split", [list, byte_by_byte])
@pytest.mark.parametrize(("keys", "stream", "expected"), SITES.values(), ids=SITES)
def test_a_site_is_read_by_its_paths(keys, stream, expected, split):
    reader = decoder(**{"snapshot_tail": "▌", **keys})

    told = play_body(split([stream]), reader)

    assert (told.text, told.reasoning, told.ends, told.others) == expected
    assert told.rewrites == 0


def test_a_snapshot_that_takes_text_back_is_told_whole():
    reader = decoder(text_path="a", reasoning_path="r", snapshot=True)

    events = events_of(reader, sent({"a": "x", "r": "1"}, {"a": "y"}, {"r": "12"}))

    assert events == [ReasoningDelta("1"), TextDelta("x"), WireText("y", "1"), ReasoningDelta("2")]


def test_the_first_path_that_finds_something_counts():
    reader = decoder(text_path=["a", "b"], reasoning_path=["r", "s"])

    events = events_of(reader, sent({"a": None, "b": "1", "r": "2", "s": "2"}, {"a": "3", "b": "4"}))

    assert events == [ReasoningDelta("2"), TextDelta("1"), TextDelta("3")]


@pytest.mark.parametrize(
    "keep_alive", [b": ping\n\n", b"data:\n\n", b"data:  \n\n", b"data: {}\n\n", b"retry: 3\n\n"]
)
def test_keep_alive_lines_change_nothing(keep_alive):
    events = events_of(decoder(), sent({"delta": "a"}), keep_alive, sent({"delta": "b"}))

    assert [event for event in events if event != WireAlive()] == [TextDelta("a"), TextDelta("b")]


@pytest.mark.parametrize(
    ("keys", "stream", "error"),
    [
        ({}, sent({"error": {"message": "Slow down", "code": 429}}), WireError("Slow down", "rate_limited")),
        ({}, sent({"error": "No slot", "delta": "x"}), WireError("No slot")),
        ({}, sent({"message": "No slot"}, event="error"), WireError("No slot")),
        (
            {},
            sent({"detail": "Too many requests"}, event="error"),
            WireError("Too many requests", "rate_limited"),
        ),
        ({}, sent("Not authenticated", event="error"), WireError("Not authenticated", "sign_in_required")),
        ({}, sent("", event="error"), WireError("an error event without a word")),
        ({}, sent("[1]", event="error"), WireError("1")),
        ({"events": "message"}, sent("{}{}", event="error"), WireError("{}{}")),
        ({"error_path": "[type==oops].text"}, sent({"type": "oops", "text": "No"}), WireError("No")),
        ({"error_path": "failed"}, sent({"failed": True}), WireError("True")),
    ],
)
def test_an_error_is_told_in_the_sites_words_and_ends_the_answer(keys, stream, error):
    reader = decoder(**keys)

    events = events_of(reader, sent({"delta": "a"}), stream + sent({"delta": "b"}, "[DONE]"))

    assert events == [TextDelta("a"), error]
    assert reader.closed() == []


@pytest.mark.parametrize("value", [None, False, "", 0, [], {}])
def test_an_error_key_that_holds_none_is_no_error(value):
    assert events_of(decoder(), sent({"error": value, "delta": "a"})) == [TextDelta("a")]


def test_an_error_event_can_be_read_as_any_other():
    reader = decoder(events=["message", "error"])

    assert events_of(reader, sent({"delta": "a"}, event="error")) == [TextDelta("a")]


def test_what_follows_the_end_is_not_looked_at():
    reader = decoder()

    events = events_of(reader, sent({"delta": "a"}, "[DONE]") + b"data: {broken\n\n\xff\n", b"data: more\n\n")

    assert events == [TextDelta("a"), WireEnd()]
    assert reader.closed() == []


def test_values_after_an_end_in_the_same_event_are_not_told():
    reader = decoder(end="done==true")

    assert events_of(reader, b'data: {"delta":"a","done":true}{"delta":"b"}\n\n') == [
        TextDelta("a"),
        WireEnd(),
    ]


def test_a_stream_without_its_end_has_none():
    reader = decoder()

    assert events_of(reader, sent({"delta": "a"})) == [TextDelta("a")]
    assert reader.closed() == []


def test_a_body_that_ends_without_an_answer_is_no_end():
    reader = decoder(end="@close")

    assert events_of(reader, sent({"other": 1})) == [WireAlive()]
    assert reader.closed() == []


@pytest.mark.parametrize(
    "stream",
    [
        b"data: hello\n\n",
        b'data: {"delta": "a\n\n',
        b'data: {"delta": {"text": "a"}}\n\n',
        b'data: {"delta": 5}\n\n',
        b'data: {"delta": ["a"]}\n\n',
        b"data: " + b"[" * 100_000 + b"\n\n",
        b'data: {"n": ' + b"9" * 10_000 + b"}\n\n",
        b'data: {"delta": "\xff"}\n\n',
    ],
)
def test_what_is_not_the_profiles_format_is_refused(stream):
    with pytest.raises(StreamFormatError):
        decoder().feed(stream)


def test_a_stream_that_breaks_off_inside_an_event_is_refused():
    reader = decoder(end="@close")
    reader.feed(b'data: {"delta": "a')

    with pytest.raises(StreamFormatError):
        reader.closed()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (r"\u0000", "\0"),
        (r"\ud83d\ude00", "😀"),
        (r"\ud83d", "\ud83d"),
        ("\u2028", "\u2028"),
        (r"\/\t", "/\t"),
    ],
)
def test_text_comes_as_json_means_it(raw, text):
    assert events_of(decoder(), sent(f'{{"delta": "{raw}", "n": 1e999}}')) == [TextDelta(text)]


# -- text as the data -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", [list, byte_by_byte])
def test_data_that_is_the_text_itself_is_read(split):
    reader = TextSseDecoder(Wire(decoder="text_sse", urls="*", end=["[DONE]", "finished"]))
    stream = b"data: Hel\n\ndata: lo\ndata:\n\ndata:  you\n\nevent: finished\ndata:\n\n"

    told = play_body(split([stream]), reader)

    assert (told.text, told.ends) == ("Hello\n you", [WireEnd()])


def test_a_word_ends_text_and_an_event_can_tell_thoughts():
    wire = Wire(
        decoder="text_sse",
        urls="*",
        end="[DONE]",
        text_path="[@event==message]",
        reasoning_path="[@event==thought]",
    )

    told = play_body([b"event: thought\ndata: Hm\n\ndata: 5\n\ndata: [DONE]\n\n"], TextSseDecoder(wire))

    assert (told.text, told.reasoning, told.ends) == ("5", "Hm", [WireEnd()])
