"""Pages are lent one turn each, handed over whatever is cancelled when, replaced when lost and closed when idle."""

import math
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint

from automation.browser.capacity import Demand, WearLimits
from automation.browser.lease import LeasePool
from automation.errors import PageLostError, PoolFullError, UnreachableError

IDLE = Demand(waiting=0, free=1, settling=0, opening=0, lent=0)


class Page:
    """A page that notices when two use it at once."""

    def __init__(self, number):
        self.number = number
        self.lost = anyio.Event()
        self.settled = 0
        self.memory = None
        self.may_settle = anyio.Event()
        self.may_settle.set()
        self.settle_error = None
        self.in_use = False
        self.holds = None
        self.is_single_turn = True
        self.cleared = 0

    @asynccontextmanager
    async def used(self):
        assert not self.in_use, "two use one page at once"
        self.in_use = True
        try:
            yield
        finally:
            self.in_use = False

    async def settle(self):
        async with self.used():
            await self.may_settle.wait()
            if self.settle_error is not None:
                raise self.settle_error
            if self.lost.is_set():
                raise PageLostError("It was closed.")
            self.settled += 1

    async def clear(self):
        await self.settle()
        self.cleared += 1
        self.holds = None

    async def until_lost(self):
        await self.lost.wait()

    async def memory_bytes(self):
        return self.memory


class Site:
    """Opens pages, and counts them."""

    def __init__(self):
        self.pages = []
        self.tries = 0
        self.open = 0
        self.most_open = 0
        self.errors = []
        self.may_open = anyio.Event()
        self.may_open.set()
        self.may_close = anyio.Event()
        self.may_close.set()

    @asynccontextmanager
    async def open_page(self):
        self.tries += 1
        await self.may_open.wait()
        if self.errors:
            raise self.errors.pop(0)
        page = Page(len(self.pages))
        self.pages.append(page)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            yield page
        finally:
            with anyio.CancelScope(shield=True):
                await self.may_close.wait()
            self.open -= 1


@pytest.fixture
def site():
    return Site()


@asynccontextmanager
async def pool_of(site, **options):
    """A pool whose pages are closed with the block."""
    async with anyio.create_task_group() as tasks:
        yield LeasePool(site.open_page, tasks, **{"limit": 2, "idle_s": math.inf, **options})
        tasks.cancel_scope.cancel()


class Turn:
    """One lease in a task of its own, held until it is told to end."""

    def __init__(self, pool, tasks, timeout_s=None, chat=None):
        self.page = None
        self._chat = chat
        self.error = None
        self.scope = anyio.CancelScope()
        self.may_end = anyio.Event()
        self._pool = pool
        self._timeout_s = timeout_s
        tasks.start_soon(self._run)

    async def _run(self):
        try:
            with self.scope:
                async with self._pool.lend(self._timeout_s, self._chat) as page, page.used():
                    self.page = page
                    await self.may_end.wait()
        except (PoolFullError, UnreachableError) as exc:
            self.error = exc


async def rest():
    """Return when every task waits for something."""
    await anyio.wait_all_tasks_blocked()


async def until(is_true):
    """Return once the condition holds; the test's own timeout is the limit."""
    while not is_true():
        await checkpoint()


async def test_a_page_is_opened_on_demand_and_lent_again_after_it_was_made_ready(site):
    async with pool_of(site) as pool:
        before = site.tries
        async with pool.lend(None) as first:
            lent = pool.demand()
        async with pool.lend(None) as second:
            settled = second.settled
        await rest()

        assert before == 0
        assert lent == Demand(waiting=0, free=0, settling=0, opening=0, lent=1)
        assert second is first
        assert settled == 1
        assert pool.demand() == IDLE


async def test_an_error_of_the_turn_gives_the_page_back(site):
    async with pool_of(site) as pool:
        with pytest.raises(ZeroDivisionError):
            async with pool.lend(None):
                raise ZeroDivisionError
        await rest()

        assert pool.demand() == IDLE


