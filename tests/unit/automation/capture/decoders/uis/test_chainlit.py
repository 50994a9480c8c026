"""Chainlit: recorded conversations, and events that belong to others."""

import json

import pytest

from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireError, WireText
from automation.capture.decoders.uis.chainlit import ChainlitDecoder
from automation.turn import ReasoningDelta, TextDelta
from tests.recordings.replay import play_socket

RECORDED = [
    ("plain", 0, "Hello **wörld** 🎉\n\n- one\n- two", "", WireEnd()),
    ("plain", 1, "Second turn: `x < 1`", "", WireEnd()),
    ("reasoning", 0, "Then I *answer*.", "First I weigh it up.", WireEnd()),
    ("error", 0, "", "", WireError("Error code: 500 - mock error 500")),
    ("ratelimit", 0, "", "", WireError("Error code: 429 - mock error 429", "rate_limited")),
    ("cut", 0, " ".join(f"word{i}" for i in range(1, 41)) + " word4", "", WireError("Connection error.")),
    (
        "stopped",
        0,
        " ".join(f"word{i}" for i in range(1, 16)) + " word",
        "",
        WireError("Task manually stopped."),
    ),
    ("stopped", 1, "after the stop", "", WireEnd()),
]

RUN = {
    "id": "run",
    "type": "run",
    "name": "on_message",
    "parentId": "q",
    "isError": False,
    "output": "",
    "end": None,
}


def frame(name, argument):
    return "42" + json.dumps([name, argument])


def asked():
    decoder = ChainlitDecoder()
    decoder.sent(frame("client_message", {"message": {"id": "q"}}))
    decoder.received(frame("new_message", RUN))
    return decoder


def step(step_id, output="", kind="assistant_message", name="Assistant", parent="run", **more):
    return {"id": step_id, "type": kind, "name": name, "parentId": parent, "output": output, **more}


def told(decoder, *events):
    found = [event for name, argument in events for event in decoder.received(frame(name, argument))]
    return [event for event in found if event != WireAlive()]


def token(step_id, text, **more):
    return ("stream_token", {"id": step_id, "token": text, "isSequence": False, "isInput": False, **more})


@pytest.mark.parametrize(("case", "turn", "text", "reasoning", "end"), RECORDED)
def test_a_recorded_turn_is_read(case, turn, text, reasoning, end):
    found = play_socket(f"chainlit/{case}", ChainlitDecoder)[turn]

    assert (found.text, found.reasoning, found.ends, found.rewrites) == (text, reasoning, [end], 0)


def test_the_turn_s_own_request_is_a_sign_of_life_and_others_are_not():
    decoder = ChainlitDecoder()

    events = [*decoder.sent('42["fetch_favorites"]'), *decoder.sent("2probe"), *decoder.sent(b"\x01")]
    own = decoder.sent(frame("client_message", {"message": {"id": "q"}}))

    assert (events, own) == ([], [WireAlive()])
    assert decoder.requested("http://x/user", None) == []


def test_nothing_is_told_before_the_page_asked():
    decoder = ChainlitDecoder()

    events = told(decoder, ("new_message", step("w", "Welcome!")), ("task_end", {}))

    assert events == []


def test_the_end_is_the_task_end_after_the_turn_s_own_run_ended():
    decoder = asked()

    events = told(
        decoder,
        ("task_end", {}),
        ("new_message", {**RUN, "id": "other", "parentId": None, "end": "now"}),
        ("task_end", {}),
        ("stream_start", step("m", "Hel")),
        token("m", "lo"),
        ("update_message", {**RUN, "end": "now"}),
        ("task_end", {}),
        ("new_message", step("late", "Later")),
    )

    assert events == [TextDelta("Hel"), TextDelta("lo"), WireEnd()]


def test_steps_beneath_another_run_are_not_the_turn_s():
    decoder = asked()

    events = told(
        decoder,
        ("new_message", {**RUN, "id": "start", "parentId": None}),
        ("new_message", step("w", "Welcome!", parent="start")),
        token("w", " again"),
        ("update_message", {**RUN, "id": "start", "parentId": None, "isError": True, "output": "failed"}),
        ("new_message", step("t", "searching", kind="tool", name="search")),
        ("new_message", step("m", "Found", parent="t")),
        ("new_message", step("n", "So", parent=None)),
    )

    assert events == [TextDelta("Found"), TextDelta("\n\nSo")]


def test_thoughts_are_reasoning_and_the_words_of_tools_and_users_are_not_told():
    decoder = asked()

    events = told(
        decoder,
        ("new_message", step("q", "Hi", kind="user_message", parent=None, name="Reasoner")),
        ("stream_start", step("t", "Hm", kind="undefined", name="Thinking", parent=None)),
        token("t", "in", isInput=True),
        token("t", "m"),
        ("new_message", step("s", "searching", kind="tool", name="search", isError=True)),
    )

    assert events == [ReasoningDelta("Hm"), ReasoningDelta("m")]


def test_a_sequence_replaces_and_the_final_text_counts():
    decoder = asked()

    events = told(
        decoder,
        ("stream_start", step("m", "a")),
        token("m", "abc", isSequence=True),
        ("update_message", step("m", "xyz")),
    )

    assert events == [TextDelta("a"), TextDelta("bc"), WireText("xyz")]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (("update_message", {**RUN, "isError": True, "output": "It broke"}), "It broke"),
        (("update_message", {**RUN, "isError": True}), "the run failed without a word"),
        (("new_message", step("e", "No model", isError=True)), "No model"),
        (("connect_error", {}), "connect_error"),
    ],
)
def test_an_error_is_told_in_the_site_s_words_and_ends_the_turn(event, words):
    decoder = asked()

    events = told(decoder, event, ("update_message", {**RUN, "end": "now"}), ("task_end", {}))

    assert events == [WireError(words)]


def test_a_refused_connection_is_told_in_the_site_s_words():
    decoder = asked()

    events = decoder.received('44{"message":"Not authenticated"}')

    assert events == [WireError("Not authenticated", "sign_in_required")]


def test_a_stopped_turn_is_an_error_and_what_it_still_streams_is_text():
    decoder = asked()
    told(decoder, ("stream_start", step("m", "a")))
    decoder.sent('42["stop"]')

    events = told(
        decoder,
        ("update_message", step("m", "ab")),
        ("new_message", step("s", "Task manually stopped.", parent=None)),
        ("update_message", {**RUN, "isError": True}),
    )

    assert events == [TextDelta("b"), WireError("Task manually stopped.")]


def test_other_frames_and_events_say_nothing():
    decoder = asked()

    events = [
        *decoder.received("2"),
        *decoder.received(b"\x00"),
        *decoder.received(frame("first_interaction", {})),
    ]

    assert events == []


def test_a_malformed_frame_is_refused():
    with pytest.raises(StreamFormatError):
        asked().received('42["new_message",')
