"""A context that is entered in one task may be left in another, and tells its errors to whoever enters it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import anyio
import pytest

from automation.library.kept_open import KeptOpen


class Resource:
    def __init__(self):
        self.log: list[str] = []
        self.may_open = asyncio.Event()
        self.may_open.set()

    @asynccontextmanager
    async def held(self):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            try:
                await self.may_open.wait()
                self.log.append("open")
                yield self
            finally:
                self.log.append("closed")
                tasks.cancel_scope.cancel()


async def test_a_task_group_may_be_left_from_another_task_than_it_was_entered_in():
    resource = Resource()
    kept = KeptOpen(resource.held())

    value = await asyncio.create_task(kept.open())
    await asyncio.create_task(kept.close())

    assert value is resource
    assert resource.log == ["open", "closed"]


async def test_an_error_while_opening_is_told_as_it_is():
    is_broken = True

    @asynccontextmanager
    async def broken():
        if is_broken:
            raise LookupError("no way")
        yield

    with pytest.raises(LookupError, match="no way"):
        await KeptOpen(broken()).open()


async def test_an_error_while_closing_is_told_by_close_and_only_once():
    @asynccontextmanager
    async def broken():
        yield 1
        raise LookupError("at the end")

    kept = KeptOpen(broken())
    await kept.open()

    with pytest.raises(LookupError, match="at the end"):
        await kept.close()
    await kept.close()


async def test_one_who_gives_up_waiting_leaves_nothing_open():
    resource = Resource()
    resource.may_open.clear()
    opening = asyncio.create_task(KeptOpen(resource.held()).open())
    await asyncio.sleep(0)

    opening.cancel()
    await asyncio.wait({opening})

    assert opening.cancelled()
    assert resource.log == ["closed"]


async def test_a_generator_that_is_dropped_half_read_closes_what_it_held():
    resource = Resource()

    async def numbers():
        async with KeptOpen(resource.held()):
            yield 1
            yield 2

    got = numbers()
    first = await anext(got)
    await got.aclose()

    assert (first, resource.log) == (1, ["open", "closed"])


async def test_closing_what_was_never_opened_is_harmless():
    resource = Resource()

    await KeptOpen(resource.held()).close()

    assert resource.log == []
