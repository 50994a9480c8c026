"""Every repository on one database, opened together: what is kept of a new thing gets its repository here."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import anyio

from backend.accounts.vault import Vault
from backend.persistence.accounts import SqlAccounts
from backend.persistence.conversations import SqlConversations
from backend.persistence.endpoints import SqlEndpoints
from backend.persistence.engine import database_problem, open_database
from backend.persistence.key_rotation import reseal
from backend.persistence.responses import SqlResponses
from backend.persistence.rotations import SqlRotations
from backend.persistence.sessions import SqlSessions
from backend.persistence.usage import SqlUsage

_FRESH_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Repositories:
    """What is kept in the database.

    Attributes:
        problem: Returns what is wrong with the database, or None.
    """

    accounts: SqlAccounts
    conversations: SqlConversations
    endpoints: SqlEndpoints
    responses: SqlResponses
    rotations: SqlRotations
    sessions: SqlSessions
    usage: SqlUsage
    problem: Callable[[], Awaitable[str | None]]


class _KnownProblem:
    """What is wrong with the database, looked for at most every two seconds: strangers may ask, and it writes."""

    def __init__(self, look: Callable[[], Awaitable[str | None]]) -> None:
        self._look = look
        self._looking = anyio.Lock()
        self._known: str | None = None
        self._until_s = 0.0

    async def find(self) -> str | None:
        """Return it as it is now, or was a moment ago."""
        async with self._looking:
            if time.monotonic() >= self._until_s:
                self._known = await self._look()
                self._until_s = time.monotonic() + _FRESH_S
            return self._known


@asynccontextmanager
async def open_repositories(
    database_url: str,
    vault: Vault,
    *,
    has_old_keys: bool = False,
    max_conversations: int = 1000,
    conversation_max_age: timedelta | None = None,
    max_responses: int = 100,
    response_max_age: timedelta = timedelta(hours=24),
) -> AsyncIterator[Repositories]:
    """Connect to the database, migrate it, and put right what a gateway that was killed, or an old key, left in it.

    Raises:
        DatabaseAddressError: The address can't be used.
        VaultError: A secret was sealed with a key that is not known.
        sqlalchemy.exc.SQLAlchemyError, OSError: The database can't be reached or migrated.
    """
    async with open_database(database_url) as engine:
        if has_old_keys:
            await reseal(engine, vault)
        conversations = SqlConversations(engine, most=max_conversations, max_age=conversation_max_age)
        await conversations.forget_unfinished()
        yield Repositories(
            accounts=SqlAccounts(engine, vault),
            conversations=conversations,
            endpoints=SqlEndpoints(engine, vault),
            responses=SqlResponses(engine, most=max_responses, max_age=response_max_age),
            rotations=SqlRotations(engine),
            sessions=SqlSessions(engine),
            usage=SqlUsage(engine),
            problem=_KnownProblem(partial(database_problem, engine)).find,
        )
