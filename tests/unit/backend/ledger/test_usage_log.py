"""Records wait for the database and are lost by nobody but a kill."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.errors import StorageError
from backend.ledger.usage_log import UsageLog, UsageRecord, open_usage_log

RECORD = UsageRecord(
    datetime(2026, 11, 26, tzinfo=UTC), "req", "", "api", "m", "finished", False, 7, 5, False, None, 1.0, 2.0
)


class Kept:
    def __init__(self) -> None:
        self.records: list[UsageRecord] = []
        self.is_away = False

    async def add_records(self, records):
        if self.is_away:
            raise StorageError
        self.records += records

    async def totals(self, since, endpoint, owner):
        return []


async def test_what_could_not_be_written_is_written_in_order_later():
    kept = Kept()
    log = UsageLog(kept)
    kept.is_away = True
    log.note(RECORD)
    log.note(RECORD._replace(request_id="second"))
    with pytest.raises(StorageError):
        await log.flush()
    kept.is_away = False
    log.note(RECORD._replace(request_id="third"))

    await log.flush()

    assert [record.request_id for record in kept.records] == ["req", "second", "third"]


async def test_the_end_writes_what_waits():
    kept = Kept()

    async with open_usage_log(kept) as log:
        log.note(RECORD)

    assert kept.records == [RECORD]


async def test_totals_have_the_newest_records():
    kept = Kept()
    log = UsageLog(kept)
    log.note(RECORD)

    await log.totals()

    assert kept.records == [RECORD]
