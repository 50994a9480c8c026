"""Browsers are shared by equal configurations, replaced when they die, hang or lose their driver, and ended with the pool."""

import anyio
import pytest
from playwright.async_api import Error as PlaywrightError

from automation.browser.pool import BrowserPool
from automation.errors import BrowserUnavailableError, PageLostError, PoolFullError, SessionRefusedError
from automation.stealth.options import BrowserConfig
from tests.fakes.driver import Drivers

ONE = BrowserConfig()
OTHER = BrowserConfig(locale="de-DE")
STATE = {"cookies": [{"name": "sid"}], "origins": []}


@pytest.fixture
def drivers():
    return Drivers()


@pytest.fixture
async def pool(drivers, program):
    pool = BrowserPool(program, 2, 1, run_driver=drivers.run, answers_s=0.01)
    yield pool
    await pool.close()


# -- places --------------------------------------------------------------------------------------------------------------


async def test_pages_have_so_many_places_and_get_them_back(pool):
    async with pool.page_slot(), pool.page_slot():
        with pytest.raises(PoolFullError):
            async with pool.page_slot():
                pass
        held = pool.status()["pages"]

    assert (held, pool.status()["pages"]) == (2, 0)


async def test_turns_stream_in_the_order_in_which_they_came(pool):
    order = []

    async def stream(name):
        async with pool.streaming_slot(None):
            order.append(name)

    async with anyio.create_task_group() as tasks, pool.streaming_slot(None):
        for name in "abc":
            tasks.start_soon(stream, name)
            await anyio.wait_all_tasks_blocked()
        waiting = pool.status()["waiting_to_stream"]

    assert (waiting, order) == (3, ["a", "b", "c"])


async def test_a_turn_that_waits_too_long_or_is_cancelled_takes_no_place(pool):
    async with pool.streaming_slot(None):
        with pytest.raises(PoolFullError):
            async with pool.streaming_slot(0.001):
                pass
        with anyio.move_on_after(0.001):
            async with pool.streaming_slot(None):
                pass

    assert (pool.status()["streaming"], pool.status()["waiting_to_stream"]) == (0, 0)


# -- starting ------------------------------------------------------------------------------------------------------------


async def test_equal_configurations_share_a_browser_and_others_have_their_own(pool, drivers):
    async with anyio.create_task_group() as tasks:
        for config in (ONE, ONE, OTHER):
            tasks.start_soon(pool.new_context, config, None)

    assert [len(browser.contexts) for browser in drivers.browsers] == [2, 1]
    assert len(drivers.started) == 1
    assert pool.browsers == drivers.browsers


async def test_without_a_browser_the_pool_says_why_and_nothing_was_started(drivers):
    pool = BrowserPool("/no/such/program", 2, run_driver=drivers.run)

    with pytest.raises(BrowserUnavailableError):
        await pool.new_context(ONE, None)
    assert "/no/such/program" in pool.status()["problem"]
    await pool.close()


async def test_a_browser_that_dies_while_it_starts_is_lost(pool, drivers):
    drivers.is_deadly = True

    with pytest.raises(PageLostError, match="lost while it started"):
        await pool.new_context(ONE, None)
    assert pool.browsers == []


# -- ends ----------------------------------------------------------------------------------------------------------------


async def test_a_browser_that_died_is_replaced_at_the_next_context(pool, drivers):
    first = await pool.new_context(ONE, None)
    drivers.browsers[0].die()

    second = await pool.new_context(ONE, None)

    assert second.browser is drivers.browsers[1]
    assert await pool.until_gone(first.browser) == "browser_gone"
    assert (pool.is_gone(first.browser), pool.is_gone(second.browser)) == (True, False)
    assert pool.ends == {"browser_gone": 1}


async def test_a_death_that_nobody_noticed_costs_the_context_only_a_second_try(pool, drivers):
    await pool.new_context(ONE, STATE)
    drivers.browsers[0].refuses = PlaywrightError("Target closed")
    drivers.browsers[0].hangs = True

    context = await pool.new_context(ONE, STATE)

    assert context.browser is drivers.browsers[1]
    assert context.given == STATE


