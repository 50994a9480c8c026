"""Whatever drives the browser, with a window or without, a turn comes out exactly."""

from __future__ import annotations

import pytest

from automation.browser.display import display_obstacle
from automation.browser.pool import BrowserPool
from automation.stealth.options import BrowserConfig
from tests.fakes.chat_provider import ask, open_provider
from tests.fakes.chat_site import MARKDOWN, ChatSite

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
async def test_two_turns_come_out_exactly(browser, with_wire, browsers: BrowserPool, site: ChatSite):
    prompts = ["[[md:code]]", "[[md:prose]] naïve 日本語 🙂"]

    async with open_provider(browsers, site, "fetch-sse", with_wire=with_wire, browser=browser) as provider:
        replies = [await ask(provider, prompt) for prompt in prompts]

    assert [reply.text for reply in replies] == [MARKDOWN["code"], MARKDOWN["prose"]]
    assert {reply.finished.source for reply in replies} == {"wire" if with_wire else "dom"}
    assert [request.prompt for request in site.requests] == prompts