async def test_the_second_at_once_gets_a_page_of_its_own_and_the_third_waits_for_one(site):
    async with pool_of(site) as pool, anyio.create_task_group() as tasks:
        turns = [Turn(pool, tasks) for _ in range(3)]
        await rest()
        waiting = pool.demand()
        turns[1].may_end.set()
        await rest()

        assert waiting == Demand(waiting=1, free=0, settling=0, opening=0, lent=2)
        assert turns[2].page is turns[1].page is not turns[0].page
        assert site.most_open == 2
        tasks.cancel_scope.cancel()


async def test_those_who_wait_are_served_in_the_order_they_came(site):
    async with pool_of(site, limit=1) as pool, anyio.create_task_group() as tasks:
        turns = [Turn(pool, tasks) for _ in range(4)]
        served = []
        for turn in turns:
            await rest()
            served.append([t.page is not None for t in turns])
            turn.may_end.set()

        assert served == [[True] * n + [False] * (4 - n) for n in range(1, 5)]


async def test_who_waits_too_long_is_told_so_and_no_longer_counted(site):
    async with pool_of(site, limit=1) as pool, pool.lend(None):
        with pytest.raises(PoolFullError) as caught:
            async with pool.lend(0.01):
                pass

        assert caught.value.waited_s == 0.01
        assert pool.demand().waiting == 0


async def test_who_was_served_in_the_moment_of_the_timeout_gets_the_page(site):
    async with pool_of(site, limit=1) as pool, anyio.create_task_group() as tasks:
        holder = Turn(pool, tasks)
        await rest()
        late = Turn(pool, tasks, timeout_s=0.01)
        await rest()
        # The page comes back while the loop is busy beyond the deadline: both are seen in one step.
        holder.may_end.set()
        until_late = anyio.current_time() + 0.02
        while anyio.current_time() < until_late:
            pass
        await rest()

        assert (late.page is site.pages[0]) != isinstance(late.error, PoolFullError)
        assert pool.demand().waiting == 0
        late.may_end.set()
        await rest()
        assert pool.demand() == IDLE


async def test_warm_pages_are_opened_beside_the_one_that_is_wanted(site):
    async with pool_of(site, limit=3, warm=2) as pool, pool.lend(None):
        await rest()

        assert pool.demand() == Demand(waiting=0, free=1, settling=0, opening=0, lent=1)


async def test_no_more_pages_are_kept_warm_than_may_be_open(site):
    async with pool_of(site, limit=1, warm=5) as pool:
        async with pool.lend(None):
            await rest()

        assert site.tries == 1


# -- cancellation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", range(14))
async def test_a_turn_cancelled_at_any_moment_leaves_a_page_for_the_next(site, steps):
    async with pool_of(site, limit=1) as pool, anyio.create_task_group() as tasks:
        turn = Turn(pool, tasks)
        for _ in range(steps):
            await checkpoint()

        turn.scope.cancel()
        await rest()

        assert pool.demand() == IDLE
        with anyio.fail_after(200):
            async with pool.lend(None) as page, page.used():
                assert page is site.pages[0]
        assert site.most_open == 1


@pytest.mark.parametrize("steps", range(14))
async def test_a_waiter_cancelled_at_any_moment_of_the_hand_over_passes_the_page_on(site, steps):
    async with pool_of(site, limit=1) as pool, anyio.create_task_group() as tasks:
        holder = Turn(pool, tasks)
        await rest()
        cancelled, next_in_line = Turn(pool, tasks), Turn(pool, tasks)
        await rest()

        holder.may_end.set()
        for _ in range(steps):
            await checkpoint()
        cancelled.scope.cancel()
        await rest()

        assert next_in_line.page is site.pages[0]
        assert pool.demand() == Demand(waiting=0, free=0, settling=0, opening=0, lent=1)
        next_in_line.may_end.set()
        await rest()
        assert pool.demand() == IDLE


@pytest.mark.parametrize("steps", range(10))
async def test_who_gives_up_at_any_moment_of_opening_leaves_the_page_free(site, steps):
    site.may_open = anyio.Event()
    async with pool_of(site, limit=1) as pool, anyio.create_task_group() as tasks:
        turn = Turn(pool, tasks)
        await rest()

        site.may_open.set()
        for _ in range(steps):
            await checkpoint()
        turn.scope.cancel()
        await rest()

        assert pool.demand() == IDLE


