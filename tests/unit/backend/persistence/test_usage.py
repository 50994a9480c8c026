"""Usage in the database, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.ledger.usage_log import UsageRecord
from backend.persistence.engine import open_database
from backend.persistence.usage import SqlUsage


def record(owner: str, endpoint: str = "demo") -> UsageRecord:
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return UsageRecord(at, "req_1", owner, endpoint, "m", "finished", False, 1, 2, False, 0.5, 1.0, 2.0)


@pytest.mark.parametrize(
    ("owner", "endpoint", "requests"),
    [(None, None, 4), ("ada", None, 2), ("", None, 1), ("eve", None, 0), ("ada", "other", 1)],
)
async def test_totals_are_everybodys_or_one_owners(database_url, owner, endpoint, requests):
    async with open_database(database_url) as engine:
        usage = SqlUsage(engine)
        await usage.add_records([record("ada"), record("ada", "other"), record("bob"), record("")])

        totals = await usage.totals(None, endpoint, owner)

    assert sum(total.requests for total in totals) == requests
