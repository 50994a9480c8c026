"""Page pool of one account: leases a page for each turn, opens pages on demand, closes idle ones.

Each page has a keeper, a task that holds it from opening to closing. A lease is given back by a plain call that can't
be cancelled; what the page then needs (stopping an answer, a new chat) its keeper does, while nobody waits for it.

A page may come back holding a chat that can go on. It is kept for whoever asks for that chat, until eviction (the
least recently used first) makes it an empty one for somebody who needs one.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import anyio
from anyio.abc import TaskGroup

from automation.browser.capacity import Demand, Wear, WearLimits, kept_to_clear, pages_to_open, worn_by
from automation.browser.slot_states import (
    BACK_STATES,
    IDLE_STATES,
    IN_USE_STATES,
    SLOT_MOVES,
    SlotMove,
    SlotState,
)
from automation.errors import AutomationError, PoolFullError
from automation.transitions import next_state

logger = logging.getLogger(__name__)

# So many of the latest chats are left alone until somebody really needs their page.
_RECENT_CHATS = 1
_WORN = WearLimits()


class Lendable(Protocol):
    """A page that can be leased: it can be made ready for another turn, and may be lost meanwhile."""

    @property
    def holds(self) -> str | None:
        """The id of the chat that it shows and can continue; None with an empty one. It may be set while leased."""
        ...

    @property
    def is_single_turn(self) -> bool:
        """Whether the chat that it holds has one turn only: most of those are never continued."""
        ...

    async def settle(self) -> None:
        """Make it ready for the next turn: in the chat that it holds, else in an empty one.

        Raises:
            AutomationError: It can't be; it is closed then and never lent again.
        """
        ...

    async def clear(self) -> None:
        """Drop the chat that it holds, and show an empty one.

        Raises:
            AutomationError: It can't; it is closed then and never lent again.
        """
        ...

    async def until_lost(self) -> None:
        """Return when it is gone."""
        ...

    async def memory_bytes(self) -> int | None:
        """Return the memory of its renderer in bytes; None where that is unknown.

        Raises:
            AutomationError: It is gone.
        """
        ...


T = TypeVar("T", bound=Lendable)


class _Slot(Generic[T]):
    """One page's place in the pool; its state changes by the moves of ``slot_states`` alone."""

    def __init__(self) -> None:
        self.page: T | None = None
        self.turns = 0
        self.opened_s = time.monotonic()
        self.lost = False
        self.wake = anyio.Event()
        self._state = SlotState.OPENING

    @property
    def state(self) -> SlotState:
        return self._state

    def move(self, move: SlotMove) -> None:
        """Change the state.

        Raises:
            IllegalTransitionError: It can't happen in this state.
        """
        self._state = next_state(SLOT_MOVES, self._state, move)


@dataclass(eq=False)
class _Waiter(Generic[T]):
    chat: str | None = None
    ready: anyio.Event = field(default_factory=anyio.Event)
    slot: _Slot[T] | None = None
    error: AutomationError | None = None


