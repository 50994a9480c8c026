"""Writes the report of a profile's trial for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from shutil import get_terminal_size
from textwrap import wrap

from automation.page.roles import RoleMatch
from automation.workbench.report import AnswerReport, RequestRow, RoleRow, TrialReport

_TEXT = 48
_MOST_LINES = 30
_URL = 88


def list_lines(report: TrialReport, picture: str | None) -> Iterator[str]:
    """Yield the report line by line; the last one says what to change."""
    yield f"{report.profile} at {report.url}, {report.seconds:.1f} s"
    if report.roles:
        yield ""
        yield from _list_roles(report.roles)
    if report.answer is not None:
        yield ""
        yield from _list_answer(report.answer)
    if report.requests:
        yield ""
        yield "requests that may carry the answer:"
        for row in report.requests:
            yield from _list_request(row)
    if report.error is not None:
        yield ""
        yield f"error: {report.error}"
    yield ""
    if picture is not None:
        yield f"screenshot: {picture}"
    yield from (f"hint: {hint}" for hint in report.hints)
    yield from (f"also: {problem}" for problem in report.problems[1:])
    yield f"change: {report.advice}" if report.problems else report.advice


def _list_roles(rows: tuple[RoleRow, ...]) -> Iterator[str]:
    has_asked = any(row.answering is not None for row in rows)
    width = max(len(row.key) for row in rows)
    columns = ["as it opens", *(["at most, answering", "afterwards"] if has_asked else [])]
    yield f"{'':{width}}  " + "  ".join(f"{name:18}" for name in columns) + "  first text"
    for row in rows:
        matches = [row.opened, *(m for m in (row.answering, row.ended) if m is not None)]
        text = next((m.text for m in reversed(matches) if m.text), "")
        counts = "  ".join(f"{_describe(match):18}" for match in matches)
        yield f"{row.key:{width}}  {counts}  {_shorten(text, _TEXT)}".rstrip()


def _describe(match: RoleMatch) -> str:
    if match.count == match.visible:
        return str(match.count)
    return f"{match.count}, {match.visible} visible"


def _list_answer(answer: AnswerReport) -> Iterator[str]:
    first = f", first word after {answer.first_s:.1f} s" if answer.first_s is not None else ""
    notes = f", notes: {', '.join(answer.notes)}" if answer.notes else ""
    outcome = (
        f"answer from the {'wire' if answer.source == 'wire' else 'page'}, its end seen by {answer.end}"
        if answer.text is not None
        else "no answer"
    )
    yield f"{outcome}; {answer.seconds:.1f} s{first}{notes}"
    width = max(30, (get_terminal_size().columns - 3) // 2)
    wire = answer.wire_text if answer.wire_text is not None else "(nothing was read)"
    left, right = _fold(wire, width), _fold(answer.page_text or "(nothing is shown)", width)
    yield f"{'wire':{width}} │ page"
    for number in range(max(len(left), len(right))):
        one = left[number] if number < len(left) else ""
        other = right[number] if number < len(right) else ""
        yield f"{one:{width}} │ {other}".rstrip()


def _fold(text: str, width: int) -> list[str]:
    lines = [
        piece for line in text.split("\n") for piece in (wrap(line, width, drop_whitespace=False) or [""])
    ]
    return lines if len(lines) <= _MOST_LINES else [*lines[:_MOST_LINES], f"… {len(lines)} lines in all"]


def _list_request(row: RequestRow) -> Iterator[str]:
    marks = [
        words
        for is_so, words in (
            (row.is_of_profile, "wire.urls matches"),
            (row.has_prompt, "carries the prompt"),
            (row.shows_answer, "brings the answer"),
        )
        if is_so
    ]
    status = row.status if row.status is not None else "–"
    facts = f"{row.media_type or row.kind}, {row.size_bytes} bytes"
    yield f"  {row.method} {_shorten(row.url, _URL)}  {status}  {facts}" + (
        f"  [{', '.join(marks)}]" if marks else ""
    )
    if row.suggestion:
        yield f"      {row.suggestion}"


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
