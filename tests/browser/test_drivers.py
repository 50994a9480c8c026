"""Whatever drives the browser, with a window or without, a turn comes out exactly."""

from __future__ import annotations

import asyncio

import pytest

from automation.browser.display import display_obstacle
from automation.browser.pool import BrowserPool, open_browser_pool
from automation.stealth.options import BrowserConfig
from tests.fakes.chat_provider import ask, open_provider
from tests.fakes.chat_site import MARKDOWN, FakeChatSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

no_display = pytest.mark.skipif(display_obstacle() is not None, reason=display_obstacle() or "")
MODES = [
    pytest.param(BrowserConfig(driver="patchright"), id="patchright"),
    pytest.param(BrowserConfig(headless=False), id="window", marks=no_display),
    pytest.param(
        BrowserConfig(driver="patchright", headless=False), id="patchright-window", marks=no_display
    ),
]


@pytest.mark.parametrize("with_wire", [True, False], ids=["wire", "dom"])
@pytest.mark.parametrize("browser", MODES)
async def test_two_turns_come_out_exactly(browser, with_wire, browsers: BrowserPool, site: FakeChatSite):
    prompts = ["[[md:code]]", "[[md:prose]] naïve 日本語 🙂"]

    async with open_provider(browsers, site, "fetch-sse", with_wire=with_wire, browser=browser) as provider:
        replies = [await ask(provider, prompt) for prompt in prompts]

    assert [reply.text for reply in replies] == [MARKDOWN["code"], MARKDOWN["prose"]]
    assert {reply.finished.source for reply in replies} == {"wire" if with_wire else "dom"}
    assert [request.prompt for request in site.requests] == prompts


@no_display
async def test_a_display_that_died_is_replaced_and_the_last_one_ends_with_the_pool():
    config = BrowserConfig(headless=False)
    async with open_browser_pool(None, max_pages=1) as pool:
        first = await pool.new_context(config, None)
        died = asyncio.Event()
        assert first.browser is not None
        first.browser.on("disconnected", lambda _: died.set())
        display = pool.display
        assert display is not None
        assert display.process is not None
        display.process.kill()
        async with asyncio.timeout(60):
            await died.wait()

        second = await pool.new_context(config, None)
        page = await second.new_page()
        answer = await page.evaluate("1 + 1")
        process = display.process

    assert answer == 2
    assert process is not None
    assert process.returncode is not None
