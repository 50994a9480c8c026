"""One answer from what the wire and the page show, told as scripts of a conversation."""

import pytest

from automation.capture.agreement import Agreement, fingerprint
from automation.capture.answer_assembler import AnswerAssembler, Utf16Text
from automation.capture.decoders.protocol import WireAlive, WireEnd, WireError, WireText
from automation.capture.traffic import Flow
from automation.errors import (
    AnswerWithdrawnError,
    CaptureDisagreesError,
    ContentBlockedError,
    EmptyAnswerError,
    FirstTokenTimeout,
    IdleTimeout,
    RateLimitedError,
    SignInRequiredError,
    SiteError,
)
from automation.profiles.validation import parse_profile
from automation.timing import Timeouts
from automation.turn import ReasoningDelta, SourceFound, TextDelta, TurnFinished, UsageReported

PAGE = {"input": "textarea", "assistant_turn": ".bot", "stop": ".stop"}
BY_WIRE = parse_profile({**PAGE, "wire": {"decoder": "openai_sse", "urls": "*"}})
BY_PAGE = parse_profile(PAGE)


def answer_by(profile, **timeouts):
    return AnswerAssembler(profile, Timeouts(**timeouts), sent_s=0.0)


def change(text, keep=0, stable=None):
    """What the page pushes when its answer's text changed: positions in UTF-16 units."""
    units = len(text.encode("utf-16-le")) // 2
    return {"text": {"keep": keep, "tail": text, "stable": units if stable is None else stable}}


def page_of(text, **more):
    return {**change(text), "chars": len(text), **more}


def thinking(text, stable=None):
    units = len(text.encode("utf-16-le")) // 2
    return {"thinking": {"keep": 0, "tail": text, "stable": units if stable is None else stable}}


def completes(answer, at_s, *, wire_is_open=False, **more):
    """Look at a page that shows what it showed before, and judge."""
    answer.take_page({}, at_s)
    return answer.is_complete(at_s, wire_is_open=wire_is_open, **more)


# -- the wire ------------------------------------------------------------------------------------------------------------


def test_deltas_of_the_wire_are_told_as_they_come_and_the_end_marker_ends_the_answer():
    answer = answer_by(BY_WIRE)
    told = answer.take_wire(WireAlive(), 0.1)
    told += answer.take_wire(ReasoningDelta("Hm"), 0.2)
    told += answer.take_wire(TextDelta("Hel"), 0.3)
    told += answer.take_wire(TextDelta("lo"), 0.4)
    early = completes(answer, 0.5, wire_is_open=True)
    told += answer.take_wire(WireEnd("length"), 0.6)

    done = completes(answer, 0.7)
    rest = answer.conclude(None)

    assert (early, done) == (False, True)
    assert told == [ReasoningDelta("Hm"), TextDelta("Hel"), TextDelta("lo")]
    assert rest == [TurnFinished("length", "wire")]
    assert answer.emitted == "Hello"


def test_what_else_the_wire_tells_is_passed_on():
    answer = answer_by(BY_WIRE)

    told = answer.take_wire(SourceFound("http://s", "S"), 0.1) + answer.take_wire(UsageReported(1, 2), 0.2)

    assert told == [SourceFound("http://s", "S"), UsageReported(1, 2)]


def test_snapshots_are_told_as_what_is_new_in_them():
    answer = answer_by(BY_WIRE)

    told = [
        answer.take_wire(WireText("Hel", reasoning="a"), 0.1),
        answer.take_wire(WireText("Hel", reasoning="a"), 0.2),
        answer.take_wire(WireText("Hello", reasoning="ab"), 0.3),
    ]

    assert told == [
        [ReasoningDelta("a"), TextDelta("Hel")],
        [],
        [ReasoningDelta("b"), TextDelta("lo")],
    ]


def test_a_snapshot_that_rewrites_what_was_told_is_the_final_text_and_takes_nothing_back():
    answer = answer_by(BY_WIRE)
    answer.take_wire(WireText("The answer is 4."), 0.1)
    meanwhile = answer.take_wire(WireText("The answer is five."), 0.2)
    answer.take_wire(WireEnd(), 0.3)

    rest = answer.conclude(None)

    assert meanwhile == []
    assert rest == [TurnFinished("stop", "wire", final_text="The answer is five.", is_rewritten=True)]
    assert answer.emitted == "The answer is 4."


def test_a_cursor_at_the_end_of_the_wires_snapshots_is_not_told():
    answer = answer_by(BY_WIRE)
    told = answer.take_wire(WireText("The ▌"), 0.1) + answer.take_wire(WireText("The answer_"), 0.2)
    told += answer.take_wire(WireText("The answer."), 0.3)

    told += answer.conclude(None)

    assert "".join(event.text for event in told[:-1]) == "The answer."
    assert told[-1] == TurnFinished("stop", "wire")