async def test_closing_the_task_group_ends_everything_at_once(site):
    async with anyio.create_task_group() as outer:
        async with pool_of(site, limit=3, warm=2) as pool:
            free_and_lent = Turn(pool, outer)
            await rest()
            site.may_open = anyio.Event()
            opening = [Turn(pool, outer), Turn(pool, outer), Turn(pool, outer)]
            await rest()
            demand = pool.demand()

        assert demand == Demand(waiting=2, free=0, settling=0, opening=1, lent=2)
        assert site.open == 0
        assert free_and_lent.page is not None
        # A page that those who still wait wanted would be the next to be cancelled, without end.
        assert (pool.limit, site.tries) == (0, 3)
        assert [turn.page is None for turn in opening] == [False, True, True]
        outer.cancel_scope.cancel()


# -- lost pages --------------------------------------------------------------------------------------------------------


async def test_a_page_that_is_lost_while_free_is_closed_and_replaced(site):
    async with pool_of(site) as pool:
        async with pool.lend(None):
            pass
        await rest()

        site.pages[0].lost.set()
        await rest()

        assert pool.demand() == IDLE
        assert (len(site.pages), site.open) == (2, 1)
        async with pool.lend(None) as page:
            assert page is site.pages[1]


async def test_a_page_that_is_lost_while_lent_stays_with_its_turn_and_is_replaced_afterwards(site):
    async with pool_of(site, limit=1) as pool:
        async with pool.lend(None) as page:
            page.lost.set()
            await rest()
            during = site.open
        await rest()

        assert during == 1
        assert pool.demand() == IDLE
        assert site.pages[0].settled == 0
        async with pool.lend(None) as page:
            assert page is site.pages[1]


async def test_a_page_that_is_lost_while_it_is_made_ready_is_never_lent_again(site):
    async with pool_of(site, limit=1) as pool, anyio.create_task_group() as tasks:
        async with pool.lend(None) as page:
            page.may_settle = anyio.Event()
        turn = Turn(pool, tasks)
        await rest()
        settling = pool.demand()
        page.lost.set()
        page.may_settle.set()
        await rest()

        assert settling == Demand(waiting=1, free=0, settling=1, opening=0, lent=0)
        assert turn.page is site.pages[1]
        assert site.most_open == 1
        turn.may_end.set()


async def test_a_page_is_replaced_after_its_last_turn_without_being_made_ready(site):
    async with pool_of(site, limit=1, worn=WearLimits(turns=2)) as pool:
        used = []
        for _ in range(3):
            async with pool.lend(None) as page:
                used.append(page.number)

        assert used == [0, 0, 1]
        assert site.pages[0].settled == 1


async def test_a_page_whose_memory_grew_is_replaced_after_its_turn(site):
    async with pool_of(site, limit=1, worn=WearLimits(memory_bytes=800)) as pool:
        used = []
        for memory in (800, 801, None):
            async with pool.lend(None) as page:
                used.append(page.number)
                page.memory = memory

        assert used == [0, 0, 1]
        assert pool.retired == {"memory": 1}


async def test_an_empty_page_that_is_too_old_is_replaced_while_nobody_uses_it(site):
    async with pool_of(site, limit=1, idle_s=0.01, worn=WearLimits(age_s=0.05)) as pool:
        async with pool.lend(None):
            pass
        while len(site.pages) < 2:
            await anyio.sleep(0.01)

        assert pool.retired["age"] >= 1
        assert site.most_open == 1


async def test_a_page_that_is_being_closed_still_takes_its_place(site):
    async with pool_of(site, limit=1, worn=WearLimits(turns=1)) as pool, anyio.create_task_group() as tasks:
        site.may_close = anyio.Event()
        async with pool.lend(None):
            pass
        await rest()
        turn = Turn(pool, tasks)
        await rest()
        while_closing = (turn.page, site.tries)
        site.may_close.set()
        await rest()

        assert while_closing == (None, 1)
        assert turn.page is site.pages[1]
        assert site.most_open == 1
        turn.may_end.set()


# -- pages that keep a chat ----------------------------------------------------------------------------------------------


async def chat_on(pool, chat, *, is_single_turn=True):
    """A turn that leaves its page with a chat that can go on."""
    async with pool.lend(None) as page:
        page.holds, page.is_single_turn = chat, is_single_turn
    await rest()
    return page


