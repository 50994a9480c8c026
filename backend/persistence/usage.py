"""SQL repository of usage records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import case, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.ledger.usage_log import UsageRecord, UsageTotal
from backend.persistence.engine import transaction
from backend.persistence.tables import UsageRow

_AT_ONCE = 64
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
        is_sqlite = self._engine.dialect.name == "sqlite"
        async with transaction(self._engine) as connection:
            # A few at a time: each piece keeps the event loop from requests for as long as it takes to bind it.
            for begin in range(0, len(records), _AT_ONCE):
                piece = records[begin : begin + _AT_ONCE]
                rows = [_for_sqlite(record) for record in piece] if is_sqlite else [*map(tuple, piece)]
                await connection.exec_driver_sql(self._insertion, rows)

    @cached_property
    def _insertion(self) -> str:
        """The insertion in the database's own words: bound by SQLAlchemy, a row takes ten times as long."""
        compiled = insert(UsageRow).compile(
            dialect=self._engine.dialect, column_keys=list(UsageRecord._fields)
        )
        return compiled.string

    async def totals(
        self, since: datetime | None, endpoint: str | None, owner: str | None = None
    ) -> list[UsageTotal]:
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
        if owner is not None:
            query = query.where(row.owner == owner)
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [UsageTotal(e, m, n, int(f), int(i), int(o), float(c)) for e, m, n, f, i, o, c in rows]


def _for_sqlite(record: UsageRecord) -> tuple[Any, ...]:
    # As SQLAlchemy's DateTime writes it: SQLite has no type for times.
    return (record.at.replace(tzinfo=None).isoformat(" ", "microseconds"), *record[1:])
