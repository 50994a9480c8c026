"""A site with accounts that play scripts, and a place to keep accounts in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import anyio

from automation.sign_in.live_view import LiveView
from automation.sign_in.status import SignInState, SignInStatus
from automation.turn import ChatLink, Prompt, TurnEvent, TurnFinished
from backend.accounts.account_config import AccountConfig, AccountStatus, StoredAccount
from backend.accounts.policy import AccountLimits
from backend.providers.web_chat.site_browsers import AccountPages
from tests.fakes.scripted_provider import Script, ScriptedSite, says


class ScriptedSignIn:
    """A person's sign-in that ends as the test says."""

    def __init__(self) -> None:
        self.status = SignInStatus("waiting")
        self.news = anyio.Event()

    def end(self, state: SignInState) -> None:
        self.status = SignInStatus(state, reason=state)
        self.news.set()

    def view(self) -> AbstractAsyncContextManager[LiveView]:
        raise NotImplementedError

    async def until_over(self) -> None:
        await self.news.wait()

    async def complete(self) -> None:
        self.end("signed_in")

    def cancel(self) -> None:
        self.end("cancelled")


@dataclass
class ScriptedAccounts:
    """An ``SiteBrowsers``: each account answers with its own name unless it has another script.

    Attributes:
        opening_failures: Raised by the next openings of an account's pages, one each.
        asked: Which account got each prompt, in order.
        open_now: Accounts whose pages are open, and ``openings`` how often each was opened.
        sessions: The session of each account.
    """

    scripts: dict[str, Script] = field(default_factory=dict)
    opening_failures: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[str, Prompt]] = field(default_factory=list)
    open_now: dict[str, AccountLimits] = field(default_factory=dict)
    openings: list[str] = field(default_factory=list)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    visits: list[str] = field(default_factory=list)
    visit_failures: dict[str, Exception] = field(default_factory=dict)
    form_failures: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    opening_held: anyio.Event | None = None
    form_held: anyio.Event | None = None
    sign_in: ScriptedSignIn | None = None
    let_gone: list[str] = field(default_factory=list)
    most_open: int = 1000
    pool_full: Exception | None = None

    @asynccontextmanager
    async def open_pages(self, config: AccountConfig, limits: AccountLimits) -> AsyncIterator[AccountPages]:
        if self.opening_held is not None:
            await self.opening_held.wait()
        if self.opening_failures[config.id]:
            raise self.opening_failures[config.id].pop(0)
        if len(self.open_now) >= self.most_open and self.pool_full is not None:
            raise self.pool_full
        assert config.id not in self.open_now
        self.open_now[config.id] = limits
        self.openings.append(config.id)
        try:
            yield _Pages(self, config.id)
        finally:
            del self.open_now[config.id]

    @asynccontextmanager
    async def open_sign_in(
        self, config: AccountConfig, *, expects_check: bool
    ) -> AsyncIterator[ScriptedSignIn]:
        if len(self.open_now) >= self.most_open and self.pool_full is not None:
            raise self.pool_full
        self.sign_in = ScriptedSignIn()
        yield self.sign_in

    async def sign_in_by_form(self, config: AccountConfig) -> None:
        if self.form_held is not None:
            await self.form_held.wait()
        if self.form_failures[config.id]:
            raise self.form_failures[config.id].pop(0)

    async def session(self, config: AccountConfig) -> dict[str, Any] | None:
        return self.sessions.get(config.id)

    async def replace_session(self, config: AccountConfig, state: dict[str, Any]) -> None:
        assert config.id not in self.open_now
        self.sessions[config.id] = state

    async def forget_session(self, config: AccountConfig) -> None:
        self.sessions.pop(config.id, None)

    async def let_go(self, account_id: str) -> None:
        self.let_gone.append(account_id)


class _Pages:
    def __init__(self, site: ScriptedAccounts, account_id: str) -> None:
        self._site = site
        self._id = account_id

    @asynccontextmanager
    async def open_turn(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[TurnEvent]]:
        self._site.asked.append((self._id, prompt))
        one = ScriptedSite(script=self._site.scripts.get(self._id, says(self._id)))
        async with (
            one.open(None) as provider,  # type: ignore[arg-type]
            provider.open_turn(replace(prompt, chat=None)) as events,
        ):
            yield self._with_chat(events, prompt)

    async def _with_chat(self, events: AsyncIterator[TurnEvent], prompt: Prompt) -> AsyncIterator[TurnEvent]:
        async for event in events:
            if isinstance(event, TurnFinished):
                chat = prompt.chat or ChatLink(f"chat of {self._id}")
                yield replace(event, chat=chat, is_continued=prompt.chat is not None)
            else:
                yield event

    async def models(self) -> list[str]:
        return [f"model of {self._id}"]

    async def check(self) -> dict[str, Any]:
        return {"pages": {"free": 1, "in_use": 0}, "waiting": 0}

    async def visit(self) -> None:
        self._site.visits.append(self._id)
        if self._id in self._site.visit_failures:
            raise self._site.visit_failures[self._id]

    async def forget_chat(self, chat: ChatLink) -> bool:
        return chat.id == f"chat of {self._id}"


@dataclass
class MemoryAccounts:
    """An ``AccountRepository`` for as long as the test lasts.

    Attributes:
        failure: Raised by every write.
    """

    stored: dict[str, StoredAccount] = field(default_factory=dict)
    failure: Exception | None = None
    writes: int = 0

    async def list_accounts(self, slug: str) -> list[StoredAccount]:
        return list(self.stored.values())

    async def add_account(self, slug: str, config: AccountConfig) -> StoredAccount:
        self.stored[config.id] = StoredAccount(config, AccountStatus(), datetime.now(UTC))
        return self.stored[config.id]

    async def update_account(self, slug: str, config: AccountConfig, account_status: AccountStatus) -> None:
        self.stored[config.id] = StoredAccount(config, account_status, datetime.now(UTC))

    async def save_status(self, slug: str, account_id: str, account_status: AccountStatus) -> None:
        self.writes += 1
        if self.failure is not None:
            raise self.failure
        self.stored[account_id] = replace(self.stored[account_id], account_status=account_status)

    async def delete_account(self, slug: str, account_id: str) -> None:
        del self.stored[account_id]
