"""Sockets that speak JSON, plain or in Socket.IO's events."""

import json

import pytest

from automation.capture.decoders.by_path.json_socket import JsonSocketDecoder, JsonSocketIoDecoder
from automation.capture.decoders.protocol import (
    StreamFormatError,
    WireAlive,
    WireAsked,
    WireEnd,
    WireError,
    WireOf,
)
from automation.profiles.wire_format import Wire
from automation.turn import ReasoningDelta, SourceFound, TextDelta

ASK = '{"event":"send","content":"q"}'
CHUNKS = {
    "text_path": "[event==appendText].text",
    "reasoning_path": "[event==chainOfThought].text",
    "sources_path": "[event==citation]",
    "end": "event==done",
    "error_path": "[event==error].errorCode",
    "request": "event==send",
}


def decoder(**keys):
    return JsonSocketDecoder(Wire(decoder="json_socket", urls="*", **{**CHUNKS, **keys}))


def received(reader, *messages):
    frames = (one if isinstance(one, str | bytes) else json.dumps(one) for one in messages)
    return [event for frame in frames for event in reader.received(frame)]


def ask(reader, payload=ASK):
    """Let the page ask, and the turn begin by that."""
    (asked,) = reader.sent(payload)
    reader.begin(asked.turn_id)


def append(text, **more):
    return {"event": "appendText", "text": text, **more}


def test_a_turn_is_read_from_its_request_to_its_end():
    reader = decoder()

    asked = reader.sent(ASK)
    reader.begin(None)
    events = received(
        reader,
        {"event": "received"},
        {"event": "chainOfThought", "text": "Hm"},
        append("Hel"),
        append("lo"),
        {"event": "citation", "title": "A", "url": "https://a.example"},
        {"event": "done"},
    )

    assert asked == [WireAsked()]
    assert events == [
        WireAlive(),
        ReasoningDelta("Hm"),
        TextDelta("Hel"),
        TextDelta("lo"),
        SourceFound("https://a.example", "A"),
        WireEnd(),
    ]


def test_what_is_said_outside_of_a_turn_is_not_told():
    reader = decoder()
    before = received(reader, append("old"), {"event": "done"})
    ask(reader)
    received(reader, {"event": "done"})

    assert before == []
    assert received(reader, append("late")) == []


def test_only_the_profiles_message_is_the_request():
    reader = decoder(request=["event==send", "kind!=ping"])

    others = [
        event
        for frame in ("ping", "", '{"event":"typing"}', '{"event":"send","kind":"ping"}')
        for event in reader.sent(frame)
    ]

    assert others == []
    assert reader.sent(ASK) == [WireAsked()]


def test_another_message_of_the_page_does_not_begin_the_turn_anew():
    reader = decoder()
    ask(reader)
    received(reader, append("one"), {"event": "done"})
    reader.sent(ASK)

    assert received(reader, append("two")) == []


def test_a_turn_may_begin_anew_or_go_on_at_another_socket():
    reader = decoder()
    ask(reader)
    received(reader, append("one"), {"event": "done"})
    reader.restart()
    restarted = received(reader, append("two"), {"event": "done"})
    ask(reader)

    assert restarted == [TextDelta("two"), WireEnd()]
    assert received(reader, append("three"), {"event": "done"}) == [TextDelta("three"), WireEnd()]


@pytest.mark.parametrize("body", [None, "", '{"chat":{"id":7}}', "a=1&b=2", "[]"])
def test_a_page_may_ask_by_http(body):
    reader = decoder(request=(), request_urls=["*/api/ask*"])

    assert reader.requested("https://x/api/other", body) == []
    assert reader.sent(ASK) == []
    assert reader.requested("https://x/api/ask?n=1", body) == [WireAsked()]
    reader.begin(None)
    assert received(reader, append("a")) == [TextDelta("a")]


def test_conditions_tell_the_pages_question_from_others_to_the_same_address():
    reader = decoder(request="op==Ask", request_urls="*/graphql", request_id_path="id")

    assert reader.requested("https://x/graphql", '{"op":"Typing","id":1}') == []
    assert reader.requested("https://x/graphql", None) == []
    assert reader.requested("https://x/graphql", '{"op":"Ask","id":2}') == [WireAsked("2")]
    assert reader.sent('{"op":"Ask","id":3}') == []


def test_messages_of_other_turns_are_told_apart_by_the_id_that_was_sent():
    reader = decoder(request_id_path="turn.id", id_path=["turn", "answer_to"])
    ask(reader, '{"event":"send","turn":{"id":7}}')

    events = received(
        reader, append("a", turn=7), append("x", turn=8), append("b", answer_to="7"), append("c")
    )

    assert events == [WireOf("7", (TextDelta(text),)) for text in "abc"]


