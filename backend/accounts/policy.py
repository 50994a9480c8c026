"""Load balancing over accounts: which one takes the next turn, when, and how long a limited one rests. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from automation.errors import AutomationError, RateLimitedError
from backend.error_table import Try, is_worth
from backend.sliding_window import SlidingWindow

MOST_ATTEMPTS = 3
_MOST_REST_S = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """Rate limits of an account.

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
class AccountLoad:
    """Recent load of an account; times are seconds on one monotonic clock.

    A request counts from when the site can have got it at the latest: when its answer began. Between the two it counts as
    if it were sent now. So the site never sees more than a limit allows, however long a page takes to send a prompt.

    Attributes:
        in_flight: Turns that run.
        pending: Those of them that the site may not have got yet.
        sent: When the requests of the current period were sent.
        last_start_s: When the latest request began, or was sent.
        delay_s: The pause that is kept after it: ``min_delay_s`` with its chance.
        rests_until_s: Until when the site wants to be left alone.
    """

    in_flight: int = 0
    pending: int = 0
    sent: SlidingWindow = field(default_factory=SlidingWindow)
    last_start_s: float = -math.inf
    delay_s: float = 0.0
    rests_until_s: float = -math.inf

    def note_start(self, limits: AccountLimits, now_s: float, chance: float) -> None:
        """Count a request that begins; ``chance`` is from 0 to 1 and makes the pause after it less regular."""
        self.last_start_s = now_s
        self.delay_s = limits.min_delay_s * (1 + 0.2 * chance)
        self.in_flight += 1
        self.pending += 1

    def note_sent(self, limits: AccountLimits, now_s: float) -> None:
        """Note that the site has got a request that began before."""
        self.sent.count(now_s, limits.period_s)  # forgets those before the period
        self.pending -= 1
        self.sent.add(now_s)
        self.last_start_s = now_s


@dataclass(frozen=True, slots=True)
class AccountCandidate:
    """An account that could take a turn."""

    id: str
    limits: AccountLimits
    usage: AccountLoad


def begins_at_s(limits: AccountLimits, usage: AccountLoad, now_s: float) -> float:
    """Return when the next request may begin by the rate limits; ``inf`` until another one is sent."""
    at = max(now_s, usage.last_start_s + usage.delay_s, usage.rests_until_s)
    if limits.max_requests is None:
        return at
    most = limits.max_requests - usage.pending
    if usage.sent.count(now_s, limits.period_s) < most:
        return at
    # A hair after the window's edge, or rounding would make it one too many.
    return max(at, usage.sent.free_at_s(most, now_s, limits.period_s) + 0.001)


def remaining(limits: AccountLimits, usage: AccountLoad, now_s: float) -> float:
    """Return how many requests may still begin within the current period."""
    if limits.max_requests is None:
        return math.inf
    return max(0, limits.max_requests - usage.pending - usage.sent.count(now_s, limits.period_s))


def pick(candidates: Iterable[AccountCandidate], now_s: float) -> AccountCandidate | None:
    """Return the account for a turn now: fewest in flight, most requests left, longest unused; None if none can."""
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
    """Return the cool-down in seconds after ``error``: at least a second, and a week at most."""
    return min(max(error.retry_after_s, 1.0), _MOST_REST_S)


def may_try_another(error: AutomationError, attempts: int) -> bool:
    """Return whether a turn that failed before its first delta may fail over after ``attempts`` tries.

    What would fail there as well (a refused prompt, a changed page) and what took its whole time already is not repeated.
    """
    return attempts < MOST_ATTEMPTS and is_worth(error, Try.ACCOUNT)
