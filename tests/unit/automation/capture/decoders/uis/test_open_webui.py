"""Open WebUI: recorded conversations, and events of other chats on the same socket."""

import json

import pytest

from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireError, WireText
from automation.capture.decoders.uis.open_webui import OpenWebUiDecoder
from automation.turn import ReasoningDelta, SourceFound, TextDelta, UsageReported
from tests.recordings.replay import play_socket

CUT = "Response payload is not completed: <TransferEncodingError: 400, message='Not enough data to satisfy transfer length header.'>"
RECORDED = [
    ("plain", 0, "Hello **wörld** 🎉\n\n- one\n- two", "", WireEnd()),
    ("plain", 1, "Second turn: `x < 1`", "", WireEnd()),
    ("reasoning", 0, "Then I *answer*.", "First I weigh it up.", WireEnd()),
    ("error", 0, "", "", WireError("mock error 500")),
    ("ratelimit", 0, "", "", WireError("mock error 429", "rate_limited")),
    ("cut", 0, " ".join(f"word{i}" for i in range(1, 41)) + " word4", "", WireError(CUT)),
    (
        "stopped",
        0,
        " ".join(f"word{i}" for i in range(1, 14)) + " wo",
        "",
        WireError("the answer was stopped (chat:tasks:cancel)"),
    ),
    ("stopped", 1, "after the stop", "", WireEnd()),
]
URL = "https://chat.example/api/chat/completions?x=1"


def asked(message_id="m1"):
    decoder = OpenWebUiDecoder()
    decoder.requested(URL, json.dumps({"id": message_id, "chat_id": "c1"}))
    return decoder


def frame(kind, data, message_id="m1"):
    argument = {"chat_id": "c1", "message_id": message_id, "data": {"type": kind, "data": data}}
    return "42" + json.dumps(["events", argument])


def told(decoder, *events):
    return [found for kind, data in events for found in decoder.received(frame(kind, data))]


def delta(text, item="i1", kind="output_text", **more):
    return ("response:completion", {"type": f"response.{kind}.delta", "item_id": item, "delta": text, **more})


def output(*items, done=True, **more):
    parts = [
        {"type": kind, "id": item_id, "content": [{"type": "output_text", "text": text}]}
        for kind, item_id, text in items
    ]
    return ("chat:completion", {"done": done, "output": parts, **more})


@pytest.mark.parametrize(("case", "turn", "text", "reasoning", "end"), RECORDED)
def test_a_recorded_turn_is_read(case, turn, text, reasoning, end):
    found = play_socket(f"open-webui/{case}", OpenWebUiDecoder)[turn]

    assert (found.text, found.reasoning, found.ends, found.rewrites) == (text, reasoning, [end], 0)


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (URL, None),
        (URL, "{"),
        (URL, "{}"),
        (URL, "[]"),
        ("https://chat.example/api/v1/tasks/title/completions", '{"id":"m1"}'),
    ],
)
def test_other_requests_begin_no_turn(url, body):
    decoder = OpenWebUiDecoder()

    events = decoder.requested(url, body)

    assert events == []
    assert told(decoder, delta("a")) == []


def test_the_turn_s_own_request_is_a_sign_of_life():
    decoder = OpenWebUiDecoder()

    events = decoder.requested(URL, '{"id":"m1"}')

    assert events == [WireAlive()]
    assert decoder.sent('420["events:chat",{}]') == []


def test_events_of_other_messages_and_other_kinds_of_frames_are_not_told():
    decoder = asked()

    events = [
        event
        for received in (
            frame("response:completion", delta("other")[1], "m2"),
            frame("chat:completion", {"done": True}, "m2"),
            '42["events",{"chat_id":"c1","data":{"type":"chat:list"}}]',
            '42["user-list",{"message_id":"m1"}]',
            "2",
            b"\x01",
        )
        for event in decoder.received(received)
    ]

    assert events == []


def test_the_end_is_done_and_nothing_is_told_after_it():
    decoder = asked()
    finish = ("chat:completion", {"choices": [{"delta": {}, "finish_reason": "length"}]})
    usage = {"prompt_tokens": 1, "completion_tokens": 2}

    events = told(decoder, delta("Hi"), finish, output(("message", "i1", "Hi"), usage=usage), delta("!"))

    assert events == [TextDelta("Hi"), UsageReported(1, 2), WireEnd("length")]


def test_the_last_snapshot_does_not_take_the_spaces_around_the_text_away():
    decoder = asked()

    events = told(decoder, delta(" \n"), delta("Hi \n"), output(("message", "i1", "Hi")))

    assert events == [TextDelta(" \nHi \n"), WireEnd()]


def test_the_last_snapshot_corrects_the_text():
    decoder = asked()

    events = told(
        decoder,
        delta("Hi <a>"),
        output(("reasoning", "r", "Hm"), ("message", "i1", "Hi"), ("function_call", "f", "x")),
    )

    assert events == [TextDelta("Hi <a>"), WireText("Hi", "Hm"), WireEnd()]


