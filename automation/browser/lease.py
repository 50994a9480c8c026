"""Lends out the pages of one account, one turn each: opened on demand, made ready after each turn, closed when idle.

Each page has a keeper, a task that holds it from opening to closing. A lease is given back by a plain call that can't
be cancelled; what the page then needs (stopping an answer, a new chat) its keeper does, while nobody waits for it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import anyio
from anyio.abc import TaskGroup

from automation.browser.capacity import Demand, pages_to_open
from automation.errors import AutomationError, PoolFullError

log = logging.getLogger(__name__)


class Lendable(Protocol):
    """What can be lent: a page that can be made ready again and that may be lost meanwhile."""

    async def settle(self) -> None:
        """Make it ready for the next turn.

        Raises:
            AutomationError: It can't be; it is closed then and never lent again.
        """
        ...

    async def until_lost(self) -> None:
        """Return when it is gone."""
        ...


T = TypeVar("T", bound=Lendable)


@dataclass(eq=False)
class _Slot(Generic[T]):
    page: T | None = None
    state: str = "opening"
    turns: int = 0
    lost: bool = False
    wake: anyio.Event = field(default_factory=anyio.Event)


@dataclass(eq=False)
class _Waiter(Generic[T]):
    ready: anyio.Event = field(default_factory=anyio.Event)
    slot: _Slot[T] | None = None
    error: AutomationError | None = None


class LeasePool(Generic[T]):
    """At most ``limit`` pages, ``warm`` of them kept open; each is closed after ``max_turns`` turns or ``idle_s`` idle."""

    def __init__(
        self,
        open_one: Callable[[], AbstractAsyncContextManager[T]],
        tasks: TaskGroup,
        *,
        limit: int,
        warm: int = 1,
        max_turns: int = 200,
        idle_s: float = 600.0,
    ) -> None:
        self._open_one = open_one
        self._tasks = tasks
        self._limit = limit
        self._warm = min(warm, limit)
        self._max_turns = max_turns
        self._idle_s = idle_s
        self._slots: list[_Slot[T]] = []
        self._free: deque[_Slot[T]] = deque()
        self._waiting: deque[_Waiter[T]] = deque()
        self._can_open = True
        self._opened = anyio.Event()

    def demand(self) -> Demand:
        """Count the pages by what they do now."""
        states = [slot.state for slot in self._slots]
        return Demand(
            waiting=len(self._waiting),
            free=len(self._free),
            settling=states.count("settling"),
            opening=states.count("opening"),
            lent=states.count("lent"),
        )

    async def until_opened(self) -> None:
        """Return when no page is being opened: a page that loads takes its time from those in use."""
        while self.demand().opening:
            self._opened = anyio.Event()
            await self._opened.wait()

    @asynccontextmanager
    async def lend(self, timeout_s: float | None) -> AsyncIterator[T]:
        """Lend a page that is ready.

        Raises:
            PoolFullError: None became free in time.
            AutomationError: One had to be opened and could not be.
        """
        slot = await self._acquire(timeout_s)
        slot.state = "lent"
        slot.turns += 1
        assert slot.page is not None
        try:
            yield slot.page
        finally:
            slot.state = "settling"
            slot.wake.set()

    async def _acquire(self, timeout_s: float | None) -> _Slot[T]:
        if self._free:
            return self._free.popleft()
        waiter: _Waiter[T] = _Waiter()
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
        return waiter.slot

    def _balance(self) -> None:
        if not self._can_open:
            return
        # A page that is being closed still takes its place.
        closing = sum(slot.state == "closing" for slot in self._slots)
        for _ in range(pages_to_open(self.demand(), limit=self._limit - closing, warm=self._warm)):
            slot: _Slot[T] = _Slot()
            self._slots.append(slot)
            self._tasks.start_soon(self._keep, slot)

    def _hand_out(self, slot: _Slot[T]) -> None:
        slot.state = "free"
        self._opened.set()
        if self._waiting:
            waiter = self._waiting.popleft()
            slot.state = "lent"
            waiter.slot = slot
            waiter.ready.set()
        else:
            self._free.append(slot)

    async def _keep(self, slot: _Slot[T]) -> None:
        try:
            async with self._open_one() as page:
                slot.page = page
                self._can_open = True
                self._balance()
                while await self._serve_one(slot, page):
                    pass
                slot.state = "closing"
        except AutomationError as exc:
            log.warning("page_not_opened", extra={"reason": str(exc)})
            self._slots.remove(slot)
            self._opened.set()
            self._fail_waiting(exc)
        except anyio.get_cancelled_exc_class():
            # The account is being closed: a page opened now would be the next to be cancelled, without end.
            self._limit = 0
            raise
        else:
            self._slots.remove(slot)
            self._can_open = True
        self._balance()

    def _fail_waiting(self, error: AutomationError) -> None:
        """Tell those who wait that no page can be had; others may come, but not from trying again at once."""
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
            if slot.state == "free":
                # Before the next await: until then, somebody could still be lent it.
                self._free.remove(slot)
                slot.state = "closing"
            watch.cancel_scope.cancel()
        if slot.state == "closing" or slot.turns >= self._max_turns:
            return False
        try:
            await page.settle()
        except AutomationError as exc:
            log.info("page_retired", extra={"reason": str(exc)})
            return False
        return True

    async def _until_back(self, slot: _Slot[T]) -> None:
        while True:
            with anyio.move_on_after(self._idle_s):
                await slot.wake.wait()
            # Idle pages beyond the warm ones are closed; a page in use is waited for.
            if slot.state == "settling" or (
                slot.state == "free" and (slot.lost or self.demand().total > self._warm)
            ):
                return
            if slot.wake.is_set():
                slot.wake = anyio.Event()

    async def _wake_when_lost(self, slot: _Slot[T], page: T) -> None:
        await page.until_lost()
        slot.lost = True
        slot.wake.set()
