"""Gradio's queue: recorded conversations, and its edits one by one."""

import inspect
import json

import pytest

from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireError, WireText
from automation.capture.decoders.uis.gradio_queue import GradioQueueDecoder
from automation.turn import ReasoningDelta, TextDelta
from tests.recordings.replay import bodies, byte_by_byte, play_body, sum_up

RECORDED = [
    ("plain", 0, "Hello **wörld** 🎉\n\n- one\n- two", "", [WireEnd()]),
    ("plain", 1, "", "", []),  # the function that clears the input
    ("plain", 2, "Second turn: `x < 1`", "", [WireEnd()]),
    ("reasoning", 0, "Then I *answer*.", "First I weigh it up.", [WireEnd()]),
    ("error", 0, "", "", [WireError("Error code: 500 - mock error 500")]),
    ("ratelimit", 0, "", "", [WireError("Error code: 429 - mock error 429", "rate_limited")]),
    ("cut", 0, " ".join(f"word{i}" for i in range(1, 41)) + " word4", "", [WireError("Connection error.")]),
    ("stopped", 0, " ".join(f"word{i}" for i in range(1, 14)) + " wo", "", []),
    ("stopped", 1, "after the stop", "", [WireEnd()]),
]


def user(text="Hi"):
    return {"role": "user", "metadata": None, "content": [{"type": "text", "text": text}]}


def assistant(content, title=None):
    return {"role": "assistant", "metadata": {"title": title} if title else None, "content": content}


def queue(msg, data=None, event_id="e1", **more):
    output = {} if data is None else {"output": {"data": data}}
    return {"msg": msg, "event_id": event_id, "success": True, **output, **more}


def feed(*messages):
    decoder = GradioQueueDecoder()
    stream = [f"data: {json.dumps(message)}\n\n".encode() for message in messages]
    return [event for piece in stream for event in decoder.feed(piece)]


def generating(*datas):
    return [queue("process_generating", data) for data in datas]


@pytest.mark.parametrize("split", [list, byte_by_byte])
@pytest.mark.parametrize(("case", "turn", "text", "reasoning", "ends"), RECORDED)
def test_a_recorded_answer_is_read(case, turn, text, reasoning, ends, split):
    pieces = split(bodies(f"gradio/{case}")[turn])

    told = play_body(pieces, GradioQueueDecoder())

    assert (told.text, told.reasoning, told.ends, told.rewrites) == (text, reasoning, ends, 0)


@pytest.mark.parametrize(
    ("edits", "text"),
    [
        ([["append", [1, "content"], "d"]], "abcd"),
        ([["replace", [1, "content"], "x"]], "x"),
        ([["replace", [1], assistant("new")]], "new"),
        ([["replace", [], [user(), assistant("all new")]]], "all new"),
        ([["append", [], [assistant("more")]]], "abc\n\nmore"),
        ([["add", [2], assistant("more")]], "abc\n\nmore"),
        ([["add", [1], assistant("before")]], "before\n\nabc"),
        ([["add", [1, "metadata"], {"title": None}]], "abc"),
        ([["add", [2], user("next")], ["add", [3], assistant("answer")]], "answer"),
        ([["replace", [1, "content"], [{"type": "text", "text": "a"}, {"type": "file"}, "b"]]], "a\n\nb"),
        ([["replace", [1, "content"], 7]], ""),
        ([["delete", [1, "metadata"], None]], "abc"),
    ],
)
def test_an_edit_changes_the_answer_as_in_gradio_s_own_client(edits, text):
    events = feed(*generating([None, [user(), assistant("abc")]], [[], edits]))

    assert sum_up(events).text == text


@pytest.mark.parametrize(
    "edit",
    [
        ["append", [9, "content"], "x"],
        ["append", [1, "none"], "x"],
        ["append", [1, "content"], None],
        ["append", [1, "content", "x"], "y"],
        ["move", [1, "content"], "x"],
        ["move", [], "x"],
        ["append", [1]],
        "append",
    ],
)
def test_an_edit_that_does_not_fit_is_refused(edit):
    with pytest.raises(StreamFormatError):
        feed(*generating([[user(), assistant("abc")]], [[edit]]))


def test_growth_is_told_as_deltas_and_a_change_as_a_snapshot():
    events = feed(
        *generating(
            [[user(), assistant("a", "Thinking"), assistant("")]],
            [[["append", [1, "content"], "b"], ["append", [2, "content"], "c"]]],
            [[["replace", [2, "content"], "x"]]],
        )
    )

    assert events == [ReasoningDelta("a"), ReasoningDelta("b"), TextDelta("c"), WireText("x", "ab")]


