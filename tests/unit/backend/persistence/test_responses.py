"""Kept responses in the database, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from backend.errors import StorageError
from backend.gateway.kept_responses import SealedResponse
from backend.persistence.engine import open_database
from backend.persistence.responses import SqlResponses
from backend.persistence.tables import ResponseItemRow

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def engine(database_url):
    async with open_database(database_url) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(engine, clock) -> SqlResponses:
    return SqlResponses(engine, most=2, max_age=timedelta(hours=1), now=clock)


def response(number: int, *item_ids: str, owner: str = "ada") -> SealedResponse:
    return SealedResponse(owner, f"resp_{number}", item_ids or (f"msg_{number}",), f"sealed {number}")


async def test_a_response_comes_back_by_its_id_and_by_its_items(kept):
    await kept.add_response(response(1, "rs_1", "msg_1"))

    found = await kept.find_response("ada", "resp_1")
    of_items = await kept.find_responses_of("ada", ["msg_1", "msg_2"])

    assert found == SealedResponse("ada", "resp_1", (), "sealed 1")
    assert of_items == [SealedResponse("ada", "resp_1", ["msg_1"], "sealed 1")]
    assert await kept.find_response("ada", "resp_2") is None
    assert await kept.find_responses_of("ada", []) == []


async def test_what_is_anothers_is_not_found(kept):
    await kept.add_response(response(1))
    await kept.add_response(response(1, owner=""))

    assert await kept.find_response("bob", "resp_1") is None
    assert await kept.find_responses_of("bob", ["msg_1"]) == []
    assert (await kept.find_response("", "resp_1")).owner == ""


async def test_the_newest_of_each_owner_are_kept_and_come_first(kept, clock, engine):
    for number in (1, 2, 3):
        clock.now = NOON + timedelta(minutes=number)
        await kept.add_response(response(number))
    await kept.add_response(response(1, owner="bob"))

    found = await kept.find_responses_of("ada", ["msg_1", "msg_2", "msg_3"])
    async with engine.connect() as connection:
        items = await connection.scalar(select(func.count()).select_from(ResponseItemRow))

    assert [one.id for one in found] == ["resp_3", "resp_2"]
    assert await kept.find_response("bob", "resp_1") is not None
    assert items == 3


async def test_what_is_too_old_is_not_found_and_forgotten_with_the_next(kept, clock, engine):
    await kept.add_response(response(1))
    clock.now = NOON + timedelta(hours=1, seconds=1)

    found, of_items = (
        await kept.find_response("ada", "resp_1"),
        await kept.find_responses_of("ada", ["msg_1"]),
    )
    await kept.add_response(response(2, owner="bob"))
    async with engine.connect() as connection:
        owners = set(await connection.scalars(select(ResponseItemRow.owner)))

    assert (found, of_items, owners) == (None, [], {"bob"})


async def test_an_id_that_is_given_again_means_the_newest(kept, clock):
    await kept.add_response(response(1, "msg_b"))
    clock.now = NOON + timedelta(minutes=1)
    await kept.add_response(SealedResponse("ada", "resp_1", ["msg_b"], "again"))
    await kept.add_response(SealedResponse("ada", "resp_2", ["msg_b", "msg_b"], "taken over"))

    assert (await kept.find_response("ada", "resp_1")).sealed == "again"
    assert [one.id for one in await kept.find_responses_of("ada", ["msg_b"])] == ["resp_2"]


async def test_a_tenth_more_than_are_kept_may_wait_for_the_next_pruning(engine, clock):
    kept = SqlResponses(engine, most=20, max_age=timedelta(hours=1), now=clock)
    counts = []
    for number in range(26):
        clock.now = NOON + timedelta(seconds=number)
        await kept.add_response(response(number))
        async with engine.connect() as connection:
            counts.append(await connection.scalar(select(func.count()).select_from(ResponseItemRow)))

    assert max(counts) <= 22
    assert 20 in counts[-2:]


async def test_what_the_database_cannot_hold_is_a_storage_error(kept):
    with pytest.raises(StorageError):
        await kept.add_response(SealedResponse(None, "resp_1", (), "x"))  # type: ignore[arg-type]
