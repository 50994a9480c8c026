"""Rotations, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from backend.errors import NameTakenError, StorageError
from backend.gateway.routing.rotations import Rotation
from backend.persistence.engine import open_database
from backend.persistence.rotations import SqlRotations


def rotation(name: str = "fast", **fields: object) -> Rotation:
    body = {"name": name, "providers": [{"provider_id": "demo", "models": [{"name": "m", "weight": 2.5}]}]}
    return Rotation.model_validate({**body, **fields})


@pytest.fixture
async def engine(database_url):
    async with open_database(database_url) as opened:
        yield opened


@pytest.fixture
async def rotations(engine) -> SqlRotations:
    return SqlRotations(engine)


async def test_rotations_come_back_whole_in_the_order_of_their_creation(rotations):
    kept = [rotation("z", strategy="cost", fallbacks=("demo/x", "a")), rotation("a")]
    for one in kept:
        await rotations.add_rotation(one)

    assert await rotations.list_rotations() == kept


async def test_a_name_is_taken_once(rotations):
    await rotations.add_rotation(rotation())

    with pytest.raises(NameTakenError):
        await rotations.add_rotation(rotation(strategy="cost"))

    assert await rotations.list_rotations() == [rotation()]


async def test_a_replaced_rotation_is_kept_as_the_new_one(rotations):
    await rotations.add_rotation(rotation())
    await rotations.update_rotation(rotation(strategy="round_robin"))

    assert await rotations.list_rotations() == [rotation(strategy="round_robin")]


async def test_a_deleted_rotation_is_gone(rotations):
    await rotations.add_rotation(rotation())
    await rotations.delete_rotation("fast")

    assert await rotations.list_rotations() == []


async def test_a_database_that_refuses_is_told_as_such(rotations, engine):
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE rotations"))

    with pytest.raises(StorageError):
        await rotations.list_rotations()