def test_a_text_that_turns_out_to_be_a_thought_is_told_anew():
    events = feed(
        *generating([[user(), assistant("abc")]], [[["replace", [1, "metadata"], {"title": "Thinking"}]]]),
    )

    assert events == [TextDelta("abc"), WireText("", "abc")]


def test_indentation_that_gradio_gives_back_late_was_not_told_early():
    steps = ["- a", "- a\n- b", "- a\n- b\n- c", "- a\n  - b\n  - c\n- d", "- a\n  - b\n  - c\n- d\n- e"]
    replaced = [[[["replace", [1, "content"], step]]] for step in steps[1:]]

    events = feed(*generating([[user(), assistant(steps[0])]], *replaced))

    assert events == [TextDelta("- a"), TextDelta("\n  - b\n  - c\n- d"), TextDelta("\n- e")]


def test_text_that_gradio_cleans_anew_with_every_token_is_never_taken_back():
    text = "1. one\n   - inner\n   - inner\n2. two\n   - inner\n"
    shown = [inspect.cleandoc(text[:end]) for end in range(1, len(text) + 1)]
    first, *later = ([user(), assistant(cleaned)] for cleaned in shown)

    events = feed(*generating([first], *([[["replace", [], chat]]] for chat in later)))

    told = sum_up(events)
    assert (told.text, told.rewrites) == (text.rstrip(), 0)


def test_what_was_held_back_is_told_at_the_end():
    chat = [user(), assistant("- a\n- b")]

    events = feed(queue("process_generating", [chat]), queue("process_completed", [chat]))

    assert events == [TextDelta("- a"), TextDelta("\n- b"), WireEnd()]


def test_only_what_follows_the_last_message_of_the_user_is_the_answer():
    chat = [user("1"), assistant("one"), user("2"), assistant("two"), {"role": "system", "content": "x"}]

    events = feed(queue("process_completed", [chat]))

    assert events == [TextDelta("two"), WireEnd()]


@pytest.mark.parametrize(
    "data", [[[user()]], [[]], [None], [[assistant("Welcome")]], [[1]], [{"__type__": "update"}], ["text"]]
)
def test_a_function_without_an_answer_ends_nothing(data):
    events = feed(queue("process_completed", data))

    assert events == []


def test_the_chat_may_come_as_an_update_of_its_component():
    update = {"__type__": "update", "value": [user(), assistant("a")]}

    events = feed(*generating(["x", update], [[], [["append", ["value", 1, "content"], "b"]]]))

    assert events == [TextDelta("a"), TextDelta("b")]


def test_an_output_that_appears_in_mid_stream_starts_from_nothing():
    events = feed(*generating([None], [[], [["replace", [], [user(), assistant("a")]]]]))

    assert events == [TextDelta("a")]


def test_another_function_on_the_same_stream_neither_ends_nor_fails_the_answer():
    chat = [user(), assistant("a")]

    events = feed(
        queue("process_generating", [chat]),
        queue("process_completed", ["other"], event_id="e2"),
        queue("process_completed", event_id="e3", success=False, output={"error": "other failed"}),
        queue("process_completed", [chat]),
        queue("process_completed", [[user(), assistant("late")]], event_id="e4"),
    )

    assert events == [TextDelta("a"), WireEnd()]


def test_a_cancelled_function_has_no_end():
    events = feed(
        queue("process_generating", [[user(), assistant("a")]]), queue("process_completed", output={})
    )

    assert events == [TextDelta("a")]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (queue("process_completed", success=False, output={"error": "It broke"}, title="Error"), "It broke"),
        (queue("process_completed", success=False, output={"error": None}, title="Sorry"), "Sorry"),
        (queue("process_completed", success=False, output=None), "Error"),
        (
            {"msg": "unexpected_error", "message": "Server stopped unexpectedly."},
            "Server stopped unexpectedly.",
        ),
        ({"msg": "server_stopped"}, "server_stopped"),
    ],
)
def test_a_failure_is_told_in_gradio_s_words(message, words):
    events = feed(message, queue("process_completed", [[user(), assistant("late")]]))

    assert events == [WireError(words)]


def test_waiting_shows_life_and_heartbeats_do_not():
    events = feed(
        *(
            {"msg": kind}
            for kind in ("estimation", "process_starts", "progress", "log", "heartbeat", "close_stream")
        )
    )

    assert events == [WireAlive()] * 4


@pytest.mark.parametrize("stream", [b"data: {\n\n", b"data: []\n\n", b"data: ALIVE\n\n"])
def test_messages_of_another_form_are_refused(stream):
    with pytest.raises(StreamFormatError):
        GradioQueueDecoder().feed(stream)
