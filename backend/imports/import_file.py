"""Parses the files that describe endpoints and rotations: ``providers.json``, ``rotations.json``. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from backend.endpoints.slugs import build_slug
from backend.errors import InvalidRequestError
from backend.gateway.routing.rotations import Rotation, RotationDraft
from backend.providers.api.presets import PRESETS, PresetName
from backend.providers.config import EndpointDraft, Price
from backend.providers.fields import ApiKey
from backend.wire.json_body import check_keepable

Keys = Mapping[str, SecretStr]
"""The gateway's own keys that are set, by the names of their variables."""

_KEY_NAMES = frozenset(preset.key_setting for preset in PRESETS.values() if preset.key_setting)


class ImportFileError(Exception):
    """A file can't be used; one line says which, where in it, and why.

    Attributes:
        source: The file's name.
        where: ``line 3``, or the dotted name of a field.
    """

    def __init__(self, source: str, where: str, reason: str) -> None:
        super().__init__(f"{source}: {where}: {reason}")
        self.source = source
        self.where = where


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Model(_Strict):
    name: Annotated[str, Field(min_length=1)]


class ImportedProvider(_Strict):
    """One provider of ``providers.json``.

    Attributes:
        endpoint: The API's address.
        api_key: A key, or the name of the setting that holds it, such as ``OPENAI_API_KEY``; without one, the setting of
            the provider counts.
        models: The first is the default; each is a name that clients may use.
        rate_limit: Seconds between two requests.
    """

    id: str | None = None
    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    endpoint: str
    type: Literal["openai", "anthropic", "google", "ollama"]
    api_key_required: bool = False
    api_key: ApiKey | None = None
    models: tuple[_Model | str, ...] = ()
    default_model: str | None = None
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    rate_limit: Annotated[float, Field(ge=0)] = 0.0
    prices: dict[str, Price] = Field(default_factory=dict)
    fallbacks: tuple[str, ...] = ()

    def model_names(self) -> list[str]:
        """Return the names of the models."""
        return [model if isinstance(model, str) else model.name for model in self.models]


class _File(_Strict):
    providers: dict[str, ImportedProvider] = Field(default_factory=dict)
    rotations: dict[str, RotationDraft] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportedEndpoint:
    """An endpoint that a file describes.

    Attributes:
        where: What describes it, such as ``providers.openai``.
        lacks_key: Whether it needs a key and neither the file nor the settings have one.
    """

    slug: str
    draft: EndpointDraft
    source: str
    where: str
    lacks_key: bool


@dataclass(frozen=True, slots=True)
class ImportedRotation:
    """A rotation that a file describes."""

    rotation: Rotation
    source: str

    @property
    def where(self) -> str:
        """What describes it, such as ``rotations.fast``."""
        return f"rotations.{self.rotation.name}"


@dataclass(frozen=True, slots=True)
class Import:
    """What files describe, in their order."""

    endpoints: tuple[ImportedEndpoint, ...] = ()
    rotations: tuple[ImportedRotation, ...] = ()

    def __add__(self, other: Import) -> Import:
        return Import(self.endpoints + other.endpoints, self.rotations + other.rotations)


def parse_import(text: str, source: str, keys: Keys) -> Import:
    """Return what a file describes; ``keys`` are those of the settings, by name.

    Raises:
        ImportFileError: It is not JSON, a field is wrong or unknown, or a key that it names is not set.
    """
    try:
        document = json.loads(text, object_pairs_hook=_refuse_twins)
    except json.JSONDecodeError as exc:
        raise ImportFileError(source, f"line {exc.lineno}, column {exc.colno}", exc.msg) from exc
    except _TwinError as exc:
        raise ImportFileError(source, str(exc), "is there twice in one object") from exc
    except (ValueError, RecursionError) as exc:
        raise ImportFileError(source, "the document", "has a number too long or is nested too deep") from exc
    try:
        check_keepable(document)
    except InvalidRequestError as exc:
        raise ImportFileError(
            source, exc.param or "the document", "has NUL or half a surrogate pair"
        ) from exc
    try:
        file = _File.model_validate(document)
    except ValidationError as exc:
        raise _field_error(source, "", exc) from exc
    endpoints = [_endpoint(name, entry, source, keys) for name, entry in file.providers.items()]
    return Import(
        tuple(endpoints),
        tuple(_rotation(name, draft, source) for name, draft in file.rotations.items()),
    )


