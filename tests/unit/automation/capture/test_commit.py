"""What is sent of an answer that its page rewrites."""

import random
import re
from itertools import pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.capture.commit import AppendOnly

TIGHT = "Intro\n\n- one\n- two"
LOOSE = "Intro\n\n- one\n\n- two\n\n- three"


def test_only_the_stable_part_of_a_snapshot_is_sent():
    text = AppendOnly()

    sent = text.update("Hello wor", 5)

    assert sent == "Hello"
    assert text.emitted == "Hello"


def test_each_snapshot_sends_only_what_is_new():
    text = AppendOnly()

    sent = [
        text.update(snapshot, len(snapshot)) for snapshot in ("One", "One two", "One two", "One two three")
    ]

    assert sent == ["One", " two", "", " three"]


def test_a_stable_part_that_shrinks_sends_nothing_and_is_no_contradiction():
    text = AppendOnly()
    text.update("One two three", 13)

    sent = text.update("One two three four", 3)

    assert sent == ""
    assert not text.diverged


def test_a_stable_length_beyond_the_snapshot_sends_all_of_it():
    text = AppendOnly()

    assert text.update("One", 99) == "One"


def test_a_contradiction_stops_the_sending():
    text = AppendOnly()
    text.update("A line", 6)

    sent = text.update("## A line and more", 18)

    assert sent == ""
    assert text.diverged


def test_sending_goes_on_once_the_page_agrees_again():
    text = AppendOnly()
    text.update("A line", 6)
    text.update("## A line", 9)

    sent = text.update("A line\n\n- item", 6) + text.update("A line\n\n- item\n- next", 14)

    assert sent == "\n\n- item"
    assert not text.diverged


def test_the_end_of_an_answer_sends_what_was_held_back():
    text = AppendOnly()
    text.update("Hello wor", 5)

    sent = text.finish("Hello world.")

    assert sent == " world."
    assert text.emitted == "Hello world."
    assert not text.diverged


def test_nothing_follows_what_the_end_of_an_answer_contradicts():
    text = AppendOnly()
    text.update("See [first] below", 17)

    sent = text.finish("See [first](https://example.com) below")

    assert sent == ""
    assert text.emitted == "See [first] below"
    assert text.diverged


@pytest.mark.parametrize(
    ("sent", "final", "rest"),
    [
        ("One two", "One  two three", " three"),
        ("One\ntwo", "One two\nthree", "\nthree"),
        ("One two ", "One\ttwo\n\nthree", "three"),
        ("One two.\n", "One two.", ""),
        (" ", "One", "One"),
        ("Wo rd", "Word and", " and"),
    ],
)
def test_an_end_that_differs_in_white_space_alone_goes_on_after_the_same_words(sent, final, rest):
    text = AppendOnly()
    text.update(sent, len(sent))

    assert text.finish(final) == rest
    assert not text.diverged


def test_an_answer_that_contradicted_only_for_a_moment_ends_undiverged():
    text = AppendOnly()
    text.update("A line", 6)
    text.update("# A line", 8)

    text.finish("A line.")

    assert text.emitted == "A line."
    assert not text.diverged


def test_an_answer_that_loses_its_end_has_diverged():
    text = AppendOnly()
    text.update("All of this", 11)

    sent = text.finish("All of")

    assert sent == ""
    assert text.diverged


def test_a_list_that_becomes_loose_is_no_contradiction():
    text = AppendOnly()
    text.update(TIGHT, len(TIGHT))

    sent = text.finish(LOOSE)

    assert sent == "\n\n- three"
    assert text.emitted == "Intro\n\n- one\n- two\n\n- three"
    assert not text.diverged


def test_a_list_that_becomes_tight_is_no_contradiction():
    text = AppendOnly()
    text.update("- one\n\n- two", 12)

    sent = text.finish("- one\n- two\n- three")

    assert sent == "\n- three"
    assert not text.diverged


def test_text_sent_up_to_a_line_end_goes_on_after_added_empty_lines():
    text = AppendOnly()
    text.update("- one\n", 6)

    assert text.finish("- one\n\n- two") == "\n- two"


