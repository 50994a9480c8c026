"""The words of a turn are values: equal when alike, and never changed."""

from dataclasses import FrozenInstanceError

import pytest

from automation.turn import (
    Attachment,
    Message,
    Prompt,
    ReasoningDelta,
    TextDelta,
    TurnFinished,
    join_answer,
    join_texts,
)


def test_prompts_that_ask_the_same_are_equal_and_can_be_keys():
    one = Prompt((Message("user", "hi", (Attachment("a.txt", "text/plain", b"a"),)),))
    same = Prompt((Message("user", "hi", (Attachment("a.txt", "text/plain", b"a"),)),), model=None)

    assert {one: 1}[same] == 1
    assert one != Prompt(one.messages, model="large")


def test_an_answer_ends_without_notes_as_a_rule():
    assert TurnFinished("stop", "wire").notes == ()


def test_an_event_can_not_be_changed_once_told():
    delta = TextDelta("hi")

    with pytest.raises(FrozenInstanceError):
        delta.text = "ho"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("texts", "joined"),
    [([], ""), (["a"], "a"), (["a\n", " b"], "a\n\n\n b"), (["", "a", "", "b"], "a\n\nb")],
)
def test_a_blank_line_parts_the_texts_of_a_message_and_nothing_else_changes(texts, joined):
    assert [join_texts(texts, role) for role in ("system", "user", "tool")] == [joined] * 3


def test_the_parts_of_an_earlier_answer_are_one_running_text():
    assert join_texts(["It is ", "", "22 °C"], "assistant") == "It is 22 °C"


@pytest.mark.parametrize(
    ("end", "answer"),
    [
        (TurnFinished("stop", "dom"), "Hello"),
        (TurnFinished("stop", "dom", final_text="Bye"), "Bye"),
        (TurnFinished("stop", "dom", final_text=""), ""),
    ],
)
def test_an_answer_is_its_deltas_or_the_text_that_its_page_had_in_the_end(end, answer):
    assert join_answer([TextDelta("Hel"), ReasoningDelta("Hm"), TextDelta("lo"), end]) == answer
