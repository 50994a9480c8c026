"""SQL repository of encrypted sessions."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, delete, exists, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.persistence.engine import transaction
from backend.persistence.tables import EndpointRow, SessionRow


class SqlSessions:
    """A ``SessionRepository`` on SQLite or PostgreSQL; every method raises ``StorageError`` when the database can't be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def load_session(self, slug: str, account: str) -> str | None:
        """Return what was saved, or None."""
        wanted = select(SessionRow.sealed_state).where(_key(slug, account))
        async with transaction(self._engine) as connection:
            sealed: str | None = await connection.scalar(wanted)
        return sealed

    async def save_session(self, slug: str, account: str, sealed: str) -> None:
        """Replace what was saved. Saving for an endpoint that is gone does nothing.

        Raises:
            StorageError: It can't be written, as on a full disk; what was saved before stays.
        """
        row = select(literal(slug), literal(account), literal(sealed), literal(datetime.now(UTC)))
        columns = ["endpoint_slug", "account", "sealed_state", "updated_at"]
        is_there = exists().where(EndpointRow.slug == slug)
        async with transaction(self._engine) as connection:
            await connection.execute(delete(SessionRow).where(_key(slug, account)))
            await connection.execute(insert(SessionRow).from_select(columns, row.where(is_there)))

    async def clear_session(self, slug: str, account: str) -> None:
        """Forget what was saved."""
        async with transaction(self._engine) as connection:
            await connection.execute(delete(SessionRow).where(_key(slug, account)))


def _key(slug: str, account: str) -> ColumnElement[bool]:
    return (SessionRow.endpoint_slug == slug) & (SessionRow.account == account)
