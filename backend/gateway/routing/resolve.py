"""Resolves a name to an endpoint and a model. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from backend.errors import ModelNotFoundError
from backend.providers.target import Target

_CLOSE = 3


class EndpointNames(NamedTuple):
    """The names that one endpoint answers to.

    Attributes:
        models: The site's own model names; empty when it offers no choice.
        aliases: Alias to the site's model name.
        takes_any_model: It is told the model with every request, and without a list takes any.
    """

    slug: str
    default_model: str | None
    models: Sequence[str]
    aliases: Mapping[str, str]
    is_started: bool
    takes_any_model: bool = False

    def knows(self, model: str) -> bool:
        """Return whether the endpoint has this model; a page without a model list has those that its operator names."""
        if model in self.models or model == self.default_model or model in self.aliases.values():
            return bool(not self.models or self.takes_any_model or model in self.models)
        return self.takes_any_model and not self.models


def resolve(name: str, endpoints: Sequence[EndpointNames]) -> Target:
    """Resolve ``<endpoint>``, ``<endpoint>/<model>`` or an alias, in this order.

    An alias that several endpoints have means the first that is started, else the first.

    Raises:
        ModelNotFoundError: Nothing has this name.
    """
    found = _by_endpoint(name, endpoints) or _by_alias(name, endpoints)
    if found is None:
        raise model_not_found(name, endpoints)
    return found


def resolve_pinned(name: str, endpoint: EndpointNames) -> Target:
    """Resolve ``name`` at this endpoint, where it may also be empty or a bare model name.

    Raises:
        ModelNotFoundError: The endpoint doesn't have it.
    """
    if not name:
        return _default(endpoint)
    found = _by_endpoint(name, [endpoint]) or _at(endpoint, name)
    if found is None:
        raise model_not_found(name, [endpoint])
    return found


def requested_names(name: str, pinned_to: EndpointNames) -> Sequence[str]:
    """Return the names by which ``GET /v1/models`` lists what ``name`` means at this endpoint."""
    if not name:
        return (pinned_to.slug,)
    if name == pinned_to.slug or name.startswith(f"{pinned_to.slug}/"):
        return (name,)
    full = f"{pinned_to.slug}/{name}"
    return (full, name) if name in pinned_to.aliases else (full,)


def list_names(endpoint: EndpointNames) -> Iterator[str]:
    """Yield every name that the endpoint answers to, its own first."""
    yield endpoint.slug
    known = dict.fromkeys([*filter(None, [endpoint.default_model]), *endpoint.models])
    yield from (f"{endpoint.slug}/{model}" for model in known)
    yield from endpoint.aliases


def _by_endpoint(name: str, endpoints: Sequence[EndpointNames]) -> Target | None:
    for endpoint in endpoints:
        if name == endpoint.slug:
            return _default(endpoint)
        if name.startswith(f"{endpoint.slug}/"):
            return _at(endpoint, name.removeprefix(f"{endpoint.slug}/"))
    return None


def _by_alias(name: str, endpoints: Sequence[EndpointNames]) -> Target | None:
    for endpoint in sorted(endpoints, key=lambda e: not e.is_started):
        if name in endpoint.aliases:
            return _at(endpoint, name)
    return None


def _at(endpoint: EndpointNames, name: str) -> Target | None:
    model = endpoint.aliases.get(name, name)
    return _target(endpoint, model) if endpoint.knows(model) else None


def _default(endpoint: EndpointNames) -> Target:
    return _target(endpoint, endpoint.default_model)


def _target(endpoint: EndpointNames, model: str | None) -> Target:
    if endpoint.takes_any_model and model is None and len(endpoint.models) == 1:
        model = endpoint.models[0]
    return Target(endpoint.slug, model, model if endpoint.models or endpoint.takes_any_model else None)


def model_not_found(
    name: str, endpoints: Sequence[EndpointNames], others: Iterable[str] = ()
) -> ModelNotFoundError:
    """Return the error for a name that nothing has; ``others`` are names besides the endpoints' own."""
    known = [*(known for endpoint in endpoints for known in list_names(endpoint)), *others]
    return ModelNotFoundError(name, difflib.get_close_matches(name, known, _CLOSE, 0.5))
