"""What came of a turn with a random page, and whether that is right. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from tests.sites.random_pages.answers import PageTurn
from tests.sites.random_pages.plan import PagePlan

Verdict = Literal["exact", "right error", "error", "wrong text", "wrong reason", "sent again", "sent untruly"]
"""A ``right error`` is all that a client can be told; with an ``error`` the answer was there to be had."""

MOST_ERRORS = 0.05
"""The part of all turns that may end in either."""

# What such an error says of a page where every role matches, nothing is refused and every turn has an answer.
_UNTRUE_CODES = frozenset(
    {
        "site_changed",
        "endpoint_not_running",
        "silence",
        "site_error",
        "content_blocked",
        "empty_answer",
        "answer_rewritten",
        "answer_withdrawn",
        "rate_limited",
        "sign_in_required",
        "challenge_required",
    }
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client got: a whole text, or an error and what of the text had come before it."""

    text: str
    error: dict[str, Any] = field(default_factory=dict)
    notes: str = ""

    @property
    def code(self) -> str:
        """The error's code; empty for a success."""
        return str(self.error.get("code") or "") if self.error else ""


def judge(plan: PagePlan, turn: PageTurn, reply: Reply, times_asked: int) -> Verdict:
    """Return what is to be said of a reply to a prompt that the site got so often."""
    if times_asked > 1:
        return "sent again"
    if not reply.error:
        if times_asked != 1:
            return "sent untruly"
        return "exact" if reply.text == turn.answer else "wrong text"
    if not is_true_of_sending(reply, times_asked):
        return "sent untruly"
    if reply.code == "answer_rewritten" and is_rewritten(plan, turn):
        return "right error"
    return "wrong reason" if reply.code in _UNTRUE_CODES else "error"


def is_true_of_sending(reply: Reply, times_asked: int) -> bool:
    """Whether ``error.sent`` fits with what the site got."""
    sent = reply.error.get("sent")
    return sent not in ("no", "yes") or (sent == "yes") == (times_asked == 1)


def is_rewritten(plan: PagePlan, turn: PageTurn) -> bool:
    """Whether words that were passed on may be replaced."""
    return turn.is_streamed and (turn.draft != turn.answer or plan.rewriting == "raw_first")
