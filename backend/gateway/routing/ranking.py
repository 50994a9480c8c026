"""Load balancing: ranks the endpoints that could answer, by strategy and statistics. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

from backend.providers.config import Price
from backend.providers.target import Target

Strategy = Literal["weighted", "round_robin", "success_rate", "response_time", "least_busy", "cost"]
Random = Callable[[], float]

_HALF_LIFE_S = 300.0  # after so long an outcome counts half
_MEASURED_FOR_S = 300.0  # then the endpoint is measured anew: it may have become fast
_NEWEST_SHARE = 0.3


class RouteCandidate(NamedTuple):
    """One endpoint that could answer.

    Attributes:
        model: As its rotation names it; None for the endpoint's default.
        weight: Its share of the requests, relative to the others'.
        target: Endpoint and model, where they are resolved already.
    """

    slug: str
    model: str | None = None
    weight: float = 1.0
    target: Target | None = None


class Tier(NamedTuple):
    """Candidates of one priority: tried only after those of the tiers before."""

    candidates: Sequence[RouteCandidate]
    strategy: Strategy = "weighted"


@dataclass(slots=True)
class EndpointStats:
    """Routing statistics of an endpoint; times are seconds on the caller's monotonic clock.

    Attributes:
        is_usable: Whether its state lets it answer: started, and not waiting for a person or for a limit to end.
        in_flight: Number of turns that run now.
        limited_models: Seconds until each of its models that rests may be asked again, by the endpoint's own names.
        prices: By the endpoint's own model name; ``*`` is every other's.
        default_model: The model of a candidate without one.
        aliases: Alias to the endpoint's own model name.
        disabled_until: When it may be probed after failures, or when its limit ends; None while nothing is wrong.
        is_probing: Whether a request is finding out if it works again.
        first_delta_s: Usual seconds to the first delta, the newest counting most; None before the first.
    """

    is_usable: bool = True
    in_flight: int = 0
    limited_models: Mapping[str, float] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)
    default_model: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    disabled_until: float | None = None
    is_probing: bool = False
    first_delta_s: float | None = None
    _measured_at: float = -math.inf
    _good: float = 0.0
    _bad: float = 0.0
    _decayed_at: float = 0.0

    def note_first_delta(self, seconds: float, now: float) -> None:
        """Add the latency of an answer's first delta."""
        before = self.fresh_first_delta_s(now)
        self.first_delta_s = seconds if before is None else before + _NEWEST_SHARE * (seconds - before)
        self._measured_at = now

    def note_outcome(self, now: float, *, is_good: bool) -> None:
        """Count a turn that ended well or failed."""
        factor = self._decay(now)
        self._good = self._good * factor + is_good
        self._bad = self._bad * factor + (not is_good)
        self._decayed_at = now

    def fresh_first_delta_s(self, now: float) -> float | None:
        """Return ``first_delta_s`` unless it is outdated."""
        return self.first_delta_s if now - self._measured_at <= _MEASURED_FOR_S else None

    def success_share(self, now: float) -> float:
        """Return the share of turns that ended well, 0 to 1, old ones counting less; 1 while nothing is known."""
        factor = self._decay(now)
        good, bad = self._good * factor + 1.0, self._bad * factor
        return good / (good + bad)

    def own_name(self, model: str | None) -> str:
        """Return the endpoint's own name of a candidate's model; empty where the provider chooses it."""
        name = model or self.default_model or ""
        return self.aliases.get(name, name)

    def limited_for_s(self, model: str | None) -> float:
        """Return the seconds until a candidate's model may be asked again; 0 while it may be."""
        return self.limited_models.get(self.own_name(model), 0.0) if self.limited_models else 0.0

    def blended_price(self, model: str | None) -> float:
        """Return what a million tokens cost in US dollars, half of them read and half written; infinite if not said."""
        price = self.prices.get(self.own_name(model) or "*") or self.prices.get("*")
        return math.inf if price is None else (price.input + price.output) / 2

    def _decay(self, now: float) -> float:
        return float(0.5 ** ((now - self._decayed_at) / _HALF_LIFE_S))


# The smallest key is asked first.
_Key = Callable[[RouteCandidate, EndpointStats, float], tuple[float, ...]]


def _by_success(_candidate: RouteCandidate, stats: EndpointStats, now: float) -> tuple[float, ...]:
    return (-round(stats.success_share(now), 2), stats.in_flight)


def _by_first_delta(_candidate: RouteCandidate, stats: EndpointStats, now: float) -> tuple[float, ...]:
    seconds = stats.fresh_first_delta_s(now)
    if seconds is None:  # one request at a time measures it; meanwhile the others go where it is known
        seconds = math.inf if stats.in_flight else 0.0
    return (seconds, stats.in_flight)


def _by_load(candidate: RouteCandidate, stats: EndpointStats, _now: float) -> tuple[float, ...]:
    return (stats.in_flight / candidate.weight,)


