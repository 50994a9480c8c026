"""Parts that grow are told as the whole answers would be that they make."""

from hypothesis import given
from hypothesis import strategies as st

from automation.capture.decoders.answer import AnswerSoFar
from automation.capture.decoders.joined_answer import JoinedAnswer, build_parts
from automation.growing_text import GrowingText, Text
from automation.turn import TextDelta

TEXTS = st.text("ab \n", max_size=3)
STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(0, 9), TEXTS),
    st.tuples(st.just("replace"), st.integers(0, 9), TEXTS),
    st.tuples(st.just("begin"), st.integers(0, 9), TEXTS),
    st.tuples(st.just("remove"), st.integers(0, 9), TEXTS),
)


@given(st.lists(st.tuples(st.booleans(), STEPS)), st.sampled_from(["", "\n\n"]))
def test_whatever_happens_to_the_parts_they_are_told_as_their_whole_would_be(steps, between):
    told, expected = JoinedAnswer(), AnswerSoFar()
    channels: tuple[list[Text], list[Text]] = ([], [])

    for is_thought, step in steps:
        change(channels[is_thought], *step)
        texts, thoughts = (build_parts(texts, between) for texts in channels)
        whole = (between.join(filter(None, map(str, texts))) for texts in channels)

        assert told.become(texts, thoughts) == expected.become(*whole)


def change(texts, action, place, text):
    """Do to the texts what decoders do to theirs."""
    place = place % len(texts) if texts else 0
    if action == "begin" or not texts:
        texts.insert(len(texts) if place else 0, GrowingText(text) if place % 2 else text)
    elif action == "append" and isinstance(texts[place], GrowingText):
        texts[place].append(text)
    elif action == "append":
        texts[place] += text
    elif action == "replace":
        texts[place] = GrowingText(text)
    else:
        del texts[place]


def test_only_the_end_of_the_last_part_is_joined():
    first, last = GrowingText("a"), GrowingText("b")
    answer = JoinedAnswer()
    answer.become(build_parts([first, last], "-"), [])
    last.append("c")

    assert answer.become(build_parts([first, last, "d"], "-"), []) == [TextDelta("c-d")]