REFUSAL = "Sorry, that's beyond my current scope."
SAID = "The protest took place in the capital and"
BLOCKED = {**PAGE, "site_words": {"content_blocked": ["beyond my current scope"]}}
BLOCKED_BY_WIRE = parse_profile({**BLOCKED, "wire": {"decoder": "openai_sse", "urls": "*"}})


@pytest.mark.parametrize(("profile", "reason"), [(BLOCKED_BY_WIRE, "stop"), (BY_WIRE, "content_filter")])
def test_a_refusal_in_the_place_of_the_wires_text_takes_the_answer_back(profile, reason):
    answer = answer_by(profile)
    answer.take_wire(WireText(SAID), 0.1)
    answer.take_wire(WireText(REFUSAL), 0.2)
    answer.take_wire(WireEnd(reason), 0.3)

    with pytest.raises(AnswerWithdrawnError, match="beyond my current scope"):
        answer.conclude(None)


def test_a_refusal_in_the_place_of_the_pages_text_takes_the_answer_back():
    answer = answer_by(parse_profile(BLOCKED))
    answer.take_page(page_of(SAID), 0.1)
    answer.take_page(page_of(REFUSAL), 0.2)

    with pytest.raises(AnswerWithdrawnError):
        answer.conclude(REFUSAL)


@pytest.mark.parametrize("before", ["", "Searching the web"])
def test_a_refusal_that_is_all_that_was_ever_said_is_the_answer(before):
    answer = answer_by(parse_profile(BLOCKED))
    answer.take_page({**change(before, stable=0), "chars": len(before)}, 0.1)

    assert answer.conclude(REFUSAL)[-1].final_text in {None, REFUSAL}


@pytest.mark.parametrize(("shown", "kind"), [("", ContentBlockedError), ("Once upon", AnswerWithdrawnError)])
def test_the_wires_own_refusal_takes_back_what_was_told_before(shown, kind):
    answer = answer_by(BY_WIRE)
    answer.take_wire(TextDelta(shown), 0.1)

    with pytest.raises(ContentBlockedError) as raised:
        answer.take_wire(WireError("No.", "content_blocked"), 0.2)

    assert type(raised.value) is kind


@pytest.mark.parametrize("final", ["", "  \n"])
def test_an_answer_that_has_no_word_in_the_end_is_empty(final):
    answer = answer_by(BY_PAGE)
    answer.take_page(page_of("Hm"), 0.1)

    with pytest.raises(EmptyAnswerError):
        answer.conclude(final)


def test_a_rewritten_snapshot_that_comes_back_to_what_was_told_is_no_rewrite():
    answer = answer_by(BY_WIRE)
    told = answer.take_wire(WireText("Searching"), 0.1)
    told += answer.take_wire(WireText("Hm"), 0.2)
    told += answer.take_wire(WireText("Searching done"), 0.3)
    told += answer.take_wire(WireText("Searching done."), 0.4)

    rest = answer.conclude(None)

    assert "".join(event.text for event in [*told, *rest[:-1]]) == "Searching done."
    assert rest[-1] == TurnFinished("stop", "wire")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (WireError("boom"), SiteError),
        (WireError("wait", "rate_limited", 9.0), RateLimitedError),
        (WireError("no", "content_blocked"), ContentBlockedError),
        (WireError("who", "sign_in_required"), SignInRequiredError),
    ],
)
def test_an_error_in_the_stream_ends_the_answer_with_its_kind(error, kind):
    answer = answer_by(BY_WIRE)
    answer.take_wire(TextDelta("Hel"), 0.1)

    with pytest.raises(kind):
        answer.take_wire(error, 0.2)


def test_an_end_marker_without_text_is_an_error():
    answer = answer_by(BY_WIRE)
    answer.take_wire(ReasoningDelta("only thoughts"), 0.1)
    answer.take_wire(WireEnd(), 0.2)

    with pytest.raises(SiteError, match="ended its answer without any text"):
        completes(answer, 0.3)


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        ("The model crashed", SiteError, "The site reported: The model crashed"),
        ("Too many requests", RateLimitedError, "The site limits this account: Too many requests"),
    ],
)
def test_an_end_without_text_beside_an_error_banner_is_told_with_its_words(words, kind, told):
    answer = answer_by(BY_WIRE)
    answer.take_page({"error": words}, 0.1)
    answer.take_wire(WireEnd(), 0.2)

    with pytest.raises(kind) as caught:
        completes(answer, 0.3)

    assert str(caught.value) == told


def test_while_the_wire_is_read_the_pages_text_is_not_told():
    answer = answer_by(BY_WIRE)

    assert answer.take_page(page_of("Hello"), 0.1) == []
    assert answer.source == "wire"


def test_what_the_page_shows_does_not_end_an_answer_that_the_wire_has_not_ended():
    answer = answer_by(BY_WIRE)
    answer.take_wire(TextDelta("Hello"), 0.1)
    answer.take_page({"finished": True, "ready": True, "stop": False}, 0.2)

    verdicts = [completes(answer, 0.2 + i * 0.1, wire_is_open=True) for i in range(10)]

    assert set(verdicts) == {False}


