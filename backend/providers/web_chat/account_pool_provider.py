"""Load balancing and fail-over over the accounts of one chat endpoint: each turn goes to the best placed one.

Turns wait here for an account that may be asked again, in the order of their arrival. What fails before its first delta
fails over to another account; what needs a person pauses its account alone.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import anyio

from automation.errors import (
    AccountError,
    AutomationError,
    ChallengeRequiredError,
    ConversationGoneError,
    NoAccountError,
    PoolFullError,
    RateLimitedError,
    SentState,
)
from automation.owned_tasks import owned_tasks
from automation.turn import ChatLink, Prompt, TurnEvent, TurnFinished
from backend.accounts.account_config import AccountRepository
from backend.accounts.open_account import OpenAccount
from backend.accounts.policy import begins_at_s, may_try_another, pick
from backend.errors import RateExceededError
from backend.providers.protocol import ProviderHealth
from backend.providers.web_chat.account_pool import AccountPool
from backend.providers.web_chat.account_pool_control import AccountPoolControl
from backend.providers.web_chat.page_evictor import PageEvictor
from backend.providers.web_chat.site_browsers import AccountPages, AccountPoolPlan

logger = logging.getLogger(__name__)

_CLOSE_S = 15.0
# So long a turn waits for the account that has its chat before the whole conversation goes to another one.
_OWN_CHAT_WAIT_S = 30.0


@dataclass(slots=True)
class _Try:
    """State of one turn's attempts over the accounts.

    Attributes:
        failed: Its errors by account; ``attempts`` is their number.
        note_sent: To be called when the site is known to have got the prompt.
    """

    prompt: Prompt
    deadline_s: float
    failed: dict[str, AutomationError] = field(default_factory=dict)
    attempts: int = 0
    note_sent: Callable[[], None] = lambda: None

    @property
    def met_a_challenge(self) -> bool:
        """Whether an account stopped at a check of the site for this very turn."""
        return any(isinstance(error, ChallengeRequiredError) for error in self.failed.values())


class AccountPoolProvider:
    """A ``Provider`` over all accounts of an endpoint, with load balancing and fail-over."""

    def __init__(
        self,
        account_pool: AccountPool,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
    ) -> None:
        self.account_pool = account_pool
        self.accounts = AccountPoolControl(account_pool)
        self._clock = clock
        self._random = random or Random()  # noqa: S311  spreads requests, guards nothing
        self._line = anyio.Lock()

    @property
    def problem(self) -> AutomationError | None:
        """Why no turn can be answered until a person acts or a limit is over; None while some can."""
        return self.account_pool.problem

    async def until_changed(self) -> None:
        """Return when ``problem`` may have changed."""
        await self.account_pool.until_changed()

    # -- turns --------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def open_turn(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[TurnEvent]]:
        """Run one turn on one of the accounts; entered once its first event is there.

        Raises:
            AutomationError: No account could answer, or what the last one that was tried raised.
            RateExceededError: All of them were asked as much as they may be.
        """
        trial = _Try(prompt, self._clock() + self.account_pool.plan.most_wait_s)
        async with AsyncExitStack() as turn:
            yield await self._find_answerer(turn, trial)

    async def _find_answerer(self, turn: AsyncExitStack, trial: _Try) -> AsyncIterator[TurnEvent]:
        """Return the events of the first account that begins an answer; ``turn`` owns what it holds from then on."""
        try:
            while True:
                async with AsyncExitStack() as attempt:
                    member = await self._take(attempt, trial)
                    try:
                        events = await self._begin(attempt, member, trial)
                    except AutomationError as exc:
                        self.account_pool.note_failure(member, exc)
                        trial.failed[member.id] = failure = exc
                        trial.attempts += 1
                    else:
                        turn.push_async_exit(attempt.pop_all())
                        return events
                if not self._may_go_on(trial, failure):
                    raise failure
                logger.info(
                    "account_failed_over",
                    extra={
                        "endpoint": self.account_pool.plan.slug,
                        "account": member.id,
                        "reason": type(failure).__name__,
                    },
                )
        except AutomationError as exc:
            if exc.sent is None:
                # No page had a turn.
                exc.sent = SentState.NO
            raise

    def _may_go_on(self, trial: _Try, failure: AutomationError) -> bool:
        if trial.prompt.must_continue:
            return False
        others = any(m.is_usable and m.id not in trial.failed for m in self.account_pool.members)
        if others:
            return may_try_another(failure, trial.attempts)
        may_have_sent = failure.sent in {SentState.MAYBE, SentState.YES}
        return trial.met_a_challenge and isinstance(failure, AccountError) and not may_have_sent

    async def _begin(
        self, attempt: AsyncExitStack, member: OpenAccount[AccountPages], trial: _Try
    ) -> AsyncIterator[TurnEvent]:
        """Open the turn and return its events once the first has come; until then, it can fail over."""
        pages = await self.account_pool.ensure_pages(member)
        prompt = trial.prompt
        if prompt.chat is not None and member is not self.account_pool.find_chat_owner(prompt.chat):
            prompt = replace(prompt, chat=None)
        events = await attempt.enter_async_context(pages.open_turn(prompt))
        first = await anext(events)
        trial.note_sent()
        return self._told(member, first, events)

    async def _told(
        self, member: OpenAccount[AccountPages], first: TurnEvent, events: AsyncIterator[TurnEvent]
    ) -> AsyncIterator[TurnEvent]:
        try:
            yield self._passed_on(first, member)
            async for event in events:
                yield self._passed_on(event, member)
        except AutomationError as exc:
            self.account_pool.note_failure(member, exc)
            raise

    def _passed_on(self, event: TurnEvent, member: OpenAccount[AccountPages]) -> TurnEvent:
        """Return the event with its chat's account; an account whose limit is reached with this answer rests from here on."""
        if isinstance(event, TurnFinished) and event.limit is not None:
            self.account_pool.note_failure(member, event.limit)
        return _owned(event, member)

    # -- choosing -----------------------------------------------------------------------------------------------------

    async def _take(self, attempt: AsyncExitStack, trial: _Try) -> OpenAccount[AccountPages]:
        """Wait for an account within its rate limits, and count the turn on it for as long as ``attempt`` lasts."""
        if trial.prompt.chat is not None:
            member = await self._take_owner(attempt, trial)
            if member is not None:
                return member
        while True:
            async with self._line:
                member = await self._take_any(attempt, trial)
            if member is not None:
                return member
            await self._until_a_person_acted(trial)

    async def _take_any(self, attempt: AsyncExitStack, trial: _Try) -> OpenAccount[AccountPages] | None:
        """Take the best of all accounts that were not tried; None when none of them can be used."""
        while usable := [m for m in self.account_pool.members if m.is_usable and m.id not in trial.failed]:
            member = await self._take_account(attempt, trial, usable, trial.deadline_s)
            if member is not None:
                return member
        return None

    async def _take_owner(self, attempt: AsyncExitStack, trial: _Try) -> OpenAccount[AccountPages] | None:
        """Take the account that has the turn's chat; None where the conversation has to go elsewhere."""
        owner = self.account_pool.find_chat_owner(trial.prompt.chat)
        must = trial.prompt.must_continue
        if owner is None:
            if must:
                raise ConversationGoneError
            return None
        if owner.id in trial.failed or not owner.is_usable:
            if must:
                raise trial.failed.get(owner.id) or owner.failure or ConversationGoneError()
            return None
        is_alone = len(self.account_pool.members) == 1
        wait_s = self.account_pool.plan.most_wait_s if must or is_alone else _OWN_CHAT_WAIT_S
        try:
            return await self._take_account(
                attempt, trial, [owner], min(trial.deadline_s, self._clock() + wait_s)
            )
        except (PoolFullError, RateExceededError):
            if must or is_alone:
                raise
            return None

    async def _take_account(
        self,
        attempt: AsyncExitStack,
        trial: _Try,
        members: list[OpenAccount[AccountPages]],
        deadline_s: float,
    ) -> OpenAccount[AccountPages] | None:
        """Take the best of ``members`` once one may be asked; None when what is known of them has changed.

        Raises:
            RateExceededError: None of them may be asked before ``deadline_s``.
            PoolFullError: All of them stayed in use until then.
        """
        began_s = self._clock()
        while True:
            now_s = self._clock()
            changed = self.account_pool.changed
            chosen = pick((m.candidate for m in members), now_s)
            if chosen is not None:
                member = next(m for m in members if m.id == chosen.id)
                trial.note_sent = attempt.enter_context(member.turn(self._random.random()))
                return member
            free = [m for m in members if m.usage.in_flight < m.limits.at_once]
            begin_s = [begins_at_s(m.limits, m.usage, now_s) for m in free]
            soonest_s = min(begin_s, default=math.inf)
            if len(free) == len(members) and all(deadline_s < at_s < math.inf for at_s in begin_s):
                msg = f"Every account of endpoint {self.account_pool.plan.slug!r} was asked as often as its limits allow."
                raise RateExceededError(msg, soonest_s - now_s)
            if now_s >= deadline_s:
                raise PoolFullError(now_s - began_s)
            with anyio.move_on_after(max(0.0, min(soonest_s, deadline_s) - now_s)):
                await changed.wait()
            if not all(m.is_usable and self.account_pool.member(m.id) is m for m in members):
                return None

    async def _until_a_person_acted(self, trial: _Try) -> None:
        """Return when an account can be used again that could not be.

        Raises:
            AutomationError: Nobody acts, or not in time.
        """
        if not (trial.met_a_challenge or self.account_pool.is_attended):
            raise self.account_pool.why_nobody(list(trial.failed.values()))
        began_s = self._clock()
        with anyio.move_on_after(self.account_pool.plan.challenge_wait_s):
            while not any(
                m.is_usable and _may_be_asked_again(trial, m.id) for m in self.account_pool.members
            ):
                await self.account_pool.changed.wait()
            trial.failed = {
                name: error for name, error in trial.failed.items() if not _may_be_asked_again(trial, name)
            }
            # The wait for a person is not the wait for an account.
            trial.deadline_s += self._clock() - began_s
            return
        raise self.account_pool.why_nobody(list(trial.failed.values()))

    # -- what a provider tells ----------------------------------------------------------------------------------------

    async def models(self) -> list[str]:
        """Return the site's own model names, as the account that is open shows them."""
        pages = next((m.pages_now for m in self.account_pool.members if m.pages_now is not None), None)
        return await pages.models() if pages is not None else []

    async def check(self) -> ProviderHealth:
        """Say whether an account could answer now; the details count accounts and pages."""
        problem = self.account_pool.problem
        open_pages = [m.pages_now for m in self.account_pool.members if m.pages_now is not None]
        details: dict[str, Any] = {}
        for found in [await pages.check() for pages in open_pages]:
            details = _add_counts(details, found)
        states = [str(m.state) for m in self.account_pool.members]
        details["accounts"] = {state: states.count(state) for state in sorted(set(states))}
        is_healthy = problem is None or isinstance(problem, RateLimitedError)
        return ProviderHealth(is_healthy, None if is_healthy else str(problem), details)

    async def forget_chat(self, chat: ChatLink) -> bool:
        """Delete a chat at the site by the account that has it, and return whether it was."""
        owner = self.account_pool.find_chat_owner(chat)
        if owner is None or not owner.is_usable:
            return False
        with owner.kept_awake():
            return await (await self.account_pool.ensure_pages(owner)).forget_chat(chat)


