"""Streamlit: recorded conversations, and what apps may do that the recorded one doesn't."""

import pytest

from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireError, WireText
from automation.capture.decoders.uis.streamlit import StreamlitDecoder
from automation.turn import ReasoningDelta, TextDelta
from tests.fakes.protobuf_writer import write
from tests.recordings.replay import lines, payload, play_socket

STOPPED = "the app's script was stopped before its answer was complete"
RECORDED = [
    ("plain", 0, "Hello **wörld** 🎉\n\n- one\n- two", "", WireEnd()),
    ("plain", 1, "Second turn: `x < 1`", "", WireEnd()),
    ("reasoning", 0, "Then I *answer*.", "First I weigh it up.", WireEnd()),
    ("error", 0, "", "", WireError("Error code: 500 - mock error 500")),
    ("ratelimit", 0, "", "", WireError("Error code: 429 - mock error 429", "rate_limited")),
    ("cut", 0, " ".join(f"word{i}" for i in range(1, 41)) + " word4", "", WireError("Connection error.")),
    ("stopped", 0, " ".join(f"word{i}" for i in range(1, 15)) + " wor", "", WireError(STOPPED)),
    ("stopped", 1, "after the stop", "", WireEnd()),
]

INPUT_PATH = [3, 0]


def forward(*fields, path=(), run="", **more):
    metadata = write(
        *((1, 1) for _ in [1] if more.get("cacheable")),
        (2, bytes(path)),
        *((6, write((1, run))) for _ in [1] if run),
    )
    named = [(1, more["hash"])] if "hash" in more else []
    return write(*named, (2, metadata), *fields)


def session(run="r1"):
    return forward((4, b""), run=run)


def finished(status=0, run="r1"):
    return forward((6, status), run=run)


def element(kind, body, path, **more):
    return forward((5, write((3, write((kind, body))))), path=path, **more)


def markdown(body, *path, growing=False, kind=1, **more):
    return element(29, write((1, body), (4, kind), *((6, 1) for _ in [1] if growing)), path, **more)


def block(kind, body, *path):
    return forward((5, write((6, write((kind, body))))), path=path)


def chat_message(name, *path):
    return block(9, write((1, name)), *path)


def chat_input():
    return element(49, write((1, "id")), INPUT_PATH)


def rerun(prompt):
    value = write((15, write((1, prompt))))
    return write((11, write((2, write((1, write((1, "other"), (3, 1))), (1, value))))))


def asked(prompt="Hi", tail=""):
    decoder = StreamlitDecoder(tail)
    decoder.sent(rerun(prompt))
    return decoder


def told(decoder, *frames):
    found = [event for frame in frames for event in decoder.received(frame)]
    return [event for event in found if event != WireAlive()]


def question(prompt="Hi", at=1):
    return chat_message("user", 0, at), markdown(prompt, 0, at, 0), chat_message("assistant", 0, at + 1)


BEGIN = (session(), chat_input(), *question())


@pytest.mark.parametrize(("case", "turn", "text", "reasoning", "end"), RECORDED)
def test_a_recorded_turn_is_read(case, turn, text, reasoning, end):
    found = play_socket(f"streamlit/{case}", StreamlitDecoder)[turn]

    assert (found.text, found.reasoning, found.ends, found.rewrites) == (text, reasoning, [end], 0)


@pytest.mark.parametrize("case", ["plain", "reasoning", "error"])
def test_a_recorded_frame_cut_anywhere_is_read_in_part_or_refused(case):
    received = [payload(line) for line in lines(f"streamlit/{case}") if line["kind"] == "received"]

    for frame in received:
        assert isinstance(frame, bytes)
        for end in range(len(frame)):
            decoder = asked("[[echo:x]]")
            decoder.received(session())
            try:
                events = decoder.received(frame[:end])
            except StreamFormatError:
                continue
            assert all(isinstance(event, WireAlive | WireError) for event in events)


def test_the_turn_s_own_request_is_a_sign_of_life_and_others_are_not():
    decoder = StreamlitDecoder()

    others = [*decoder.sent(write((11, b""))), *decoder.sent(write((17, 1))), *decoder.sent("x")]
    own = decoder.sent(rerun("Hi"))

    assert (others, own) == ([], [WireAlive()])
    assert decoder.requested("http://x/_stcore/health", None) == []


def test_nothing_is_told_before_the_page_asked_or_before_its_run_began():
    early, late = StreamlitDecoder(), asked()

    events = told(early, *BEGIN, markdown("a", 0, 2, 0), finished())
    events += told(late, *question(), markdown("a", 0, 2, 0), finished())

    assert events == []