class LeasePool(Generic[T]):
    """At most ``limit`` pages, ``warm`` of them kept open; each is closed when it is ``worn`` or ``idle_s`` idle.

    With ``spare`` pages are emptied and opened before somebody needs one. Without, as few pages as can be are open: a chat of
    a single turn gives way before another page is opened for who waits.

    Attributes:
        limit: So many pages there may be; none once the account is being closed.
        retired: How many pages were closed, by what for: ``lost``, ``idle``, ``turns``, ``age`` or ``memory``.
    """

    def __init__(
        self,
        open_one: Callable[[], AbstractAsyncContextManager[T]],
        tasks: TaskGroup,
        *,
        limit: int,
        warm: int = 1,
        spare: bool = True,
        worn: WearLimits = _WORN,
        idle_s: float = 600.0,
    ) -> None:
        self._open_one = open_one
        self._tasks = tasks
        self.limit = limit
        self._warm = min(warm, limit)
        self._spare = spare
        self._worn = worn
        self._idle_s = idle_s
        self._slots: list[
            _Slot[T]
        ] = []  # a page that becomes idle goes to the end: least recently used first
        self._waiting: deque[_Waiter[T]] = deque()
        self._can_open = True
        self._opened = anyio.Event()
        self.retired: Counter[str] = Counter()

    def demand(self) -> Demand:
        """Count the pages by state."""
        states = [slot.state for slot in self._slots]
        return Demand(
            waiting=sum(waiter.chat is None for waiter in self._waiting),
            free=states.count(SlotState.FREE),
            settling=sum(state in BACK_STATES for state in states),
            opening=states.count(SlotState.OPENING),
            lent=sum(state in IN_USE_STATES for state in states),
            kept=states.count(SlotState.KEPT),
        )

    @property
    def pages(self) -> list[T]:
        """Every page that is open, whatever it does now."""
        return [slot.page for slot in self._slots if slot.page is not None]

    def _in_state(self, state: SlotState) -> list[_Slot[T]]:
        return [slot for slot in self._slots if slot.state is state]

    def is_held(self, chat: str) -> bool:
        """Whether a page holds this chat."""
        return self._find_holder(chat) is not None

    async def until_opened(self) -> None:
        """Return when no page is being opened: a page that loads takes its time from those in use."""
        while self.demand().opening:
            self._opened = anyio.Event()
            await self._opened.wait()

    @asynccontextmanager
    async def lend(self, timeout_s: float | None, chat: str | None = None) -> AsyncIterator[T]:
        """Lease the page that holds ``chat`` if there is one, else a page with an empty chat.

        Raises:
            PoolFullError: None became free in time.
            AutomationError: One had to be opened and could not be.
        """
        slot = await self._acquire(timeout_s, chat)
        slot.turns += 1
        assert slot.page is not None
        try:
            yield slot.page
        finally:
            slot.move(SlotMove.GIVE_BACK)
            slot.wake.set()

    async def _acquire(self, timeout_s: float | None, chat: str | None) -> _Slot[T]:
        holder = self._find_holder(chat)
        if holder is not None and holder.state is SlotState.KEPT:
            holder.move(SlotMove.LEND)
            return holder
        free = self._in_state(SlotState.FREE)
        if holder is None and free:
            free[0].move(SlotMove.LEND)
            self._keep_some_empty()
            return free[0]
        return await self._wait_for_one(timeout_s, chat if holder else None)

    async def _wait_for_one(self, timeout_s: float | None, chat: str | None) -> _Slot[T]:
        waiter: _Waiter[T] = _Waiter(chat)
        self._waiting.append(waiter)
        self._can_open = True
        self._balance()
        try:
            with anyio.move_on_after(timeout_s):
                await waiter.ready.wait()
        except BaseException:
            # Cancelled in the moment it was served: the page goes to the next in line.
            if waiter.slot is not None:
                self._hand_out(waiter.slot)
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
        if waiter.error is not None:
            raise waiter.error
        if waiter.slot is None:
            raise PoolFullError(timeout_s or 0.0)
        waiter.slot.move(SlotMove.LEND)
        return waiter.slot

    def _find_holder(self, chat: str | None) -> _Slot[T] | None:
        """Return the page that holds a chat; it may be just coming back from the turn before."""
        if chat is None:
            return None
        return next((slot for slot in self._slots if slot.page is not None and slot.page.holds == chat), None)

    def _balance(self) -> None:
        """Open or clear pages for those who wait."""
        if not self._spare:
            single = self._single_turns(self._in_state(SlotState.KEPT))
            for slot in single[: max(0, self.demand().waiting - self.demand().empty)]:
                self._clear(slot)
        if self._can_open:
            self._open_more(pages_to_open(self.demand(), limit=self._room, warm=self._warm))
            # That somebody waits for a page to be made ready shows that there are too few of them.
            demand = self.demand()
            if (
                self._spare
                and demand.waiting
                and demand.kept
                and not demand.opening
                and demand.total < self._room
            ):
                self._open_more(1)
        for slot in self._in_state(SlotState.KEPT)[: kept_to_clear(self.demand())]:
            self._clear(slot)

    @property
    def _room(self) -> int:
        """How many pages there may be now: one that is being closed still takes its place."""
        return self.limit - len(self._in_state(SlotState.CLOSING))

    def _open_more(self, count: int) -> None:
        for _ in range(count):
            slot: _Slot[T] = _Slot()
            self._slots.append(slot)
            self._tasks.start_soon(self._keep, slot)

    def _keep_some_empty(self) -> None:
        """Have empty pages before somebody has to wait for one.

        Older chats of a single turn give way: they are hardly ever gone on with, and a page that loads takes its time from
        those in use. Where no more pages can be opened, up to half of them are emptied, or those who ask one question after
        the other would wait for each new chat.
        """
        demand = self.demand()
        if not demand.kept or not self._spare:
            return
        is_full = demand.total >= self._room
        wanted = (max(1, self.limit // 2) if is_full else 1) - demand.empty
        single = self._single_turns(self._in_state(SlotState.KEPT)[:-_RECENT_CHATS])
        for slot in single[: max(0, wanted)]:
            self._clear(slot)
        if wanted > 0 and not single and not is_full:
            self._open_more(int(self._can_open))

    @staticmethod
    def _single_turns(slots: Iterable[_Slot[T]]) -> list[_Slot[T]]:
        return [slot for slot in slots if slot.page is not None and slot.page.is_single_turn]

    def _clear(self, slot: _Slot[T]) -> None:
        slot.move(SlotMove.CLEAR)
        slot.wake.set()

    def _hand_out(self, slot: _Slot[T]) -> None:
        """Give a page that is ready to the turn that waits for it, else add it to the free pages."""
        self._opened.set()
        self._release_waiters()
        assert slot.page is not None
        chat = slot.page.holds
        waiter = next((w for w in self._waiting if w.chat == chat), None)
        if waiter is not None:
            self._waiting.remove(waiter)
            slot.move(SlotMove.PROMISE)
            waiter.slot = slot
            waiter.ready.set()
            self._keep_some_empty()
        elif chat is None:
            self._let_idle(slot, SlotMove.SET_FREE)
        else:
            self._let_idle(slot, SlotMove.KEEP)
            self._balance()
            self._keep_some_empty()

    def _let_idle(self, slot: _Slot[T], move: SlotMove) -> None:
        slot.move(move)
        self._slots.remove(slot)
        self._slots.append(slot)

    async def _keep(self, slot: _Slot[T]) -> None:
        try:
            async with self._open_one() as page:
                slot.page = page
                self._can_open = True
                self._balance()
                while await self._serve_one(slot, page):
                    pass
        except AutomationError as exc:
            logger.warning("page_not_opened", extra={"reason": str(exc)})
            self._forget(slot)
            self._opened.set()
            self._fail_waiting(exc)
        except anyio.get_cancelled_exc_class():
            # The account is being closed: a page opened now would be the next to be cancelled, without end.
            self.limit = 0
            raise
        else:
            self._forget(slot)
            self._can_open = True
        self._balance()

    def _forget(self, slot: _Slot[T]) -> None:
        self._slots.remove(slot)
        self._release_waiters()

    def _release_waiters(self) -> None:
        """Let turns whose chat is on no page any more take an empty page."""
        for waiter in self._waiting:
            if waiter.chat is not None and self._find_holder(waiter.chat) is None:
                waiter.chat = None

    def _fail_waiting(self, error: AutomationError) -> None:
        """Fail the turns that wait: no page can be opened. Later turns may succeed, an immediate retry would not."""
        self._can_open = False
        if self._slots:
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            waiter.error = error
            waiter.ready.set()

    async def _serve_one(self, slot: _Slot[T], page: T) -> bool:
        """Offer the page, wait until its lease ends, make it ready again; False when it must be closed."""
        slot.wake = anyio.Event()
        self._hand_out(slot)
        async with anyio.create_task_group() as watch:
            watch.start_soon(self._wake_when_lost, slot, page)
            await self._until_back(slot)
            if slot.state in IDLE_STATES:
                # Before the next await: until then, somebody could still be lent it.
                self._retire(slot, "lost" if slot.lost else self._worn_by(slot) or "idle")
            watch.cancel_scope.cancel()
        return slot.state is not SlotState.CLOSING and await self._make_ready(slot, page)

    async def _make_ready(self, slot: _Slot[T], page: T) -> bool:
        """Make a page that came back ready for its next turn; False when it must be closed."""
        try:
            worn = self._worn_by(slot, await page.memory_bytes())
            if worn is None:
                await (page.clear() if slot.state is SlotState.CLEARING else page.settle())
                return True
        except AutomationError as exc:
            logger.info("page_retired", extra={"reason": str(exc)})
            self._retire(slot, "lost")
            return False
        logger.info("page_recycled", extra={"reason": worn, "turns": slot.turns})
        self._retire(slot, worn)
        return False

    def _retire(self, slot: _Slot[T], cause: str) -> None:
        slot.move(SlotMove.RETIRE)
        self.retired[cause] += 1

    def _worn_by(self, slot: _Slot[T], memory_bytes: int | None = None) -> str | None:
        return worn_by(Wear(slot.turns, time.monotonic() - slot.opened_s, memory_bytes), self._worn)

    async def _until_back(self, slot: _Slot[T]) -> None:
        while True:
            with anyio.move_on_after(self._idle_s):
                await slot.wake.wait()
            if slot.state in BACK_STATES or (slot.state in IDLE_STATES and self._must_close(slot)):
                return
            if slot.wake.is_set():
                slot.wake = anyio.Event()

    def _must_close(self, slot: _Slot[T]) -> bool:
        """Whether an idle page is closed: a lost or worn one, and one beyond those kept warm; a chat outlives its page's wear."""
        is_too_old = slot.state is SlotState.FREE and self._worn_by(slot) is not None
        return slot.lost or is_too_old or self.demand().total > self._warm

    async def _wake_when_lost(self, slot: _Slot[T], page: T) -> None:
        await page.until_lost()
        slot.lost = True
        slot.wake.set()