def _may_be_asked_again(trial: _Try, account_id: str) -> bool:
    """Return whether a turn may be retried on an account that a person has fixed: only its status was in the way."""
    return isinstance(trial.failed.get(account_id, NoAccountError()), AccountError)


def _owned(event: TurnEvent, member: OpenAccount[AccountPages]) -> TurnEvent:
    if isinstance(event, TurnFinished) and event.chat is not None:
        return replace(event, chat=replace(event.chat, account=member.chat_owner))
    return event


def _add_counts(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    """Add what two accounts' pages count."""
    total = dict(a)
    for name, value in b.items():
        if isinstance(value, dict):
            total[name] = _add_counts(a.get(name, {}), value)
        else:
            total[name] = a.get(name, 0) + value
    return total


@asynccontextmanager
async def open_account_pool(
    plan: AccountPoolPlan, repository: AccountRepository, evictor: PageEvictor | None = None
) -> AsyncIterator[AccountPoolProvider]:
    """Hold an endpoint's accounts open; returns once one of them is ready, or all of them need a person.

    Where all pages are taken, the accounts of those fleets give theirs up that share ``evictor``; without, only its own do.

    Raises:
        AutomationError: The site can't be used.
        StorageError, VaultError: The accounts can't be read.
    """
    async with owned_tasks() as tasks:
        evictor = evictor or PageEvictor()
        account_pool = AccountPool(plan, repository, tasks, evictor)
        await account_pool.reload()
        try:
            with evictor.joined_by(lambda: account_pool.members):
                await account_pool.wake_first()
                tasks.start_soon(account_pool.tend)
                yield AccountPoolProvider(account_pool)
        finally:
            with anyio.move_on_after(_CLOSE_S, shield=True):
                await account_pool.close()