def test_words_that_change_behind_an_added_empty_line_are_a_contradiction():
    text = AppendOnly()
    text.update("- one\n- two", 11)

    text.update("- one\n\n- ten", 12)

    assert text.diverged


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("```\na\nb\nc", "```\na\n\nb\nc"),
        ("```\na\n\nb\nc", "```\na\nb\nc"),
        ("- x\n  ~~~~\n  ~~~\n  a\n  b", "- x\n  ~~~~\n  ~~~\n  a\n\n  b"),
        ("> ```py\n> ``` x\n> a\n> b", "> ```py\n> ``` x\n\n> a\n> b"),
    ],
)
def test_empty_lines_count_inside_fenced_code(before, now):
    text = AppendOnly()
    text.update(before, len(before))

    text.update(now, len(now))

    assert text.diverged


def test_empty_lines_do_not_count_after_fenced_code():
    text = AppendOnly()
    before = "1. a\n   ```\n   x\n   ```\n2. b"
    text.update(before, len(before))

    sent = text.finish("1. a\n\n   ```\n   x\n   ```\n\n2. b\n\n3. c")

    assert sent == "\n\n3. c"


def test_what_a_snapshot_rewrites_is_sent_when_the_next_one_confirms_it():
    text = AppendOnly()
    text.update("See [the guide][1] here.", 4)

    first = text.update("See [the guide](https://e) here.", 32)
    second = text.update("See [the guide](https://example.com) here.", 42)
    third = text.update("See [the guide](https://example.com) here. Then", 42)

    assert (first, second, third) == ("[the guide]", "(https://e", "xample.com) here.")
    assert not text.diverged


def test_a_surrogate_pair_counts_as_one():
    text = AppendOnly()

    sent = text.update("a👍🏽b c", 4)

    assert sent == "a👍🏽b"


def random_text(chance):
    return "".join(
        chance.choice(["word ", "x", "\n", "\n\n", "- ", "```\n", "é", "👍", "**"]) for _ in range(60)
    )


@pytest.mark.parametrize("seed", range(200))
def test_text_that_only_grows_arrives_whole_however_it_is_cut(seed):
    chance = random.Random(seed)
    whole = random_text(chance)
    cuts = sorted(chance.randrange(len(whole) + 1) for _ in range(12))
    text = AppendOnly()

    sent = [text.update(whole[:cut], chance.randrange(cut + 1)) for cut in cuts]
    sent.append(text.finish(whole))

    assert "".join(sent) == text.emitted == whole
    assert not text.diverged


@pytest.mark.parametrize("seed", range(200))
def test_whatever_a_page_does_the_text_sent_never_changes_and_ends_as_the_answer_unless_flagged(seed):
    chance = random.Random(seed)
    text = AppendOnly()
    snapshots = [random_text(chance)[: chance.randrange(40)] for _ in range(8)]

    seen = [""]
    for snapshot in snapshots:
        text.update(snapshot, chance.randrange(len(snapshot) + 1))
        seen.append(text.emitted)
    before = text.emitted
    text.finish(snapshots[-1])

    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
    letters = "".join(text.emitted.replace(">", "").split())
    if text.diverged:
        assert text.emitted == before
    else:
        assert letters == "".join(snapshots[-1].replace(">", "").split())


@pytest.mark.parametrize("seed", range(50))
def test_snapshots_from_the_wire_are_sent_at_once_and_unchanged(seed):
    chance = random.Random(seed)
    whole = random_text(chance)
    cuts = sorted(chance.randrange(len(whole) + 1) for _ in range(12))
    text = AppendOnly()

    for cut in cuts:
        text.update(whole[:cut], cut)

        assert text.emitted == whole[:cut]


# -- what is appended, against a comparison of the whole texts -----------------------------------------------------------

BITS = st.lists(
    st.sampled_from(["a", "b", "word ", "\n", "\n", "\n\n", "> ", ">", " ", "- ", "```\n", "~~~\n", "🎉"]),
    max_size=6,
).map("".join)
APPENDS = st.tuples(st.just("append"), BITS)
AGAIN = st.tuples(
    st.just("again"), st.integers(0, 40)
)  # the text is taken back up to there, then told once more
CHANGES = st.one_of(
    APPENDS,
    APPENDS,
    AGAIN,
    st.tuples(st.just("cut"), st.integers(0, 40)),
    st.tuples(st.just("whole"), BITS),
    st.tuples(st.just("loosen"), st.integers(0, 40)),
)