def shown_as_complete(answer, at_s, chars):
    """Let the page show its finished-actions, until two checks have seen them."""
    answer.take_page({"finished": True, "chars": chars}, at_s)
    for i in range(4):
        completes(answer, at_s + i * 0.1, wire_is_open=True)


def test_a_stream_that_stops_without_its_end_marker_is_an_error_some_time_after_the_page_shows_the_end():
    answer = answer_by(BY_WIRE)
    answer.take_wire(TextDelta("Hello"), 0.1)
    shown_as_complete(answer, 0.2, chars=5)
    waits = [completes(answer, at_s, wire_is_open=True) for at_s in (1.0, 5.0, 10.0)]

    with pytest.raises(SiteError, match="its stream stopped without its end marker"):
        completes(answer, 10.7, wire_is_open=True)
    assert set(waits) == {False}


def test_a_stream_that_goes_on_after_the_page_showed_the_end_is_waited_for():
    answer = answer_by(BY_WIRE)
    answer.take_wire(TextDelta("Hello"), 0.1)
    shown_as_complete(answer, 0.2, chars=5)
    answer.take_wire(TextDelta("!"), 9.0)

    waits = [completes(answer, at_s, wire_is_open=True) for at_s in (10.5, 15.0, 18.9)]

    assert set(waits) == {False}


def test_quiet_alone_does_not_shorten_the_wait_for_the_wires_end():
    answer = answer_by(BY_WIRE, idle_s=60.0)
    answer.take_wire(TextDelta("Hello"), 0.1)
    answer.take_page({"chars": 5, "ready": True}, 0.2)

    waits = [completes(answer, at_s, wire_is_open=True) for at_s in range(1, 59)]

    assert set(waits) == {False}


def test_an_empty_page_does_not_end_an_answer_that_the_wire_gave_text_of():
    answer = answer_by(BY_WIRE)
    answer.take_wire(TextDelta("Hello"), 0.1)
    answer.take_page({"finished": True, "chars": 0}, 0.2)

    waits = [completes(answer, 0.2 + i * 0.1, wire_is_open=True) for i in range(80)]

    assert set(waits) == {False}


def test_a_page_that_shows_a_whole_answer_of_which_the_decoder_read_nothing_is_read_soon():
    answer = answer_by(BY_WIRE)
    shown_as_complete(answer, 0.0, chars=2)

    musts = [answer.must_read_page(at_s, wire_is_open=True) for at_s in (0.5, 1.2, 1.5)]

    assert musts == [False, False, True]


def test_a_page_that_shows_an_answer_whose_stream_was_missed_is_read_at_once():
    answer = answer_by(BY_WIRE)
    before = answer.must_read_page(0.1, wire_is_open=True, wire_was_missed=True)
    answer.take_page({"chars": 2}, 0.2)

    after = answer.must_read_page(0.3, wire_is_open=True, wire_was_missed=True)

    assert (before, after) == (False, True)


@pytest.mark.parametrize("every_s", [0.01, 0.07, 0.1, 0.13, 0.25])
def test_how_often_the_page_is_looked_at_does_not_change_what_its_end_means(every_s):
    answer = answer_by(BY_WIRE)
    answer.take_page({"finished": True, "chars": 2}, 0.0)
    looks = [sorted({0.1 * i, every_s * i}) for i in range(400)]
    times = sorted({at_s for pair in looks for at_s in pair if at_s < 3.0})

    musts = []
    for at_s in times:
        completes(answer, at_s, wire_is_open=True)
        musts.append(answer.must_read_page(at_s, wire_is_open=True))

    assert times[musts.index(True)] == pytest.approx(1.45, abs=0.2)


def test_text_that_grows_after_the_page_showed_the_end_begins_the_wait_anew():
    answer = answer_by(BY_WIRE)
    shown_as_complete(answer, 0.0, chars=2)
    answer.take_page({"finished": True, "chars": 3}, 0.9)
    completes(answer, 0.9, wire_is_open=True)

    assert answer.must_read_page(1.4, wire_is_open=True) is False


def test_a_stream_that_closed_without_a_word_is_an_error_after_a_moment():
    answer = answer_by(BY_WIRE)

    assert completes(answer, 2.9) is False
    with pytest.raises(SiteError, match="without any text"):
        completes(answer, 3.0)


# -- a decoder that fails --------------------------------------------------------------------------------------------------


def test_a_decoder_that_is_silent_while_the_page_grows_is_given_up():
    answer = answer_by(BY_WIRE)
    answer.take_page(page_of("x" * 61), 1.0)
    before, after = [answer.must_read_page(at_s, wire_is_open=True) for at_s in (1.9, 2.0)]
    answer.decoder_broke("silent")

    told = answer.take_page(page_of("x" * 61 + "\n\nMore"), 2.1)

    assert (before, after) == (False, True)
    assert answer.source == "dom"
    assert answer.must_read_page(99.0, wire_is_open=True) is False
    assert told == [TextDelta("x" * 61 + "\n\nMore")]
    assert answer.conclude("x" * 61 + "\n\nMore.") == [TextDelta("."), TurnFinished("stop", "dom")]


