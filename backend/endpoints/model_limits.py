"""Rate limits of an endpoint's models, each until it is over. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from automation.errors import RateLimitedError


class ModelLimits:
    """The limits by the endpoint's own model names; times are seconds on the caller's monotonic clock.

    A model that the provider chooses by itself is the empty name.
    """

    def __init__(self) -> None:
        self._limits: dict[str, tuple[float, RateLimitedError]] = {}

    def note(self, model: str, error: RateLimitedError, now: float) -> None:
        """Let a model rest for as long as the error says, or longer where an earlier one said so."""
        for other in [name for name, (until, _error) in self._limits.items() if until <= now]:
            del self._limits[other]  # clients may name any number of models
        until = now + error.retry_after_s
        known = self._limits.get(model)
        if known is None or known[0] < until:
            self._limits[model] = (until, error)

    def forget(self) -> None:
        """Let every model be asked again."""
        self._limits.clear()

    def ends(self, now: float) -> Mapping[str, float]:
        """Return when the limit of each model that rests is over."""
        if not self._limits:
            return {}
        return {model: until for model, (until, _error) in self._limits.items() if until > now}

    def refusal(self, model: str, now: float) -> RateLimitedError | None:
        """Return the error for a request of a model that rests, with what is left of its limit; else None."""
        known = self._limits.get(model)
        if known is None or known[0] <= now:
            return None
        until, error = known
        return error.with_time_left(max(until - now, 1.0))

    def all_rest_until(self, models: Iterable[str], now: float) -> float | None:
        """Return when the first of ``models`` may be asked again; None while one of them may be, or without any."""
        ends = self.ends(now)
        until = [ends.get(model) for model in models]
        resting = [end for end in until if end is not None]
        return min(resting) if resting and len(resting) == len(until) else None
