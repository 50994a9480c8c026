"""Opens API endpoints: their configuration in the words of ``ApiProvider``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from pydantic import SecretStr

from backend.errors import InvalidRequestError
from backend.providers.api.dialect import Dialect
from backend.providers.api.ollama import Ollama
from backend.providers.api.openai_compatible import OpenAICompatible
from backend.providers.api.presets import PRESETS, ApiPreset
from backend.providers.api.provider import ApiPlace, ApiProvider, ApiTimeouts
from backend.providers.config import DEFAULT_PRESET, EndpointConfig
from backend.providers.protocol import Provider, ProviderOpener

Keys = Mapping[str, SecretStr]
"""The gateway's own keys, by the names of their variables."""

_DEFAULTS = ApiTimeouts()


@dataclass(frozen=True, slots=True)
class ApiOpener:
    """Opens endpoints of ``rest_api`` and ``api_token`` on one HTTP session."""

    session: aiohttp.ClientSession
    keys: Keys

    @asynccontextmanager
    async def open(self, config: EndpointConfig) -> AsyncIterator[Provider]:
        """Be a ``ProviderOpener``; nothing is asked of the provider yet."""
        yield ApiProvider(self.session, dialect_of(config), place_of(config, self.keys))


def api_opener(session: aiohttp.ClientSession, keys: Keys) -> ProviderOpener:
    """Return the opener of API endpoints."""
    return ApiOpener(session, keys).open


def check_api(config: EndpointConfig, keys: Keys) -> None:
    """Refuse what can't work.

    Raises:
        InvalidRequestError: ``param`` names the field.
    """
    dialect_of(config)
    preset = preset_of(config)
    if preset.needs_key and _key_of(config, preset, keys) is None:
        where = f", or set {preset.key_setting}" if preset.key_setting else ""
        msg = f"api_key is missing: {config.preset} refuses every request without one. Give it{where}."
        raise InvalidRequestError(msg, "api_key")


def preset_of(config: EndpointConfig) -> ApiPreset:
    """Return the API that the endpoint speaks."""
    return PRESETS[config.preset or ("custom" if config.api is not None else DEFAULT_PRESET)]


def dialect_of(config: EndpointConfig) -> Dialect:
    """Return how the endpoint's API speaks.

    Raises:
        InvalidRequestError: ``api`` isn't a description of one.
    """
    preset = preset_of(config)
    return _DIALECTS[preset.dialect](config, preset)


def place_of(config: EndpointConfig, keys: Keys) -> ApiPlace:
    """Return where the endpoint's API is, and how it is let in."""
    preset = preset_of(config)
    headers = {name.lower(): value.get_secret_value() for name, value in config.headers.items()}
    if (key := _key_of(config, preset, keys)) is not None:
        headers[preset.auth_header] = f"{preset.auth_prefix}{key}"
    proxy = config.browser_config.proxy
    return ApiPlace(
        config.base_url.rstrip("/"),
        headers,
        config.models,
        ApiTimeouts(
            first_token_s=config.first_token_seconds or config.timeout_seconds or _DEFAULTS.first_token_s,
            idle_s=config.idle_seconds or _DEFAULTS.idle_s,
        ),
        proxy.server if proxy is not None else None,
    )


def _key_of(config: EndpointConfig, preset: ApiPreset, keys: Keys) -> str | None:
    key = config.api_key
    # A key of the gateway's goes to the provider that it belongs to, never to another address.
    if key is None and preset.key_setting is not None and _is_at_home(config, preset):
        key = keys.get(preset.key_setting)
    return key.get_secret_value() if key is not None else None


def _is_at_home(config: EndpointConfig, preset: ApiPreset) -> bool:
    return preset.base_url is not None and config.base_url.rstrip("/") == preset.base_url.rstrip("/")


def _openai(_config: EndpointConfig, preset: ApiPreset) -> Dialect:
    return OpenAICompatible(preset.quirks)


def _ollama(_config: EndpointConfig, _preset: ApiPreset) -> Dialect:
    return Ollama()


_DIALECTS: Mapping[str, Callable[[EndpointConfig, ApiPreset], Dialect]] = {
    "openai": _openai,
    "ollama": _ollama,
}