def test_the_first_letters_of_a_reasoning_tag_are_not_told_as_text():
    decoder = asked()
    snapshot = output(("reasoning", "r", "Hm"), ("message", "i2", "Hi"), done=False)

    events = told(
        decoder,
        delta("\n<thi"),
        delta("nk>"),
        snapshot,
        output(("reasoning", "r", "Hm"), ("message", "i2", "Hi")),
    )

    assert events == [ReasoningDelta("Hm"), TextDelta("Hi"), WireEnd()]


def test_the_first_letters_of_a_reasoning_s_end_tag_are_not_told():
    decoder = asked()
    reasoning = [delta(text, "r", "reasoning_text") for text in ("\nHm", ".\n</", "thi")]

    events = told(decoder, *reasoning, output(("reasoning", "r", "Hm."), ("message", "i2", "Hi")))

    assert events == [ReasoningDelta("\nHm"), ReasoningDelta(".\n"), TextDelta("Hi"), WireEnd()]


def test_text_that_only_begins_like_a_reasoning_tag_is_told():
    decoder = asked()

    events = told(decoder, delta("<"), delta("b>"), output(("message", "i1", "<b>")))
    short = told(asked("m1"), delta("<"), ("chat:completion", {"done": True}))

    assert events == [TextDelta("<b>"), WireEnd()]
    assert short == [TextDelta("<"), WireEnd()]


def test_items_without_an_id_are_told_apart_by_their_index():
    decoder = asked()
    first, second = delta("a", None, output_index=0), delta("b", None, output_index=1)

    events = told(decoder, first, second, output(("message", None, "a"), ("message", None, "b")))

    assert events == [TextDelta("a"), TextDelta("\nb"), WireEnd()]


def test_reasoning_is_told_apart_in_both_of_its_forms():
    decoder = asked()

    events = told(
        decoder, delta("Hm", "r", "reasoning_text"), delta("m", "r", "reasoning_summary_text"), delta("Hi")
    )

    assert events == [ReasoningDelta("Hm"), ReasoningDelta("m"), TextDelta("Hi")]


def test_a_summary_stands_for_reasoning_that_is_not_shown():
    decoder = asked()
    item = {"type": "reasoning", "id": "r", "summary": [{"text": "In short"}], "content": None}

    events = told(decoder, ("chat:completion", {"output": [item]}))

    assert events == [ReasoningDelta("In short")]


@pytest.mark.parametrize("choice", [{"delta": {"content": "Hi"}}, {"message": {"content": "Hi"}}])
def test_text_may_come_in_choices(choice):
    decoder = asked()

    events = told(decoder, ("chat:completion", {"choices": [choice]}), ("chat:completion", {"choices": []}))

    assert events == [TextDelta("Hi")]


def test_functions_may_append_to_the_message_or_replace_it():
    decoder = asked()

    events = told(
        decoder,
        ("message", {"content": "a"}),
        ("chat:message:delta", {"content": "b"}),
        ("replace", {"content": "x"}),
    )

    assert events == [TextDelta("a"), TextDelta("b"), WireText("x")]


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (("chat:message:error", {"error": {"content": "No model"}}), WireError("No model")),
        (("chat:message:error", {}), WireError("chat:message:error")),
        (
            ("chat:completion", {"error": {"message": "Slow down", "code": 429}}),
            WireError("Slow down", "rate_limited"),
        ),
        (("chat:tasks:cancel", {}), WireError("the answer was stopped (chat:tasks:cancel)")),
    ],
)
def test_an_error_ends_the_turn(event, error):
    decoder = asked()

    events = told(decoder, delta("Hi"), event, output(("message", "i1", "Hi")))

    assert events == [TextDelta("Hi"), error]


def test_sources_with_an_address_are_told():
    decoder = asked()
    source = {
        "source": {"name": "Search"},
        "metadata": [
            {"source": "https://a.example", "name": "A"},
            {"source": "https://b.example", "title": "B"},
            {"source": "http://c.example"},
            {"source": "notes.pdf"},
        ],
    }

    events = told(decoder, ("source", source), ("citation", {"metadata": [{"source": "notes.pdf"}]}))

    assert events == [
        SourceFound("https://a.example", "A"),
        SourceFound("https://b.example", "B"),
        SourceFound("http://c.example", "Search"),
        WireAlive(),
    ]


def test_steps_and_status_lines_are_signs_of_life():
    decoder = asked()

    events = told(
        decoder,
        ("status", {"description": "Searching"}),
        ("response:completion", {"type": "response.output_item.added"}),
    )

    assert events == [WireAlive(), WireAlive()]


def test_a_malformed_frame_is_refused():
    with pytest.raises(StreamFormatError):
        asked().received('42["events",')
