"""API key pool: load balancing over the keys of one API, with waiting where all are at their limit."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import SystemRandom

import anyio

from automation.errors import (
    AccountBannedError,
    AccountError,
    NoAccountError,
    RateLimitedError,
)
from backend.accounts.policy import AccountCandidate, AccountLimits, AccountLoad, begins_at_s, pick, rest_s
from backend.provider_errors import KeyLimitedError
from backend.providers.api.reply import CompletionProvider
from backend.providers.library.call_types import AccountStatus, AccountSummary

_CHANCE = SystemRandom()


@dataclass(slots=True, eq=False)
class KeyAccount:
    """One key, with its API opened.

    Attributes:
        failure: Why it is out of use until the provider is opened anew.
    """

    id: str
    api: CompletionProvider
    limits: AccountLimits
    usage: AccountLoad = field(default_factory=AccountLoad)
    failure: AccountError | None = None

    def view(self, now_s: float) -> AccountSummary:
        """Return its state."""
        if self.failure is not None:
            is_banned = isinstance(self.failure, AccountBannedError)
            status = AccountStatus.BANNED if is_banned else AccountStatus.NEED_LOGIN
            return AccountSummary(self.id, status, str(self.failure))
        if self.usage.rests_until_s > now_s:
            return AccountSummary(self.id, AccountStatus.RATE_LIMITED)
        return AccountSummary(self.id, AccountStatus.IN_USE if self.usage.in_flight else AccountStatus.IDLE)


class KeyPool:
    """Lends keys by the load-balancing policy that the gateway uses for pages' accounts.

    Args:
        wait_s: How long a call may wait for one.
        clock: Monotonic seconds.
        chance: From 0 to 1; makes pauses less regular.
    """

    def __init__(
        self,
        accounts: Sequence[KeyAccount],
        wait_s: float,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = _CHANCE.random,
    ) -> None:
        self._accounts = {account.id: account for account in accounts}
        self._wait_s = wait_s
        self._clock = clock
        self._chance = chance
        self._changed = anyio.Event()

    def views(self) -> list[AccountSummary]:
        """Return every account's state."""
        now_s = self._clock()
        return [account.view(now_s) for account in self._accounts.values()]

    def has_other(self, tried: Collection[str]) -> bool:
        """Return whether a usable account has not been tried yet."""
        return bool(self._usable(tried))

    @asynccontextmanager
    async def lend(self, tried: Collection[str] = ()) -> AsyncIterator[KeyAccount]:
        """Lend an account not in ``tried`` as soon as its rate limit allows; failures of the block are recorded.

        Raises:
            NoAccountError: There is none that can be used.
            KeyLimitedError: None may be asked within the time that a call waits.
        """
        account = await self._take(tried)
        try:
            yield account
        except RateLimitedError as exc:
            account.usage.rests_until_s = self._clock() + rest_s(exc)
            raise
        except AccountError as exc:
            account.failure = exc
            raise
        finally:
            account.usage.in_flight -= 1
            account.usage.note_sent(account.limits, self._clock())
            self._changed.set()
            self._changed = anyio.Event()

    async def _take(self, tried: Collection[str]) -> KeyAccount:
        deadline_s = self._clock() + self._wait_s
        while True:
            usable = self._usable(tried)
            if not usable:
                raise self._nobody()
            now_s = self._clock()
            chosen = pick((AccountCandidate(one.id, one.limits, one.usage) for one in usable), now_s)
            if chosen is not None:
                chosen.usage.note_start(chosen.limits, now_s, self._chance())
                return self._accounts[chosen.id]
            await self._wait(usable, now_s, deadline_s)

    async def _wait(self, usable: Sequence[KeyAccount], now_s: float, deadline_s: float) -> None:
        """Wait until an account is given back, or a rate limit allows one again.

        Raises:
            KeyLimitedError: Neither can be before the deadline.
        """
        # One that has all its places taken is no use before it is given back.
        free = [one for one in usable if one.usage.in_flight < one.limits.at_once]
        next_s = min((begins_at_s(one.limits, one.usage, now_s) for one in free), default=math.inf)
        is_hopeless = next_s > deadline_s and not any(one.usage.in_flight for one in usable)
        if is_hopeless or now_s >= deadline_s:
            msg = "every account is asked as much as it may be"
            raise KeyLimitedError(msg, max(next_s - now_s, 1.0) if math.isfinite(next_s) else 1.0)
        with anyio.move_on_after(min(next_s, deadline_s) - now_s):
            await self._changed.wait()

    def _usable(self, tried: Collection[str]) -> list[KeyAccount]:
        return [one for one in self._accounts.values() if one.failure is None and one.id not in tried]

    def _nobody(self) -> AccountError:
        failures = [one.failure for one in self._accounts.values() if one.failure is not None]
        if len({type(failure) for failure in failures}) == 1:
            return failures[0]
        return NoAccountError("No account can be used: there is none, or each waits for a person.")
