"""A text that grows is what appending makes of a string."""

from hypothesis import given
from hypothesis import strategies as st

from automation.growing_text import GrowingText, grown, measure_shared

TEXTS = st.text("ab \n🎉", max_size=4)


@given(TEXTS, st.lists(st.tuples(TEXTS, st.booleans())), st.integers(0, 40))
def test_it_says_what_a_string_would_that_was_appended_to(first, more, size):
    text, whole = GrowingText(first), first

    for piece, is_joined in more:
        text.append(piece)
        whole += piece
        assert not is_joined or str(text) == whole

    assert (len(text), text.is_blank, text.after(min(size, len(whole)))) == (
        len(whole),
        not whole.strip(),
        whole[min(size, len(whole)) :],
    )
    assert text == whole == str(text)
    assert text != whole + "x"


def test_a_string_that_grows_becomes_one_and_one_that_grows_stays_itself():
    text = grown("a", "b")

    assert grown(text, "c") is text
    assert str(text) == "abc"


@given(TEXTS, TEXTS, TEXTS)
def test_two_texts_agree_up_to_their_first_other_character(shared, one, other):
    size = measure_shared(shared + one, shared + other, len(shared))

    assert (shared + one)[:size] == (shared + other)[:size]
    assert (shared + one)[size : size + 1] != (shared + other)[size : size + 1] or size == len(shared + one)
