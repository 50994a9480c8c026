"""Routing statistics and circuit breakers of every endpoint, learned from its requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from weakref import WeakKeyDictionary

from backend.endpoints.back_off import leading_error
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.states import EndpointState, StateChange
from backend.errors import EndpointNotFoundError
from backend.gateway.routing.breaker import (
    Breaker,
    BreakerLimits,
    Change,
    counts_as_failure,
    disabled_error,
    most_useful,
)
from backend.gateway.routing.ranking import EndpointStats, RouteCandidate
from backend.providers.config import Price

# One that is being opened would let the request wait; it is asked when no other is left.
_USABLE = frozenset({EndpointState.ACTIVE, EndpointState.BUSY})
_FREE = {"*": Price()}  # a chat page takes no money for each token

OnChange = Callable[[str, Change, str], None]


@dataclass(slots=True)
class _Record:
    stats: EndpointStats = field(default_factory=EndpointStats)
    breaker: Breaker = field(default_factory=Breaker)


class EndpointStatsRegistry:
    """Routing statistics and circuit breakers of the endpoints that exist.

    Args:
        limits: Thresholds for endpoints without their own.
        on_change: Called with slug, ``disabled`` or ``recovered`` and the reason; it must not wait.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        limits: BreakerLimits,
        on_change: OnChange = lambda _slug, _change, _reason: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._on_change = on_change
        self._clock = clock
        self._records: WeakKeyDictionary[Endpoint, _Record] = WeakKeyDictionary()

    def now(self) -> float:
        """Return the time in seconds on the statistics' clock."""
        return self._clock()

    def of_all(self, endpoints: Iterable[Endpoint]) -> dict[str, EndpointStats]:
        """Return the present statistics by slug, as ``routing.order`` takes them."""
        now = self._clock()
        return {endpoint.slug: self._refreshed(endpoint, now) for endpoint in endpoints}

    def on_state(self, slug: str, change: StateChange) -> None:
        """Reset the breaker of an endpoint that was stopped: its operator is expected to have fixed it."""
        if change.state is EndpointState.INACTIVE:
            for endpoint, record in self._records.items():
                if endpoint.slug == slug:
                    record.breaker = Breaker()

    def attempt(self, endpoint: Endpoint) -> Attempt:
        """Return a context manager that records the outcome of a request at ``endpoint``; errors pass through.

        A block that is left without an error before its answer began shows nothing, like one that is cancelled.
        """
        return Attempt(self, endpoint, self._record(endpoint))

    def refusal(self, plan: Iterable[RouteCandidate], endpoints: Mapping[str, Endpoint]) -> BaseException:
        """Return the error when ``routing.order`` found no candidate: all are being probed, or were deleted.

        Args:
            plan: The candidates; at least one.
            endpoints: By slug.
        """
        now = self._clock()
        errors: list[BaseException] = []
        for candidate in plan:
            endpoint = endpoints.get(candidate.slug)
            errors.append(
                EndpointNotFoundError(candidate.slug)
                if endpoint is None
                else disabled_error(candidate.slug, self._record(endpoint).breaker, now)
            )
        return most_useful(errors)

    def _record(self, endpoint: Endpoint) -> _Record:
        record = self._records.get(endpoint)
        if record is None:
            record = self._records[endpoint] = _Record()
        return record

    def _refreshed(self, endpoint: Endpoint, now: float) -> EndpointStats:
        record = self._record(endpoint)
        stats = record.stats
        config = endpoint.config
        stats.is_usable = _is_usable(endpoint)
        stats.limited_models = endpoint.limited_models
        stats.in_flight = endpoint.turns_running
        stats.prices = config.prices or (_FREE if endpoint.traits.is_free else {})
        stats.default_model, stats.aliases = _default_model(endpoint), config.model_mapping
        stats.disabled_until = record.breaker.unavailable_until(now)
        stats.is_probing = record.breaker.is_probing
        return stats

    def note_success(self, endpoint: Endpoint, record: _Record, *, is_probe: bool) -> None:
        """Record a request that was answered."""
        record.stats.note_outcome(self._clock(), is_good=True)
        if record.breaker.note_success(is_probe=is_probe):
            self._on_change(endpoint.slug, "recovered", "")

    def note_failure(self, endpoint: Endpoint, record: _Record, error: Exception, *, is_probe: bool) -> None:
        """Record a request that failed."""
        now = self._clock()
        if counts_as_failure(error):
            record.stats.note_outcome(now, is_good=False)
        change = record.breaker.note_failure(error, now, self._build_limits(endpoint), is_probe=is_probe)
        if change:
            self._on_change(endpoint.slug, change, str(leading_error(error)))

    def _build_limits(self, endpoint: Endpoint) -> BreakerLimits:
        config = endpoint.config
        return BreakerLimits(
            config.disable_after_failures or self._limits.failures,
            config.disable_seconds or self._limits.disabled_s,
        )


def _is_usable(endpoint: Endpoint) -> bool:
    # A turn may be tried in ``error``: its success is how a repaired page is noticed.
    if endpoint.state is EndpointState.ERROR:
        return endpoint.is_open
    if endpoint.state is EndpointState.RATE_LIMITED:  # by its models, each of which is looked at by itself
        return endpoint.limited_until is None and bool(endpoint.limited_models)
    return endpoint.state in _USABLE


def _default_model(endpoint: Endpoint) -> str | None:
    """Return the model of a candidate without one, as ``routing.resolve`` finds it."""
    models = endpoint.models or endpoint.config.models
    is_only_one = endpoint.traits.takes_any_model and len(models) == 1
    return endpoint.config.default_model or (models[0] if is_only_one else None)


class Attempt:
    """One request at one endpoint, as a context manager: see ``EndpointStatsRegistry.attempt``.

    A class, as all that a request to an API passes: a generator's context costs three times as much.
    """

    def __init__(self, endpoint_stats: EndpointStatsRegistry, endpoint: Endpoint, record: _Record) -> None:
        self._endpoint_stats = endpoint_stats
        self._endpoint = endpoint
        self._record = record
        self._is_probe = False
        self._began_at = 0.0
        self.has_answered = False

    def note_first_delta(self) -> None:
        """Note that the answer began; only the first call counts."""
        if not self.has_answered:
            self.has_answered = True
            now = self._endpoint_stats.now()
            self._record.stats.note_first_delta(now - self._began_at, now)

    def __enter__(self) -> Self:
        self._is_probe = self._record.breaker.begin()
        self._began_at = self._endpoint_stats.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc is None and self.has_answered:
            self._endpoint_stats.note_success(self._endpoint, self._record, is_probe=self._is_probe)
        elif isinstance(exc, Exception):
            self._endpoint_stats.note_failure(self._endpoint, self._record, exc, is_probe=self._is_probe)
        else:
            self._record.breaker.note_cancelled(is_probe=self._is_probe)
