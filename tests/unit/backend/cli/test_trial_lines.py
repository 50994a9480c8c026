"""The report of a trial as text: a table of the keys, both sources side by side, and last what to change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.errors import SiteChangedError
from automation.page.roles import RoleMatch
from automation.workbench.report import AnswerReport, RequestRow, RoleRow, TrialReport
from backend.cli.trial_lines import list_lines

ONE, HIDDEN, NONE = RoleMatch(1, 1, "Ask anything"), RoleMatch(2, 1), RoleMatch(0, 0)
LOOKED = TrialReport(
    url="http://x/",
    profile="acme",
    roles=(RoleRow("input", ONE), RoleRow("new_chat.click", HIDDEN), RoleRow("stop", NONE)),
    answer=None,
    requests=(),
    error=None,
    problems=(),
    hints=("Ask once.",),
    screenshot=None,
    seconds=1.25,
)
ANSWER = AnswerReport(
    prompt="Hi",
    text="One\n\ntwo",
    reasoning="",
    source="dom",
    wire_text=None,
    page_text="One\n\ntwo",
    notes=("asks_back",),
    finish_reason="stop",
    end="'finished' is visible",
    first_s=0.52,
    seconds=2.0,
)
SENT = RequestRow(
    "fetch", "POST", "http://x/api", 200, "text/plain", 7, has_prompt=True, suggestion="wire: {…}"
)


def lines(report=LOOKED, picture=None):
    return list(list_lines(report, picture))


def test_each_key_is_a_row_with_what_matches():
    told = lines()

    assert told[0] == "acme at http://x/, 1.2 s"
    assert [line.split() for line in told[3:6]] == [
        ["input", "1", "Ask", "anything"],
        ["new_chat.click", "2,", "1", "visible"],
        ["stop", "0"],
    ]
    assert told[-2:] == ["hint: Ask once.", "Nothing to change."]


def test_a_turn_adds_what_matched_meanwhile_and_both_texts_side_by_side(monkeypatch):
    monkeypatch.setenv("COLUMNS", "83")
    rows = (RoleRow("stop", NONE, ONE, NONE),)

    told = lines(replace(LOOKED, roles=rows, answer=ANSWER, requests=(SENT,)))

    assert told[2].split() == ["as", "it", "opens", "at", "most,", "answering", "afterwards", "first", "text"]
    assert told[3].split() == ["stop", "0", "1", "0", "Ask", "anything"]
    assert told[5] == (
        "answer from the page, its end seen by 'finished' is visible; 2.0 s, first word after 0.5 s, notes: asks_back"
    )
    assert told[6:10] == [
        f"{'wire':40} │ page",
        f"{'(nothing was read)':40} │ One",
        f"{'':40} │",
        f"{'':40} │ two",
    ]
    assert told[12:14] == [
        "  POST http://x/api  200  text/plain, 7 bytes  [carries the prompt]",
        "      wire: {…}",
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_the_last_line_says_the_one_thing_to_change_first(count):
    problems = tuple(f"Problem {number}." for number in range(count))

    told = lines(replace(LOOKED, problems=problems, error=SiteChangedError("input", "opening")), "try.png")

    assert told[-1] == "change: Problem 0."
    assert [line for line in told if line.startswith("also: ")] == [f"also: {p}" for p in problems[1:]]
    assert "screenshot: try.png" in told
    assert any(line.startswith("error: The page doesn't match its profile") for line in told)


def test_a_long_answer_is_cut_with_how_long_it_is():
    long = replace(ANSWER, page_text="\n".join(f"line {n}" for n in range(100)))

    told = lines(replace(LOOKED, answer=long))

    assert any(line.endswith("… 100 lines in all") for line in told)
    assert len(told) < 60