@pytest.mark.parametrize(
    ("wire", "page_chars"), [([], 60), ([TextDelta("x" * 40)], 100), ([ReasoningDelta("x" * 40)], 100)]
)
def test_a_page_that_shows_little_more_than_the_decoder_read_is_no_reason_to_give_it_up(wire, page_chars):
    answer = answer_by(BY_WIRE)
    for event in wire:
        answer.take_wire(event, 0.0)
    answer.take_page({"chars": page_chars}, 1.0)

    assert answer.must_read_page(60.0, wire_is_open=True) is False


def test_a_page_that_shows_its_answer_twice_is_no_reason_to_give_the_decoder_up_in_a_pause():
    answer = answer_by(BY_WIRE)
    answer.take_wire(TextDelta("$x$" * 20), 1.0)
    # Formulas are in the page as they look and as they are read out; they are drawn a moment after they came.
    answer.take_page({"chars": 400}, 1.4)

    musts = [answer.must_read_page(at_s, wire_is_open=True) for at_s in (2.0, 3.1, 9.0)]

    assert musts == [False, False, False]


def test_a_decoder_that_told_the_end_is_not_given_up():
    answer = answer_by(BY_WIRE)
    answer.take_wire(WireEnd(), 0.0)
    answer.take_page({"chars": 500}, 1.0)

    assert answer.must_read_page(60.0, wire_is_open=True) is False


@pytest.mark.parametrize(
    ("wire", "page_chars", "must"),
    [([], 1, True), ([], 0, False), ([ReasoningDelta("Hm")], 1, True), ([TextDelta("a")], 50, False)],
)
def test_a_stream_that_closed_without_text_leaves_the_answer_to_the_page_at_once(wire, page_chars, must):
    answer = answer_by(BY_WIRE)
    for event in wire:
        answer.take_wire(event, 0.0)
    answer.take_page({"chars": page_chars}, 0.1)

    assert answer.must_read_page(0.2, wire_is_open=False) is must


def test_a_decoder_that_breaks_after_text_was_told_ends_the_answer_with_an_error():
    answer = answer_by(BY_WIRE)
    answer.take_wire(TextDelta("Hel"), 0.1)

    with pytest.raises(SiteError, match=r"its stream could not be read to the end \(bad frame\)"):
        answer.decoder_broke("bad frame")

    assert answer.source == "wire"


@pytest.mark.parametrize(
    ("page_chars", "at_s", "may"), [(12, 2.0, True), (12, 0.9, False), (8, 2.0, False), (4, 2.0, False)]
)
def test_a_page_that_goes_on_without_its_stream_shows_more_than_that_had(page_chars, at_s, may):
    answer = answer_by(BY_WIRE)
    answer.take_wire(TextDelta("The fox "), 0.1)
    answer.take_page({"chars": 3}, 0.2)

    answer.take_page({"chars": page_chars}, 1.9)

    assert answer.may_go_on_from_page(at_s) is may


@pytest.mark.parametrize(
    ("page", "emitted"), [("The fox jumps.", "The fox jumps."), ("A dog sleeps.", "The fox ")]
)
def test_a_page_that_goes_on_without_its_stream_continues_what_was_emitted_or_has_rewritten_it(page, emitted):
    answer = answer_by(BY_WIRE)
    answer.take_wire(TextDelta("The fox "), 0.1)
    answer.go_on_from_page()
    answer.take_page(page_of(page), 2.0)

    *_, finished = answer.conclude(page)

    assert answer.emitted == emitted
    assert (finished.source, finished.is_rewritten) == ("dom", emitted != page)


def test_a_decoder_that_breaks_after_thoughts_only_leaves_the_answer_to_the_page():
    answer = answer_by(BY_WIRE)
    answer.take_wire(ReasoningDelta("Hm"), 0.1)
    answer.decoder_broke("bad frame")

    told = answer.take_page({**page_of("Yes"), **thinking("Hm")}, 0.2)

    assert told == [TextDelta("Yes")]


# -- the page ------------------------------------------------------------------------------------------------------------


def test_without_a_decoder_the_page_is_read_up_to_what_is_stable_there():
    answer = answer_by(BY_PAGE)

    first = answer.take_page({**change("Hello\n\nwor", stable=7), "chars": 8}, 0.1)
    second = answer.take_page({**change("world", keep=7, stable=7), "chars": 10}, 0.2)
    rest = answer.conclude("Hello\n\nworld!")

    assert (first, second) == ([TextDelta("Hello\n\n")], [])
    assert rest == [TextDelta("world!"), TurnFinished("stop", "dom")]


