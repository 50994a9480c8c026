"""Opens API endpoints: builds an ``ApiProvider`` from an endpoint's configuration."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from pydantic import SecretStr
from yarl import URL

from backend.errors import InvalidRequestError
from backend.providers.api.codegen.provider import CodegenProvider
from backend.providers.api.codegen.runs import CodegenDefaults, parse_options
from backend.providers.api.dialect import Dialect
from backend.providers.api.dialects.anthropic import Anthropic
from backend.providers.api.dialects.custom import Custom
from backend.providers.api.dialects.custom_api import parse_api
from backend.providers.api.dialects.google import Google
from backend.providers.api.dialects.ollama import Ollama
from backend.providers.api.dialects.openai_compatible import OpenAICompatible
from backend.providers.api.native.messages_api import NativeMessages
from backend.providers.api.native.native_api import NativeApi
from backend.providers.api.native.responses_api import NativeResponses
from backend.providers.api.place import ApiPlace, ApiTimeouts
from backend.providers.api.presets import PRESETS, ApiPreset
from backend.providers.api.provider import ApiProvider
from backend.providers.api.reply import CompletionProvider
from backend.providers.config import DEFAULT_PRESET, EndpointConfig, Proxy
from backend.providers.fields import check_key_text
from backend.providers.protocol import ProviderTraits
from backend.wire.door import DoorName

Keys = Mapping[str, SecretStr]
"""The gateway's own keys, by the names of their variables."""

CompletionProviderOpener = Callable[[EndpointConfig], AbstractAsyncContextManager[CompletionProvider]]

API_TRAITS = ProviderTraits(
    takes_any_model=True, has_changing_models=True, has_embeddings=True, needs_cancel_scope=False
)

_DEFAULTS = ApiTimeouts()
_CODEGEN = CodegenDefaults()
_PROXY = re.compile(r"https?://[^/]+/?$")


@dataclass(frozen=True, slots=True)
class ApiOpener:
    """Opens endpoints of ``rest_api`` and ``api_token`` on one HTTP session."""

    session: aiohttp.ClientSession
    keys: Keys
    codegen: CodegenDefaults = _CODEGEN

    @asynccontextmanager
    async def open(self, config: EndpointConfig) -> AsyncIterator[CompletionProvider]:
        """Open an endpoint (a ``ProviderOpener``); no request is sent yet."""
        place = build_api_place(config, self.keys, self.codegen)
        if find_preset(config).dialect == "codegen":
            yield CodegenProvider(self.session, place, parse_options(config.api, self.codegen))
        else:
            natives = {name: _NATIVE_APIS[name] for name in native_apis_of(config)}
            yield ApiProvider(self.session, build_dialect(config), place, natives)


def api_opener(
    session: aiohttp.ClientSession, keys: Keys, codegen: CodegenDefaults = _CODEGEN
) -> CompletionProviderOpener:
    """Return the opener of API endpoints; a ``ProviderOpener``."""
    return ApiOpener(session, keys, codegen).open


def check_api(config: EndpointConfig, keys: Keys, codegen: CodegenDefaults = _CODEGEN) -> None:
    """Refuse an API configuration that can't work.

    Raises:
        InvalidRequestError: ``param`` names the field.
    """
    preset = find_preset(config)
    _check_addresses(config)
    if preset.dialect == "codegen":
        parse_options(config.api, codegen)
    else:
        build_dialect(config)
    _check_native_apis(config, preset)
    key = _key_of(config, preset, keys, codegen)
    if key is not None:
        _check_key(key, config, preset)
    elif preset.needs_key:
        where = f", or set {preset.key_setting}" if preset.key_setting else ""
        msg = f"api_key is missing: {config.preset} refuses every request without one. Give it{where}."
        raise InvalidRequestError(msg, "api_key")


def native_apis_of(config: EndpointConfig) -> frozenset[DoorName]:
    """Return the APIs besides chat completions whose requests the endpoint gets as they came."""
    preset = find_preset(config)
    if config.native_apis is not None:
        return frozenset(config.native_apis)
    if preset.dialect == "anthropic":
        return frozenset({"messages"})
    # Who took over OpenAI's chat completions has not always taken over the rest.
    is_openai = preset is PRESETS["openai"] and _is_preset(config, preset)
    return frozenset({"responses"}) if is_openai else frozenset()


def _check_native_apis(config: EndpointConfig, preset: ApiPreset) -> None:
    possible = _NATIVE_TO.get(preset.dialect, frozenset())
    for name in config.native_apis or ():
        if name not in possible:
            msg = f"native_apis: {name!r} is not possible here; {', '.join(sorted(possible)) or 'none'} is."
            raise InvalidRequestError(msg, "native_apis")