def test_without_an_id_in_the_request_each_ids_messages_are_told_by_themselves():
    reader = decoder(id_path="id")
    ask(reader)

    events = received(
        reader,
        append("x", id="another"),
        append("a", id="answer"),
        {"event": "done", "id": "another"},
        append("b", id="answer"),
        {"event": "done", "id": "answer"},
    )

    assert events == [
        WireOf("another", (TextDelta("x"),)),
        WireOf("answer", (TextDelta("a"),)),
        WireOf("another", (WireEnd(),)),
        WireOf("answer", (TextDelta("b"),)),
        WireOf("answer", (WireEnd(),)),
    ]


def test_what_names_no_id_belongs_to_the_only_id_or_to_the_turns():
    reader = decoder(id_path="id", end="[DONE]")
    ask(reader)
    first = received(reader, append("a", id="1"), append("b"))
    other = received(reader, append("x", id="2"), append("?"))
    reader.turn_id = "1"

    assert first == [WireOf("1", (TextDelta("a"),)), WireOf("1", (TextDelta("b"),))]
    assert other == [WireOf("2", (TextDelta("x"),)), WireOf(None, (TextDelta("?"),))]
    assert received(reader, "[DONE]", append("y", id="2")) == [WireOf("1", (WireEnd(),))]


@pytest.mark.parametrize("frame", ["ping", "", "  ", "2", "pong 5", b"\x00\x01", b""], ids=repr)
def test_frames_that_are_no_json_are_no_news(frame):
    reader = decoder()
    ask(reader)

    assert received(reader, frame) == []


def test_several_values_in_a_frame_are_read_one_after_another():
    reader = decoder(request_urls="*", request=())
    reader.requested("https://x", None)
    reader.begin(None)

    events = received(reader, json.dumps(append("a")) + "\x1e" + json.dumps(append("b")) + "\x1e")

    assert events == [TextDelta("a"), TextDelta("b")]


def test_binary_messages_of_json_are_read():
    reader = decoder()
    ask(reader, ASK.encode())

    assert received(reader, json.dumps(append("é")).encode()) == [TextDelta("é")]


def test_a_word_may_end_the_answer():
    reader = decoder(end=["[DONE]"])
    ask(reader)

    assert received(reader, append("a"), "[DONE]", append("b")) == [TextDelta("a"), WireEnd()]


def test_an_error_ends_the_turn_in_the_sites_words():
    reader = decoder()
    ask(reader)

    events = received(reader, {"event": "error", "errorCode": "too-many-requests"}, append("a"))

    assert events == [WireError("too-many-requests", "rate_limited")]


@pytest.mark.parametrize(
    "frame", ['{"event":', "[1", b'{"event":"\xff"}', '{"event":"appendText","text":5}', "{" * 5000]
)
def test_broken_frames_are_refused(frame):
    reader = decoder()
    ask(reader)

    with pytest.raises(StreamFormatError):
        reader.received(frame)


# -- Socket.IO --------------------------------------------------------------------------------------------------------------


def io_decoder(**keys):
    wire = {
        "text_path": "[@event==token].text",
        "end": "answer_complete",
        "request": ["@event==ask", "q!=ping"],
        **keys,
    }
    return JsonSocketIoDecoder(Wire(decoder="json_socketio", urls="*", **wire))


def test_events_of_socket_io_are_read_by_their_names():
    reader = io_decoder()

    asked = [
        *reader.sent("2"),
        *reader.sent('42["typing",{}]'),
        *reader.sent('420["ask",{"q":"?"}]'),
        *reader.sent(b"x"),
    ]
    reader.begin(None)
    events = received(
        reader,
        "2",
        b"\x04",
        '42["status",{"text":"x"}]',
        '42/chat,["token",{"text":"Hel"}]\x1e42["token",{"text":"lo"}]',
        '42["answer_complete"]',
        '42["token",{"text":"late"}]',
    )

    assert asked == [WireAsked()]
    assert events == [WireAlive(), TextDelta("Hel"), TextDelta("lo"), WireEnd()]


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ('44{"message":"invalid token"}', WireError("invalid token")),
        ('42["error",{"message":"Too many requests"}]', WireError("Too many requests", "rate_limited")),
        ('42["error"]', WireError("an error event without a word")),
    ],
)
def test_error_events_of_socket_io_end_the_turn(frame, error):
    reader = io_decoder()
    ask(reader, '42["ask",{}]')

    assert received(reader, frame) == [error]


def test_an_event_of_socket_io_may_hold_the_text_itself():
    reader = io_decoder(text_path="$", events=["chunk"])
    ask(reader, '42["ask","?"]')

    assert received(reader, '42["chunk","a"]', '42["other","b"]') == [TextDelta("a"), WireAlive()]


def test_frames_that_are_not_of_engine_io_are_refused():
    reader = io_decoder()
    ask(reader, '42["ask",{}]')

    with pytest.raises(StreamFormatError):
        reader.received('{"text":"a"}')
