"""Serves one endpoint from several accounts at its site: each turn goes to the one that is best placed to answer it.

Turns wait here for an account that may be asked again, in the order of their arrival. What fails before its first delta
is asked of another account; what needs a person pauses its account alone.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Protocol

import anyio
from anyio.abc import TaskGroup

from automation.errors import (
    AccountError,
    AutomationError,
    ChallengeRequiredError,
    ConversationGoneError,
    NoAccountError,
    PoolFullError,
    RateLimitedError,
)
from automation.owned_tasks import owned_tasks
from automation.turn import ChatLink, Prompt, TurnEvent, TurnFinished
from backend.accounts.book import (
    DEFAULT_ACCOUNT,
    AccountConfig,
    AccountPace,
    AccountRepository,
    Standing,
    limits_of,
)
from backend.accounts.member import Member
from backend.accounts.policy import AccountLimits, begins_at_s, may_try_another, pick, remaining
from backend.accounts.states import USABLE, AccountState
from backend.errors import RateExceededError, StorageError
from backend.providers.protocol import ProviderHealth

log = logging.getLogger(__name__)

_MOST_WAIT_S = 120.0
# So long a turn waits for the account that has its chat before the whole conversation goes to another one.
_OWN_CHAT_WAIT_S = 30.0
_IDLE_S = 600.0
_LOOK_EVERY_S = 15.0


class AccountPages(Protocol):
    """The pages of one account: what a ``Provider`` does, for one of its accounts."""

    def open_turn(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[TurnEvent]]:
        """Return a context that hands out the turn's events."""
        ...

    async def models(self) -> list[str]:
        """Return the site's own model names."""
        ...

    async def check(self) -> dict[str, Any]:
        """Return what health shows of the pages."""
        ...

    async def forget_chat(self, chat: ChatLink) -> bool:
        """Delete a chat at the site, and return whether it was."""
        ...


