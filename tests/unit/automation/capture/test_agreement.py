"""The page's words speak for the wire's answer or against it; what they leave out, or add in labels, says nothing."""

import pytest

from automation.capture.agreement import Agreement, Difference, compare, difference, fingerprint

WIRE = "The **capital** of France is Paris, a city on the [Seine](https://seine.example/) with many bridges."
LONG = "Nobody has seen the other side of the moon from the earth, as both turn at the same pace. " * 40


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (WIRE, None),
        ("The capital of France is Paris", None),
        (f"Assistant\n\n{WIRE}\n\nCopy\n\n12:30", None),
        ("", None),
        (f"{WIRE}\n\n{LONG}", Difference(missing_words=760, page_words=777)),
    ],
    ids=["the same", "the page renders still", "labels beside it", "nothing yet", "the decoder reads a part"],
)
def test_a_page_that_shows_more_than_labels_differs(page, found):
    assert difference(WIRE, page) == found


def test_few_words_of_a_long_answer_are_no_difference():
    assert difference(LONG, f"{LONG} word and another and one more than before of these") is None


MATH = "The area is $\\pi r^2$, and for a radius of 2 it is $4\\pi$, which is about 12.57 in the end."
MATH_TWICE = "The area is πr2\\pi r^2, and for a radius of 2 it is 4π4\\pi, which is about 12.57 in the end."
CODE = "Use a loop:\n\n```python\nfor name in names:\n    print(name)\n```\n\nThat prints every name."
CITED = "The tower is 330 metres high【4:0†source】 and was built in 1889【4:1†source】 for a fair."
OTHER = "It rains in Bergen on most days of the year."


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (WIRE, WIRE),
        (WIRE, "The capital of France is Paris, a city on the Seine with many bridges."),
        (WIRE, "The"),
        (WIRE, "The cap"),
        (WIRE, "The capital of Fr"),
        (f"{WIRE}\n\n{LONG}", "The capital of France is Paris"),
        (LONG, f"Assistant\n\n12:30\n\n{LONG[:200]}\n\nShow more"),
        (f"{WIRE}\n\n{LONG}", LONG[-300:]),
        (
            WIRE,
            f"Searched 3 sites\n\n{OTHER * 9}\n\n{WIRE}\n\nWhat else would you like to know about the city?",
        ),
        (MATH, MATH_TWICE),
        (
            CODE,
            "Use a loop:\n\n```python\nCopy\n1for name in names:\n2    print(name)\n```\n\nThat prints every name.",
        ),
        (
            CITED,
            "The tower is 330 metres high wikipedia.org +1 and was built in 1889 toureiffel.paris for a fair.",
        ),
        ("42", "42"),
        ("42", "Assistant\n\n42\n\nCopy"),
        ("Yes.", "**Yes.**"),
        ("巴黎是法国的首都，位于塞纳河畔。", "巴黎是法国的首"),
        ("กรุงเทพเป็นเมืองหลวง", "กรุงเทพเป็น"),
        ("👍", "![thumbs up](https://x.example/1f44d.png)"),
        ("![A fox](/img/fox.png)", "![A fox](https://x.example/img/fox.png)"),
        ("<b>Paris</b> is the capital of France.", "Paris is the capital of France."),
        ("snake_case is a way to write names", "snake\\_case is a way to write names"),
        ("Ｐａｒｉｓ is the capital", "Paris is the capital"),
        ("I have said it before: I have said it.", "I have said it before: I have said it."),
    ],
)
@pytest.mark.parametrize("is_bare", [True, False])
@pytest.mark.parametrize("is_strict", [True, False])
def test_a_page_that_shows_the_answer_or_a_part_of_it_agrees(told, shown, is_bare, is_strict):
    assert compare(told, shown, is_bare=is_bare, is_strict=is_strict) is Agreement.AGREES


ASKED = "You asked: What about apples? That is all there is to say about it."


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (ASKED, ASKED.replace("apples", "pears")),
        (ASKED, f"Assistant\n\n12:30\n\n{ASKED.replace('apples', 'pears')}\n\nCopy"),
        ("The answer to this question is apples.", "The answer to this question is pears."),
        ("Apples are fruits that grow on trees.", "Pears are fruits that grow on trees."),
        ("about apples? That is all there is to say about it.", ASKED.replace("apples", "pears")),
        (f"{WIRE}\n\n{ASKED}\n\n{LONG}", f"{WIRE}\n\n{ASKED.replace('apples', 'pears')}\n\n{LONG}"),
    ],
)
def test_a_word_in_anothers_place_speaks_against_an_answer_that_only_its_address_speaks_for(told, shown):
    assert compare(told, shown, is_bare=False, is_strict=True) is Agreement.CONTRADICTS
    assert compare(told, shown, is_bare=False) is Agreement.AGREES


@pytest.mark.parametrize(
    ("told", "shown", "is_bare"),
    [
        (WIRE, "", True),
        (WIRE, " \n ", True),
        (WIRE, "…", True),
        (WIRE, "Thinking…", True),
        (WIRE, "Searching the web for bridges", True),
        (WIRE, "Assistant\n\n12:30\n\nCopy", False),
        ("👍", "", True),
    ],
)
def test_a_page_that_shows_nothing_of_any_answer_does_not_speak_yet(told, shown, is_bare):
    assert compare(told, shown, is_bare=is_bare) is Agreement.SHOWS_NOTHING


@pytest.mark.parametrize(
    ("told", "shown", "is_bare"),
    [
        (
            "You asked: You What asked: about What apples? about That pears? is all That there is all there",
            ASKED,
            True,
        ),
        (WIRE, OTHER, True),
        (WIRE, f"Assistant\n\n{OTHER}", False),
        ("42", "Paris", True),
        ("42", "Yes, it is.", True),
        (LONG, OTHER, True),
        (OTHER, LONG, False),
        ("Paris is the capital.", "London is a large town.", True),
        ("巴黎是法国的首都，位于塞纳河畔。", "伦敦有很多博物馆。", True),
    ],
)
def test_a_page_that_shows_other_words_contradicts(told, shown, is_bare):
    assert compare(told, shown, is_bare=is_bare) is Agreement.CONTRADICTS


def test_reasoning_that_the_page_shows_in_the_answers_place_is_no_other_answer():
    thought = "First I recall where Paris lies and what it is known for."

    assert compare(WIRE, thought, is_bare=True, beside=thought) is Agreement.SHOWS_NOTHING
    assert compare(WIRE, thought, is_bare=True) is Agreement.CONTRADICTS


def test_two_answers_are_told_apart_in_a_log_without_their_words():
    one, other = fingerprint(WIRE), fingerprint(OTHER)

    assert one != other
    assert one == fingerprint(f"  {WIRE}\n")
    assert one.split()[:2] == ["17", "words,"]
    assert "Paris" not in one