def test_positions_in_the_page_are_utf16_units_also_beside_emoji():
    answer = answer_by(BY_PAGE)

    told = answer.take_page(change("a😀b😀", stable=4), 0.1)
    told += answer.take_page(change("👩‍🚀 é", keep=6, stable=6 + 7), 0.2)
    rest = answer.conclude(None)

    assert told == [TextDelta("a😀b"), TextDelta("😀👩‍🚀 é")]
    assert rest == [TurnFinished("stop", "dom")]


def test_half_of_an_emoji_is_never_told():
    answer = answer_by(BY_PAGE)
    half = "\ud83d"

    told = answer.take_page({"text": {"keep": 0, "tail": "ok " + half, "stable": 4}}, 0.1)
    told += answer.take_page(change("😀!", keep=3, stable=6), 0.2)
    told += answer.conclude(None)

    assert told == [TextDelta("ok "), TextDelta("😀!"), TurnFinished("stop", "dom")]


def test_thoughts_in_the_page_are_told_apart_from_the_answer():
    answer = answer_by(BY_PAGE)

    told = answer.take_page({**thinking("Let me ä😀 ne", 10), "chars": 12}, 0.1)
    told += answer.take_page({**thinking("Let me ä😀 see"), **change("Yes"), "chars": 17}, 0.2)
    told += answer.conclude("Yes")

    assert told == [
        ReasoningDelta("Let me ä😀"),
        ReasoningDelta(" "),
        TextDelta("Yes"),
        ReasoningDelta("see"),
        TurnFinished("stop", "dom"),
    ]


def test_a_thought_that_the_page_closes_is_not_forgotten():
    answer = answer_by(BY_PAGE)
    told = answer.take_page({**thinking("Let me see"), "chars": 10}, 0.1)
    told += answer.take_page({**thinking(""), **change("Yes"), "chars": 3}, 0.2)

    told += answer.conclude("Yes")

    assert told == [ReasoningDelta("Let me see"), TextDelta("Yes"), TurnFinished("stop", "dom")]


def test_what_a_reopened_thought_shows_at_the_end_is_told():
    answer = answer_by(BY_PAGE)
    told = answer.take_page({**thinking("Let me"), **change("Yes"), "chars": 6}, 0.1)

    told += answer.conclude("Yes", "Let me see")

    assert told[-2:] == [ReasoningDelta(" see"), TurnFinished("stop", "dom")]


@pytest.mark.parametrize(("closed", "profile"), [(True, BY_PAGE), (False, BY_WIRE)])
def test_a_closed_thought_matters_where_the_page_is_read(closed, profile):
    answer = answer_by(profile)
    answer.take_page({"thinking_closed": True}, 0.1)

    assert answer.thinking_is_closed is closed


# -- what it cites -------------------------------------------------------------------------------------------------------

ONE = {"url": "https://example.org/1", "title": "One"}
TWO = {"url": "https://example.org/2", "title": "Two"}


def test_each_source_of_the_page_is_told_once():
    answer = answer_by(BY_PAGE)
    told = answer.take_page({**page_of("Yes"), "sources": [ONE]}, 0.1)
    told += answer.take_page({"sources": [ONE]}, 0.2)

    rest = answer.conclude("Yes", "", [ONE, TWO])

    assert told == [TextDelta("Yes"), SourceFound(ONE["url"], "One")]
    assert rest == [SourceFound(TWO["url"], "Two"), TurnFinished("stop", "dom")]


@pytest.mark.parametrize(("wire_source", "needs_page"), [(None, True), ("https://wire.example/", False)])
def test_the_wires_sources_win_and_the_pages_are_told_where_it_has_none(wire_source, needs_page):
    profile = parse_profile({**PAGE, "sources": ".source", "wire": {"decoder": "openai_sse", "urls": "*"}})
    answer = answer_by(profile)
    told = answer.take_wire(SourceFound(wire_source, "W"), 0.1) if wire_source else []
    told += answer.take_wire(TextDelta("Yes"), 0.2)
    answer.take_wire(WireEnd(), 0.3)
    needed = answer.needs_page_at_end

    told += answer.conclude(None, "", [ONE])

    assert needed is needs_page
    sources = [event.url for event in told if isinstance(event, SourceFound)]
    assert sources == [wire_source or ONE["url"]]


def test_an_answer_that_the_page_rewrote_in_the_end_is_its_final_text():
    answer = answer_by(BY_PAGE)
    answer.take_page(page_of("I think so"), 0.1)

    rest = answer.conclude("I can't say")

    assert rest == [TurnFinished("stop", "dom", final_text="I can't say", is_rewritten=True)]


