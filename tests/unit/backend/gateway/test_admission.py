from __future__ import annotations

import asyncio
import time

import anyio
import pytest

from backend.errors import QueueFullError, RateExceededError
from backend.gateway import admission
from backend.gateway.admission import MOST_WAIT_S, Admission


async def settle() -> None:
    for _ in range(5):
        await anyio.lowlevel.checkpoint()


async def test_places_are_given_in_the_order_of_arrival():
    entrance, order = Admission(), []

    async def visit(name: str) -> None:
        await entrance.acquire("e", 1, None)
        order.append(name)

    await entrance.acquire("e", 1, None)
    async with anyio.create_task_group() as tasks:
        for name in "abc":
            tasks.start_soon(visit, name)
            await settle()
        for _ in range(3):
            entrance.release(1)
            await settle()

    assert order == ["a", "b", "c"]
    assert entrance.waiting == 0


@pytest.mark.parametrize(
    ("arrivals", "served"),
    [
        (["a1", "a2", "a3", "b1"], ["a1", "b1", "a2", "a3"]),
        (["a1", "a2", "b1", "b2", "c1"], ["a1", "b1", "c1", "a2", "b2"]),
        (["a1", "b1", "b2", "a2"], ["a1", "b1", "a2", "b2"]),
    ],
)
async def test_callers_are_served_in_turn_however_many_requests_each_has(
    arrivals: list[str], served: list[str]
):
    entrance, order = Admission(), []

    async def visit(name: str) -> None:
        await entrance.acquire("e", 1, None, owner=name[0])
        order.append(name)

    await entrance.acquire("e", 1, None, owner="a")
    async with anyio.create_task_group() as tasks:
        for name in arrivals:
            tasks.start_soon(visit, name)
            await settle()
        for _ in arrivals:
            entrance.release(1)
            await settle()

    assert order == served
    assert entrance.waiting == 0


async def test_a_caller_who_gave_up_has_no_turn_any_more():
    entrance, order = Admission(), []

    async def visit(owner: str) -> None:
        await entrance.acquire("e", 1, None, owner=owner)
        order.append(owner)

    await entrance.acquire("e", 1, None)
    with anyio.move_on_after(0.01):
        await entrance.acquire("e", 1, None, owner="gone")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(visit, "b")
        await settle()
        entrance.release(1)

    assert order == ["b"]


async def test_nobody_overtakes_those_who_wait():
    entrance = Admission()
    await entrance.acquire("e", 1, None)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(entrance.acquire, "e", 1, None)
        await settle()
        tasks.start_soon(entrance.acquire, "e", 2, None)
        await settle()

        waiting = entrance.waiting
        entrance.release(1)
        entrance.release(1)

    assert waiting == 2


async def test_who_gives_up_leaves_the_queue():
    entrance = Admission()
    await entrance.acquire("e", 1, None)

    with anyio.move_on_after(0.01):
        await entrance.acquire("e", 1, None)
    entrance.release(1)

    assert entrance.waiting == 0
    with anyio.fail_after(200):
        await entrance.acquire("e", 1, None)


async def test_a_place_that_comes_with_the_cancellation_goes_to_the_next():
    entrance = Admission()
    await entrance.acquire("e", 1, None)
    gives_up = asyncio.create_task(entrance.acquire("e", 1, None))
    await settle()
    visits = asyncio.create_task(entrance.acquire("e", 1, None))
    await settle()

    entrance.release(1)
    gives_up.cancel()

    with anyio.fail_after(200):
        await visits
    assert gives_up.cancelled()


async def test_who_waits_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(admission, "MOST_WAIT_S", 0.01)
    entrance = Admission()
    await entrance.acquire("e", 1, None)

    with pytest.raises(QueueFullError) as caught:
        await entrance.acquire("e", 1, None)

    assert caught.value.retry_after_s > 0


async def test_a_minute_has_a_limit_that_slides():
    now = 0.0
    entrance = Admission(lambda: now)
    await entrance.acquire("e", 9, 2)
    now = 30.0
    await entrance.acquire("e", 9, 2)

    now = 59.0
    with pytest.raises(RateExceededError) as caught:
        await entrance.acquire("e", 9, 2)
    now = 60.0
    await entrance.acquire("e", 9, 2)

    assert caught.value.retry_after_s == 1.0


async def test_requests_are_kept_apart():
    entrance, starts, began_s = Admission(), [], time.monotonic()

    async def acquire() -> None:
        await entrance.acquire("api", 10, None, min_delay_s=0.05)
        starts.append(time.monotonic() - began_s)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(acquire)

    # Not from one to the next: one that a busy machine noted late would be too near to the one after it.
    assert all(at_s > number * 0.05 - 0.005 for number, at_s in enumerate(starts))
    assert len(starts) == 3


async def test_who_would_wait_too_long_for_the_delay_is_told_when_to_come_back():
    now = 1000.0
    entrance = Admission(lambda: now)
    await entrance.acquire("api", 10, None, min_delay_s=MOST_WAIT_S + 30)

    with pytest.raises(QueueFullError) as caught:
        await entrance.acquire("api", 10, None, min_delay_s=MOST_WAIT_S + 30)

    assert caught.value.retry_after_s == 30
