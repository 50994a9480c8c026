"""A page shows our chat where its last question and the answer to it are ours, and its turns rest."""

import pytest

from automation.page.chat_identity import (
    ChatRecognition,
    ChatVerdict,
    LastTurn,
    build_fingerprint,
    find_order,
    parse_last_turn,
)

COMMON = "You work in the repository of the shop, answer in one sentence: " + "and briefly " * 60
ASKED, ANSWER = f"{COMMON} what of the till?", "This is answer number 2 of this chat."
SHOWN = LastTurn(f"You {ASKED} 2 min ago", f"{ANSWER} Copy", is_answered=True, turns=4)
OURS, OTHER, WAIT = ChatVerdict.OURS, ChatVerdict.OTHER, ChatVerdict.WAIT


def verdicts(fingerprint, looks, *, is_opened_anew=True):
    """What each look leads to; a look is a time in seconds and the turn that shows then."""
    recognition = ChatRecognition(fingerprint, is_opened_anew=is_opened_anew)
    return [recognition.feed(shown, at_s) for at_s, shown in looks]


def judged(shown, *, prompt=ASKED, answer=ANSWER, at_end=None, is_opened_anew=True):
    """The verdict once that turn has rested for as long as could be needed."""
    fingerprint = build_fingerprint(prompt, answer, at_end or SHOWN)
    return verdicts(fingerprint, [(0.0, shown), (6.0, shown)], is_opened_anew=is_opened_anew)[-1]


def turn(question, answer, **more):
    return LastTurn(question, answer, is_answered=True, **more)


@pytest.mark.parametrize(
    ("shown", "verdict"),
    [
        (SHOWN, OURS),
        # Labels around both, markup gone, another time.
        (turn(f"Ada, 10:31\n{ASKED}", f"Bot\n{ANSWER}\nWas this helpful?"), OURS),
        # Of a question that begins with the same words, only its end differs.
        (turn(f"{COMMON} what of the cart?", "This is answer number 1 of this chat."), OTHER),
        (turn(f"{COMMON} what of the cart?", "Something else was said here entirely."), OTHER),
        (turn(ASKED, "Nothing of the kind."), OTHER),
        (turn("Another thing?", ANSWER), OTHER),
        (LastTurn(ASKED, "", is_answered=False), OTHER),
        # A profile that finds no questions: the answer tells.
        (turn(None, ANSWER), OURS),
        (turn(None, "Nothing of the kind."), OTHER),
    ],
)
def test_both_the_last_question_and_its_answer_must_be_ours(shown, verdict):
    assert judged(shown) is verdict


def test_a_history_that_comes_turn_by_turn_is_waited_for():
    first = turn(f"{COMMON} what of the cart?", "This is answer number 1 of this chat.", turns=2)
    looks = [(0.0, first), (1.2, first), (1.4, SHOWN), (2.0, SHOWN), (2.5, SHOWN)]

    assert verdicts(build_fingerprint(ASKED, ANSWER, SHOWN), looks) == [WAIT, WAIT, WAIT, WAIT, OURS]


def test_labels_that_change_all_the_time_are_no_unrest():
    looks = [(at_s, turn(f"{ASKED} {at_s} s ago", ANSWER, turns=2)) for at_s in (0.0, 0.5, 1.0)]

    assert verdicts(build_fingerprint(ASKED, ANSWER, SHOWN), looks) == [WAIT, WAIT, OURS]


def test_a_page_that_stands_as_it_was_left_needs_no_waiting():
    fingerprint = build_fingerprint(ASKED, ANSWER, SHOWN)

    assert verdicts(fingerprint, [(0.0, SHOWN)], is_opened_anew=False) == [OURS]
    assert verdicts(fingerprint, [(0.0, turn("Other?", ANSWER))], is_opened_anew=False) == [WAIT]


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("# Title\n\n- *one*\n- two", "Title one two"),
        ("ask @ada-l of it, please, and soon", "ask Ada L of it, please, and soon"),
        ("word " * 500 + "end", "word " * 100 + "Show more"),
        ("…?!", "…?!"),
        ("日本語 🙂", "You 日本語"),
        ("\ud83d lone", "lone"),
    ],
)
def test_a_prompt_that_the_page_changes_is_known_as_it_was_shown(prompt, shown):
    there = turn(shown, ANSWER)

    assert judged(there, prompt=prompt, at_end=there) is OURS


def test_an_answer_that_was_still_being_typed_out_is_known_by_its_beginning():
    at_end = turn(ASKED, "This is answer num")

    assert judged(SHOWN, at_end=at_end) is OURS


def test_an_answer_that_the_page_shows_as_a_picture_is_not_asked_for():
    at_end = turn(ASKED, "")

    assert judged(at_end, at_end=at_end) is OURS


def test_a_fingerprint_of_an_earlier_version_is_known_by_its_words():
    fingerprint = "2cf24d.486ea4"  # of "hello" and "world"

    assert (
        verdicts(fingerprint, [(0.0, turn("Hello, world", "x")), (3.0, turn("Hello, world", "x"))])[-1]
        is OURS
    )
    assert verdicts(fingerprint, [(0.0, turn("Bye", "x")), (5.0, turn("Bye", "x"))])[-1] is OTHER


def test_a_fingerprint_tells_no_words_and_the_order_of_the_chat():
    fingerprint = build_fingerprint(
        "my secret prompt", "its secret answer", turn("my secret prompt", "x", order="first")
    )

    assert "secret" not in fingerprint
    assert (find_order(fingerprint), find_order("2cf24d.486ea4")) == ("first", None)


def test_what_the_agent_tells_is_taken_as_it_is():
    told = {"text": None, "answer": "Yes.", "answered": True, "order": "first", "turns": 2}

    assert parse_last_turn(told) == LastTurn(None, "Yes.", is_answered=True, order="first", turns=2)