async def test_a_chat_goes_on_in_the_page_that_holds_it(site):
    async with pool_of(site, limit=3) as pool:
        first = await chat_on(pool, "a", is_single_turn=False)
        second = await chat_on(pool, "b", is_single_turn=False)
        kept = pool.demand().kept
        async with pool.lend(None, "a") as again:
            during = pool.demand()

        assert again is first is not second
        assert (kept, during.kept, during.lent, first.cleared) == (2, 1, 1, 0)


async def test_a_chat_that_no_page_holds_gets_an_empty_page(site):
    async with pool_of(site) as pool:
        await chat_on(pool, "a")
        async with pool.lend(None, "gone") as page:
            assert page.holds is None


async def test_another_page_is_opened_before_a_chat_is_given_up(site):
    async with pool_of(site, limit=2) as pool:
        first = await chat_on(pool, "a", is_single_turn=False)
        async with pool.lend(None) as page:
            assert page is not first

        assert first.holds == "a"


async def test_the_least_recently_used_chat_gives_way_when_no_page_is_left(site):
    async with pool_of(site, limit=2) as pool:
        first = await chat_on(pool, "a", is_single_turn=False)
        second = await chat_on(pool, "b", is_single_turn=False)
        async with pool.lend(None, "a"):
            pass
        await rest()
        async with pool.lend(None) as page:
            assert page is second
            assert page.holds is None

        assert (first.holds, first.cleared, second.cleared) == ("a", 0, 1)


async def test_an_empty_page_is_opened_before_anybody_has_to_wait_for_it(site):
    async with pool_of(site, limit=3) as pool:
        await chat_on(pool, "a")

        assert pool.demand() == Demand(waiting=0, free=1, settling=0, opening=0, lent=0, kept=1)


async def test_an_old_chat_of_a_single_turn_is_cleared_before_anybody_has_to_wait_for_its_page(site):
    async with pool_of(site, limit=3) as pool:
        pages = [await chat_on(pool, chat) for chat in "abc"]

        assert [page.cleared for page in pages] == [1, 0, 0]
        assert pool.demand() == Demand(waiting=0, free=1, settling=0, opening=0, lent=0, kept=2)


async def test_the_latest_chat_and_those_with_several_turns_are_not_cleared_unasked(site):
    async with pool_of(site, limit=3) as pool:
        pages = [await chat_on(pool, chat, is_single_turn=chat == "c") for chat in "abc"]

        assert [page.cleared for page in pages] == [0, 0, 0]
        assert pool.demand().kept == 3


async def test_who_asks_one_question_after_the_other_finds_half_of_the_pages_empty(site):
    async with pool_of(site, limit=4) as pool:
        async with AsyncExitStack() as at_once:
            for chat in "abcd":
                page = await at_once.enter_async_context(pool.lend(None))
                page.holds = chat
        await rest()

        assert pool.demand() == Demand(waiting=0, free=2, settling=0, opening=0, lent=0, kept=2)


@pytest.mark.parametrize(("spare", "opened"), [(True, 1), (False, 0)])
async def test_that_somebody_waits_for_a_page_to_be_emptied_makes_the_pool_grow_where_it_may(
    site, spare, opened
):
    async with pool_of(site, limit=4, warm=2, spare=spare) as pool, anyio.create_task_group() as tasks:
        first = await chat_on(pool, "a")
        first.may_settle = anyio.Event()
        await chat_on(pool, "b", is_single_turn=False)
        before = len(site.pages)
        async with AsyncExitStack() as in_use:
            while pool.demand().free:
                await in_use.enter_async_context(pool.lend(None))
            waiting = Turn(pool, tasks)
            await rest()

            assert len(site.pages) - before == opened
        first.may_settle.set()
        waiting.may_end.set()


async def test_without_spare_pages_the_last_single_turn_gives_way_before_another_page_is_opened(site):
    async with pool_of(site, limit=9, spare=False) as pool:
        for chat in "abc":
            await chat_on(pool, chat)
        alone = pool.demand()
        await chat_on(pool, "d", is_single_turn=False)
        async with pool.lend(None):
            beside_a_conversation = pool.demand()

    assert (alone.total, alone.kept) == (1, 1)
    assert (beside_a_conversation.total, beside_a_conversation.kept) == (2, 1)


