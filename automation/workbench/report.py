"""Data types of a profile's trial on its page: what matched, what was asked and answered, what to change. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from automation.errors import AutomationError
from automation.page.roles import RoleMatch
from automation.profiles.model import SelectorProfile
from automation.stealth.options import BrowserConfig
from automation.turn import CaptureSource


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlan:
    """What is tried.

    Attributes:
        url: Of the site; the profile's ``path`` is resolved against it.
        ask: The one prompt that is sent; None to look only.
        session: A signed-in session to begin with, as Playwright's ``storage_state``; it is not changed.
    """

    url: str
    profile: SelectorProfile
    browser: BrowserConfig = field(default_factory=BrowserConfig)
    ask: str | None = None
    session: dict[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RoleRow:
    """What one key of the profile matches.

    Attributes:
        key: The profile's key, such as ``new_chat.click``.
        opened: In the chat as it opened.
        answering: The most at one time while the prompt was answered; None where nothing was asked.
        ended: After the answer; None where nothing was asked.
    """

    key: str
    opened: RoleMatch
    answering: RoleMatch | None = None
    ended: RoleMatch | None = None


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request or a socket of the page that may carry the answer.

    Attributes:
        kind: ``fetch``, ``xhr``, ``eventsource`` or ``websocket``.
        status: HTTP status; None while there is no response, and for a socket.
        size_bytes: Received so far.
        has_prompt: What the page sent holds the prompt.
        is_of_profile: The profile's ``wire`` names its address.
        shows_answer: What it brought holds the words that the page shows as its answer.
        suggestion: A ``wire`` that reads it, as one line of YAML; empty where none is known.
    """

    kind: str
    method: str
    url: str
    status: int | None
    media_type: str
    size_bytes: int
    has_prompt: bool = False
    is_of_profile: bool = False
    shows_answer: bool = False
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """What came back for the prompt, from both sources.

    Attributes:
        text: What the gateway would have given; None where the turn failed.
        source: Where ``text`` is from.
        wire_text: What the profile's decoder reads; None without ``wire``, or where no stream of it was seen.
        page_text: What the page shows as the answer, as Markdown.
        end: By what its end was seen, in words.
        first_s: Seconds until the first word; None where none came.
    """

    prompt: str
    text: str | None
    reasoning: str
    source: CaptureSource | None
    wire_text: str | None
    page_text: str
    notes: tuple[str, ...]
    finish_reason: str | None
    end: str
    first_s: float | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReport:
    """All that a trial found.

    Attributes:
        answer: None where nothing was asked, or the chat did not open.
        requests: Those that look most like the answer's, first.
        error: What failed, or None.
        problems: What to change, the most urgent first, each in one line.
        hints: What could be better, or is worth a look.
        screenshot: PNG of the page with the roles outlined and named, and other fields painted over.
    """

    url: str
    profile: str
    roles: tuple[RoleRow, ...]
    answer: AnswerReport | None
    requests: tuple[RequestRow, ...]
    error: AutomationError | None
    problems: tuple[str, ...]
    hints: tuple[str, ...]
    screenshot: bytes | None
    seconds: float

    @property
    def advice(self) -> str:
        """What to change, in one line."""
        return self.problems[0] if self.problems else "Nothing to change."
