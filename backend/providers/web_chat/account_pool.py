"""Account pool of an open endpoint: its accounts, their states, and whose pages are open."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import anyio
from anyio.abc import TaskGroup

from automation.errors import (
    AccountError,
    AutomationError,
    NoAccountError,
    PoolFullError,
    RateLimitedError,
)
from automation.turn import ChatLink
from backend.accounts.account_config import (
    DEFAULT_ACCOUNT,
    AccountConfig,
    AccountRepository,
    AccountStatus,
    RateLimits,
    build_account_limits,
)
from backend.accounts.open_account import OpenAccount
from backend.accounts.policy import AccountLimits, remaining
from backend.accounts.states import USABLE, AccountState
from backend.errors import StorageError
from backend.providers.web_chat.page_evictor import PageEvictor
from backend.providers.web_chat.site_browsers import AccountPages, AccountPoolPlan

logger = logging.getLogger(__name__)

_SAME_TIME_S = 2.0


class AccountPool:
    """Account pool of an open endpoint.

    Attributes:
        changed: Set, and replaced by a new one, when an account changes its state or a turn of one is over.
    """

    def __init__(
        self,
        plan: AccountPoolPlan,
        repository: AccountRepository,
        tasks: TaskGroup,
        evictor: PageEvictor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self._evictor = evictor
        self._repository = repository
        self._tasks = tasks
        self._clock = clock
        self._members: dict[str, OpenAccount[AccountPages]] = {}
        self.changed = anyio.Event()
        self._reloading = anyio.Lock()
        self._is_closed = False

    @property
    def members(self) -> list[OpenAccount[AccountPages]]:
        """The accounts, oldest first."""
        return list(self._members.values())

    def member(self, account_id: str) -> OpenAccount[AccountPages] | None:
        """Return one account, or None."""
        return self._members.get(account_id)

    async def session(self, member: OpenAccount[AccountPages]) -> dict[str, Any] | None:
        """Return an account's session as it is now (Playwright's ``storage_state``); None where there is none.

        Raises:
            AutomationError: Its browser is going away in this moment.
        """
        return await self.plan.browsers.session(member.config)

    async def replace_session(self, member: OpenAccount[AccountPages], state: dict[str, Any]) -> None:
        """Replace an account's session; it no longer waits for a person."""
        await member.sleep()
        await self.plan.browsers.replace_session(member.config, state)
        member.clear()

    def requests_left(self, member: OpenAccount[AccountPages]) -> float:
        """Return how many requests an account has left within its rate limit's period."""
        return remaining(member.limits, member.usage, self._clock())

    async def reload(self) -> None:
        """Add accounts that are new or changed, and remove those that no longer exist.

        Raises:
            StorageError, VaultError: They can't be read.
        """
        async with self._reloading:
            stored = await self._repository.list_accounts(self.plan.slug)
            configs: dict[str, tuple[AccountConfig, AccountStatus]] = {}
            if not (stored and self.plan.is_own_anonymous):
                configs[self.plan.own.id] = (self.plan.own, AccountStatus())
            configs.update({one.config.id: (one.config, one.account_status) for one in stored})
            gone = {
                account_id: self._members.pop(account_id)
                for account_id, member in list(self._members.items())
                if account_id not in configs or not _is_alike(member.config, configs[account_id][0])
            }
            for account_id, member in gone.items():
                member.ended.set()
                await member.sleep()
                await self.plan.browsers.let_go(account_id)
                now = configs.get(account_id)
                if now is not None and now[0].username != member.config.username:
                    # Another person: the session of the one before is not to answer in this one's name.
                    await self.plan.browsers.forget_session(member.config)
            is_alone = len(configs) == 1
            for account_id, (config, account_status) in configs.items():
                limits = self._build_limits(config, is_alone=is_alone)
                if account_id not in self._members:
                    self._members[account_id] = self._join(config, limits, account_status)
                    if account_id in gone:
                        self._members[account_id].take_over(gone[account_id])
                else:
                    await self._members[account_id].change_pace(config, limits)
            self._members = {account_id: self._members[account_id] for account_id in configs}
            self._tell_change()

    def _build_limits(self, config: AccountConfig, *, is_alone: bool) -> AccountLimits:
        limits = build_account_limits(config, self.plan.pace)
        if is_alone and config.max_concurrent_requests is None:
            return replace(limits, at_once=self.plan.most_at_once)
        return limits

    def _join(
        self, config: AccountConfig, limits: AccountLimits, account_status: AccountStatus
    ) -> OpenAccount[AccountPages]:
        return OpenAccount(
            config,
            limits,
            lambda: self.plan.browsers.open_pages(config, self._members[config.id].limits),
            self._tasks,
            self._note_change,
            account_status=account_status,
            clock=self._clock,
        )

    def _note_change(self, member: OpenAccount[AccountPages]) -> None:
        self._tell_change()
        if self._is_closed:
            return
        is_news = not (member.is_usable and member.stored_status.state in USABLE)
        if is_news and member.id != DEFAULT_ACCOUNT:
            self._tasks.start_soon(self._keep_status, member.id)

    async def _keep_status(self, account_id: str) -> None:
        member = self._members.get(account_id)
        if member is None:
            return
        # Turns that come and go are nothing to remember.
        account_status = AccountStatus() if member.is_usable else member.account_status
        stored, member.stored_status = member.stored_status, account_status
        if _is_known(account_status, stored):
            return
        try:
            await self._repository.save_status(self.plan.slug, account_id, account_status)
        except StorageError:
            facts = {"endpoint": self.plan.slug, "account": account_id}
            logger.warning("account_state_not_saved", extra=facts, exc_info=True)

    def _tell_change(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()

    async def until_changed(self) -> None:
        """Return when an account has changed its state, or a turn of one is over."""
        await self.changed.wait()

    @property
    def is_attended(self) -> bool:
        """Whether a person is at work on an account that waits for one."""
        return any(member.is_held and member.needs_a_person for member in self.members)

    @property
    def problem(self) -> AutomationError | None:
        """Why no turn can be answered until a person acts; None while an account can be used or will be by itself."""
        members = self.members
        if any(member.is_usable for member in members) or not members:
            return None
        return self.why_nobody()

    async def ensure_pages(self, member: OpenAccount[AccountPages]) -> AccountPages:
        """Return an account's pages, opened if closed; where all pages are taken, another account's are evicted.

        Raises:
            PoolFullError: All others are in use.
            AutomationError: They could not be opened.
        """
        while True:
            try:
                return await member.pages()
            except PoolFullError:
                if not await self.make_room(member):
                    raise

    async def make_room(self, member: OpenAccount[AccountPages]) -> bool:
        """Evict another account's pages for this one; False where all others are in use."""
        return await self._evictor.make_room(member)

    async def wake_first(self) -> None:
        """Open the first account that can be opened, so that a problem of the site shows at once.

        Raises:
            AutomationError: The site can't be used by any account.
        """
        for member in self.members:
            if member.needs_a_person:
                continue
            try:
                await self.ensure_pages(member)
            except AccountError as exc:
                self.note_failure(member, exc)
            else:
                return

    async def tend(self) -> None:
        """Close the pages of idle accounts, except the one that was used last; runs for ever."""
        while True:
            await anyio.sleep(self.plan.look_every_s)
            await self._visit_idle()
            awake = sorted((m for m in self.members if m.can_sleep), key=lambda m: m.idle_since_s)
            for member in awake[:-1]:
                if member.can_sleep and self._clock() - member.idle_since_s > self.plan.idle_s:
                    logger.info(
                        "account_idle_closed", extra={"endpoint": self.plan.slug, "account": member.id}
                    )
                    await member.sleep()

    async def _visit_idle(self) -> None:
        """Keep sessions of idle accounts alive by a visit: sites expire sessions that nobody uses."""
        for member in self.members:
            is_due = (
                self.plan.keep_alive_s is not None
                and self._clock() - member.idle_since_s > self.plan.keep_alive_s
            )
            if not is_due or not member.is_usable or member.usage.in_flight or self._is_anonymous(member):
                continue
            with member.kept_awake():
                try:
                    await (await member.pages()).visit()
                except AutomationError as exc:
                    self.note_failure(member, exc)
                    facts = {"endpoint": self.plan.slug, "account": member.id, "reason": type(exc).__name__}
                    logger.info("keep_alive_visit_failed", extra=facts)

    def _is_anonymous(self, member: OpenAccount[AccountPages]) -> bool:
        return self.plan.is_own_anonymous and member.id == self.plan.own.id

    async def close(self) -> None:
        """Close the pages of all accounts, all at once; what persons do in their browsers ends."""
        self._is_closed = True
        for member in self.members:
            member.ended.set()
        async with anyio.create_task_group() as closing:
            for member in self.members:
                closing.start_soon(member.sleep)

    def note_failure(self, member: OpenAccount[AccountPages], error: AutomationError) -> None:
        """Update an account's state by an error."""
        if isinstance(error, AccountError):
            error.endpoint, error.account = self.plan.slug, member.id
        member.note_failure(error)

    def find_chat_owner(self, chat: ChatLink | None) -> OpenAccount[AccountPages] | None:
        """Return the account that has a chat, or None."""
        if chat is None:
            return None
        owner = chat.account or self.plan.own.username or self.plan.own.id
        return next((m for m in self.members if m.chat_owner == owner), None)

    def why_nobody(self, tried: Sequence[AutomationError] = ()) -> AutomationError:
        """Return why no account can take a turn: the common reason, or where they differ, each account's."""
        limited = [m for m in self.members if m.state is AccountState.RATE_LIMITED]
        if limited:
            first = min(limited, key=lambda m: m.usage.rests_until_s)
            words = first.failure.site_message if isinstance(first.failure, RateLimitedError) else ""
            return RateLimitedError(words, max(first.usage.rests_until_s - self._clock(), 1.0))
        failures = [m.failure for m in self.members if m.failure is not None]
        if len({type(failure) for failure in failures}) == 1:
            return failures[0]
        if not failures:
            return tried[-1] if tried else NoAccountError(f"Endpoint {self.plan.slug!r} has no account.")
        waits = "; ".join(f"{m.id} {m.state}" for m in self.members)
        msg = f"No account of endpoint {self.plan.slug!r} can be used ({waits})."
        return NoAccountError(f"{msg} GET /api/endpoints/{self.plan.slug}/accounts says why.")


def _is_alike(a: AccountConfig, b: AccountConfig) -> bool:
    """Return whether an account's configuration differs in nothing but its rate limits."""
    pace = set(RateLimits.model_fields)
    return a.model_dump(exclude=pace) == b.model_dump(exclude=pace)


def _is_known(account_status: AccountStatus, stored: AccountStatus) -> bool:
    """Return whether this status is stored already; a renewed limit is another one."""
    if (account_status.state, account_status.reason) != (stored.state, stored.reason):
        return False
    if account_status.until is None or stored.until is None:
        return account_status.until == stored.until
    return abs((account_status.until - stored.until).total_seconds()) < _SAME_TIME_S
