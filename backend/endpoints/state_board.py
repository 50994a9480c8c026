"""Holds an endpoint's state and notifies subscribers of changes."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from backend.endpoints.states import EndpointState, Move, StateChange, endpoint_state_after

logger = logging.getLogger(__name__)


class StateBoard:
    """Holds the state of one endpoint and notifies watchers of every change.

    Attributes:
        listeners: Are called with every change; they must not wait.
    """

    def __init__(self, slug: str) -> None:
        self._slug = slug
        self.listeners: list[Callable[[StateChange], None]] = []
        self._watchers: set[MemoryObjectSendStream[StateChange]] = set()
        self.last_change = StateChange(EndpointState.INACTIVE, None, datetime.now(UTC))

    @property
    def state(self) -> EndpointState:
        """The present state."""
        return self.last_change.state

    @property
    def reason(self) -> str | None:
        """Why the state is not a good one."""
        return self.last_change.reason

    def move(self, move: Move, reason: str | None = None, cause: str | None = None) -> None:
        """Note that ``move`` happened, because of the error of type ``cause``.

        Raises:
            IllegalTransitionError: It can't happen now.
        """
        before = self.last_change
        state = endpoint_state_after(before.state, move)
        if state is before.state and reason is None:
            return
        self.last_change = StateChange(state, reason, datetime.now(UTC), cause)
        if state is not before.state:
            self._log(before.state, state, reason)
        for watcher in self._watchers:
            watcher.send_nowait(self.last_change)
        for listener in self.listeners:
            listener(self.last_change)

    def _log(self, before: EndpointState, state: EndpointState, reason: str | None) -> None:
        # Every turn makes an endpoint busy, and its end active again.
        is_daily = EndpointState.BUSY in {before, state}
        level = logging.WARNING if reason else logging.DEBUG if is_daily else logging.INFO
        if logger.isEnabledFor(level):
            facts = {"endpoint": self._slug, "state": str(state), "before": str(before), "reason": reason}
            logger.log(level, "endpoint_state", extra=facts)

    @contextmanager
    def watch(self) -> Iterator[MemoryObjectReceiveStream[StateChange]]:
        """Hand out a stream of the changes from now on."""
        sender, receiver = anyio.create_memory_object_stream[StateChange](math.inf)
        self._watchers.add(sender)
        with sender, receiver:
            try:
                yield receiver
            finally:
                self._watchers.discard(sender)

    async def wait_until(self, is_wanted: Callable[[EndpointState], bool]) -> EndpointState:
        """Return the first state that is wanted, the present one included."""
        with self.watch() as changes:
            while not is_wanted(self.state):
                await changes.receive()
        return self.state
