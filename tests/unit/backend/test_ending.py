from __future__ import annotations

import anyio
import pytest

from backend.ending import Ending


async def test_the_end_waits_for_answers_that_run():
    ending = Ending()
    ending.enter()
    ending.enter()
    ending.begin()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ending.until_idle_or_cut)
        await anyio.wait_all_tasks_blocked()
        ending.leave()
        await anyio.wait_all_tasks_blocked()
        waiting = ending.running
        ending.leave()

    assert waiting == 1


@pytest.mark.parametrize("cuts", [1, 2])
async def test_a_cut_ends_the_wait_and_tells_everybody_who_asked_to_be_told(cuts):
    ending, told = Ending(), list[str]()
    kept, gone = lambda: told.append("kept"), lambda: told.append("gone")
    ending.enter()
    ending.add(kept)
    ending.add(gone)
    ending.discard(gone)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ending.until_idle_or_cut)
        await anyio.wait_all_tasks_blocked()
        for _ in range(cuts):
            ending.cut()

    assert told == ["kept"] * cuts
    assert (ending.is_begun, ending.is_cut, ending.running) == (True, True, 1)


async def test_where_nothing_runs_there_is_nothing_to_wait_for():
    ending = Ending()

    await ending.until_idle()
    await ending.until_idle_or_cut()


async def test_after_a_cut_the_end_still_waits_for_what_is_being_ended():
    ending = Ending()
    ending.enter()
    ending.cut()

    with anyio.move_on_after(0.05) as waiting:
        await ending.until_idle()
    ending.leave()
    await ending.until_idle()

    assert waiting.cancelled_caught
