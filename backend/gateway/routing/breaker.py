"""Circuit breaker of an endpoint, and the table of what each error means for routing. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from automation.errors import RateLimitedError
from backend.endpoints.back_off import leading_error
from backend.error_table import Try, find_row, is_worth
from backend.errors import BusyError, EndpointDisabledError, RateExceededError
from backend.provider_errors import ModelLimitedError


def is_worth_failing_over(error: BaseException) -> bool:
    """Whether another endpoint may answer what this one failed to, as long as nothing of an answer was sent."""
    return is_worth(leading_error(error), Try.ENDPOINT)


def counts_as_failure(error: BaseException) -> bool:
    """Return whether the error counts against the endpoint's circuit breaker."""
    return find_row(leading_error(error)).counts_as_failure


def limit_s(error: BaseException) -> float | None:
    """Return the seconds for which the endpoint certainly takes nothing; None if the error doesn't say so.

    A full queue is not a limit: the next place may become free at any moment. Nor is a limit of one of its models, which
    the endpoint keeps.
    """
    error = leading_error(error)
    if isinstance(error, ModelLimitedError):
        return None
    return error.retry_after_s if isinstance(error, RateLimitedError | RateExceededError) else None


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """Thresholds of the circuit breaker.

    Attributes:
        failures: Failures in a row that open the breaker.
        disabled_s: Seconds until a probe is due.
    """

    failures: int = 3
    disabled_s: float = 300.0


Change = Literal["disabled", "recovered"]


@dataclass(slots=True)
class Breaker:
    """Circuit breaker: counts one endpoint's failures in a row; times are seconds on the caller's monotonic clock.

    Closed while ``disabled_until`` is None. Then open until that time, and half-open after it: one request probes.

    Attributes:
        disabled_until: Time from which a probe is due.
        limited_until: End of the rate limit that the endpoint reported, which is not a failure.
        is_probing: Whether a probe goes on.
    """

    failures: int = 0
    disabled_until: float | None = None
    limited_until: float | None = None
    is_probing: bool = False

    def unavailable_until(self, now: float) -> float | None:
        """Return until when nothing but a probe should be sent; None while all is well, the past while one is due."""
        limited = self.limited_until if self.limited_until is not None and self.limited_until > now else None
        if self.disabled_until is None or limited is None:
            return self.disabled_until if limited is None else limited
        return max(self.disabled_until, limited)

    def begin(self) -> bool:
        """Note that a request is sent; return whether it is the probe, which the caller passes back at its end."""
        if self.disabled_until is None or self.is_probing:
            return False
        self.is_probing = True
        return True

    def note_success(self, *, is_probe: bool) -> Change | None:
        """Note an answer, which closes the breaker."""
        self._end(is_probe=is_probe)
        was_disabled = self.disabled_until is not None
        self.failures, self.disabled_until, self.limited_until = 0, None, None
        return "recovered" if was_disabled else None

    def note_failure(
        self, error: BaseException, now: float, limits: BreakerLimits, *, is_probe: bool
    ) -> Change | None:
        """Note a request's error; return ``disabled`` when it opens the breaker."""
        self._end(is_probe=is_probe)
        seconds = limit_s(error)
        if seconds is not None:
            self.limited_until = max(self.limited_until or -math.inf, now + seconds)
        if not counts_as_failure(error):
            return None
        self.failures += 1
        if self.failures < limits.failures and not is_probe:
            return None
        was_disabled = self.disabled_until is not None
        self.disabled_until = now + limits.disabled_s
        return None if was_disabled else "disabled"

    def note_cancelled(self, *, is_probe: bool) -> None:
        """Note that a request ended without showing whether the endpoint works."""
        self._end(is_probe=is_probe)

    def _end(self, *, is_probe: bool) -> None:
        if is_probe:
            self.is_probing = False


_PASSES_WITHIN_S = 10.0  # a failure without a time is worth another try after about so long


def most_useful(errors: Sequence[BaseException]) -> BaseException:
    """Return the error to report when every endpoint failed, from their errors in the order of the attempts.

    The client wants to know how soon another try makes sense, so the soonest true ``retry_after_s`` wins: it belongs
    to the endpoint that will answer first. Next is what passes by itself, then what the client can change about its
    request, then what a person must put right.

    Raises:
        ValueError: There are no errors.
    """
    return min((leading_error(error) for error in errors), key=_distance)


def disabled_error(slug: str, breaker: Breaker, now: float) -> EndpointDisabledError:
    """Return the error of an endpoint that is skipped because its breaker is open."""
    until = breaker.unavailable_until(now)
    return EndpointDisabledError(slug, max((until or now) - now, 1.0))


def _distance(error: BaseException) -> tuple[float, int]:
    row = find_row(error)
    if isinstance(error, BusyError | RateLimitedError):
        return (error.retry_after_s, row.rank)
    return (_PASSES_WITHIN_S if Try.SOON in row.tries else math.inf, row.rank)
