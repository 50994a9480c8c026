"""Translates a library user's API settings into an endpoint's configuration. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from automation.library.interface import ProviderType
from backend.errors import InvalidRequestError
from backend.providers.api.codegen.runs import CodegenDefaults
from backend.providers.api.presets import PRESETS
from backend.providers.config import EndpointConfig
from backend.providers.fields import HttpAddress

_ANY = "openai_compatible"


class ApiConfig(BaseModel):
    """A provider of ``ProviderFactory``.

    Attributes:
        preset: Which API it is; left out, the provider's name tells it (``openai``, ``codegen_api``, …), else it is one like
            OpenAI's.
        base_url: Needed where the preset has none.
        org_id: Codegen's.
        api_key: Also ``token`` of the context's credentials, which wins.
        timeout: Seconds an answer may take to begin.
        max_retries: Retries in a row after failures that may pass.
        base_delay: Seconds before the first of these; doubled each time.
        model_mapping: A program's name of a model to the provider's.
        default_model: Used where a call names no model.
        api: How a ``custom`` API is asked and read.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, coerce_numbers_to_str=True
    )

    type: ProviderType = ProviderType.API_BASED
    preset: str | None = None
    base_url: HttpAddress | None = None
    org_id: str | None = None
    api_key: SecretStr | None = None
    timeout: Annotated[float, Field(gt=0)] | None = None
    max_retries: Annotated[int, Field(ge=0, le=100)] = 2
    base_delay: Annotated[float, Field(ge=0, le=3600)] = 1.0
    model_mapping: dict[str, str] = Field(default_factory=dict)
    default_model: str | None = None
    models: tuple[str, ...] = ()
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    proxy: str | None = None
    api: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and "token" in values and "api_key" not in values:
            return {
                **{name: value for name, value in values.items() if name != "token"},
                "api_key": values["token"],
            }
        return values


def parse_api_config(config: Mapping[str, Any]) -> ApiConfig:
    """Return a program's dictionary, checked.

    Raises:
        InvalidRequestError: ``param`` names the field at fault.
    """
    try:
        return ApiConfig.model_validate(config)
    except ValidationError as exc:
        raise invalid_config_error(exc) from exc


def build_endpoint_config(name: str, config: ApiConfig, api_key: SecretStr | None) -> EndpointConfig:
    """Return the provider as an endpoint that ``api_opener`` opens.

    Raises:
        InvalidRequestError: ``param`` names the field at fault.
    """
    preset = config.preset or _preset_named(name)
    if preset not in PRESETS:
        msg = f"preset: there is no {preset!r}; known: {', '.join(PRESETS)}."
        raise InvalidRequestError(msg, "preset")
    if config.base_url is None and PRESETS[preset].base_url is None:
        msg = "base_url: is missing: where is the API?"
        raise InvalidRequestError(msg, "base_url")
    own = {"org_id": config.org_id} if config.org_id is not None else {}
    return validate_endpoint(
        name,
        provider_type="api_token",
        preset=preset,
        base_url=config.base_url,
        api_key=api_key or config.api_key,
        api={**(config.api or {}), **own} or None,
        timeout_seconds=config.timeout,
        models=config.models,
        headers=config.headers,
        default_model=config.default_model,
        browser_config={"proxy": {"server": config.proxy}} if config.proxy else {},
    )


def validate_endpoint(name: str, place: str = "", **fields: Any) -> EndpointConfig:
    """Return a program's provider as an endpoint; it is called what the provider is called.

    Raises:
        InvalidRequestError: ``param`` names the field at fault, below ``place``.
    """
    try:
        return EndpointConfig.model_validate({"name": name, "slug": name, **fields})
    except ValidationError as exc:
        raise invalid_config_error(exc, place) from exc


def build_codegen_defaults(config: ApiConfig) -> CodegenDefaults:
    """Return Codegen's retry settings, which it applies itself: a run is started only once."""
    return CodegenDefaults(max_retries=config.max_retries, base_delay_s=config.base_delay)


def own_retries(endpoint: EndpointConfig, config: ApiConfig) -> int:
    """Return how often we retry."""
    return 0 if endpoint.preset == "codegen" else config.max_retries


def _preset_named(name: str) -> str:
    known = name.removesuffix("_api")
    return known if known in PRESETS else _ANY


def invalid_config_error(error: ValidationError, place: str = "") -> InvalidRequestError:
    """Return the error for the first invalid field, without its value."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in (place, *first["loc"]) if part != "")
    return InvalidRequestError(f"{field or 'config'}: {first['msg']}.", field or None)
