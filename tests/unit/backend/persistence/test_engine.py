"""Transactions that are cancelled, at any moment."""

import asyncio

import anyio
import pytest
from sqlalchemy import text

from backend.persistence.engine import open_database, transaction


@pytest.mark.parametrize("moments", range(0, 40, 4))
async def test_a_cancelled_transaction_leaves_no_task_that_waits_for_ever(database_url, moments):
    async def work(engine):
        async with transaction(engine) as connection:
            for _ in range(20):
                await connection.execute(text("SELECT 1"))

    before = asyncio.all_tasks()
    async with open_database(database_url) as engine, anyio.create_task_group() as tasks:
        tasks.start_soon(work, engine)
        for _ in range(moments):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()

    assert asyncio.all_tasks() - before == set()


async def test_a_transaction_that_began_ends_whatever_is_cancelled_meanwhile(database_url):
    began = anyio.Event()

    async def work(engine):
        async with transaction(engine) as connection:
            await connection.execute(text("CREATE TABLE kept (n INTEGER)"))
            began.set()
            await connection.execute(text("INSERT INTO kept VALUES (1)"))

    async with open_database(database_url) as engine:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work, engine)
            await began.wait()
            tasks.cancel_scope.cancel()

        async with transaction(engine) as connection:
            assert (await connection.execute(text("SELECT n FROM kept"))).all() == [(1,)]
