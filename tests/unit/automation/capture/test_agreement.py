"""What the page shows beyond the wire's answer is noticed; what both say in their own way is not."""

import pytest

from automation.capture.agreement import Difference, difference

PROSE = "Ten plain words of an answer that both of them have. " * 5


@pytest.mark.parametrize(
    ("wire", "page"),
    [
        (PROSE, PROSE),
        (PROSE, f"# {PROSE}\n\n**Copy**"),
        (PROSE, ""),
        (PROSE, PROSE[: len(PROSE) // 2]),
        ("", "A label of the page alone"),
    ],
    ids=["the same", "other markup", "nothing yet", "half of it yet", "labels"],
)
def test_a_page_that_shows_no_more_than_the_wire_told_agrees(wire, page):
    assert difference(wire, page) is None


def test_words_that_the_page_alone_has_are_counted():
    page = PROSE + "and these words never came by wire at all, nor did those of this sentence"

    assert difference(PROSE, page) == Difference(missing_words=15, page_words=70)
