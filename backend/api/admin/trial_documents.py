"""JSON of a profile's trial: what matched, what came back, what to change."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from automation.errors import AutomationError
from automation.page.roles import RoleMatch
from automation.workbench.report import AnswerReport, RequestRow, RoleRow, TrialReport
from backend.api.errors import describe_error


def trial_document(report: TrialReport, *, has_screenshot: bool = True) -> dict[str, Any]:
    """Return the report as JSON; its screenshot as base64 of a PNG, or left out."""
    document: dict[str, Any] = {
        "ok": not report.problems,
        "advice": report.advice,
        "problems": list(report.problems),
        "hints": list(report.hints),
        "url": report.url,
        "profile": report.profile,
        "error": _error(report.error),
        "roles": [_role(row) for row in report.roles],
        "answer": _answer(report.answer),
        "requests": _requests(report.requests),
        "seconds": round(report.seconds, 1),
    }
    if has_screenshot:
        png = report.screenshot
        document["screenshot"] = base64.b64encode(png).decode() if png is not None else None
    return document


def _error(error: AutomationError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    reply = describe_error(error)
    return {"code": reply.code, "message": reply.message, "sent": error.sent}


def _role(row: RoleRow) -> dict[str, Any]:
    return {
        "key": row.key,
        **asdict(row.opened),
        "answering": _match(row.answering),
        "ended": _match(row.ended),
    }


def _match(match: RoleMatch | None) -> dict[str, Any] | None:
    return asdict(match) if match is not None else None


def _answer(answer: AnswerReport | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    first_s = round(answer.first_s, 2) if answer.first_s is not None else None
    return {
        **asdict(answer),
        "notes": list(answer.notes),
        "first_s": first_s,
        "seconds": round(answer.seconds, 2),
    }


def _requests(rows: Sequence[RequestRow]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]
