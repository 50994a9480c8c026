"""One account of an open endpoint: its state, its load, and its pages, which are closed while nobody needs them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from automation.errors import (
    AccountBannedError,
    AutomationError,
    ChallengeRequiredError,
    PageLostError,
    RateLimitedError,
    SignInRequiredError,
)
from backend.accounts.account_config import AccountConfig, AccountStatus
from backend.accounts.policy import AccountCandidate, AccountLimits, AccountLoad, rest_s
from backend.accounts.states import NEEDS_A_PERSON, USABLE, AccountMove, AccountState, account_state_after

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(eq=False)
class _Opening(Generic[T]):
    """One period in which the account's pages are open; the next begins after it: they share a browser context."""

    before: _Opening[T] | None = None
    done: anyio.Event = field(default_factory=anyio.Event)
    must_close: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    closed: anyio.Event = field(default_factory=anyio.Event)
    pages: T | None = None
    error: AutomationError | None = None


class OpenAccount(Generic[T]):
    """An account of an open endpoint; ``T`` is what its turns run on.

    Attributes:
        chat_owner: The ``account`` of its ``ChatLink``s: the user name at the site where there is one.
        failure: The error that caused its state; None while it can be used.
        stored_standing: Its status as stored last.
        ended: Set when it is removed, changed or its endpoint is closed: what a person does in its browser ends as well.
        idle_since_s: When it was used last, on the clock of ``time.monotonic``.
    """

    def __init__(
        self,
        config: AccountConfig,
        limits: AccountLimits,
        open_pages: Callable[[], AbstractAsyncContextManager[T]],
        tasks: TaskGroup,
        changed: Callable[[OpenAccount[T]], None],
        *,
        account_status: AccountStatus | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self.limits = limits
        self.chat_owner = config.username or config.id
        self.usage = AccountLoad()
        self.failure: AutomationError | None = None
        self.idle_since_s = clock()
        self.stored_status = account_status or AccountStatus()
        self.ended = anyio.Event()
        self._open_pages = open_pages
        self._tasks = tasks
        self._changed = changed
        self._clock = clock
        self._state = AccountState.IDLE
        self._reason: str | None = None
        self._opening: _Opening[T] | None = None
        self._latest: _Opening[T] | None = None
        self._locks = 0
        if account_status is not None:
            self._restore(account_status)

    @property
    def id(self) -> str:
        """The account's id."""
        return self.config.id

    @property
    def state(self) -> AccountState:
        """The present state; a limit whose time is over has ended."""
        if self._state is AccountState.RATE_LIMITED and self._clock() >= self.usage.rests_until_s:
            self._move(AccountMove.LIMIT_OVER, None)
        return self._state

    @property
    def is_usable(self) -> bool:
        """Whether it can take turns as far as the site goes."""
        return self.state in USABLE

    @property
    def needs_a_person(self) -> bool:
        """Whether it waits for a person."""
        return self.state in NEEDS_A_PERSON

    @property
    def is_awake(self) -> bool:
        """Whether its pages are open or being opened."""
        return self._opening is not None

    @property
    def can_sleep(self) -> bool:
        """Whether its pages may be evicted: no turn and no person uses them."""
        return self.is_awake and not self.usage.in_flight and not self._locks

    @property
    def is_held(self) -> bool:
        """Whether its browser is in use by a person or a task other than a turn."""
        return self._locks > 0

    @property
    def account_status(self) -> AccountStatus:
        """Its status, as it is stored."""
        state, until = self.state, None
        if state is AccountState.RATE_LIMITED:
            left_s = max(self.usage.rests_until_s - self._clock(), 0.0)
            until = datetime.now(UTC) + timedelta(seconds=left_s)
        return AccountStatus(state, self._reason, until)

    @property
    def candidate(self) -> AccountCandidate:
        """Its data for the choice of an account."""
        return AccountCandidate(self.id, self.limits, self.usage)

    @property
    def pages_now(self) -> T | None:
        """Its pages, while they are open."""
        return self._opening.pages if self._opening else None

    async def pages(self) -> T:
        """Return its pages, opened if they are closed.

        Raises:
            AutomationError: It could not be opened; who asks again tries again.
        """
        if self._opening is None:
            self._opening = self._latest = _Opening(self._latest)
            self._tasks.start_soon(self._keep_open, self._opening)
        opening = self._opening
        await opening.done.wait()
        if opening.pages is None:
            error = opening.error
            assert error is not None
            raise error.with_traceback(None)
        return opening.pages

    async def sleep(self) -> None:
        """Close its pages, also while they are being opened, and return after that; its next turn opens them again."""
        opening = self._opening
        if opening is not None:
            opening.must_close.set()
            if not opening.done.is_set():
                opening.scope.cancel()
            await opening.closed.wait()

    @contextmanager
    def turn(self, chance: float) -> Iterator[Callable[[], None]]:
        """Count a turn while it runs, and hand out a callback for the moment when the site has certainly got it.

        ``chance`` (0 to 1) makes the pause after it less regular.
        """
        self.usage.note_start(self.limits, self._clock(), chance)
        self._move(AccountMove.TURN_BEGAN, self._reason)
        was_sent = False

        def note_sent() -> None:
            nonlocal was_sent
            if not was_sent:
                was_sent = True
                self.usage.note_sent(self.limits, self._clock())
                self._changed(self)

        try:
            yield note_sent
        finally:
            # One that failed may have reached the site all the same.
            note_sent()
            self.usage.in_flight -= 1
            self.idle_since_s = self._clock()
            if not self.usage.in_flight:
                self._move(AccountMove.TURNS_OVER, self._reason)
            self._changed(self)

    @contextmanager
    def kept_awake(self) -> Iterator[None]:
        """Keep its pages from being evicted during the block: a person is at work in its browser."""
        self._locks += 1
        try:
            yield
        finally:
            self._locks -= 1
            self.idle_since_s = self._clock()

    def note_failure(self, error: AutomationError) -> None:
        """Update its state by an error."""
        match error:
            case SignInRequiredError():
                self._fail(AccountMove.LOGIN_NEEDED, error)
            case ChallengeRequiredError():
                is_code = error.kind == "qrcode"
                self._fail(AccountMove.QRCODE_NEEDED if is_code else AccountMove.CAPTCHA_NEEDED, error)
            case AccountBannedError():
                self._fail(AccountMove.BANNED, error)
            case RateLimitedError():
                self.usage.rests_until_s = self._clock() + rest_s(error)
                self._fail(AccountMove.LIMITED, error)

    async def change_pace(self, config: AccountConfig, limits: AccountLimits) -> None:
        """Change its rate limits; its pages are reopened only where they were opened for another number of turns."""
        is_wider = limits.at_once != self.limits.at_once
        self.config, self.limits = config, limits
        if is_wider:
            await self.sleep()

    def take_over(self, before: OpenAccount[T]) -> None:
        """Take over the request counts of the same account's old configuration: the site has not forgotten them."""
        usage, old = self.usage, before.usage
        usage.sent.take_over(old.sent)
        usage.last_start_s, usage.delay_s = old.last_start_s, old.delay_s

    def clear(self) -> None:
        """Reset its state after a person has fixed it: signed in, passed the site's check, or said that it is fine."""
        self.failure = None
        self.usage.rests_until_s = float("-inf")
        self._move(AccountMove.CLEARED, None)
        self._changed(self)

    def _restore(self, account_status: AccountStatus) -> None:
        self._state, self._reason = account_status.state, account_status.reason
        if account_status.until is not None:
            left_s = (account_status.until - datetime.now(UTC)).total_seconds()
            self.usage.rests_until_s = self._clock() + left_s
        reason = account_status.reason or ""
        self.failure = {
            AccountState.NEED_LOGIN: SignInRequiredError(reason),
            AccountState.NEED_CAPTCHA: ChallengeRequiredError("captcha"),
            AccountState.NEED_QRCODE: ChallengeRequiredError("qrcode"),
            AccountState.BANNED: AccountBannedError(reason),
            AccountState.RATE_LIMITED: RateLimitedError(reason),
        }.get(account_status.state)
        if self.failure is None:
            self._state = AccountState.IDLE

    def _fail(self, move: AccountMove, error: AutomationError) -> None:
        before = self._state
        self._move(move, str(error))
        if self._state is not before or self.failure is None:
            self.failure = error
        self._changed(self)

    def _move(self, move: AccountMove, reason: str | None) -> None:
        before, self._state = self._state, account_state_after(self._state, move)
        if self._state in USABLE:
            self._reason = None
            self.failure = None
        elif self._state is not before or move is AccountMove.LIMITED:
            self._reason = reason
        if self._state is not before and not {before, self._state} <= USABLE:
            logger.info(
                "account_state", extra={"account": self.id, "state": str(self._state), "before": str(before)}
            )

    async def _keep_open(self, opening: _Opening[T]) -> None:
        try:
            with opening.scope:
                await self._hold_open(opening)
        except AutomationError as exc:
            opening.error = exc
            if opening.done.is_set():
                logger.warning("account_pages_lost", extra={"account": self.id, "reason": str(exc)})
        finally:
            self._forget(opening)
            if opening.pages is None and opening.error is None:
                opening.error = PageLostError("The account's pages were closed while they were being opened.")
            opening.done.set()
            opening.closed.set()

    async def _hold_open(self, opening: _Opening[T]) -> None:
        if opening.before is not None:
            await opening.before.closed.wait()
            opening.before = None
        async with self._open_pages() as opening.pages:
            self.idle_since_s = self._clock()
            opening.done.set()
            await opening.must_close.wait()
            # Nobody is given these pages any more, though they take a moment to close.
            self._forget(opening)

    def _forget(self, opening: _Opening[T]) -> None:
        if self._opening is opening:
            self._opening = None