def test_growing_text_is_told_as_deltas_until_the_script_ends():
    decoder = asked()

    events = told(
        decoder,
        *BEGIN,
        markdown("a", 0, 2, 0, growing=True),
        markdown("ab", 0, 2, 0, growing=True),
        markdown("abc", 0, 2, 0),
        finished(run="other"),
        finished(),
        markdown("late", 0, 2, 1),
    )

    assert events == [TextDelta("a"), TextDelta("b"), TextDelta("c"), WireEnd()]


def test_history_is_not_told_even_when_the_same_question_was_asked_before():
    decoder = asked()

    events = told(
        decoder,
        session(),
        *question(at=1),
        markdown("old", 0, 2, 0),
        chat_input(),
        *question(at=3),
        markdown("new", 0, 4, 0),
        finished(),
    )

    assert events == [TextDelta("new"), WireEnd()]


def test_an_app_that_draws_its_input_last_is_read_once_its_answer_grows():
    decoder = asked()

    events = told(
        decoder,
        session(),
        *question(at=1),
        markdown("old", 0, 2, 0),
        *question(at=3),
        markdown("ne", 0, 4, 0),
        markdown("new", 0, 4, 0),
        chat_input(),
        finished(),
    )

    assert events == [TextDelta("new"), WireEnd()]


def test_an_app_that_draws_its_input_last_and_its_answer_at_once_is_read_at_the_end():
    decoder = asked("  Hi\n")

    events = told(decoder, session(), *question(), markdown("new", 0, 2, 0), chat_input(), finished())

    assert events == [TextDelta("new"), WireEnd()]


def test_a_run_whose_last_question_is_another_ends_nothing():
    decoder = asked("New question")

    events = told(
        decoder, session(), *question("Old question"), markdown("old", 0, 2, 0), chat_input(), finished()
    )

    assert events == []


def test_a_run_without_an_answer_ends_nothing():
    decoder = asked()

    events = told(
        decoder, session(), chat_input(), chat_message("user", 0, 1), markdown("Hi", 0, 1, 0), finished()
    )

    assert events == []


def test_an_app_that_reruns_after_its_answer_tells_it_once():
    decoder = asked()

    events = told(
        decoder,
        *BEGIN,
        markdown("ans", 0, 2, 0, growing=True),
        markdown("answer", 0, 2, 0),
        finished(2),
        session("r2"),
        *question(),
        markdown("answer", 0, 2, 0),
        chat_input(),
        finished(3, "r2"),
    )

    assert events == [TextDelta("ans"), TextDelta("wer"), WireEnd()]


def test_a_rerun_that_draws_the_answer_bit_by_bit_takes_nothing_back():
    decoder = asked()
    answer = [markdown(text, 0, 2, 0, growing=True) for text in ("a", "ab", "abc")]

    events = told(
        decoder, *BEGIN, *answer, finished(2), session("r2"), chat_input(), *question(), *answer[:2]
    )
    events += told(decoder, markdown("abcd", 0, 2, 0), finished(0, "r2"))

    assert events == [TextDelta("a"), TextDelta("b"), TextDelta("c"), TextDelta("d"), WireEnd()]


def test_an_answer_that_got_shorter_is_told_anew_at_the_end():
    decoder = asked()

    events = told(decoder, *BEGIN, markdown("abc", 0, 2, 0), markdown("a", 0, 2, 0), finished())

    assert events == [TextDelta("abc"), WireText("a"), WireEnd()]


def test_a_cursor_is_no_part_of_the_answer():
    decoder = asked(tail="▌")

    events = told(
        decoder,
        *BEGIN,
        markdown("a ▌", 0, 2, 0),
        markdown("a b ▌", 0, 2, 0),
        markdown("a b", 0, 2, 0),
        finished(),
    )

    assert events == [TextDelta("a "), TextDelta("b "), WireEnd()]


def test_what_looks_like_the_cursor_stays_in_the_finished_answer():
    decoder = asked(tail="▌")

    events = told(decoder, *BEGIN, markdown("a▌", 0, 2, 0), finished())

    assert events == [TextDelta("a"), TextDelta("▌"), WireEnd()]