def _by_price(candidate: RouteCandidate, stats: EndpointStats, now: float) -> tuple[float, ...]:
    return (
        stats.blended_price(candidate.model),
        -round(stats.success_share(now), 2),
        stats.in_flight,
    )


_KEYS: Mapping[Strategy, _Key] = MappingProxyType(
    {
        "success_rate": _by_success,
        "response_time": _by_first_delta,
        "least_busy": _by_load,
        "cost": _by_price,
    }
)


class _Scene(NamedTuple):
    endpoint_stats: Mapping[str, EndpointStats]
    now: float
    random: Random
    turn: int


_Sorter = Callable[[list[RouteCandidate], _Scene], list[RouteCandidate]]


def _sorted_by(key: _Key) -> _Sorter:
    def sort(candidates: list[RouteCandidate], scene: _Scene) -> list[RouteCandidate]:
        keyed = [
            (key(candidate, scene.endpoint_stats[candidate.slug], scene.now), scene.random(), at)
            for at, candidate in enumerate(candidates)
        ]
        keyed.sort()
        return [candidates[at] for _key, _chance, at in keyed]

    return sort


def _in_turn(candidates: list[RouteCandidate], scene: _Scene) -> list[RouteCandidate]:
    first = scene.turn % len(candidates)
    return candidates[first:] + candidates[:first]


def _by_chance(candidates: list[RouteCandidate], scene: _Scene) -> list[RouteCandidate]:
    """Rank by weighted random sampling: the shortest exponential wait first (Efraimidis and Spirakis, 2006)."""
    waits = [
        (-math.log(1.0 - scene.random()) / candidate.weight, at) for at, candidate in enumerate(candidates)
    ]
    waits.sort()
    return [candidates[at] for _wait, at in waits]


STRATEGIES: Mapping[Strategy, _Sorter] = MappingProxyType(
    {
        "weighted": _by_chance,
        "round_robin": _in_turn,
        **{name: _sorted_by(key) for name, key in _KEYS.items()},
    }
)


def rank_candidates(
    candidates: Sequence[RouteCandidate],
    endpoint_stats: Mapping[str, EndpointStats],
    strategy: Strategy,
    *,
    now: float,
    random: Random,
    turn: int = 0,
    fallbacks: Sequence[Tier] = (),
) -> list[RouteCandidate]:
    """Rank the candidates: return the order of attempts, each endpoint and model once.

    Endpoints that are stopped, need a person, are limited or disabled, and models that are limited, are left out while
    any other is left. When none is, the disabled ones are asked after all, one probe at a time, soonest first, then
    those that can't be used: their own errors say best what is to be done. A single candidate is always asked.

    Args:
        candidates: Of one rotation, or the endpoints that share an alias.
        endpoint_stats: By slug; a candidate without one is left out, because its endpoint was deleted.
        strategy: Load-balancing strategy over them.
        now: On the clock of the statistics.
        random: Gives numbers from 0 up to but not including 1.
        turn: Number of earlier requests, for ``round_robin``.
        fallbacks: Asked after the candidates, in this order.

    Returns:
        Empty if each candidate is gone, or disabled and being probed at this moment.
    """
    tiers = (Tier(candidates, strategy), *fallbacks)
    if len(tiers) == 1 and len(candidates) == 1:
        return [c for c in candidates if c.slug in endpoint_stats]
    scene = _Scene(endpoint_stats, now, random, turn)
    asked: dict[tuple[str, str], RouteCandidate] = {}
    for tier in tiers:
        ready = [c for c in tier.candidates if _is_ready(endpoint_stats.get(c.slug), c, now)]
        if len(ready) > 1:
            ready = STRATEGIES[tier.strategy](ready, scene)
        for candidate in ready:
            model = endpoint_stats[candidate.slug].own_name(candidate.model)
            asked.setdefault((candidate.slug, model), candidate)
    return list(asked.values()) or _last_resort(tiers, endpoint_stats, now)


def _is_ready(stats: EndpointStats | None, candidate: RouteCandidate, now: float) -> bool:
    if stats is None or not stats.is_usable or stats.limited_for_s(candidate.model):
        return False
    return stats.disabled_until is None or (stats.disabled_until <= now and not stats.is_probing)


def _free_at(stats: EndpointStats, candidate: RouteCandidate, now: float) -> float:
    return max(stats.disabled_until or now, now + stats.limited_for_s(candidate.model))


def _last_resort(
    tiers: Sequence[Tier], endpoint_stats: Mapping[str, EndpointStats], now: float
) -> list[RouteCandidate]:
    every = {
        c[:2]: c for tier in reversed(tiers) for c in reversed(tier.candidates) if c.slug in endpoint_stats
    }
    known = list(reversed(every.values()))
    disabled = [
        c for c in known if endpoint_stats[c.slug].is_usable and not endpoint_stats[c.slug].is_probing
    ]
    disabled.sort(key=lambda candidate: _free_at(endpoint_stats[candidate.slug], candidate, now))
    return disabled + [c for c in known if not endpoint_stats[c.slug].is_usable]
