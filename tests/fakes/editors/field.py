"""One editor's page with a composer on it, and what the editor's own model holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, cast

from playwright.async_api import Page

from automation.browser.pool import BrowserPool
from automation.capture.pipeline import TurnCapture
from automation.capture.send_effects import SendEffects
from automation.owned_tasks import owned_tasks
from automation.page.agent import PageAgent
from automation.page.cdp import Channel, PageChannel, TargetTree
from automation.page.hands import PageInput
from automation.profiles.validation import parse_profile
from automation.stealth.options import BrowserConfig
from automation.timing import Timeouts
from automation.web_provider.composing.composer import Composer
from tests.fakes.editors import editor_pages


class EditorField:
    """A prompt field of one editor. It stands in for the capture, too: the page notes what it sends."""

    def __init__(self, page: Page, dom: PageAgent, profile: dict[str, Any], timeouts: Timeouts) -> None:
        self.page = page
        self.dom = dom
        self.effects = SendEffects()
        parsed = parse_profile({"input": ".prompt", "send": "#send", "assistant_turn": ".none", **profile})
        self.composer = Composer(dom, PageInput(page, dom), parsed, timeouts)

    async def write(self, text: str) -> None:
        await self.composer.write(text)

    async def send(self) -> None:
        await self.composer.send(cast("TurnCapture", self))

    async def model(self) -> str:
        """What the page would send: of a bare field its innerText, of an editor its model's text."""
        return str(await self.page.evaluate("modelText()"))

    async def sent(self) -> list[str]:
        return list(await self.page.evaluate("sent"))

    # -- as the capture

    async def expect(self, prompt: str) -> None:
        self.effects.begin()

    async def until_effect(self) -> None:
        await self.page.wait_for_function("sent.length > 0")


@asynccontextmanager
async def open_field(
    browsers: BrowserPool, editor: str, timeouts: Timeouts = Timeouts(), **profile: Any
) -> AsyncIterator[EditorField]:
    """Open a page that shows this editor; ``profile`` are further keys of its profile."""
    context = await browsers.new_context(BrowserConfig(), None)
    try:
        page = await context.new_page()
        await page.goto(f"{editor_pages().as_uri()}?{editor}")
        await page.wait_for_selector(".prompt")
        async with owned_tasks() as tasks:

            def spawn(task: Coroutine[Any, Any, None]) -> None:
                tasks.start_soon(lambda: task)

            targets = TargetTree(PageChannel(await context.new_cdp_session(page)), _watch_nothing, spawn)
            dom = PageAgent(
                targets, parse_profile({"input": ".prompt", "send": "#send", "assistant_turn": ".none"})
            )
            await targets.start()
            yield EditorField(page, dom, profile, timeouts)
    finally:
        await context.close()


async def _watch_nothing(channel: Channel, kind: str) -> None:
    pass
