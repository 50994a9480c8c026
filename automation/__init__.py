"""Drives web chat pages in real browsers.

Programs that use this as a library find ``StealthBrowser`` and ``WebProviderBase`` here (docs/library.md). They are loaded when
they are asked for: a browser's driver takes 60 MB, which nothing else that is imported from here needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automation.library.stealth_browser import StealthBrowser
    from automation.library.web_provider_base import WebProviderBase

__all__ = ["StealthBrowser", "WebProviderBase"]

_PLACES = {
    "StealthBrowser": "automation.library.stealth_browser",
    "WebProviderBase": "automation.library.web_provider_base",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_PLACES[name]), name)
