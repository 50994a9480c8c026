"""Providers: the code that serves an endpoint while it is started.

Programs that use this as a library find its names here too (docs/library.md), loaded when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automation.library.interface import (
        BaseProvider,
        ProviderContext,
        ProviderResponse,
        ProviderStatus,
        ProviderType,
    )
    from backend.providers.library.call_types import CallParams, CallResult
    from backend.providers.library.config import Config
    from backend.providers.library.provider_factory import ProviderFactory, register_provider
    from backend.providers.library.provider_manager import ProviderManager

__all__ = [
    "BaseProvider",
    "CallParams",
    "CallResult",
    "Config",
    "ProviderContext",
    "ProviderFactory",
    "ProviderManager",
    "ProviderResponse",
    "ProviderStatus",
    "ProviderType",
    "register_provider",
]

_INTERFACE = "automation.library.interface"
_LIBRARY = "backend.providers.library"
_PLACES = {
    "BaseProvider": _INTERFACE,
    "CallParams": f"{_LIBRARY}.call_types",
    "CallResult": f"{_LIBRARY}.call_types",
    "Config": f"{_LIBRARY}.config",
    "ProviderContext": _INTERFACE,
    "ProviderFactory": f"{_LIBRARY}.provider_factory",
    "ProviderManager": f"{_LIBRARY}.provider_manager",
    "ProviderResponse": _INTERFACE,
    "ProviderStatus": _INTERFACE,
    "ProviderType": _INTERFACE,
    "register_provider": f"{_LIBRARY}.provider_factory",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_PLACES[name]), name)
