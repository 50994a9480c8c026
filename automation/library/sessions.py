"""Sessions of programs that keep none themselves, and what such a program brings as one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from automation.account.session_state import StorageState


class MemorySession:
    """Keeps one account's session while the program runs (a ``SessionStore``)."""

    def __init__(self, state: StorageState | None = None) -> None:
        self._state = state

    async def load(self) -> StorageState | None:
        """Return what was saved last, or None."""
        return self._state

    async def save(self, state: StorageState) -> None:
        """Replace it."""
        self._state = state

    async def clear(self) -> None:
        """Forget it."""
        self._state = None


def parse_credentials_session(credentials: Mapping[str, Any], base_url: str) -> StorageState | None:
    """Return the session that ``credentials`` bring as ``storage_state`` or ``cookies``; None where they bring none.

    Raises:
        ValueError: It is neither Playwright's ``storage_state`` nor a list of cookies with names and values.
    """
    if (state := credentials.get("storage_state")) is not None:
        if not isinstance(state, Mapping) or not isinstance(state.get("cookies"), list):
            msg = "storage_state must be Playwright's, with its list of cookies"
            raise ValueError(msg)
        return {"origins": [], **state}
    if (cookies := credentials.get("cookies")) is None:
        return None
    given = cookies if isinstance(cookies, list) else [cookies]
    return {"cookies": [_cookie(cookie, i, base_url) for i, cookie in enumerate(given)], "origins": []}


def _cookie(cookie: Any, i: int, base_url: str) -> dict[str, Any]:
    if not isinstance(cookie, Mapping) or not all(isinstance(cookie.get(k), str) for k in ("name", "value")):
        msg = f"cookies.{i} must have a name and a value"
        raise ValueError(msg)
    is_https = urlsplit(base_url).scheme == "https"
    defaults = {
        "domain": urlsplit(base_url).hostname,
        "path": "/",
        "expires": -1,
        "httpOnly": False,
        "secure": is_https,
        "sameSite": "Lax",
    }
    return {
        name: cookie.get(name, default) for name, default in {"name": "", "value": "", **defaults}.items()
    }