def test_an_answer_of_the_page_is_complete_when_its_stop_control_has_gone():
    answer = answer_by(BY_PAGE)
    answer.take_page(page_of("Hello", stop=True), 0.1)
    running = [completes(answer, 0.1 + i * 0.1) for i in range(30)]
    answer.take_page(page_of("Hello", stop=False, ready=True), 3.1)

    ends = [completes(answer, 3.11 + i * 0.1) for i in range(5)]

    assert set(running) == {False}
    assert ends == [False, False, False, True, True]


def test_what_a_page_showed_before_it_hung_proves_nothing():
    answer = answer_by(BY_PAGE)
    answer.take_page(page_of("Hello", stop=True), 0.1)
    completes(answer, 0.2)
    answer.take_page({"stop": False, "ready": True}, 0.3)

    hung = [answer.is_complete(0.3 + i * 0.1, wire_is_open=False) for i in range(80)]
    answer.take_page({"stop": True}, 8.4)
    back = [completes(answer, 8.4 + i * 0.1) for i in range(10)]

    assert set(hung + back) == {False}


def test_text_that_is_read_between_two_looks_is_no_look_at_the_controls():
    answer = answer_by(BY_PAGE)
    answer.take_page(page_of("Hello", stop=True), 0.1)
    answer.take_page({"stop": False, "ready": True}, 0.2)
    for i in range(50):
        answer.take_page({"is_text_only": True, "chars": 5}, 0.2 + i * 0.1)

    verdicts = [answer.is_complete(0.2 + i * 0.1, wire_is_open=False) for i in range(50)]

    assert set(verdicts) == {False}


def test_a_page_that_shows_the_end_of_a_stream_that_broke_is_an_error():
    answer = answer_by(BY_PAGE)
    answer.take_page(page_of("Hel", finished=True, ready=True), 0.1)
    early = [completes(answer, at_s, flow=Flow.CUT) for at_s in (0.1, 0.2)]

    with pytest.raises(SiteError, match="its stream was cut"):
        completes(answer, 0.6, flow=Flow.CUT)
    assert early == [False, False]


def test_a_pause_of_an_open_stream_is_no_end_on_a_page_without_controls():
    answer = answer_by(BY_PAGE, idle_s=45.0)
    answer.take_page(page_of("Hello", ready=True), 0.1)

    pause = [completes(answer, 0.1 + i * 0.1, flow=Flow.OPEN) for i in range(440)]

    assert set(pause) == {False}
    with pytest.raises(IdleTimeout):
        completes(answer, 46.0, flow=Flow.OPEN)


def test_the_profile_says_how_long_quiet_must_last():
    profile = parse_profile({**PAGE, "timeouts": {"dom_quiet_s": 1.0}})
    answer = answer_by(profile)
    answer.take_page(page_of("Hello", ready=True), 0.0)

    verdicts = [completes(answer, i * 0.1) for i in range(13)]

    assert verdicts.index(True) == pytest.approx(11, abs=1)


@pytest.mark.parametrize("profile", [BY_WIRE, BY_PAGE])
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Something went wrong", SiteError),
        ("Rate limit reached", RateLimitedError),
        ("Session expired", SignInRequiredError),
        ("Blocked by our content policy", ContentBlockedError),
    ],
)
def test_an_error_banner_ends_the_answer_with_its_words(profile, words, kind):
    answer = answer_by(profile)
    answer.take_page({"error": words}, 0.1)
    early = [completes(answer, 0.1), completes(answer, 0.2)]

    with pytest.raises(kind, match=words):
        completes(answer, 0.3)

    assert early == [False, False]


@pytest.mark.parametrize("profile", [BY_WIRE, BY_PAGE])
def test_a_page_that_shows_its_sign_in_form_ends_the_answer(profile):
    answer = answer_by(profile)

    with pytest.raises(SignInRequiredError, match="signed the account out in mid-turn"):
        answer.take_page({"signed_out": True}, 0.1)


def test_a_page_that_ends_without_text_is_an_error():
    answer = answer_by(BY_PAGE)
    answer.take_page({"stop": True}, 0.0)
    completes(answer, 0.0)
    answer.take_page({"stop": False, "ready": True}, 0.5)

    early = [completes(answer, 0.5 + i * 0.1) for i in range(45)]

    assert set(early) == {False}
    with pytest.raises(SiteError, match="without any text"):
        completes(answer, 6.0)


# -- time ----------------------------------------------------------------------------------------------------------------


def test_waits_count_from_the_send():
    answer = answer_by(BY_WIRE, first_token_s=10.0)
    answer.sent(100.0)

    assert completes(answer, 109.9, wire_is_open=True) is False
    with pytest.raises(FirstTokenTimeout) as caught:
        completes(answer, 110.0, wire_is_open=True)
    assert caught.value.waited_s == 10.0


def test_signs_of_life_without_text_are_no_first_token():
    answer = answer_by(BY_WIRE, first_token_s=10.0)
    answer.take_wire(WireAlive(), 9.0)

    with pytest.raises(FirstTokenTimeout):
        completes(answer, 10.0, wire_is_open=True)


