"""Rotations: one name for several endpoints that share the load. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from backend.endpoints.slugs import RESERVED
from backend.errors import InvalidRequestError, NameTakenError
from backend.gateway.routing.ranking import RouteCandidate, Strategy

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._:-]*$"
_ONE_MODEL = 1.0
# Every request looks at all of them.
_MOST_PROVIDERS = 1_000
_MOST_FALLBACKS = 100

# What a name leads to when it fails: of rotations and of endpoints, by name.
Fallbacks = Mapping[str, Sequence[str]]


def _refuse_reserved(name: str) -> str:
    if name.lower() in RESERVED:
        raise PydanticCustomError("reserved", "{name} is reserved; choose another name", {"name": name})
    return name


RotationName = Annotated[
    str, Field(min_length=1, max_length=100, pattern=_NAME), AfterValidator(_refuse_reserved)
]
Weight = Annotated[float, Field(gt=0, le=1_000_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class RotationModel(_Strict):
    """One model of an endpoint, and its share of the requests."""

    name: Annotated[str, Field(min_length=1)]
    weight: Weight = _ONE_MODEL


class RotationProvider(_Strict):
    """One endpoint of a rotation.

    Attributes:
        provider_id: The endpoint's slug.
        models: Empty means its default model.
        weight: Multiplies those of the models.
    """

    provider_id: Annotated[str, Field(min_length=1)]
    models: Annotated[tuple[RotationModel, ...], Field(max_length=_MOST_PROVIDERS)] = ()
    weight: Weight = _ONE_MODEL


class RotationDraft(_Strict):
    """A rotation without its name.

    Attributes:
        strategy: Load-balancing strategy over the providers.
        fallbacks: Tried when none of them answers: ``<endpoint>``, ``<endpoint>/<model>`` or another rotation.
    """

    providers: Annotated[tuple[RotationProvider, ...], Field(min_length=1, max_length=_MOST_PROVIDERS)]
    strategy: Strategy = "weighted"
    fallbacks: Annotated[tuple[str, ...], Field(max_length=_MOST_FALLBACKS)] = ()

    def candidates(self) -> Iterator[RouteCandidate]:
        """Yield each model of each provider."""
        for provider in self.providers:
            if not provider.models:
                yield RouteCandidate(provider.provider_id, None, provider.weight)
            for model in provider.models:
                yield RouteCandidate(provider.provider_id, model.name, provider.weight * model.weight)


class Rotation(RotationDraft):
    """A rotation as clients name it in ``model``."""

    name: RotationName

    @classmethod
    def of(cls, name: str, draft: RotationDraft) -> Rotation:
        """Return the draft under a name.

        Raises:
            pydantic.ValidationError: The name can't be used.
        """
        values = {field: getattr(draft, field) for field in RotationDraft.model_fields}
        return cls.model_validate({**values, "name": name})


def check_rotation(rotation: Rotation, rotations: Mapping[str, Rotation], endpoints: Fallbacks) -> None:
    """Refuse a rotation that conflicts with the others or the ``endpoints``, given with their fallbacks.

    Raises:
        NameTakenError: An endpoint has its name.
        InvalidRequestError: It names an endpoint or a fallback that doesn't exist, or its fallbacks go in a circle.
    """
    if rotation.name in endpoints:
        raise NameTakenError(rotation.name)
    for at, provider in enumerate(rotation.providers):
        if provider.provider_id not in endpoints:
            raise _unknown(f"providers.{at}.provider_id", "endpoint", provider.provider_id, endpoints)
    others = {name: other.fallbacks for name, other in rotations.items()}
    check_fallbacks(rotation.name, rotation.fallbacks, {**others, **endpoints, rotation.name: ()})


def check_fallbacks(
    name: str, fallbacks: Sequence[str], known: Fallbacks, *, is_endpoint: bool = False
) -> None:
    """Refuse fallbacks that don't exist or that lead back to ``name``; ``known`` are all endpoints and rotations.

    An endpoint's own models may stand in for each other, since a provider limits each by itself.

    Raises:
        InvalidRequestError: With the fallback at fault as ``param``.
    """
    for at, fallback in enumerate(fallbacks):
        if find_fallback_target(fallback, known) is None:
            raise _unknown(f"fallbacks.{at}", "endpoint or rotation", fallback, known)
        is_own_model = is_endpoint and fallback.startswith(f"{name}/")
        way = () if is_own_model else _way_back(name, fallback, known)
        if way:
            msg = f"The fallbacks go in a circle: {' -> '.join((name, *way))}."
            raise InvalidRequestError(msg, f"fallbacks.{at}")


def find_fallback_target(fallback: str, known: Fallbacks) -> str | None:
    """Return the endpoint or rotation that ``fallback`` names; None if there is none."""
    if fallback in known:
        return fallback
    slug, slash, _model = fallback.partition("/")
    return slug if slash and slug in known else None


def _way_back(name: str, fallback: str, known: Fallbacks) -> tuple[str, ...]:
    """Return the path of fallbacks from ``fallback`` to ``name``; empty where there is none.

    Each is looked at once: of ways there can be more than anyone could go.
    """
    first = find_fallback_target(fallback, known)
    came_from: dict[str, str | None] = {} if first is None else {first: None}
    waiting = list(came_from)
    while waiting:
        owner = waiting.pop()
        if owner == name:
            return _way_to(owner, came_from)
        for further in known[owner]:
            following = find_fallback_target(further, known)
            if following is not None and following not in came_from:
                came_from[following] = owner
                waiting.append(following)
    return ()


def _way_to(last: str, came_from: Mapping[str, str | None]) -> tuple[str, ...]:
    way: list[str] = []
    at: str | None = last
    while at is not None:
        way.append(at)
        at = came_from[at]
    return tuple(reversed(way))


def _unknown(param: str, kind: str, name: str, known: Fallbacks) -> InvalidRequestError:
    close = difflib.get_close_matches(name, known, 3, 0.5)
    meant = f" Did you mean {', '.join(close)}?" if close else ""
    return InvalidRequestError(f"{param}: there is no {kind} {name!r}.{meant}", param)
