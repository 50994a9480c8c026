"""Which account takes the next turn, when it may begin, and how long a limited one rests. Pure."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from automation.errors import (
    AccountError,
    AutomationError,
    ContentBlockedError,
    FirstTokenTimeout,
    IdleTimeout,
    PoolFullError,
    RateLimitedError,
    RetryableError,
)

MOST_ATTEMPTS = 3
_MOST_REST_S = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """What an account may be asked.

    Attributes:
        max_requests: Within any ``period_s`` seconds; None means without limit.
        min_delay_s: Between the beginnings of two requests; up to a fifth more is added by chance.
        at_once: Turns at the same time.
    """

    max_requests: int | None = None
    period_s: float = 60.0
    min_delay_s: float = 0.0
    at_once: int = 1


@dataclass(slots=True)
class Usage:
    """What an account was asked lately; times are those of one monotonic clock.

    Attributes:
        in_flight: Turns that run.
        starts: When the requests of the current period began, oldest first.
        last_start_s: When the latest request began.
        delay_s: The pause that is kept after it: ``min_delay_s`` with its chance.
        rests_until_s: Until when the site wants to be left alone.
    """

    in_flight: int = 0
    starts: deque[float] = field(default_factory=deque)
    last_start_s: float = -math.inf
    delay_s: float = 0.0
    rests_until_s: float = -math.inf

    def note_start(self, limits: AccountLimits, now_s: float, chance: float) -> None:
        """Count a request that begins; ``chance`` is from 0 to 1 and makes the pause after it less regular."""
        self.forget_before(now_s - limits.period_s)
        self.starts.append(now_s)
        self.last_start_s = now_s
        self.delay_s = limits.min_delay_s * (1 + 0.2 * chance)
        self.in_flight += 1

    def forget_before(self, then_s: float) -> None:
        """Drop the requests that began before ``then_s``."""
        while self.starts and self.starts[0] <= then_s:
            self.starts.popleft()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that could take a turn."""

    id: str
    limits: AccountLimits
    usage: Usage


def begins_at_s(limits: AccountLimits, usage: Usage, now_s: float) -> float:
    """Return when the next request may begin as far as time goes: now, or when a limit lets it."""
    at = max(now_s, usage.last_start_s + usage.delay_s, usage.rests_until_s)
    if limits.max_requests is None:
        return at
    recent = [start for start in usage.starts if start > now_s - limits.period_s]
    if len(recent) >= limits.max_requests:
        # A hair after the window's edge, or rounding would make it one too many.
        at = max(at, recent[-limits.max_requests] + limits.period_s + 0.001)
    return at


def remaining(limits: AccountLimits, usage: Usage, now_s: float) -> float:
    """Return how many requests may still begin within the current period."""
    if limits.max_requests is None:
        return math.inf
    return limits.max_requests - sum(start > now_s - limits.period_s for start in usage.starts)


def pick(candidates: Iterable[Candidate], now_s: float) -> Candidate | None:
    """Return who takes a turn now: fewest in flight, then most requests left, then longest unused; None if nobody can."""
    able = [
        one
        for one in candidates
        if one.usage.in_flight < one.limits.at_once and begins_at_s(one.limits, one.usage, now_s) <= now_s
    ]
    return min(
        able,
        key=lambda one: (
            one.usage.in_flight,
            -remaining(one.limits, one.usage, now_s),
            one.usage.last_start_s,
        ),
        default=None,
    )


def rest_s(error: RateLimitedError) -> float:
    """Return how long an account is left alone after ``error``: at least a second, and a week at most."""
    return min(max(error.retry_after_s, 1.0), _MOST_REST_S)


def may_try_another(error: AutomationError, attempts: int) -> bool:
    """Whether a turn that failed before its first delta may be asked of another account after ``attempts`` tries.

    What would fail there as well (a refused prompt, a changed page) and what took its whole time already is not repeated.
    """
    if attempts >= MOST_ATTEMPTS:
        return False
    if isinstance(error, AccountError):
        return True
    return isinstance(error, RetryableError) and not isinstance(
        error, ContentBlockedError | FirstTokenTimeout | IdleTimeout | PoolFullError
    )
