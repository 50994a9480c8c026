"""Router: resolves a model name to an ordered list of endpoints to try."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

from backend.endpoints.endpoint import Endpoint
from backend.endpoints.manager import EndpointManager
from backend.endpoints.states import EndpointState
from backend.errors import GatewayError, ModelNotFoundError, NotAllowedError
from backend.gateway.routing.endpoint_stats import EndpointStatsRegistry
from backend.gateway.routing.plans import RoutingTable, plan_for
from backend.gateway.routing.ranking import RouteCandidate, Strategy, rank_candidates
from backend.gateway.routing.resolve import (
    EndpointNames,
    model_not_found,
    requested_names,
    resolve,
    resolve_pinned,
)
from backend.gateway.routing.rotation_registry import RotationRegistry
from backend.identity.principal import LOCAL_ADMINISTRATOR, Principal
from backend.providers.target import Target


class Router:
    """Router: finds the candidates for a name. ``alias_strategy`` ranks endpoints that share an alias."""

    def __init__(
        self,
        *,
        manager: EndpointManager,
        rotations: RotationRegistry,
        endpoint_stats: EndpointStatsRegistry,
        alias_strategy: Strategy,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.endpoint_stats = endpoint_stats
        self._manager = manager
        self._rotations = rotations
        self._alias_strategy = alias_strategy
        self._chance = chance
        self._turns: Counter[str] = Counter()

    def candidates(
        self, name: str, pinned_to: str | None = None, principal: Principal = LOCAL_ADMINISTRATOR
    ) -> Sequence[RouteCandidate]:
        """Return whom to ask for ``name``, one after the other; pinned to an endpoint, the name may be empty.

        What a name leads to is the operator's choice: who may ask for a rotation may ask everybody in it.

        Raises:
            NotAllowedError: The principal may not ask for it.
            EndpointNotFoundError: There is neither an endpoint nor a rotation ``pinned_to``.
            ModelNotFoundError: Nothing has this name.
            EndpointDisabledError: All who could answer are disabled, and being probed at this moment.
        """
        if not principal.allowed_models:
            return self._candidates(name, pinned_to)
        self.check_allowed(principal, name, pinned_to)
        try:
            candidates = self._candidates(name, pinned_to)
            if len(candidates) == 1:
                self.target(candidates[0])
        except ModelNotFoundError as exc:
            raise ModelNotFoundError(exc.name, [*filter(principal.allows, exc.close_matches)]) from None
        return candidates

    def check_allowed(self, principal: Principal, name: str, pinned_to: str | None = None) -> None:
        """Check that the principal may ask for ``name``, whether there is such a model or not.

        Raises:
            NotAllowedError: They may not.
            EndpointNotFoundError: There is neither an endpoint nor a rotation ``pinned_to``.
        """
        if not principal.allowed_models:
            return
        if pinned_to is None or pinned_to in self._rotations.all:
            names: Sequence[str] = (pinned_to or name,)
        else:
            names = requested_names(name, names_of_endpoint(self._manager.get(pinned_to)))
        if not principal.allows_any(names):
            msg = f"This API key may not use model {names[0]!r}. GET /v1/models lists the models that it may."
            raise NotAllowedError(msg, "model")

    def target(self, candidate: RouteCandidate) -> Target:
        """Return the endpoint and model of a candidate.

        Raises:
            EndpointNotFoundError, ModelNotFoundError: It is gone, or doesn't have the model.
        """
        if candidate.target is not None:
            return candidate.target
        endpoint = self._manager.get(candidate.slug)
        return resolve_pinned(candidate.model or "", names_of_endpoint(endpoint))

    def _candidates(self, name: str, pinned_to: str | None) -> Sequence[RouteCandidate]:
        if pinned_to is not None and pinned_to not in self._rotations.all:
            return [RouteCandidate(self._manager.get(pinned_to).slug, name or None)]
        name = pinned_to or name
        slug, _, model = name.partition("/")
        endpoint = self._manager.find(slug)
        if endpoint is not None and not endpoint.config.fallbacks:
            target = resolve(name, [names_of_endpoint(endpoint)])  # raises for a model that it doesn't have
            return [RouteCandidate(slug, model or None, target=target)]
        return self._planned(name)

    def _planned(self, name: str) -> Sequence[RouteCandidate]:
        endpoints = self._manager.list_all()
        names = [names_of_endpoint(endpoint) for endpoint in endpoints]
        network = RoutingTable(
            names,
            self._rotations.all,
            {endpoint.slug: endpoint.config.fallbacks for endpoint in endpoints},
            {endpoint.slug: endpoint.config.weight for endpoint in endpoints},
            self._alias_strategy,
        )
        plan = plan_for(name, network)
        if plan is None:
            try:
                return [RouteCandidate(resolve(name, names).slug, name)]
            except GatewayError:
                raise model_not_found(name, names, self._rotations.all) from None
        self._turns[name] += 1
        chosen = rank_candidates(
            plan.candidates,
            self.endpoint_stats.of_all(endpoints),
            plan.strategy,
            now=self.endpoint_stats.now(),
            random=self._chance,
            turn=self._turns[name] - 1,
            fallbacks=plan.fallbacks,
        )
        if not chosen:
            every = [*plan.candidates, *(c for tier in plan.fallbacks for c in tier.candidates)]
            raise self.endpoint_stats.refusal(every, {endpoint.slug: endpoint for endpoint in endpoints})
        return chosen


def names_of_endpoint(endpoint: Endpoint) -> EndpointNames:
    """Return the names that an endpoint answers to."""
    config = endpoint.config
    is_started = endpoint.state is not EndpointState.INACTIVE
    models = endpoint.models or config.models
    return EndpointNames(
        endpoint.slug,
        config.default_model,
        models,
        config.model_mapping,
        is_started,
        endpoint.traits.takes_any_model,
    )