@given(st.lists(CHANGES, max_size=25), BITS)
def test_what_is_appended_is_told_as_the_whole_text_would_be(changes, last):
    text, oracle, whole = AppendOnly(), WholeTexts(), ""

    for kind, value in changes:
        for delta, changed in steps_of(kind, value, whole):
            whole = whole + delta if changed is None else changed
            sent = text.append(delta) if changed is None else text.update(whole, len(whole))

            assert sent == oracle.update(whole, len(whole))
            assert (text.emitted, text.diverged) == (oracle.emitted, oracle.diverged)
    whole += last
    assert text.finish(whole) == oracle.finish(whole)
    assert (text.emitted, text.diverged) == (oracle.emitted, oracle.diverged)


@given(st.lists(st.tuples(BITS, st.integers(0, 60)), max_size=12))
def test_a_page_s_snapshots_are_told_as_a_comparison_of_the_whole_texts_says(snapshots):
    text, oracle = AppendOnly(), WholeTexts()

    for snapshot, stable in snapshots:
        assert text.update(snapshot, stable) == oracle.update(snapshot, stable)
        assert (text.emitted, text.diverged) == (oracle.emitted, oracle.diverged)


def steps_of(kind, value, whole):
    """Yield what is appended, or the whole text that takes the place of the one before."""
    if kind == "append":
        yield value, None
    elif kind == "whole":
        yield "", value
    elif kind == "cut":
        yield "", whole[:value]
    elif kind == "loosen":
        yield "", whole[:value] + "\n" + whole[value:]
    else:
        yield "", whole[:value]
        for at in range(value, len(whole), 3):
            yield whole[at : at + 3], None


class WholeTexts:
    """``AppendOnly`` as it is defined: each text is compared with the one before, from its start."""

    def __init__(self):
        self.emitted = self.agreed = self.latest = ""
        self.diverged = False

    def update(self, text, stable):
        end = self._agreement(text)
        before, self.latest = self.latest, text
        self.diverged = end is None
        if end is None:
            return ""
        believed = min(stable, belief(before, text, end))
        return self._emit(text, end, believed) if believed > end else ""

    def finish(self, text):
        end = self._agreement(text)
        if end is None:
            end = same_words(self.emitted, text)
        self.diverged = end is None
        return "" if end is None else self._emit(text, end, len(text))

    def _emit(self, text, start, end):
        self.emitted += text[start:end]
        self.agreed = text[:end]
        return text[start:end]

    def _agreement(self, text):
        return len(self.agreed) if text.startswith(self.agreed) else same_lines(self.agreed, text)


def same_words(before, now):
    """The shortest beginning of ``now`` that has the letters of ``before``, with the white space that both go on with."""
    for end in range(len(now) + 1):
        if "".join(now[:end].split()) == "".join(before.split()):
            while before[-1:].isspace() and now[end : end + 1].isspace():
                end += 1  # noqa: PLW2901  it is returned
            return end
    return None


def belief(before, now, start):
    if now.startswith(before):
        return len(now)
    pairs = zip(before[start:], now[start:], strict=False)
    return start + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def same_lines(before, now):
    *lines, partial = before.split("\n")
    position, fence = 0, ""
    for line in lines:
        if not fence:
            if not line.strip("> "):
                continue
            position = skip_empty_lines(now, position)
        if not now.startswith(line + "\n", position):
            return None
        position += len(line) + 1
        fence = fence_after(line, fence)
    if partial and not fence:
        position = skip_empty_lines(now, position)
    return position + len(partial) if now.startswith(partial, position) else None


def skip_empty_lines(text, position):
    while found := re.compile(r"[> ]*\n").match(text, position):
        position = found.end()
    return position


def fence_after(line, fence):
    found = re.fullmatch(r"(?:[\s>]|[-*+] |\d+[.)] )*(?P<fence>`{3,}|~{3,})(?P<rest>.*)", line)
    if found is None:
        return fence
    if not fence:
        return found["fence"]
    return "" if found["fence"].startswith(fence) and not found["rest"].strip() else fence