@pytest.mark.parametrize("event", [TextDelta("a"), ReasoningDelta("a"), WireText("a"), WireText("", "a")])
def test_an_answer_that_began_and_stalls_is_idle(event):
    answer = answer_by(BY_WIRE, first_token_s=1.0, idle_s=5.0)
    answer.take_wire(event, 0.5)

    assert completes(answer, 5.4, wire_is_open=True) is False
    with pytest.raises(IdleTimeout) as caught:
        completes(answer, 5.5, wire_is_open=True)
    assert caught.value.waited_s == 5.0


def test_a_page_that_is_too_busy_to_be_looked_at_is_not_idle():
    answer = answer_by(BY_WIRE, idle_s=5.0)
    answer.take_wire(TextDelta("a"), 0.5)
    answer.take_page({"chars": 1}, 0.6)

    waits = [answer.is_complete(at_s, wire_is_open=True) for at_s in (1.0, 30.0, 60.0)]
    answer.take_page({"chars": 1}, 60.1)

    assert waits == [False, False, False]
    with pytest.raises(IdleTimeout):
        answer.is_complete(60.2, wire_is_open=True)


def test_a_sign_of_life_from_wire_or_page_puts_the_stall_off():
    answer = answer_by(BY_WIRE, idle_s=5.0)
    answer.take_wire(TextDelta("a"), 0.0)
    answer.take_wire(WireAlive(), 4.0)
    after_wire = completes(answer, 8.0, wire_is_open=True)
    answer.take_page({"chars": 10}, 8.5)
    after_page = completes(answer, 13.0, wire_is_open=True)
    answer.take_page({"chars": 10}, 13.2)

    with pytest.raises(IdleTimeout):
        completes(answer, 13.5, wire_is_open=True)
    assert (after_wire, after_page) == (False, False)


def test_waits_may_be_unlimited():
    answer = answer_by(BY_WIRE, first_token_s=None, idle_s=None)
    before = completes(answer, 1e6, wire_is_open=True)
    answer.take_wire(TextDelta("a"), 1e6)

    after = completes(answer, 1e7, wire_is_open=True)

    assert (before, after) == (False, False)


def test_a_whole_turn_may_be_limited():
    answer = answer_by(BY_WIRE, turn_s=20.0)
    for second in range(20):
        answer.take_wire(TextDelta("a"), second)
        completes(answer, second, wire_is_open=True)

    with pytest.raises(IdleTimeout) as caught:
        completes(answer, 20.0, wire_is_open=True)
    assert caught.value.waited_s == 20.0


# -- UTF-16 --------------------------------------------------------------------------------------------------------------


def test_a_text_is_patched_at_utf16_positions():
    text = Utf16Text()
    text.replace_tail(0, "x😀y")
    text.replace_tail(3, "z𝄞")

    assert text.text == "x😀z𝄞"
    assert [text.characters(units) for units in range(8)] == [0, 1, 1, 2, 3, 3, 4, 4]


# -- what the site says beside it ----------------------------------------------------------------------------------------

LIMIT = "You have reached your message limit."


def test_a_limit_that_is_reached_with_the_answer_is_told_with_it():
    answer = answer_by(BY_PAGE)
    answer.take_page(page_of("Hello", stop=True), 0.1)
    completes(answer, 0.15)
    answer.take_page({"stop": False, "ready": False, "error": LIMIT}, 0.2)

    ends = [completes(answer, 0.3 + i * 0.1) for i in range(5)]
    finished = answer.conclude("Hello")[-1]

    assert ends[-1] is True
    assert isinstance(finished.limit, RateLimitedError)
    assert finished.final_text is None or finished.final_text == "Hello"


def test_another_error_beside_text_makes_no_answer_of_it():
    answer = answer_by(BY_PAGE)
    answer.take_page(page_of("Hello", stop=True), 0.1)
    completes(answer, 0.15)
    answer.take_page({"stop": False, "ready": True, "error": "Something went wrong"}, 0.2)
    waits = [completes(answer, at_s) for at_s in (0.3, 0.35)]

    with pytest.raises(SiteError, match="went wrong"):
        completes(answer, 0.4)
    assert waits == [False, False]


@pytest.mark.parametrize("how", ["said", "dialog"])
def test_what_was_said_once_is_the_error_of_a_turn_without_an_answer(how):
    answer = answer_by(BY_PAGE)
    answer.take_page({"stop": True, "said": [LIMIT] if how == "said" else []}, 0.1)
    if how == "dialog":
        answer.take_page({"said": [LIMIT], "is_text_only": True}, 0.1)
    working = completes(answer, 0.2)
    answer.take_page({"stop": False, "ready": True}, 0.3)
    completes(answer, 0.4)

    with pytest.raises(RateLimitedError):
        completes(answer, 0.5)
    assert working is False