class AccountSite(Protocol):
    """The site with the browsers of its accounts."""

    def open_pages(
        self, config: AccountConfig, limits: AccountLimits
    ) -> AbstractAsyncContextManager[AccountPages]:
        """Open an account's pages; they are closed with the context."""
        ...

    async def session(self, config: AccountConfig) -> dict[str, Any] | None:
        """Return an account's session (Playwright's ``storage_state``); None where there is none."""
        ...

    async def replace_session(self, config: AccountConfig, state: dict[str, Any]) -> None:
        """Have an account go on with another session."""
        ...

    async def let_go(self, account_id: str) -> None:
        """Close what is open of an account that was changed or is no more."""
        ...


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What a fleet is made from.

    Attributes:
        pace: The endpoint's limits, for accounts that have none of their own.
        own: The account that the endpoint's own settings describe.
        is_own_anonymous: It has no user name: it serves only while there is no other account.
        most_at_once: Turns that the endpoint takes at once; its own account takes as many if it is alone.
        challenge_wait_s: How long a turn waits for the person who must pass a check of the site.
    """

    slug: str
    pace: AccountPace
    own: AccountConfig
    is_own_anonymous: bool
    most_at_once: int
    challenge_wait_s: float
    browsers: AccountSite


@dataclass(slots=True)
class _Try:
    """One turn's way through the accounts.

    Attributes:
        failed: What it failed with, by account.
    """

    prompt: Prompt
    deadline_s: float
    failed: dict[str, AutomationError] = field(default_factory=dict)

    @property
    def met_a_challenge(self) -> bool:
        """Whether an account stopped at a check of the site for this very turn."""
        return any(isinstance(error, ChallengeRequiredError) for error in self.failed.values())


class AccountFleet:
    """A ``Provider`` on all accounts of an endpoint."""

    def __init__(
        self,
        plan: FleetPlan,
        repository: AccountRepository,
        tasks: TaskGroup,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
    ) -> None:
        self._plan = plan
        self._repository = repository
        self._tasks = tasks
        self._clock = clock
        self._random = random or Random()  # noqa: S311  spreads requests, guards nothing
        self._members: dict[str, Member[AccountPages]] = {}
        self._changed = anyio.Event()
        self._line = anyio.Lock()

    # -- the accounts -------------------------------------------------------------------------------------------------

    @property
    def members(self) -> list[Member[AccountPages]]:
        """The accounts, oldest first."""
        return list(self._members.values())

    def member(self, account_id: str) -> Member[AccountPages] | None:
        """Return one account, or None."""
        return self._members.get(account_id)

    async def session(self, member: Member[AccountPages]) -> dict[str, Any] | None:
        """Return an account's session as it is now (Playwright's ``storage_state``); None where there is none.

        Raises:
            AutomationError: Its browser is going away in this moment.
        """
        return await self._plan.browsers.session(member.config)

    async def replace_session(self, member: Member[AccountPages], state: dict[str, Any]) -> None:
        """Have an account go on with another session; what it waited for a person for is over."""
        await member.sleep()
        await self._plan.browsers.replace_session(member.config, state)
        member.clear()

    def left_of(self, member: Member[AccountPages]) -> float:
        """Return how many requests an account may still be asked within its period."""
        return remaining(member.limits, member.usage, self._clock())

    async def reload(self) -> None:
        """Take on accounts that were added or changed since, and let go of those that are no more.

        Raises:
            StorageError, VaultError: They can't be read.
        """
        stored = await self._repository.list_accounts(self._plan.slug)
        configs: dict[str, tuple[AccountConfig, Standing]] = {}
        if not (stored and self._plan.is_own_anonymous):
            configs[self._plan.own.id] = (self._plan.own, Standing())
        configs.update({one.config.id: (one.config, one.standing) for one in stored})
        for account_id, member in list(self._members.items()):
            if account_id not in configs or member.config != configs[account_id][0]:
                del self._members[account_id]
                await member.sleep()
                await self._plan.browsers.let_go(account_id)
        is_alone = len(configs) == 1
        for account_id, (config, standing) in configs.items():
            limits = self._limits_of(config, is_alone=is_alone)
            if account_id not in self._members:
                self._members[account_id] = self._join(config, limits, standing)
            elif self._members[account_id].limits.at_once != limits.at_once:
                # Its pages were opened for another number of turns at once.
                self._members[account_id].limits = limits
                await self._members[account_id].sleep()
        self._members = {account_id: self._members[account_id] for account_id in configs}
        self._tell_change()

    def _limits_of(self, config: AccountConfig, *, is_alone: bool) -> AccountLimits:
        limits = limits_of(config, self._plan.pace)
        if is_alone and config.max_concurrent_requests is None:
            return replace(limits, at_once=self._plan.most_at_once)
        return limits

    def _join(self, config: AccountConfig, limits: AccountLimits, standing: Standing) -> Member[AccountPages]:
        return Member(
            config,
            limits,
            lambda: self._plan.browsers.open_pages(config, self._members[config.id].limits),
            self._tasks,
            self._note_change,
            standing=standing,
            clock=self._clock,
        )

    def _note_change(self, member: Member[AccountPages]) -> None:
        self._tell_change()
        is_news = not (member.is_usable and member.stored_standing.state in USABLE)
        if is_news and member.id != DEFAULT_ACCOUNT:
            self._tasks.start_soon(self._keep_standing, member.id)

    async def _keep_standing(self, account_id: str) -> None:
        member = self._members.get(account_id)
        if member is None:
            return
        # Turns that come and go are nothing to remember.
        standing = Standing() if member.is_usable else member.standing
        stored, member.stored_standing = member.stored_standing, standing
        if (standing.state, standing.reason) == (stored.state, stored.reason):
            return
        try:
            await self._repository.save_standing(self._plan.slug, account_id, standing)
        except StorageError:
            log.warning("account_state_not_stored", extra={"account": account_id}, exc_info=True)

    def _tell_change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def until_changed(self) -> None:
        """Return when an account has changed its state, or a turn of one is over."""
        await self._changed.wait()

    @property
    def problem(self) -> AutomationError | None:
        """Why no turn can be answered until a person acts; None while an account can be used or will be by itself."""
        members = self.members
        if any(member.is_usable for member in members) or not members:
            return None
        return self._nobody()

    async def wake_first(self) -> None:
        """Open the first account that can be opened, so that what is wrong with the site shows at once.

        Raises:
            AutomationError: The site can't be used by any account.
        """
        for member in self.members:
            if member.needs_a_person:
                continue
            try:
                await member.pages()
            except AccountError as exc:
                self._note_failure(member, exc)
            else:
                return

    async def tend(self) -> None:
        """Close the pages of accounts that nobody used for long, all but the one that was used last."""
        while True:
            await anyio.sleep(_LOOK_EVERY_S)
            awake = sorted((m for m in self.members if m.can_sleep), key=lambda m: m.idle_since_s)
            for member in awake[:-1]:
                if member.can_sleep and self._clock() - member.idle_since_s > _IDLE_S:
                    log.info("account_sleeps", extra={"endpoint": self._plan.slug, "account": member.id})
                    await member.sleep()

    async def close(self) -> None:
        """Close the pages of all accounts, all at once."""
        async with anyio.create_task_group() as closing:
            for member in self.members:
                closing.start_soon(member.sleep)

    # -- turns --------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def open_turn(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[TurnEvent]]:
        """Run one turn on one of the accounts; entered once its first event is there.

        Raises:
            AutomationError: No account could answer, or what the last one that was tried raised.
            RateExceededError: All of them were asked as much as they may be.
        """
        trial = _Try(prompt, self._clock() + _MOST_WAIT_S)
        async with AsyncExitStack() as turn:
            while True:
                async with AsyncExitStack() as attempt:
                    member = await self._take(attempt, trial)
                    try:
                        events = await self._begin(attempt, member, prompt)
                    except AutomationError as exc:
                        self._note_failure(member, exc)
                        trial.failed[member.id] = failure = exc
                    else:
                        turn.push_async_exit(attempt.pop_all())
                        break
                if not self._may_go_on(trial, failure):
                    raise failure
                log.info(
                    "turn_goes_to_another_account",
                    extra={
                        "endpoint": self._plan.slug,
                        "account": member.id,
                        "reason": type(failure).__name__,
                    },
                )
            yield events

    def _may_go_on(self, trial: _Try, failure: AutomationError) -> bool:
        if trial.prompt.must_continue:
            return False
        others = any(m.is_usable and m.id not in trial.failed for m in self.members)
        if others:
            return may_try_another(failure, len(trial.failed))
        return trial.met_a_challenge

    async def _begin(
        self, attempt: AsyncExitStack, member: Member[AccountPages], prompt: Prompt
    ) -> AsyncIterator[TurnEvent]:
        """Open the turn and return its events once there is one: until then, another account may be asked."""
        pages = await self._pages_of(member)
        if prompt.chat is not None and member is not self._owner_of(prompt.chat):
            prompt = replace(prompt, chat=None)
        events = await attempt.enter_async_context(pages.open_turn(prompt))
        first = await anext(events)
        return self._told(member, first, events)

    async def _pages_of(self, member: Member[AccountPages]) -> AccountPages:
        """Return an account's pages; where the gateway's pages are all taken, another account gives its own up."""
        while True:
            try:
                return await member.pages()
            except PoolFullError:
                sleepers = [m for m in self.members if m.can_sleep and m is not member]
                if not sleepers:
                    raise
                await min(sleepers, key=lambda m: m.idle_since_s).sleep()

    async def _told(
        self, member: Member[AccountPages], first: TurnEvent, events: AsyncIterator[TurnEvent]
    ) -> AsyncIterator[TurnEvent]:
        try:
            yield _owned(first, member)
            async for event in events:
                yield _owned(event, member)
        except AutomationError as exc:
            self._note_failure(member, exc)
            raise

    def _note_failure(self, member: Member[AccountPages], error: AutomationError) -> None:
        if isinstance(error, AccountError):
            error.account = member.id
        member.note_failure(error)

    def _owner_of(self, chat: ChatLink | None) -> Member[AccountPages] | None:
        if chat is None:
            return None
        owner = chat.account or self._plan.own.username or self._plan.own.id
        return next((m for m in self.members if m.chat_owner == owner), None)

    # -- choosing -----------------------------------------------------------------------------------------------------

    async def _take(self, attempt: AsyncExitStack, trial: _Try) -> Member[AccountPages]:
        """Wait for an account that may be asked now, and count the turn on it for as long as ``attempt`` lasts."""
        if trial.prompt.chat is not None:
            member = await self._take_owner(attempt, trial)
            if member is not None:
                return member
        async with self._line:
            while True:
                usable = [m for m in self.members if m.is_usable and m.id not in trial.failed]
                if usable:
                    member = await self._take_of(attempt, usable, trial.deadline_s)
                    if member is not None:
                        return member
                else:
                    await self._until_a_person_acted(trial)

    async def _take_owner(self, attempt: AsyncExitStack, trial: _Try) -> Member[AccountPages] | None:
        """Take the account that has the turn's chat; None where the conversation has to go elsewhere."""
        owner = self._owner_of(trial.prompt.chat)
        must = trial.prompt.must_continue
        if owner is None:
            if must:
                raise ConversationGoneError
            return None
        if owner.id in trial.failed or not owner.is_usable:
            if must:
                raise trial.failed.get(owner.id) or owner.failure or ConversationGoneError()
            return None
        is_alone = len(self._members) == 1
        wait_s = _MOST_WAIT_S if must or is_alone else _OWN_CHAT_WAIT_S
        try:
            return await self._take_of(attempt, [owner], min(trial.deadline_s, self._clock() + wait_s))
        except (PoolFullError, RateExceededError):
            if must or is_alone:
                raise
            return None

    async def _take_of(
        self, attempt: AsyncExitStack, members: list[Member[AccountPages]], deadline_s: float
    ) -> Member[AccountPages] | None:
        """Take the best of ``members`` once one may be asked; None when what is known of them has changed.

        Raises:
            RateExceededError: None of them may be asked before ``deadline_s``.
            PoolFullError: All of them stayed in use until then.
        """
        began_s = self._clock()
        while True:
            now_s = self._clock()
            changed = self._changed
            chosen = pick((m.candidate for m in members), now_s)
            if chosen is not None:
                member = self._members[chosen.id]
                attempt.enter_context(member.turn(self._random.random()))
                return member
            free = [m for m in members if m.usage.in_flight < m.limits.at_once]
            soonest_s = min((begins_at_s(m.limits, m.usage, now_s) for m in free), default=math.inf)
            if len(free) == len(members) and soonest_s > deadline_s:
                msg = f"Every account of endpoint {self._plan.slug!r} was asked as often as its limits allow."
                raise RateExceededError(msg, soonest_s - now_s)
            if now_s >= deadline_s:
                raise PoolFullError(now_s - began_s)
            with anyio.move_on_after(max(0.0, min(soonest_s, deadline_s) - now_s)):
                await changed.wait()
            if not all(m.is_usable and self._members.get(m.id) is m for m in members):
                return None

    async def _until_a_person_acted(self, trial: _Try) -> None:
        """Return when an account can be used again that could not be.

        Raises:
            AutomationError: Nobody acts, or not in time.
        """
        if not (trial.met_a_challenge or any(m.is_held for m in self.members if m.needs_a_person)):
            raise self._nobody(trial)
        with anyio.move_on_after(self._plan.challenge_wait_s):
            while not any(m.is_usable for m in self.members):
                await self._changed.wait()
            trial.failed.clear()
            return
        raise self._nobody(trial)

    def _nobody(self, trial: _Try | None = None) -> AutomationError:
        """Say why no account takes a turn: the reason of all, or where they differ, what each waits for."""
        tried = list(trial.failed.values()) if trial else []
        limited = [m for m in self.members if m.state is AccountState.RATE_LIMITED]
        if limited:
            first = min(limited, key=lambda m: m.usage.rests_until_s)
            words = first.failure.site_message if isinstance(first.failure, RateLimitedError) else ""
            return RateLimitedError(words, max(first.usage.rests_until_s - self._clock(), 1.0))
        failures = [m.failure for m in self.members if m.failure is not None]
        if len({type(failure) for failure in failures}) == 1:
            return failures[0]
        if not failures:
            return tried[-1] if tried else NoAccountError(f"Endpoint {self._plan.slug!r} has no account.")
        waits = "; ".join(f"{m.id} {m.state}" for m in self.members)
        msg = f"No account of endpoint {self._plan.slug!r} can be used ({waits})."
        return NoAccountError(f"{msg} GET /api/endpoints/{self._plan.slug}/accounts says why.")

    # -- what a provider tells ----------------------------------------------------------------------------------------

    async def models(self) -> list[str]:
        """Return the site's own model names, as the account that is open shows them."""
        pages = next((m.pages_now for m in self.members if m.pages_now is not None), None)
        return await pages.models() if pages is not None else []

    async def check(self) -> ProviderHealth:
        """Say whether an account could answer now; the details count accounts and pages."""
        problem = self.problem
        open_pages = [m.pages_now for m in self.members if m.pages_now is not None]
        details: dict[str, Any] = {}
        for found in [await pages.check() for pages in open_pages]:
            details = _sum_of(details, found)
        states = [str(m.state) for m in self.members]
        details["accounts"] = {state: states.count(state) for state in sorted(set(states))}
        is_healthy = problem is None or isinstance(problem, RateLimitedError)
        return ProviderHealth(is_healthy, None if is_healthy else str(problem), details)

    async def forget_chat(self, chat: ChatLink) -> bool:
        """Delete a chat at the site by the account that has it, and return whether it was."""
        owner = self._owner_of(chat)
        if owner is None or not owner.is_usable:
            return False
        with owner.kept_awake():
            return await (await self._pages_of(owner)).forget_chat(chat)


def _owned(event: TurnEvent, member: Member[AccountPages]) -> TurnEvent:
    if isinstance(event, TurnFinished) and event.chat is not None:
        return replace(event, chat=replace(event.chat, account=member.chat_owner))
    return event


def _sum_of(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    """Add what two accounts' pages count."""
    total = dict(a)
    for name, value in b.items():
        if isinstance(value, dict):
            total[name] = _sum_of(a.get(name, {}), value)
        else:
            total[name] = a.get(name, 0) + value
    return total


@asynccontextmanager
async def open_fleet(plan: FleetPlan, repository: AccountRepository) -> AsyncIterator[AccountFleet]:
    """Hold an endpoint's accounts open; returns once one of them is ready, or all of them need a person.

    Raises:
        AutomationError: The site can't be used.
        StorageError, VaultError: The accounts can't be read.
    """
    async with owned_tasks() as tasks:
        fleet = AccountFleet(plan, repository, tasks)
        await fleet.reload()
        await fleet.wake_first()
        tasks.start_soon(fleet.tend)
        try:
            yield fleet
        finally:
            with anyio.CancelScope(shield=True):
                await fleet.close()
