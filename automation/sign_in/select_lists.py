"""Intercepts native ``<select>`` lists of a page and its frames, and sets the entry that a person chose."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from automation.errors import PageLostError
from automation.page.cdp import Channel, Params, Spawn
from automation.sign_in.live_events import SelectOpened, SelectOption

logger = logging.getLogger(__name__)

_MOST_OPTIONS = 2000


@cache
def _script() -> str:
    return files("automation.sign_in").joinpath("scripts", "select_lists.js").read_text("utf-8")


class SelectLists:
    """The lists of one page. Its script lives in an isolated world, which the page's own scripts can't see."""

    def __init__(
        self, tell: Callable[[SelectOpened], None], next_number: Callable[[], int], spawn: Spawn
    ) -> None:
        self._tell = tell
        self._spawn = spawn
        self._next_number = next_number
        self._world = f"w{secrets.token_hex(6)}"
        self._binding = f"b{secrets.token_hex(6)}"
        self._opened: dict[int, tuple[Channel, int, int]] = {}
        self._pointer: tuple[float, float] | None = None

    async def attach(self, channel: Channel, kind: str) -> None:
        """Receive the lists of this target's documents, now and after each navigation.

        Raises:
            PageLostError: The target is gone.
        """
        if kind not in {"page", "iframe"}:
            return
        channel.on("Runtime.bindingCalled", lambda event: self._called(channel, event))
        # Without Runtime.enable, which pages can tell, a binding gets only into worlds that exist already.
        for moment in ("Page.frameNavigated", "Page.frameStoppedLoading"):
            channel.on(moment, lambda _: self._spawn(self._bind(channel)))
        await channel.send("Page.enable")
        source = f"({_script().rstrip()})((text) => globalThis[{self._binding!r}](text))"
        wanted = {"source": source, "worldName": self._world, "runImmediately": True}
        await channel.send("Page.addScriptToEvaluateOnNewDocument", wanted)
        await self._bind(channel)

    async def _bind(self, channel: Channel) -> None:
        binding = {"name": self._binding, "executionContextName": self._world}
        await channel.send("Runtime.addBinding", binding)

    def pointed(self, x: float, y: float) -> None:
        """Note where the pointer goes down: a list's position is computed from there."""
        self._pointer = (x, y)

    async def choose(self, number: int, index: int | None) -> bool:
        """Set the list to the entry and return whether that was possible; None leaves the list as it is."""
        place = self._opened.pop(number, None)
        if place is None or index is None:
            return False
        channel, context_id, own_number = place
        expression = f"globalThis.lists.choose({own_number}, {index})"
        asked = {"expression": expression, "contextId": context_id, "returnByValue": True}
        try:
            reply = await channel.send("Runtime.evaluate", asked)
        except PageLostError as exc:
            # The document that it stood in was left meanwhile.
            logger.info("select_list_gone", extra={"reason": str(exc)})
            return False
        return bool(reply["result"].get("value"))

    def _called(self, channel: Channel, event: Params) -> None:
        if event["name"] != self._binding:
            return
        told: dict[str, Any] = json.loads(event["payload"])
        number = self._next_number()
        self._opened = {number: (channel, int(event["executionContextId"]), int(told["list"]))}
        options = tuple(SelectOption(**option) for option in told["options"][:_MOST_OPTIONS])
        self._tell(SelectOpened(number, options, self._in_the_page(told["rect"])))

    def _in_the_page(self, rect: list[float] | None) -> tuple[float, float, float, float] | None:
        if rect is None or self._pointer is None:
            return None
        x, y = self._pointer
        return x + rect[0], y + rect[1], rect[2], rect[3]
