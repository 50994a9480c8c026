"""One answer out of a turn's streams: whose text it is, and what an end without an end means."""

import pytest

from automation.capture.decoders.protocol import (
    StreamFormatError,
    WireAlive,
    WireContinues,
    WireEnd,
    WireError,
    WireText,
)
from automation.capture.ownership.claims import Claim
from automation.capture.ownership.stream_choice import ALONE_S
from automation.capture.ownership.turn_streams import DONE_S, WAITS_S, TurnStreams
from automation.turn import ReasoningDelta, TextDelta

CUT = WireError("its stream was cut (net::ERR_FAILED)")


def opened(*keys, claim=Claim.PROMPT):
    streams = TurnStreams()
    for key in keys:
        streams.open(key, claim, has_prompt=True)
    return streams


def text(*pieces):
    return [TextDelta(piece) for piece in pieces]


def told(*found):
    return [event for events in found for event in events if event != WireAlive()]


def look(streams, at_s, head=None, *, is_busy=False, looked_s=None):
    return streams.look(head, at_s, is_busy=is_busy, looked_s=at_s if looked_s is None else looked_s)


# -- whose text it is -------------------------------------------------------------------------------------------------


def test_a_stream_with_a_firm_claim_is_passed_on_at_once():
    streams = opened("a", claim=Claim.ID)

    assert streams.take("a", text("Hi")) == text("Hi")
    assert streams.bound_by == "id"


def test_text_is_held_back_until_the_page_shows_it_and_nothing_of_it_is_lost():
    streams = opened("a")

    held = streams.take("a", [ReasoningDelta("Hm."), *text("Par", "is")])
    shown = look(streams, 0.1, "Pa")

    assert held == [WireAlive()]
    assert shown == [ReasoningDelta("Hm."), *text("Par", "is")]
    assert streams.take("a", text(" is")) == text(" is")
    assert streams.bound_by == "request"


def test_what_nothing_speaks_for_but_its_address_waits_for_the_page_however_long():
    streams = opened("a", claim=Claim.ADDRESS)
    streams.take("a", text("Of another tab"))

    waits = told(*(look(streams, at_s, is_busy=True) for at_s in (1.0, 10.0, 100.0)))

    assert waits == []
    assert streams.bound_by is None


def test_a_lone_request_with_the_prompt_is_believed_after_a_while():
    streams = opened("a")
    look(streams, 1.0)
    streams.take("a", text("Hi"))

    early, late = look(streams, 1.0 + ALONE_S / 2), look(streams, 1.0 + ALONE_S)

    assert (early, late) == ([], text("Hi"))


def test_a_query_rewrite_is_not_the_answer_that_follows_it():
    streams = opened("rewrite")
    first = [
        streams.take("rewrite", [*text("capital city France"), WireEnd()]),
        streams.close("rewrite", None),
    ]
    streams.open("answer", Claim.PROMPT, has_prompt=True)
    second = [
        look(streams, 5.0, is_busy=True),
        streams.take("answer", text("Paris is")),
        look(streams, 5.2, "Par", is_busy=True),
        streams.take("answer", [WireEnd()]),
    ]

    assert told(*first) == []
    assert told(*second) == [*text("Paris is"), WireEnd()]


def test_the_answer_replaces_what_was_believed_before_the_page_showed_anything():
    streams = opened("rewrite")
    streams.take("rewrite", text("capital city"))
    believed = look(streams, ALONE_S)
    streams.take("rewrite", [WireEnd()])
    streams.open("answer", Claim.PROMPT)
    streams.take("answer", text("Paris"))

    replaced = look(streams, 2.0, "Paris")

    assert believed == text("capital city")
    assert replaced == [WireText("Paris", "")]
    assert streams.has_ended is False
    assert streams.take("answer", [WireEnd()]) == [WireEnd()]


def test_what_the_page_asks_after_the_answer_changes_nothing():
    streams = opened("answer")
    streams.take("answer", text("Paris"))
    look(streams, 0.1, "Paris")
    streams.take("answer", [WireEnd()])
    streams.open("title", Claim.PROMPT)

    after = [
        streams.take("title", [*text("A capital"), WireEnd()]),
        look(streams, 0.2),
        streams.close("title", None),
    ]

    assert told(*after) == []


def test_an_answer_of_which_the_page_shows_nothing_is_told_when_the_page_is_done():
    streams = opened("a")
    streams.take("a", [*text("Hi"), WireEnd()])
    streams.close("a", None)

    assert told(look(streams, 0.1), look(streams, DONE_S - 0.1)) == []
    assert look(streams, DONE_S + 0.1) == [*text("Hi"), WireEnd()]


def test_a_page_that_shows_another_answer_is_not_guessed_about():
    streams = opened("a")
    streams.take("a", [*text("capital city"), WireEnd()])
    look(streams, 0.1, "Paris")

    with pytest.raises(StreamFormatError, match="another answer"):
        look(streams, 60.0)


# -- ends without an end ----------------------------------------------------------------------------------------------


def lost(failure=CUT, *, is_busy=True):
    streams = opened("a", claim=Claim.CONDITION)
    streams.take("a", text("The fox "))
    streams.close("a", failure)
    look(streams, 1.0, is_busy=is_busy)
    return streams