def _check_key(key: SecretStr, config: EndpointConfig, preset: ApiPreset) -> None:
    """Refuse a key of the settings with, for one, a line break; the endpoint's own was checked when it was given."""
    try:
        check_key_text(key.get_secret_value())
    except ValueError as exc:
        where = "api_key" if config.api_key is not None else preset.key_setting
        msg = f"{where}: {exc}."
        raise InvalidRequestError(msg, "api_key") from exc


def _check_addresses(config: EndpointConfig) -> None:
    address = urlsplit(config.base_url)
    if address.query or address.fragment:
        msg = "base_url: must have no query and no fragment; the API's paths go on from it."
        raise InvalidRequestError(msg, "base_url")
    proxy = config.browser_config.proxy
    if proxy is not None and not _PROXY.match(proxy.server):
        msg = "browser_config.proxy.server: must be an address such as http://proxy.example.com:3128; APIs go through no other proxies."
        raise InvalidRequestError(msg, "browser_config.proxy.server")


def find_preset(config: EndpointConfig) -> ApiPreset:
    """Return the preset of the endpoint's API."""
    return PRESETS[config.preset or ("custom" if config.api is not None else DEFAULT_PRESET)]


def build_dialect(config: EndpointConfig) -> Dialect:
    """Return the dialect of the endpoint's API.

    Raises:
        InvalidRequestError: ``api`` isn't a description of one.
    """
    preset = find_preset(config)
    return _DIALECTS[preset.dialect](config, preset)


def build_api_place(config: EndpointConfig, keys: Keys, codegen: CodegenDefaults = _CODEGEN) -> ApiPlace:
    """Return the address and authorization of the endpoint's API."""
    preset = find_preset(config)
    is_codegen = preset.dialect == "codegen"
    default_s = codegen.timeout_s if is_codegen else _DEFAULTS.first_token_s
    base_url = config.base_url.rstrip("/")
    if is_codegen:
        # The version is a part of its paths; CODEGEN_BASE_URL stands for its own address wherever that is meant.
        home = codegen.base_url if codegen.base_url and _is_preset(config, preset) else base_url
        base_url = home.rstrip("/").removesuffix("/v1")
    headers = {name.lower(): value.get_secret_value() for name, value in config.headers.items()}
    if (key := _key_of(config, preset, keys, codegen)) is not None:
        headers[preset.auth_header] = f"{preset.auth_prefix}{key.get_secret_value()}"
    proxy = config.browser_config.proxy
    return ApiPlace(
        base_url,
        headers,
        config.models,
        ApiTimeouts(
            first_token_s=config.first_token_seconds or config.timeout_seconds or default_s,
            idle_s=config.idle_seconds or _DEFAULTS.idle_s,
        ),
        _with_password(proxy) if proxy is not None else None,
    )


def _with_password(proxy: Proxy) -> URL:
    password = proxy.password.get_secret_value() if proxy.password is not None else None
    return URL(proxy.server).with_user(proxy.username).with_password(password if proxy.username else None)


def _key_of(
    config: EndpointConfig, preset: ApiPreset, keys: Keys, codegen: CodegenDefaults
) -> SecretStr | None:
    key = config.api_key
    # A key of the gateway's goes to the provider that it belongs to, never to another address.
    if key is None and preset.key_setting is not None and _is_at_home(config, preset, codegen):
        key = keys.get(preset.key_setting)
    return key


def _is_at_home(config: EndpointConfig, preset: ApiPreset, codegen: CodegenDefaults) -> bool:
    if preset.dialect == "codegen" and codegen.base_url:
        return config.base_url.rstrip("/") == codegen.base_url.rstrip("/") or _is_preset(config, preset)
    return _is_preset(config, preset)


def _is_preset(config: EndpointConfig, preset: ApiPreset) -> bool:
    return preset.base_url is not None and config.base_url.rstrip("/") == preset.base_url.rstrip("/")


def _openai(_config: EndpointConfig, preset: ApiPreset) -> Dialect:
    return OpenAICompatible(preset.quirks)


def _anthropic(_config: EndpointConfig, _preset: ApiPreset) -> Dialect:
    return Anthropic()


def _google(_config: EndpointConfig, _preset: ApiPreset) -> Dialect:
    return Google()


def _ollama(_config: EndpointConfig, _preset: ApiPreset) -> Dialect:
    return Ollama()


def _custom(config: EndpointConfig, _preset: ApiPreset) -> Dialect:
    return Custom(parse_api(config.api))


_DIALECTS: Mapping[str, Callable[[EndpointConfig, ApiPreset], Dialect]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "google": _google,
    "ollama": _ollama,
    "custom": _custom,
}

_NATIVE_APIS: Mapping[DoorName, NativeApi] = {"messages": NativeMessages(), "responses": NativeResponses()}
# Servers of OpenAI's chat completions may have both beside them, at the same base address.
_NATIVE_TO: Mapping[str, frozenset[DoorName]] = {
    "openai": frozenset({"messages", "responses"}),
    "anthropic": frozenset({"messages"}),
}