def test_several_elements_are_joined_and_what_is_not_the_model_s_is_left_out():
    decoder = asked()

    events = told(
        decoder,
        *BEGIN,
        markdown("outside", 0, 3),
        block(13, b"", 0, 2, 0),
        markdown("one", 0, 2, 0, 0),
        markdown("took 3 s", 0, 2, 0, 1, kind=2),
        block(4, write((1, "Sources")), 0, 2, 1),
        markdown("a source", 0, 2, 1, 0),
        block(4, write((1, "Thinking")), 0, 2, 2),
        markdown("hm", 0, 2, 2, 0),
        block(4, write((1, "Searching"), (6, 1)), 0, 2, 3),
        markdown("found", 0, 2, 3, 0),
        markdown("two", 0, 2, 4),
        finished(),
    )

    assert events == [
        TextDelta("one"),
        ReasoningDelta("hm"),
        ReasoningDelta("\n\nfound"),
        TextDelta("\n\ntwo"),
        WireEnd(),
    ]


def test_an_element_replaces_what_was_at_its_place():
    decoder = asked()

    events = told(
        decoder,
        *BEGIN,
        block(13, b"", 0, 2, 0),
        markdown("inner", 0, 2, 0, 0),
        element(2, b"", [0, 2, 0]),
        markdown("outer", 0, 2, 0),
        block(13, b"", 0, 2, 0),
        markdown("again", 0, 2, 0, 0),
        finished(),
    )

    assert events == [TextDelta("inner"), WireText("outer"), WireText("again"), WireEnd()]


def test_a_stop_by_the_page_is_never_a_complete_answer():
    decoder = asked()

    events = told(decoder, *BEGIN, markdown("a", 0, 2, 0))
    decoder.sent(write((7, 1)))
    events += told(decoder, finished())

    assert events == [TextDelta("a"), WireError(STOPPED)]


def test_text_that_streamlit_calls_unterminated_is_never_a_complete_answer():
    decoder = asked()

    events = told(decoder, *BEGIN, markdown("a", 0, 2, 0, growing=True), finished())

    assert events == [TextDelta("a"), WireError(STOPPED)]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (element(8, write((1, "KeyError"), (2, "no key")), [0, 3]), "no key"),
        (element(8, write((1, "KeyError")), [0, 3]), "KeyError"),
        (forward((10, write((3, write((1, "SyntaxError"), (2, "bad syntax")))))), "bad syntax"),
        (finished(1), "the app's script did not compile"),
        (element(30, write((1, "No model"), (2, 1)), [0, 2, 0]), "No model"),
    ],
)
def test_an_error_is_told_in_the_app_s_words_and_ends_the_turn(frame, words):
    decoder = asked()

    events = told(decoder, *BEGIN, frame, finished())

    assert events == [WireError(words)]


@pytest.mark.parametrize(
    "frame",
    [
        element(8, write((1, "Deprecated"), (2, "old"), (5, 1)), [0, 3]),
        element(30, write((1, "By the way"), (2, 3)), [0, 2, 1]),
        element(30, write((1, "Outside"), (2, 1)), [0, 3]),
        forward((9, b"")),
        forward((5, write((9, b""))), path=[0, 2, 1]),
        forward((10, write((1, 1)))),
    ],
    ids=["warning", "information", "alert elsewhere", "status", "spinner", "file changed"],
)
def test_warnings_and_other_messages_are_not_errors(frame):
    decoder = asked()

    events = told(decoder, *BEGIN, frame, markdown("a", 0, 2, 0), finished())

    assert events == [TextDelta("a"), WireEnd()]


def test_a_message_named_by_its_hash_is_the_one_seen_before():
    decoder = asked()
    decoder.received(markdown("long answer", 0, 2, 0, hash="h1", cacheable=True))

    events = told(decoder, *BEGIN, forward((11, "h1"), path=[0, 2, 0]), finished())

    assert events == [TextDelta("long answer"), WireEnd()]


def test_an_unknown_hash_in_the_history_does_no_harm():
    decoder = asked()
    unknown = [forward((11, "?"), path=path) for path in ([0, 0], [0, 1, 0], [0, 2, 0])]

    events = told(
        decoder,
        session(),
        *question(),
        *unknown,
        chat_input(),
        *question(at=3),
        markdown("a", 0, 4, 0),
        finished(),
    )

    assert events == [TextDelta("a"), WireEnd()]


def test_an_unknown_hash_in_the_answer_is_refused():
    decoder = asked()
    told(decoder, *BEGIN)

    with pytest.raises(StreamFormatError, match="before this turn"):
        decoder.received(forward((11, "?"), path=[0, 2, 0]))


@pytest.mark.parametrize(
    "frame", ["text", b"\x08", forward((5, write((3, write((29, write((1, b"\xff"))))))), path=[0, 2, 0])]
)
def test_other_frames_are_refused(frame):
    decoder = asked()
    told(decoder, *BEGIN)

    with pytest.raises(StreamFormatError):
        decoder.received(frame)
