"""Which of a turn's streams is its answer."""

import pytest

from automation.capture.ownership.claims import Claim
from automation.capture.ownership.stream_choice import (
    ALONE_S,
    AmbiguousStreamsError,
    Candidate,
    Look,
    choose_stream,
)


def stream(key, text="", claim=Claim.PROMPT, said_s=0.0, *, is_over=False):
    return Candidate(key, claim, text, said_s, is_over)


REWRITE = stream("rewrite", "capital city France", is_over=True)
ANSWER = stream("answer", "Paris is the capital")
APPLES = stream("apples", "You asked: apples", Claim.ADDRESS)
PEARS = stream("pears", "You asked: pears", Claim.ADDRESS)


@pytest.mark.parametrize(
    ("candidates", "look", "chosen"),
    [
        ([], Look("", 9.0), None),
        ([stream("a", "x", Claim.ID)], Look("", 0.0), "a"),
        ([stream("a", "x"), stream("b", "y", Claim.CONDITION)], Look("", 0.0), "b"),
        ([ANSWER], Look("", ALONE_S / 2), None),
        ([ANSWER], Look("", ALONE_S), "answer"),
        ([ANSWER], Look("", ALONE_S, rivals=2), None),
        ([ANSWER], Look("Thinking", ALONE_S / 2), None),
        ([ANSWER], Look("Par", 0.0), "answer"),
        ([REWRITE], Look("", 60.0), None),
        ([REWRITE], Look("", 60.0, is_done=True), "rewrite"),
        ([REWRITE, ANSWER], Look("", 60.0, rivals=2), None),
        ([REWRITE, ANSWER], Look("Paris", 0.0, rivals=2), "answer"),
        ([APPLES], Look("", 60.0), None),
        ([APPLES, PEARS], Look("You", 0.0), None),
        ([APPLES, PEARS], Look("You asked: p", 0.0), "pears"),
        ([stream("a", "Yes", is_over=True), stream("b", "Yes and")], Look("Yes", 0.0, rivals=2), "a"),
        (
            [stream("a", "Yes", is_over=True), stream("b", "Yes", is_over=True)],
            Look("Yes", 0.0, rivals=2),
            "a",
        ),
        ([stream("a", "Yes", Claim.ADDRESS), stream("b", "Yes")], Look("Yes", 0.0), "b"),
        ([stream("a", "x", Claim.ADDRESS, is_over=True), REWRITE], Look("", 9.0, is_done=True), "rewrite"),
    ],
)
def test_a_firm_claim_or_the_page_decides(candidates, look, chosen):
    assert choose_stream(candidates, look) == chosen


@pytest.mark.parametrize(
    ("candidates", "head"),
    [([REWRITE], "Paris"), ([APPLES, PEARS], ""), ([APPLES, PEARS], "I can't help")],
)
def test_at_the_end_nothing_is_guessed(candidates, head):
    with pytest.raises(AmbiguousStreamsError):
        choose_stream(candidates, Look(head, 60.0, is_done=True))
