"""Keeps usage records in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import case, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.ledger.usage_log import UsageRecord, UsageTotal
from backend.persistence.engine import transaction
from backend.persistence.tables import UsageRow

_GOOD = ("finished", "cancelled")


class SqlUsage:
    """A ``UsageRepository`` on SQLite or PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add_records(self, records: Sequence[UsageRecord]) -> None:
        """Keep these, all or none.

        Raises:
            StorageError: The database can't be used.
        """
        async with transaction(self._engine) as connection:
            await connection.execute(insert(UsageRow), [record._asdict() for record in records])

    async def totals(self, since: datetime | None, endpoint: str | None) -> list[UsageTotal]:
        """Return the totals by endpoint and model, the most expensive first, then the most used.

        Raises:
            StorageError: The database can't be used.
        """
        row = UsageRow
        requests = func.count()
        cost = func.coalesce(func.sum(row.cost_usd), 0.0)
        query = (
            select(
                row.endpoint,
                row.model,
                requests,
                func.sum(case((row.outcome.in_(_GOOD), 0), else_=1)),
                func.coalesce(func.sum(row.input_tokens), 0),
                func.coalesce(func.sum(row.output_tokens), 0),
                cost,
            )
            .group_by(row.endpoint, row.model)
            .order_by(cost.desc(), requests.desc(), row.endpoint, row.model)
        )
        if since is not None:
            query = query.where(row.at >= since)
        if endpoint is not None:
            query = query.where(row.endpoint == endpoint)
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [UsageTotal(e, m, n, int(f), int(i), int(o), float(c)) for e, m, n, f, i, o, c in rows]
