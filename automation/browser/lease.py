"""Lends out the pages of one account, one turn each: opened on demand, made ready after each turn, closed when idle.

Each page has a keeper, a task that holds it from opening to closing. A lease is given back by a plain call that can't
be cancelled; what the page then needs (stopping an answer, a new chat) its keeper does, while nobody waits for it.

A page may come back holding a chat that can go on. It is kept as it is for who asks for that chat, and gives it up,
the least recently used first, when somebody needs an empty one.
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
from automation.errors import AutomationError, PoolFullError

logger = logging.getLogger(__name__)

# So many of the latest chats are left alone until somebody really needs their page.
_RECENT_CHATS = 1
_WORN = WearLimits()


class Lendable(Protocol):
    """What can be lent: a page that can be made ready again and that may be lost meanwhile."""

    @property
    def holds(self) -> str | None:
        """The id of the chat that it shows and that can go on; None with an empty one. It may be set while lent."""
        ...

    @property
    def is_single_turn(self) -> bool:
        """Whether the chat that it holds has one turn only: most of those are never gone on with."""
        ...

    async def settle(self) -> None:
        """Make it ready for the next turn: in the chat that it holds, else in an empty one.

        Raises:
            AutomationError: It can't be; it is closed then and never lent again.
        """
        ...

    async def clear(self) -> None:
        """Give up the chat that it holds and get an empty one.

        Raises:
            AutomationError: It can't; it is closed then and never lent again.
        """
        ...

    async def until_lost(self) -> None:
        """Return when it is gone."""
        ...

    async def memory_bytes(self) -> int | None:
        """Return what it holds of memory; None where that can't be told.

        Raises:
            AutomationError: It is gone.
        """
        ...


T = TypeVar("T", bound=Lendable)


@dataclass(eq=False)
class _Slot(Generic[T]):
    page: T | None = None
    state: str = "opening"
    turns: int = 0
    opened_s: float = field(default_factory=time.monotonic)
    lost: bool = False
    must_clear: bool = False
    wake: anyio.Event = field(default_factory=anyio.Event)


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
        self._limit = limit
        self._warm = min(warm, limit)
        self._spare = spare
        self._worn = worn
        self._idle_s = idle_s
        self._slots: list[_Slot[T]] = []
        self._free: deque[_Slot[T]] = deque()
        self._kept: deque[_Slot[T]] = deque()  # least recently used first
        self._waiting: deque[_Waiter[T]] = deque()
        self._can_open = True
        self._opened = anyio.Event()
        self.retired: Counter[str] = Counter()

    def demand(self) -> Demand:
        """Count the pages by what they do now."""
        states = [slot.state for slot in self._slots]
        return Demand(
            waiting=sum(waiter.chat is None for waiter in self._waiting),
            free=len(self._free),
            settling=states.count("settling"),
            opening=states.count("opening"),
            lent=states.count("lent"),
            kept=len(self._kept),
        )

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
        """Lend the page that holds ``chat`` if there is one, else a page with an empty chat.

        Raises:
            PoolFullError: None became free in time.
            AutomationError: One had to be opened and could not be.
        """
        slot = await self._acquire(timeout_s, chat)
        slot.state = "lent"
        slot.turns += 1
        assert slot.page is not None
        try:
            yield slot.page
        finally:
            slot.state = "settling"
            slot.wake.set()

    async def _acquire(self, timeout_s: float | None, chat: str | None) -> _Slot[T]:
        holder = self._find_holder(chat)
        if holder is not None and holder in self._kept:
            self._kept.remove(holder)
            return holder
        if holder is None and self._free:
            return self._take_free()
        waiter: _Waiter[T] = _Waiter(chat if holder else None)
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

    def _find_holder(self, chat: str | None) -> _Slot[T] | None:
        """Return the page that holds a chat; it may be just coming back from the turn before."""
        if chat is None:
            return None
        return next((slot for slot in self._slots if slot.page is not None and slot.page.holds == chat), None)

    def _take_free(self) -> _Slot[T]:
        slot = self._free.popleft()
        slot.state = "lent"
        self._keep_some_empty()
        return slot

    def _balance(self) -> None:
        """Open or clear pages for those who wait."""
        if not self._spare:
            for slot in self._single_turns(self._kept)[: max(0, self.demand().waiting - self.demand().empty)]:
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
        for _ in range(kept_to_clear(self.demand())):
            self._clear(self._kept[0])

    @property
    def _room(self) -> int:
        """How many pages there may be now: one that is being closed still takes its place."""
        return self._limit - sum(slot.state == "closing" for slot in self._slots)

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
        wanted = (max(1, self._limit // 2) if is_full else 1) - demand.empty
        single = self._single_turns(list(self._kept)[:-_RECENT_CHATS])
        for slot in single[: max(0, wanted)]:
            self._clear(slot)
        if wanted > 0 and not single and not is_full:
            self._open_more(int(self._can_open))

    @staticmethod
    def _single_turns(slots: Iterable[_Slot[T]]) -> list[_Slot[T]]:
        return [slot for slot in slots if slot.page is not None and slot.page.is_single_turn]

    def _clear(self, slot: _Slot[T]) -> None:
        self._kept.remove(slot)
        slot.state = "settling"
        slot.must_clear = True
        slot.wake.set()

    def _hand_out(self, slot: _Slot[T]) -> None:
        """Give a page that is ready to who waits for it, else leave it for whoever comes."""
        self._opened.set()
        self._release_waiters()
        assert slot.page is not None
        chat = slot.page.holds
        waiter = next((w for w in self._waiting if w.chat == chat), None)
        if waiter is not None:
            self._waiting.remove(waiter)
            slot.state = "lent"
            waiter.slot = slot
            waiter.ready.set()
            self._keep_some_empty()
        elif chat is None:
            slot.state = "free"
            self._free.append(slot)
        else:
            slot.state = "kept"
            self._kept.append(slot)
            self._balance()
            self._keep_some_empty()

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
            logger.warning("page_not_opened", extra={"reason": str(exc)})
            self._forget(slot)
            self._opened.set()
            self._fail_waiting(exc)
        except anyio.get_cancelled_exc_class():
            # The account is being closed: a page opened now would be the next to be cancelled, without end.
            self._limit = 0
            raise
        else:
            self._forget(slot)
            self._can_open = True
        self._balance()

    def _forget(self, slot: _Slot[T]) -> None:
        self._slots.remove(slot)
        self._release_waiters()

    def _release_waiters(self) -> None:
        """Let those whose chat is on no page any more have an empty one."""
        for waiter in self._waiting:
            if waiter.chat is not None and self._find_holder(waiter.chat) is None:
                waiter.chat = None

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
            if slot.state in {"free", "kept"}:
                # Before the next await: until then, somebody could still be lent it.
                (self._free if slot.state == "free" else self._kept).remove(slot)
                slot.state = "closing"
            watch.cancel_scope.cancel()
        if slot.state == "closing":
            self.retired["lost" if slot.lost else self._worn_by(slot) or "idle"] += 1
            return False
        must_clear, slot.must_clear = slot.must_clear, False
        try:
            worn = self._worn_by(slot, await page.memory_bytes())
            if worn is None:
                await (page.clear() if must_clear else page.settle())
        except AutomationError as exc:
            self.retired["lost"] += 1
            logger.info("page_retired", extra={"reason": str(exc)})
            return False
        if worn is not None:
            self.retired[worn] += 1
            logger.info("page_worn", extra={"by": worn, "turns": slot.turns})
        return worn is None

    def _worn_by(self, slot: _Slot[T], memory_bytes: int | None = None) -> str | None:
        return worn_by(Wear(slot.turns, time.monotonic() - slot.opened_s, memory_bytes), self._worn)

    async def _until_back(self, slot: _Slot[T]) -> None:
        while True:
            with anyio.move_on_after(self._idle_s):
                await slot.wake.wait()
            # Idle pages beyond the warm ones are closed; a page in use is waited for, and so is the next turn of a chat.
            is_too_old = slot.state == "free" and self._worn_by(slot) is not None
            if slot.state == "settling" or (
                slot.state in {"free", "kept"}
                and (slot.lost or is_too_old or self.demand().total > self._warm)
            ):
                return
            if slot.wake.is_set():
                slot.wake = anyio.Event()

    async def _wake_when_lost(self, slot: _Slot[T], page: T) -> None:
        await page.until_lost()
        slot.lost = True
        slot.wake.set()