async def test_an_old_chat_of_a_single_turn_gives_way_before_another_page_is_opened(site):
    async with pool_of(site, limit=9) as pool:
        for chat in "abcdef":
            await chat_on(pool, chat)

        assert pool.demand().total == 3


async def test_who_asks_for_a_chat_in_the_moment_its_turn_ends_waits_for_its_page(site):
    async with pool_of(site, limit=2) as pool, anyio.create_task_group() as tasks:
        async with pool.lend(None) as page:
            page.holds = "a"
            page.may_settle = anyio.Event()
            early = Turn(pool, tasks, chat="a")
            await rest()
        await rest()
        while_settling = early.page
        page.may_settle.set()
        await rest()

        assert while_settling is None
        assert early.page is page
        early.may_end.set()


@pytest.mark.parametrize("end", ["lost", "failed"])
async def test_who_waits_for_a_chat_that_is_lost_meanwhile_gets_an_empty_page(site, end):
    async with pool_of(site, limit=1) as pool, anyio.create_task_group() as tasks:
        async with pool.lend(None) as page:
            page.holds = "a"
            waiter = Turn(pool, tasks, chat="a")
            await rest()
            page.holds = "a" if end == "lost" else None
            if end == "lost":
                page.lost.set()
        await until(lambda: waiter.page is not None)

        assert waiter.page is not None
        assert waiter.page.holds is None
        waiter.may_end.set()


async def test_a_page_that_can_not_be_cleared_is_replaced(site):
    async with pool_of(site, limit=1) as pool:
        page = await chat_on(pool, "a")
        page.settle_error = PageLostError("It is stuck.")
        async with pool.lend(None) as other:
            assert other is not page
            assert other.holds is None


async def test_pages_that_hold_a_chat_are_closed_when_idle_like_others(site):
    async with pool_of(site, limit=2, warm=0, idle_s=0.01) as pool:
        await chat_on(pool, "a")
        await until(lambda: site.open == 0)

        assert pool.demand().kept == 0


async def test_who_waits_gets_a_kept_page_cleared_when_no_other_can_be_opened(site):
    async with pool_of(site, limit=2) as pool:
        async with pool.lend(None) as page:
            page.holds = "a"
            site.errors = [UnreachableError("http://x", "down")] * 5
        await rest()
        async with pool.lend(None) as other:
            assert other is page

        assert page.cleared == 1


# -- pages that can't be opened ------------------------------------------------------------------------------------------


async def test_all_who_wait_are_told_when_no_page_can_be_opened(site):
    site.errors = [UnreachableError("http://x", "down"), UnreachableError("http://x", "still down")]
    site.may_open = anyio.Event()
    async with pool_of(site, limit=2) as pool, anyio.create_task_group() as tasks:
        turns = [Turn(pool, tasks) for _ in range(3)]
        await rest()

        site.may_open.set()
        await rest()

        assert [str(turn.error) for turn in turns] == ["http://x can't be used: still down"] * 3
        assert site.tries == 2
        assert pool.demand().total == 0


async def test_the_next_turn_tries_again_after_a_failure(site):
    site.errors = [UnreachableError("http://x", "down")]
    async with pool_of(site) as pool:
        with pytest.raises(UnreachableError, match="down"):
            async with pool.lend(None):
                pass
        async with pool.lend(None) as page:
            assert page is site.pages[0]

        assert site.tries == 2


async def test_a_failed_replacement_of_a_warm_page_is_not_tried_again_until_a_turn_comes(site):
    async with pool_of(site) as pool:
        async with pool.lend(None):
            pass
        await rest()
        site.errors = [UnreachableError("http://x", "down")] * 50

        site.pages[0].lost.set()
        await rest()

        assert site.tries == 2
        assert pool.demand().total == 0


async def test_who_waits_while_another_page_is_in_use_does_not_make_opening_be_tried_over_and_over(site):
    async with pool_of(site, limit=2) as pool, anyio.create_task_group() as tasks:
        holder = Turn(pool, tasks)
        await rest()
        site.errors = [UnreachableError("http://x", "down")] * 50
        waiter = Turn(pool, tasks)
        await rest()
        tries = site.tries
        holder.may_end.set()
        await rest()

        assert tries == 2
        assert waiter.page is site.pages[0]
        waiter.may_end.set()