@pytest.mark.parametrize("failure", [CUT, WireError("busy", "rate_limited", 1.0)])
def test_a_failure_is_told_when_the_page_has_stopped_working_on_it(failure):
    streams = opened("a")
    at_once = streams.close("a", failure)
    look(streams, 1.0, is_busy=True)

    early = look(streams, 1.0 + DONE_S - 0.1)

    assert (at_once, early) == ([], [])
    assert streams.is_open is True
    assert look(streams, 1.0 + DONE_S) == [failure]
    assert streams.is_open is False


def test_a_failure_before_the_first_look_counts_from_when_it_came():
    streams = opened("a")
    streams.at_s = 100.0
    streams.close("a", CUT)

    early = look(streams, 100.1)

    assert early == []
    assert look(streams, 100.0 + DONE_S) == [CUT]


def test_a_page_that_is_slow_to_tell_what_it_shows_has_not_stopped_working():
    streams = opened("a")
    streams.at_s = 100.0
    streams.close("a", CUT)

    unseen = look(streams, 105.0, looked_s=100.5)

    assert unseen == []
    assert look(streams, 105.1, looked_s=100.0 + DONE_S) == [CUT]


def test_an_answer_that_the_page_was_told_to_continue_goes_on_in_its_next_stream():
    streams = opened("a", claim=Claim.CONDITION)
    streams.take("a", [*text("One two "), WireEnd("length")])
    streams.go_on()
    streams.open("b", Claim.CONDITION)

    more = [*streams.take("b", text("three")), *streams.take("b", [WireEnd()])]

    assert told(more) == [*text("three"), WireEnd()]


def test_a_page_that_works_on_is_not_waited_for_without_end():
    streams = lost()

    assert told(*(look(streams, at_s, is_busy=True) for at_s in (10.0, WAITS_S - 1))) == []
    assert look(streams, 1.0 + WAITS_S, is_busy=True) == [CUT]


def test_an_error_in_the_stream_is_no_end_where_the_page_asks_again():
    streams = opened("a")
    streams.take("a", [WireError("overloaded")])
    look(streams, 1.0, is_busy=True)
    streams.open("b", Claim.PROMPT, has_prompt=True)
    streams.take("b", [*text("Hi"), WireEnd()])

    assert look(streams, 2.0, "Hi") == [*text("Hi"), WireEnd()]


def test_an_answer_goes_on_in_the_stream_by_which_the_page_resumes_it():
    streams = lost()
    streams.open("b", Claim.ADDRESS)

    assert told(streams.take("b", [*text("jumps"), WireEnd()])) == [*text("jumps"), WireEnd()]


def test_a_replay_adds_its_rest():
    streams = lost()
    streams.open("b", Claim.ADDRESS)

    events = told(streams.take("b", text("The ", "fox ", "jumps")), streams.take("b", [WireEnd()]))

    assert events == [*text("jumps"), WireEnd()]


def test_a_prompt_that_is_sent_again_after_a_cut_may_be_answered_anew():
    streams = lost()
    streams.open("b", Claim.PROMPT, has_prompt=True)

    assert told(streams.take("b", text("A dog"))) == [WireText("A dog", "")]


def test_a_stream_of_before_the_cut_is_no_continuation():
    streams = opened("a", "title", claim=Claim.CONDITION)
    streams.take("a", text("The fox "))
    streams.take("title", text("Foxes"))

    assert told(streams.close("a", CUT)) == []


def test_after_a_tool_call_the_page_asks_again_and_the_answer_goes_on_below():
    streams = opened("a", claim=Claim.CONDITION)
    streams.take("a", [*text("Let me look."), WireContinues()])
    ended = streams.close("a", None)
    streams.open("b", Claim.CONDITION, has_prompt=True)

    assert told(ended) == []
    assert told(streams.take("b", [*text("21 C."), WireEnd()])) == [*text("\n\n21 C."), WireEnd()]


def test_a_tool_call_after_which_nothing_is_asked_is_no_whole_answer():
    streams = opened("a", claim=Claim.CONDITION)
    streams.take("a", [*text("Let me look."), WireContinues()])
    streams.close("a", None)

    (error,) = told(look(streams, 1.0, is_busy=True), look(streams, 9.0))

    assert isinstance(error, WireError)


def test_a_page_that_is_told_to_continue_goes_on_in_its_next_stream():
    streams = opened("a", claim=Claim.CONDITION)
    streams.take("a", [*text("One, "), WireEnd("length")])
    streams.go_on()
    streams.open("b", Claim.CONDITION, has_prompt=True)

    assert streams.has_ended is False
    assert told(streams.take("b", [*text("two."), WireEnd()])) == [*text("two."), WireEnd()]


def test_a_request_that_was_sent_on_to_another_page_is_told_at_once():
    streams = opened("a")

    assert streams.refuse("a", WireError("elsewhere", "sign_in_required")) == [
        WireError("elsewhere", "sign_in_required")
    ]


def test_beside_the_answer_a_request_that_was_sent_on_is_nothing():
    streams = opened("a", "b", claim=Claim.CONDITION)
    streams.take("a", text("Hi"))

    assert streams.refuse("b", WireError("elsewhere", "sign_in_required")) == []
    assert streams.take("a", [WireEnd()]) == [WireEnd()]
