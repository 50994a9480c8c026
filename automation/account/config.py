"""Configuration of one web chat endpoint. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urljoin

from automation.account.credentials import Credentials
from automation.profiles.model import SelectorProfile
from automation.stealth.options import BrowserConfig
from automation.stealth.pacing import HumanInput
from automation.timing import Timeouts

CaptureRoute = Literal["auto", "dom"]


@dataclass(frozen=True, slots=True)
class WebChatConfig:
    """One endpoint.

    Attributes:
        base_url: Where the chat is; the profile's ``path`` is resolved against it.
        login_url: Where the sign-in form is, if not where the profile says.
        max_pages: Turns at once.
        name: The endpoint's, for logs.
        capture: ``dom`` reads answers from the page alone, also where the profile has a ``wire``.
        human_input: ``paste`` moves the pointer and presses keys at a person's pace, ``typed`` also types short prompts.
    """

    base_url: str
    login_url: str | None
    profile: SelectorProfile
    credentials: Credentials | None
    browser: BrowserConfig
    max_pages: int
    timeouts: Timeouts
    name: str
    capture: CaptureRoute = "auto"
    human_input: HumanInput = "off"

    @property
    def chat_url(self) -> str:
        """Where a new chat opens."""
        return self._joined(self.profile.path)

    @property
    def sign_in_url(self) -> str:
        """Where the site's sign-in form is; the chat's own address where nothing says so."""
        form = self.profile.sign_in
        if self.login_url:
            return self.login_url
        return self._joined(form.path) if form is not None and form.path != "/" else self.chat_url

    def _joined(self, path: str) -> str:
        return self.base_url if path == "/" else urljoin(self.base_url, path)


def effective_timeouts(config: WebChatConfig) -> Timeouts:
    """Return the endpoint's timeouts, overridden by the profile's and the browser's own where those are set."""
    own = config.profile.timeouts
    changes = {
        "first_token_s": own.first_token_s,
        "idle_s": own.idle_s,
        "ready_s": own.ready_s,
        "witness_s": own.witness_s,
        "navigate_s": config.browser.timeout_ms / 1000 if config.browser.timeout_ms else None,
    }
    return replace(config.timeouts, **{name: value for name, value in changes.items() if value is not None})


def reading_profile(config: WebChatConfig) -> SelectorProfile:
    """Return the profile by which answers are read: without its ``wire`` where only the page is to be read.

    What else the wire tells of, such as a socket that must be ready before sending, stays the whole profile's.
    """
    if config.capture == "dom":
        return config.profile.model_copy(update={"wire": None})
    return config.profile
