"""Pages in windows of their own are painted at full rate, whichever of them is in front."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Page

from automation.browser.pool import BrowserPool
from automation.browser.windows import open_window
from automation.stealth.options import BrowserConfig

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

FRAMES = """() => new Promise((resolve) => {
  let frames = 0;
  const end = performance.now() + 1000;
  const count = () => { frames++; if (performance.now() < end) requestAnimationFrame(count); else resolve(frames); };
  requestAnimationFrame(count);
})"""


async def frames_in_a_second(page: Page) -> int:
    return int(await page.evaluate(FRAMES))


async def test_every_window_is_painted_also_those_behind(browsers: BrowserPool):
    context = await browsers.new_context(BrowserConfig(), None)
    try:
        pages = [await open_window(context) for _ in range(3)]
        frames = [await frames_in_a_second(page) for page in pages]
    finally:
        await context.close()

    assert len({id(page) for page in pages}) == 3
    # A tab behind another one has one or two.
    assert min(frames) >= 8


class ClosingContext:
    """A context whose only page closes as soon as it is asked for anything."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self.pages = context.pages

    async def new_cdp_session(self, page: Page) -> object:
        await page.close()
        return await self._context.new_cdp_session(page)

    async def new_page(self) -> Page:
        return await self._context.new_page()


async def test_where_the_page_beside_it_closes_a_page_is_opened_all_the_same(browsers: BrowserPool):
    context = await browsers.new_context(BrowserConfig(), None)
    try:
        await context.new_page()
        page = await open_window(ClosingContext(context))  # type: ignore[arg-type]

        assert await page.evaluate("1 + 1") == 2
    finally:
        await context.close()
