"""Provider factory: presets of APIs, chat pages, and classes that a program registered, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

from automation.library.interface import BaseProvider, ProviderType
from backend.errors import InvalidRequestError
from backend.providers.api.presets import PRESETS

P = TypeVar("P", bound=type[BaseProvider])

_registered: dict[str, type[BaseProvider]] = {}
# By their places: a page's driver takes 60 MB, and HTTP a third of a second, that a program of the other kind doesn't need.
_OWN = {
    ProviderType.API_BASED: ("backend.providers.library.api_provider", "ApiBasedProvider"),
    ProviderType.WEB_AUTOMATION: ("automation.library.web_provider_base", "WebProviderBase"),
    ProviderType.CUSTOM_WEB: ("automation.library.web_provider_base", "WebProviderBase"),
}


def register_provider(name: str) -> Callable[[P], P]:
    """Return a decorator that makes a class known to ``ProviderFactory``; a name that is taken gets the new class.

    Raises:
        TypeError: The class is no ``BaseProvider``.
    """

    def register(cls: P) -> P:
        base: type = BaseProvider  # what a program gives is typed only by its own checker
        if not issubclass(cls, base):
            msg = f"{cls.__name__} must be a BaseProvider or a WebProviderBase"
            raise TypeError(msg)
        _registered[name] = cls
        return cls

    return register


class ProviderFactory:
    """Makes providers; they are opened by their ``initialize``."""

    @staticmethod
    def create_provider(name: str, config: Mapping[str, Any] | None = None) -> BaseProvider:
        """Return a provider of a registered class, else by the configuration's ``type``, else an API.

        An API's name may be that of a preset, with ``_api`` behind it or without: ``openai``, ``codegen_api``.

        Raises:
            InvalidRequestError: The configuration can't be used; ``param`` names the field at fault.
        """
        config = config or {}
        kind = _parse_provider_type(name, config)
        cls = _registered.get(name)
        if cls is None:
            place, class_name = _OWN[kind]
            cls = getattr(import_module(place), class_name)
        return cls(name, kind, config)

    @staticmethod
    def available() -> list[str]:
        """Return the names that need no ``type``: of presets, and of registered classes."""
        return sorted({*PRESETS, *_registered})


def _parse_provider_type(name: str, config: Mapping[str, Any]) -> ProviderType:
    given = config.get("type", ProviderType.API_BASED)
    if "type" not in config and name in _registered and _is_web(_registered[name]):
        given = ProviderType.WEB_AUTOMATION
    try:
        return ProviderType(given)
    except ValueError as exc:
        msg = f"type: must be one of {', '.join(ProviderType)}."
        raise InvalidRequestError(msg, "type") from exc


def _is_web(cls: type[BaseProvider]) -> bool:
    place, class_name = _OWN[ProviderType.WEB_AUTOMATION]
    return any((base.__module__, base.__name__) == (place, class_name) for base in cls.__mro__)