def test_what_was_announced_explains_why_no_answer_began():
    answer = answer_by(BY_PAGE, first_token_s=5.0)
    answer.take_page({"noticed": [LIMIT]}, 0.1)

    assert completes(answer, 4.9) is False
    with pytest.raises(RateLimitedError):
        completes(answer, 5.1)


@pytest.mark.parametrize(
    ("status", "kind"), [(500, SiteError), (429, RateLimitedError), (401, SignInRequiredError)]
)
def test_text_in_the_place_of_an_answer_whose_requests_failed_is_its_error(status, kind):
    answer = answer_by(BY_PAGE)
    answer.take_page(page_of("Something broke.", stop=True), 0.1)
    completes(answer, 0.15)
    answer.take_page({"stop": False, "ready": True}, 0.2)
    waits = [completes(answer, at_s, failed_status=status) for at_s in (0.2, 0.3, 0.4)]

    with pytest.raises(kind, match="Something broke"):
        completes(answer, 0.5, failed_status=status)
    assert set(waits) == {False}


@pytest.mark.parametrize(("controls", "patience_s"), [({"stop": False}, 2.0), ({"stop": None}, 15.0)])
def test_a_page_whose_requests_failed_has_time_to_ask_again(controls, patience_s):
    answer = answer_by(BY_PAGE)
    answer.take_page({"ready": True, **controls}, 0.1)
    waits = [completes(answer, at_s, failed_status=503) for at_s in (0.2, patience_s)]

    with pytest.raises(SiteError, match="HTTP 503"):
        completes(answer, patience_s + 0.3, failed_status=503)
    assert waits == [False, False]


FAILURE = "Something went wrong. Please contact us."


@pytest.mark.parametrize(
    ("text", "has_retry", "fails"),
    [
        (FAILURE, True, True),
        (FAILURE, False, False),
        ("Hello", True, False),
        (f"{FAILURE} {'It is a long story. ' * 40}", True, False),
    ],
)
def test_words_of_failure_beside_a_control_to_try_again_are_no_answer(text, has_retry, fails):
    answer = answer_by(BY_PAGE)
    answer.take_page(page_of(text), 0.1)

    if fails:
        with pytest.raises(SiteError, match="went wrong"):
            answer.conclude(text, has_retry=has_retry)
    else:
        assert answer.conclude(text, has_retry=has_retry)[-1].finish_reason == "stop"


# -- the witness ---------------------------------------------------------------------------------------------------------

ANSWER = "The capital of France is Paris, a city on the Seine."


def told_by_wire(text=ANSWER, profile=BY_WIRE):
    answer = answer_by(profile)
    answer.take_wire(TextDelta(text), 0.1)
    answer.take_wire(WireEnd(), 0.2)
    return answer


@pytest.mark.parametrize("bound_by", ["id", "request"])
def test_an_answer_that_is_tied_to_its_turn_is_given_though_the_page_shows_nothing(bound_by):
    answer = told_by_wire()

    notes = answer.judge_witness(Agreement.SHOWS_NOTHING, "", bound_by)

    assert notes == ("page_shows_nothing",)
    assert answer.conclude(None, notes=notes) == [TurnFinished("stop", "wire", ("page_shows_nothing",))]


@pytest.mark.parametrize(
    ("found", "shown", "bound_by"),
    [
        (Agreement.SHOWS_NOTHING, "", "address"),
        (Agreement.SHOWS_NOTHING, "", None),
        (Agreement.CONTRADICTS, "It rains in Bergen.", "id"),
        (Agreement.CONTRADICTS, "It rains in Bergen.", "request"),
    ],
)
def test_an_answer_that_nothing_speaks_for_or_the_page_against_is_not_given(found, shown, bound_by, caplog):
    answer = told_by_wire()

    with pytest.raises(CaptureDisagreesError) as raised:
        answer.judge_witness(found, shown, bound_by)

    (record,) = [one for one in caplog.records if one.message == "capture_disagrees"]
    assert record.wire == fingerprint(ANSWER)
    assert record.page == fingerprint(shown)
    assert "Paris" not in f"{record.__dict__}{raised.value}"


def test_a_refusal_that_only_the_page_shows_takes_the_wires_answer_back():
    answer = told_by_wire(profile=BLOCKED_BY_WIRE)

    with pytest.raises(AnswerWithdrawnError, match="beyond my current scope"):
        answer.judge_witness(Agreement.CONTRADICTS, REFUSAL, "id")


@pytest.mark.parametrize(
    ("more", "shown", "found"),
    [
        ({"answer": ".body"}, "London", Agreement.CONTRADICTS),
        ({}, "Assistant", Agreement.SHOWS_NOTHING),
        ({}, f"Assistant {ANSWER}", Agreement.AGREES),
    ],
)
def test_a_body_that_the_profile_names_has_no_labels_to_be_left_out(more, shown, found):
    profile = parse_profile({**PAGE, **more, "wire": {"decoder": "openai_sse", "urls": "*"}})

    assert told_by_wire(profile=profile).compare_with_page(shown, "id") is found
