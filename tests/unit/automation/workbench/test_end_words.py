from __future__ import annotations

import pytest

from automation.page.roles import RoleMatch
from automation.workbench.end_words import describe_end

SHOWN, HIDDEN = RoleMatch(1, 1), RoleMatch(1, 0)


@pytest.mark.parametrize(
    ("source", "answering", "ended", "said"),
    [
        ("wire", {"stop": SHOWN}, {"stop": HIDDEN}, "the end mark of its stream"),
        ("dom", {"stop": SHOWN}, {"stop": HIDDEN, "finished": SHOWN}, "'finished' is visible"),
        ("dom", {"stop": SHOWN}, {"stop": HIDDEN, "finished": HIDDEN}, "'stop' was visible and is gone"),
        ("dom", {"stop": HIDDEN}, {"stop": HIDDEN}, "its text rested and nothing of the page was under way"),
        ("dom", {}, {}, "its text rested and nothing of the page was under way"),
    ],
)
def test_the_strongest_sign_of_the_end_is_named(source, answering, ended, said):
    assert describe_end(source, answering, ended) == said