class _TwinError(Exception):
    """A key occurs twice in an object; JSON would silently drop the first."""


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwinError(key)
        found[key] = value
    return found


def _endpoint(name: str, entry: ImportedProvider, source: str, keys: Keys) -> ImportedEndpoint:
    where = f"providers.{name}"
    if entry.id not in {None, name}:
        raise ImportFileError(source, f"{where}.id", f"must be {name!r}, like its key")
    try:
        slug = build_slug(name)
    except ValueError as exc:
        raise ImportFileError(source, where, f"its name {exc}") from exc
    models = entry.model_names()
    try:
        preset, base_url = _home(entry)
    except ValueError as exc:
        raise ImportFileError(source, f"{where}.endpoint", f"is not a URL: {exc}") from exc
    api_key = _api_key(entry, source, where, keys)
    try:
        draft = EndpointDraft(
            name=_name(name, slug, entry),
            provider_type="rest_api",
            base_url=base_url,
            preset=preset,
            api_key=api_key,
            default_model=entry.default_model or next(iter(models), None),
            model_mapping={model: model for model in models},
            weight=entry.weight,
            min_delay_between_requests=entry.rate_limit,
            prices=entry.prices,
            fallbacks=entry.fallbacks,
        )
    except ValidationError as exc:
        raise _field_error(source, where, exc, {"base_url": "endpoint"}) from exc
    has_key = api_key is not None or PRESETS[preset].key_setting in keys
    return ImportedEndpoint(slug, draft, source, where, lacks_key=entry.api_key_required and not has_key)


def _name(name: str, slug: str, entry: ImportedProvider) -> str:
    """The endpoint is found by its key, so a name of other words can't be its name: its slug would differ."""
    try:
        return entry.name if entry.name and build_slug(entry.name) == slug else name
    except ValueError:
        return name


def _home(entry: ImportedProvider) -> tuple[PresetName, str]:
    """Return the preset, and the address with the path that a provider's bare address lacks.

    Another address of type ``openai`` only speaks OpenAI's language, and must never be sent OpenAI's key.
    """
    parts = urlsplit(entry.endpoint)
    of_host: dict[str | None, PresetName] = {
        urlsplit(PRESETS[name].base_url or "").hostname: name
        for name in get_args(PresetName)
        if PRESETS[name].dialect == entry.type and PRESETS[name].base_url
    }
    fallback: PresetName = "openai_compatible" if entry.type == "openai" else entry.type
    preset = of_host.get(parts.hostname, fallback)
    is_bare = parts.hostname in of_host and not parts.path.strip("/") and entry.type != "ollama"
    return preset, (PRESETS[preset].base_url if is_bare else None) or entry.endpoint


def _api_key(entry: ImportedProvider, source: str, where: str, keys: Keys) -> SecretStr | None:
    named = entry.api_key.get_secret_value() if entry.api_key is not None else ""
    if named not in _KEY_NAMES:
        return entry.api_key
    if named not in keys:
        raise ImportFileError(source, f"{where}.api_key", f"the setting {named} is not set")
    return keys[named]


def _rotation(name: str, draft: RotationDraft, source: str) -> ImportedRotation:
    try:
        rotation = Rotation.of(name, draft)
    except ValidationError as exc:
        raise ImportFileError(source, f"rotations.{name}", f"its name: {exc.errors()[0]['msg']}") from exc
    providers = tuple(
        one.model_copy(update={"provider_id": _slug(one.provider_id)}) for one in rotation.providers
    )
    return ImportedRotation(rotation.model_copy(update={"providers": providers}), source)


def _slug(provider_id: str) -> str:
    """A file may say ``my_provider`` for the endpoint that it made of it, ``my-provider``."""
    try:
        return build_slug(provider_id)
    except ValueError:
        return provider_id


def _field_error(
    source: str, prefix: str, error: ValidationError, names: Mapping[str, str] | None = None
) -> ImportFileError:
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"] if part not in {"str", "_Model"}]
    path = ".".join([*filter(None, [prefix]), *((names or {}).get(part, part) for part in parts)])
    return ImportFileError(source, path or "the document", str(first["msg"]).removeprefix("Value error, "))
