"""Channels to DevTools targets: the page itself, and its workers and cross-site frames through it.

Child targets are reached with the protocol's non-flat form (``Target.sendMessageToTarget``), because Playwright's
sessions offer no flat one. A child waits for us before its first script runs, so that no request of its escapes.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import anyio
from playwright.async_api import CDPSession

from automation.errors import PageLostError
from automation.playwright_errors import page_calls

logger = logging.getLogger(__name__)

Params = dict[str, Any]
Listener = Callable[[Params], None]
Spawn = Callable[[Coroutine[Any, Any, None]], None]

# Beside other work, at a load of ten on two cores, pages that were well took more than five seconds to answer.
CALL_S = 10.0

# Playwright asks for a listener's signature at each event; worked out anew every time, it takes 60 microseconds.
_ONE_ARGUMENT = inspect.signature(lambda params: None)  # noqa: ARG005  for its form


class Channel(Protocol):
    """One DevTools target."""

    target_id: str

    def on(self, event: str, listener: Listener) -> None:
        """Call ``listener`` with the parameters of every such event, in the order of arrival."""
        ...

    async def send(self, method: str, params: Params | None = None, timeout_s: float = CALL_S) -> Params:
        """Return the method's result.

        Raises:
            PageLostError: The target is gone, hangs or refuses.
        """
        ...


class PageChannel:
    """The page's own target, through Playwright's session."""

    def __init__(self, session: CDPSession, target_id: str = "") -> None:
        self._session = session
        self.target_id = target_id
        self._calls: set[anyio.CancelScope] = set()
        self._end = ""

    def on(self, event: str, listener: Listener) -> None:
        """Call ``listener`` with every such event."""

        def hear(params: Params) -> None:
            listener(params)

        hear.__signature__ = _ONE_ARGUMENT  # type: ignore[attr-defined]
        self._session.on(event, hear)

    async def send(self, method: str, params: Params | None = None, timeout_s: float = CALL_S) -> Params:
        """Return the method's result; see ``Channel.send``."""
        if self._end:
            raise PageLostError(self._end)
        call = anyio.CancelScope()
        self._calls.add(call)
        try:
            with page_calls(f"calling {method}"), call:
                async with asyncio.timeout(timeout_s):
                    result: Params = await self._session.send(method, params or {})
                    return result
        except TimeoutError as exc:
            # A hung renderer reports nothing: that a plain call gets no answer is how it is noticed.
            msg = f"The page did not answer {method} within {timeout_s:g} s."
            raise PageLostError(msg) from exc
        finally:
            self._calls.discard(call)
        raise PageLostError(self._end)

    def close(self, reason: str) -> None:
        """Fail every pending call and refuse new ones: a page that is gone answers none, and reports that to none."""
        self._end = reason
        for call in self._calls:
            call.cancel()


class ChildChannel:
    """A worker or a cross-site frame, tunnelled through its parent's channel."""

    def __init__(self, parent: Channel, session_id: str, target_id: str) -> None:
        self._parent = parent
        self._session_id = session_id
        self.target_id = target_id
        self.is_ready = asyncio.Event()
        self._listeners: dict[str, list[Listener]] = {}
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Params]] = {}

    def on(self, event: str, listener: Listener) -> None:
        """Call ``listener`` with every such event that the parent passes on."""
        self._listeners.setdefault(event, []).append(listener)

    async def send(self, method: str, params: Params | None = None, timeout_s: float = CALL_S) -> Params:
        """Return the method's result, through the parent; see ``Channel.send``."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = json.dumps({"id": number, "method": method, "params": params or {}})
        try:
            async with asyncio.timeout(timeout_s):
                await self._parent.send(
                    "Target.sendMessageToTarget",
                    {"sessionId": self._session_id, "message": message},
                    timeout_s,
                )
                result: Params = await answer
                return result
        except TimeoutError as exc:
            msg = f"A frame or worker of the page did not answer {method} within {timeout_s:g} s."
            raise PageLostError(msg) from exc
        finally:
            self._waiting.pop(number, None)
            if answer.done() and not answer.cancelled():
                # Where the call ended before it came, or asyncio complains that nobody looked at it.
                answer.exception()

    def receive(self, message: str) -> None:
        """Take one message that the parent passed on from this target."""
        data = json.loads(message)
        if "id" not in data:
            for listener in self._listeners.get(data["method"], ()):
                listener(data.get("params", {}))
            return
        answer = self._waiting.get(data["id"])
        if answer is None or answer.done():
            return
        if "error" in data:
            answer.set_exception(PageLostError(f"The page refused a call: {data['error'].get('message')}"))
        else:
            answer.set_result(data.get("result", {}))

    def close(self) -> None:
        """Fail every pending call: the target is gone."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(PageLostError("A frame or worker of the page is gone."))


class TargetTree:
    """The page's channel and those of its children, each made ready before its first script runs.

    ``prepare`` is called with every new channel and its kind, the page's (``page``) first, and sends what the channel needs.
    """

    def __init__(
        self, root: PageChannel, prepare: Callable[[Channel, str], Coroutine[Any, Any, None]], spawn: Spawn
    ) -> None:
        self.root = root
        self._prepare = prepare
        self._spawn = spawn
        self._children: dict[str, ChildChannel] = {}

    async def start(self) -> None:
        """Make the page's channel ready, and from now on every child's."""
        await self._prepare(self.root, "page")
        await self._attach_to_children(self.root)

    def close(self, reason: str) -> None:
        """Fail every pending call on any channel: the page is gone."""
        self.root.close(reason)
        for child in self._children.values():
            child.close()

    async def channel_of_frame(self, frame_id: str) -> Channel:
        """Return the channel of a frame, ready for calls: its own when it lives in another process, else the page's."""
        child = next((c for c in self._children.values() if c.target_id == frame_id), None)
        if child is None:
            return self.root
        await child.is_ready.wait()
        return child

    async def _attach_to_children(self, parent: Channel) -> None:
        parent.on("Target.attachedToTarget", lambda event: self._attached(parent, event))
        parent.on("Target.receivedMessageFromTarget", self._received)
        parent.on("Target.detachedFromTarget", self._detached)
        await parent.send(
            "Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": False}
        )

    def _attached(self, parent: Channel, event: Params) -> None:
        info = event["targetInfo"]
        child = ChildChannel(parent, event["sessionId"], info["targetId"])
        self._children[event["sessionId"]] = child
        self._spawn(self._make_ready(child, info["type"]))

    async def _make_ready(self, child: ChildChannel, kind: str) -> None:
        try:
            if kind in {"iframe", "worker", "shared_worker", "service_worker"}:
                await self._prepare(child, kind)
            if kind in {"iframe", "worker"}:
                await self._attach_to_children(child)
        except PageLostError as exc:
            logger.info("child_target_lost", extra={"kind": kind, "reason": str(exc)})
        finally:
            # Whatever happened to our wishes, a child left waiting would freeze the page.
            child.is_ready.set()
            await self._resume(child)

    async def _resume(self, child: ChildChannel) -> None:
        try:
            await child.send("Runtime.runIfWaitingForDebugger")
        except PageLostError as exc:
            logger.debug("child_target_gone", extra={"reason": str(exc)})

    def _received(self, event: Params) -> None:
        child = self._children.get(event["sessionId"])
        if child is not None:
            child.receive(event["message"])

    def _detached(self, event: Params) -> None:
        child = self._children.pop(event["sessionId"], None)
        if child is not None:
            child.close()
