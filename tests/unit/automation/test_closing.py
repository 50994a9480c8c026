"""What is closed may be gone already, or hang."""

import anyio
from playwright.async_api import Error as PlaywrightError

from automation.closing import close_if_alive, close_within


class Thing:
    """A page that closes once it may, or raises."""

    def __init__(self, error=None):
        self.error = error
        self.closed = False
        self.may_close = anyio.Event()

    async def close(self):
        if self.error is not None:
            raise self.error
        await self.may_close.wait()
        self.closed = True


async def test_what_is_gone_already_counts_as_closed():
    await close_if_alive(Thing(PlaywrightError("Target closed")))

    assert await close_within(Thing(PlaywrightError("Target closed")), 60)


async def test_what_hangs_is_left_after_the_limit():
    thing = Thing()

    assert not await close_within(thing, 0.001)
    assert not thing.closed


async def test_a_cancelled_task_still_closes():
    thing = Thing()
    done = []
    async with anyio.create_task_group() as tasks:

        async def hold():
            try:
                await anyio.sleep_forever()
            finally:
                done.append(await close_within(thing, 60))

        tasks.start_soon(hold)
        await anyio.wait_all_tasks_blocked()

        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.wait_all_tasks_blocked()
            thing.may_close.set()

    assert (done, thing.closed) == ([True], True)