async def test_who_waits_for_a_page_in_use_is_told_when_that_is_lost_and_no_other_can_be_opened(site):
    async with pool_of(site, limit=2) as pool, anyio.create_task_group() as tasks:
        holder = Turn(pool, tasks)
        await rest()
        site.errors = [UnreachableError("http://x", "down")] * 50
        waiter = Turn(pool, tasks)
        await rest()
        site.pages[0].lost.set()
        holder.may_end.set()
        await rest()

        assert isinstance(waiter.error, UnreachableError)
        assert site.tries == 3


async def test_one_failure_among_several_openings_leaves_nobody_waiting(site):
    site.errors = [UnreachableError("http://x", "down")]
    site.may_open = anyio.Event()
    async with pool_of(site, limit=2) as pool, anyio.create_task_group() as tasks:
        turns = [Turn(pool, tasks), Turn(pool, tasks)]
        await rest()

        site.may_open.set()
        await rest()

        assert [turn.page is None for turn in turns] == [False, False]
        assert site.tries == 3
        tasks.cancel_scope.cancel()


# -- idle pages ----------------------------------------------------------------------------------------------------------


async def used_at_once(pool, count):
    async with anyio.create_task_group() as tasks:
        turns = [Turn(pool, tasks) for _ in range(count)]
        await until(lambda: all(turn.page for turn in turns))
        for turn in turns:
            turn.may_end.set()


async def test_idle_pages_are_closed_down_to_the_warm_ones(site):
    async with pool_of(site, limit=4, warm=2, idle_s=0.02) as pool:
        await used_at_once(pool, 4)
        await until(lambda: site.open == 2)
        # Several idle times later the warm ones are still there, and none was closed only to be opened again.
        with anyio.move_on_after(0.1):
            await until(lambda: site.open < 2)

        assert (site.open, site.tries) == (2, 4)


async def test_a_page_in_use_is_not_idle(site):
    async with pool_of(site, limit=2, warm=0, idle_s=0.01) as pool:
        async with pool.lend(None) as page:
            with anyio.move_on_after(0.05):
                await until(lambda: site.open == 0)
            during = site.open
        await until(lambda: site.open == 0)

        assert during == 1
        assert page.settled == 1


@pytest.mark.parametrize("steps", range(8))
async def test_a_page_that_is_being_closed_for_idleness_is_never_lent(site, steps):
    async with pool_of(site, limit=2, warm=0, idle_s=0.01) as pool, anyio.create_task_group() as tasks:
        async with pool.lend(None) as first:
            pass
        await until(lambda: pool.demand().free == 1)
        # Whichever comes first, the turn or the closing, the other sees it.
        await until(lambda: pool.demand().free == 0)
        for _ in range(steps):
            await checkpoint()
        turn = Turn(pool, tasks)
        await until(lambda: turn.page is not None)

        assert turn.page is not first
        turn.may_end.set()


@pytest.mark.parametrize("late_s", [0.0, 0.005, 0.009, 0.0095, 0.01, 0.0105, 0.011])
async def test_a_page_lent_in_the_moment_it_becomes_idle_is_lent_whole(site, late_s):
    async with pool_of(site, limit=2, warm=0, idle_s=0.01) as pool:
        for _ in range(5):
            async with pool.lend(None):
                pass
            await until(lambda: pool.demand().free == 1 or site.open == 0)
            due = anyio.current_time() + late_s
            await until(lambda due=due: anyio.current_time() >= due)
            # `used` fails if its keeper makes it ready meanwhile.
            async with pool.lend(None) as page, page.used():
                await rest()
                assert pool.demand().lent == 1


async def test_pages_being_opened_are_waited_for_whether_they_open_or_fail(site):
    outcomes = []

    async def wait(pool):
        await pool.until_opened()
        outcomes.append(pool.demand().opening)

    async with pool_of(site, warm=2) as pool:
        async with pool.lend(None):
            site.may_open = anyio.Event()
            site.errors = [UnreachableError("http://x", "it is gone")]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait, pool)
            await rest()
            site.may_open.set()

    assert outcomes == [0]
