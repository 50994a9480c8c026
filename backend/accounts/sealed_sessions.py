"""Stores signed-in sessions encrypted, one per endpoint and account."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

import orjson

from automation.account.session_state import SessionNotKeptError, StorageState
from automation.errors import SessionUnavailableError
from backend.accounts.vault import Vault, VaultError
from backend.errors import StorageError

logger = logging.getLogger(__name__)


class SessionRepository(Protocol):
    """Stores sealed text by endpoint and account."""

    async def load_session(self, slug: str, account: str) -> str | None:
        """Return what was saved, or None.

        Raises:
            StorageError: It can't be read.
        """
        ...

    async def save_session(self, slug: str, account: str, sealed: str) -> None:
        """Replace what was saved. Saving for an endpoint that is gone does nothing.

        Raises:
            StorageError: It can't be written; what was saved before stays.
        """
        ...

    async def clear_session(self, slug: str, account: str) -> None:
        """Forget what was saved.

        Raises:
            StorageError: It can't be removed.
        """
        ...


class SealedSessions:
    """Encrypted session store of one account (an ``automation`` ``SessionStore``).

    What else is kept of it, such as a browser's profile, is forgotten with it by ``forget_rest``.
    """

    def __init__(
        self,
        repository: SessionRepository,
        vault: Vault,
        slug: str,
        account: str,
        forget_rest: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._forget_rest = forget_rest
        self._repository = repository
        self._vault = vault
        self._slug = slug
        self._account = account
        self._purpose = f"session/{slug}/{account}"

    async def load(self) -> StorageState | None:
        """Return the stored session, or None when there is none or no known key opens it.

        Raises:
            SessionUnavailableError: The database can't be used.
        """
        try:
            sealed = await self._repository.load_session(self._slug, self._account)
        except StorageError as exc:
            raise SessionUnavailableError from exc
        if sealed is None:
            return None
        try:
            state: StorageState = orjson.loads(self._vault.unseal(sealed, self._purpose))
        except VaultError:
            logger.warning("stored_session_unreadable", extra={"endpoint": self._slug})
            return None
        return state

    async def save(self, state: StorageState) -> None:
        """Replace the stored session.

        Raises:
            SessionNotKeptError: The database can't be written; the session before stays.
        """
        sealed = self._vault.seal(orjson.dumps(state), self._purpose)
        try:
            await self._repository.save_session(self._slug, self._account, sealed)
        except StorageError as exc:
            raise SessionNotKeptError(
                f"The database can't be written ({type(exc.__cause__).__name__}), so endpoint {self._slug!r} keeps the session "
                "that was stored before. Free some space where the database is, or see why it can't be written; "
                "the session is stored with the next turn."
            ) from exc

    async def clear(self) -> None:
        """Forget the stored session, because the site no longer accepts it.

        Raises:
            SessionUnavailableError: The database can't be used.
        """
        try:
            await self._repository.clear_session(self._slug, self._account)
        except StorageError as exc:
            raise SessionUnavailableError from exc
        if self._forget_rest is not None:
            await self._forget_rest()
