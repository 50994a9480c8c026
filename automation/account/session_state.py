"""Protocol for the storage of a signed-in session between runs; its implementation encrypts."""

from __future__ import annotations

from typing import Any, Protocol

StorageState = dict[str, Any]
"""Playwright's ``storage_state``: ``{"cookies": [...], "origins": [...]}``."""


class SessionNotKeptError(Exception):
    """The store could not keep a session; ``str()`` says what to do. The one before it stays."""


class SessionStore(Protocol):
    """Keeps one account's session. What it keeps is as secret as a password."""

    async def load(self) -> StorageState | None:
        """Return the stored session, or None when there is none or no key opens it.

        Raises:
            SessionUnavailableError: The store can't be used.
        """
        ...

    async def save(self, state: StorageState) -> None:
        """Replace the stored session.

        Raises:
            SessionNotKeptError: It can't be written; the one before it stays.
        """
        ...

    async def clear(self) -> None:
        """Forget the stored session, because the site no longer accepts it.

        Raises:
            SessionUnavailableError: The store can't be used.
        """
        ...
