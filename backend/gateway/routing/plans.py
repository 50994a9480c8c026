"""Routing table: the endpoints behind one name, which is a rotation, an alias or an endpoint with fallbacks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from backend.gateway.routing.ranking import RouteCandidate, Strategy, Tier
from backend.gateway.routing.resolve import EndpointNames
from backend.gateway.routing.rotations import Fallbacks, Rotation


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """Routing table: everything that a name can resolve to.

    Attributes:
        fallbacks: Those of every endpoint by slug, mostly empty.
        weights: Those of the endpoints by slug, for aliases that several share; 1 where one is missing.
        alias_strategy: Load-balancing strategy for endpoints that share an alias.
    """

    endpoints: Sequence[EndpointNames]
    rotations: Mapping[str, Rotation]
    fallbacks: Fallbacks
    weights: Mapping[str, float]
    alias_strategy: Strategy = "weighted"


@dataclass(frozen=True, slots=True)
class Plan:
    """Candidates for a name, in tiers, for ``routing.order`` to rank.

    Attributes:
        name: As the client said it; requests of one name take turns in ``round_robin``.
    """

    name: str
    candidates: tuple[RouteCandidate, ...]
    strategy: Strategy
    fallbacks: tuple[Tier, ...]


def plan_for(name: str, network: RoutingTable) -> Plan | None:
    """Return the plan for a name, or None where there is no choice or no such name: then ``resolve`` decides.

    Each candidate's model is what ``resolve_pinned`` understands at its endpoint.
    """
    tier = _own_tier(name, network)
    if tier is None:
        return None
    seen = {name} if name in network.rotations else {candidate.slug for candidate in tier.candidates}
    further: list[Tier] = []
    for fallback in _own_fallbacks(name, tier, network):
        further += _tiers(fallback, network, seen)
    if len(tier.candidates) < 2 and not further and name not in network.rotations:
        return None
    return Plan(name, tuple(tier.candidates), tier.strategy, tuple(further))


def _own_tier(name: str, network: RoutingTable) -> Tier | None:
    rotation = network.rotations.get(name)
    if rotation is not None:
        return Tier(tuple(rotation.candidates()), rotation.strategy)
    slug, _, model = name.partition("/")
    named = next((endpoint for endpoint in network.endpoints if endpoint.slug == slug), None)
    if named is not None:
        is_known = not model or named.knows(named.aliases.get(model, model))
        return Tier((RouteCandidate(slug, model or None),)) if is_known else None
    sharers = tuple(
        RouteCandidate(endpoint.slug, name, network.weights.get(endpoint.slug, 1.0))
        for endpoint in network.endpoints
        if name in endpoint.aliases and endpoint.knows(endpoint.aliases[name])
    )
    return Tier(sharers, network.alias_strategy) if sharers else None


def _own_fallbacks(name: str, tier: Tier, network: RoutingTable) -> Iterator[str]:
    rotation = network.rotations.get(name)
    if rotation is not None:
        yield from rotation.fallbacks
        return
    for candidate in tier.candidates:
        yield from network.fallbacks.get(candidate.slug, ())


def _tiers(name: str, network: RoutingTable, seen: set[str]) -> Iterator[Tier]:
    """Yield the tier of one fallback and of those behind it; each name once, so that a circle ends."""
    tier = None if name in seen else _own_tier(name, network)
    seen.add(name)
    if tier is None:
        return
    yield tier
    for fallback in _own_fallbacks(name, tier, network):
        yield from _tiers(fallback, network, seen)
