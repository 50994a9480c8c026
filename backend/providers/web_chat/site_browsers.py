"""Protocols of a site and of one account's pages, and the settings of an account pool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from automation.turn import ChatLink, Prompt, TurnEvent
from backend.accounts.account_config import AccountConfig, RateLimits
from backend.accounts.policy import AccountLimits
from backend.accounts.sign_ins import SignInSession


class AccountPages(Protocol):
    """Protocol of one account's pages: what a ``Provider`` does, for one of its accounts."""

    def open_turn(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[TurnEvent]]:
        """Return a context that hands out the turn's events."""
        ...

    async def models(self) -> list[str]:
        """Return the site's own model names."""
        ...

    async def check(self) -> dict[str, Any]:
        """Return what health shows of the pages."""
        ...

    async def visit(self) -> None:
        """Reload the chat, and sign in again if the session has expired."""
        ...

    async def forget_chat(self, chat: ChatLink) -> bool:
        """Delete a chat at the site, and return whether it was."""
        ...


class SiteBrowsers(Protocol):
    """Protocol of a site with the browsers of its accounts."""

    def open_pages(
        self, config: AccountConfig, limits: AccountLimits
    ) -> AbstractAsyncContextManager[AccountPages]:
        """Open an account's pages; they are closed with the context."""
        ...

    def open_sign_in(
        self, config: AccountConfig, *, expects_check: bool
    ) -> AbstractAsyncContextManager[SignInSession]:
        """Open the page on which a person signs an account in; with ``expects_check``, to pass a check of the site."""
        ...

    async def sign_in_by_form(self, config: AccountConfig) -> None:
        """Fill the site's form with an account's credentials."""
        ...

    async def session(self, config: AccountConfig) -> dict[str, Any] | None:
        """Return an account's session (Playwright's ``storage_state``); None where there is none."""
        ...

    async def replace_session(self, config: AccountConfig, state: dict[str, Any]) -> None:
        """Replace an account's session."""
        ...

    async def forget_session(self, config: AccountConfig) -> None:
        """Forget the session that is kept of an account."""
        ...

    async def let_go(self, account_id: str) -> None:
        """Close what is open of an account that was changed or is no more."""
        ...


@dataclass(frozen=True, slots=True)
class AccountPoolPlan:
    """Settings of an account pool.

    Attributes:
        pace: The endpoint's limits, for accounts that have none of their own.
        own: The account that the endpoint's own settings describe.
        is_own_anonymous: It has no user name: it serves only while there is no other account.
        most_at_once: Turns that the endpoint takes at once; its own account takes as many if it is alone.
        keep_alive_s: After how long an account that has a session is looked after; None for never.
        challenge_wait_s: How long a turn waits for the person who must pass a check of the site.
        most_wait_s: How long a turn waits for an account that may be asked.
        look_every_s: How often idle accounts are looked at.
        idle_s: After how long without use an account's pages are closed, but for those that were used last.
    """

    slug: str
    pace: RateLimits
    own: AccountConfig
    is_own_anonymous: bool
    most_at_once: int
    challenge_wait_s: float
    keep_alive_s: float | None
    browsers: SiteBrowsers
    most_wait_s: float = 120.0
    look_every_s: float = 15.0
    idle_s: float = 600.0