@pytest.mark.parametrize(("state", "error"), [(STATE, SessionRefusedError), (None, PageLostError)])
async def test_a_living_browser_that_opens_no_context_does_not_take_the_session(pool, drivers, state, error):
    await pool.new_context(ONE, None)
    drivers.browsers[0].refuses = PlaywrightError("Invalid cookie fields")

    with pytest.raises(error) as caught:
        await pool.new_context(ONE, state)
    assert type(caught.value) is error
    assert len(drivers.browsers) == 1


async def test_a_browser_that_hangs_is_ended_and_whoever_watches_it_told(pool, drivers):
    context = await pool.new_context(ONE, None)
    ends = []

    async def watch():
        ends.append(await pool.until_gone(context.browser))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        drivers.browsers[0].hangs = True
        await pool.examine(context.browser)

    assert ends == ["browser_hung"]
    assert not drivers.browsers[0].is_alive


async def test_a_browser_that_answers_is_left_alone(pool, drivers):
    context = await pool.new_context(ONE, None)

    await pool.examine(context.browser)

    assert not pool.is_gone(context.browser)


async def test_a_dead_driver_takes_all_its_browsers_along_and_a_new_one_is_started(pool, drivers):
    contexts = [await pool.new_context(ONE, None), await pool.new_context(OTHER, None)]
    ends = []

    async def watch(browser):
        ends.append(await pool.until_gone(browser))

    async with anyio.create_task_group() as tasks:
        for context in contexts:
            tasks.start_soon(watch, context.browser)
        await anyio.wait_all_tasks_blocked()
        drivers.started[0].is_alive = False
        await pool.examine(contexts[0].browser)
    again = await pool.new_context(ONE, None)

    assert ends == ["driver_gone", "driver_gone"]
    assert again.browser is drivers.started[1].browsers[0]


async def test_the_heartbeat_finds_what_tells_nothing_by_itself(drivers, program):
    pool = BrowserPool(program, 2, run_driver=drivers.run, answers_s=0.01, heartbeat_s=0.001)
    context = await pool.new_context(ONE, None)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pool.watch)
        drivers.browsers[0].hangs = True
        assert context.browser is not None
        end = await pool.until_gone(context.browser)
        tasks.cancel_scope.cancel()

    assert end == "browser_hung"
    await pool.close()


async def test_a_browser_that_is_gone_has_no_processes(pool, drivers):
    context = await pool.new_context(ONE, None)
    kinds = [process.kind for process in await pool.processes(context.browser)]
    drivers.browsers[0].die()

    with pytest.raises(PageLostError):
        await pool.processes(context.browser)
    assert kinds == ["browser", "network"]


# -- an account's own ----------------------------------------------------------------------------------------------------


async def test_an_own_browser_is_ended_alone_and_that_counts_as_no_loss(pool, drivers, tmp_path):
    shared = await pool.new_context(ONE, None)
    own = await pool.open_own(ONE, tmp_path)

    await pool.close_own(own.browser)

    assert [browser.is_alive for browser in drivers.browsers] == [True, False]
    assert not pool.is_gone(shared.browser)
    assert pool.ends == {}


async def test_who_opens_its_own_again_has_lost_the_one_before(pool, drivers, tmp_path):
    await pool.open_own(ONE, tmp_path)

    await pool.open_own(ONE, tmp_path)

    assert [browser.is_alive for browser in drivers.browsers] == [False, True]
    assert pool.ends == {"browser_gone": 1}


async def test_the_end_of_the_pool_is_the_end_of_every_browser_and_no_loss(drivers, program):
    pool = BrowserPool(program, 2, run_driver=drivers.run)
    await pool.new_context(ONE, None)
    await pool.new_context(OTHER, None)

    await pool.close()

    assert [browser.is_alive for browser in drivers.browsers] == [False, False]
    assert (pool.browsers, pool.ends) == ([], {})
