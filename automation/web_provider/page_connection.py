"""An attached page: its agent and its traffic, and whether it still lives."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

import anyio
from playwright.async_api import Dialog, Frame, Page

from automation.browser.pool import BrowserPool
from automation.browser.windows import close_popups
from automation.capture.decoders.registry import SOCKET_DECODERS
from automation.capture.network_tap import NetworkTap
from automation.closing import close_within
from automation.errors import PageLostError
from automation.page.agent import PageAgent
from automation.page.cdp import Channel, PageChannel, Spawn, TargetTree
from automation.page.life import PageLife
from automation.playwright_errors import page_calls
from automation.profiles.model import SelectorProfile
from automation.timing import Timeouts

logger = logging.getLogger(__name__)


class WatchedTurn(Protocol):
    """A turn that ends when its page is lost; see ``TurnCapture``."""

    def lost(self, reason: str) -> None:
        """End the turn."""
        ...

    async def follow(self) -> bool:
        """Go on in another document that took the chat's place; False where that can't be the turn's."""
        ...

    def hear(self, words: str) -> None:
        """Take what a dialog of the page says."""
        ...


class PageConnection:
    """One page that we are attached to; get it from ``open_page_connection``.

    Attributes:
        page: Playwright's.
        agent: Our agent in it.
        network: Its traffic.
        life: What its renderers do and hold.
        devtools: The page's own DevTools target.
    """

    def __init__(
        self,
        page: Page,
        targets: TargetTree,
        agent: PageAgent,
        network: NetworkTap,
        life: PageLife,
        *,
        until_browser_gone: Callable[[], Awaitable[str]],
        spawn: Spawn,
    ) -> None:
        self.page = page
        self.agent = agent
        self.network = network
        self.life = life
        self.devtools: Channel = targets.root
        self._targets = targets
        self._until_browser_gone = until_browser_gone
        self._spawn = spawn
        self._lost = anyio.Event()
        self._lost_reason = ""
        self._turn: WatchedTurn | None = None
        self._following = anyio.Lock()
        page.on("crash", lambda _: self._lose("The page's renderer crashed."))
        page.on("close", lambda _: self._lose("The page was closed."))
        page.on("framenavigated", self._navigated)
        page.on("dialog", self._answer_dialog)

    def check_alive(self) -> None:
        """See that the page was not lost.

        Raises:
            PageLostError: It was; the message says how.
        """
        if self._lost.is_set():
            raise PageLostError(self._lost_reason)

    async def until_lost(self) -> None:
        """Return when the page has crashed or closed, hangs, or its browser or driver is gone."""
        await self._lost.wait()

    @contextmanager
    def telling(self, turn: WatchedTurn) -> Iterator[None]:
        """Let ``turn`` know when the page is lost, or leaves the chat."""
        self._turn = turn
        try:
            yield
        finally:
            self._turn = None

    async def watch(self) -> None:
        """Notice what the page itself does not report: that it hangs, or that its driver is gone."""
        async with anyio.create_task_group() as watch:
            watch.start_soon(self._lose_when_hung)
            watch.start_soon(self._lose_with_browser)

    async def close(self, limit_s: float) -> None:
        """Close the page, and where it does not let itself be closed, end its renderer."""
        if await close_within(self.page, limit_s):
            return
        with anyio.move_on_after(limit_s, shield=True):
            await self.life.end_renderers()

    async def _lose_when_hung(self) -> None:
        await self.life.until_hung()
        self._lose("The page hangs: its renderer neither answers nor computes.")

    async def _lose_with_browser(self) -> None:
        self._lose(f"The page's browser was lost ({await self._until_browser_gone()}).")

    def _lose(self, reason: str) -> None:
        self._lost_reason = self._lost_reason or reason
        self._lost.set()
        self._targets.close(self._lost_reason)
        if self._turn is not None:
            self._turn.lost(reason)

    def _answer_dialog(self, dialog: Dialog) -> None:
        """Close a dialog, which stops the page until then, and let the turn know what it says."""
        self._spawn(self._close_dialog(dialog))
        if self._turn is not None and dialog.type != "beforeunload":
            self._turn.hear(dialog.message)

    @staticmethod
    async def _close_dialog(dialog: Dialog) -> None:
        try:
            with page_calls("closing a dialog of the page"):
                # Leaving the page is what we want; whatever else it asks is not ours to agree to.
                await (dialog.accept() if dialog.type in {"alert", "beforeunload"} else dialog.dismiss())
        except PageLostError as exc:
            logger.debug("dialog_gone", extra={"reason": str(exc)})

    def _navigated(self, _: Frame) -> None:
        self.agent.forget()
        if self._turn is not None:
            self._spawn(self._check_still_there(self._turn))

    async def _check_still_there(self, turn: WatchedTurn) -> None:
        """Follow the turn into a new document, or end it there; an address that merely changed is no harm."""
        async with self._following:
            if turn is not self._turn or await self.agent.has_turn() or await turn.follow():
                return
            turn.lost("The page left the chat, or loaded it anew, in mid-answer.")


@asynccontextmanager
async def open_page_connection(
    page: Page,
    browsers: BrowserPool,
    profile: SelectorProfile,
    timeouts: Timeouts,
    spawn: Spawn,
    watchers: Sequence[Callable[[Channel], None]] = (),
) -> AsyncIterator[PageConnection]:
    """Attach to a page; it is closed at the end, whatever happens. ``watchers`` hear of every channel before its first event.

    Raises:
        PageLostError: The page is gone.
    """
    try:
        with page_calls("attaching to the page"):
            session = await page.context.new_cdp_session(page)
    except BaseException:
        await close_within(page, timeouts.close_s)
        raise
    browser = page.context.browser
    assert browser is not None
    network = build_network_tap(profile, spawn)

    async def prepare(channel: Channel, kind: str) -> None:
        if kind in {"page", "iframe"}:
            life.attach(channel)
        for watch in watchers:
            watch(channel)
        await network.attach(channel)
        await agent.attach(channel, kind)

    targets = TargetTree(PageChannel(session), prepare, spawn)
    agent = PageAgent(targets, profile, timeouts.ready_s)
    life = PageLife(agent, lambda: browsers.processes(browser))
    connection = PageConnection(
        page,
        targets,
        agent,
        network,
        life,
        until_browser_gone=lambda: browsers.until_gone(browser),
        spawn=spawn,
    )
    close_popups(page, spawn, browsers.note_popup)
    try:
        await targets.start()
        yield connection
    finally:
        await connection.close(timeouts.close_s)


def build_network_tap(profile: SelectorProfile, spawn: Spawn) -> NetworkTap:
    """Return a tap of what the profile's ``wire`` names; of nothing where it has none."""
    wire = profile.wire
    if wire is None:
        return NetworkTap((), (), sockets=False, spawn=spawn)
    return NetworkTap(
        wire.urls,
        wire.methods,
        sockets=wire.decoder in SOCKET_DECODERS,
        spawn=spawn,
        ready_message=wire.ready_message,
    )
