"""A browser that a person started is used and left as it was."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from automation.browser.display import display_obstacle, open_display
from automation.browser.pool import BrowserPool, open_browser_pool
from automation.errors import BrowserUnavailableError
from automation.stealth.options import BrowserConfig
from tests.fakes.chat_provider import MemorySessions, ask, open_provider
from tests.fakes.chat_site import MARKDOWN, FakeChatSite
from tests.fakes.chromium import Chromium, open_chromium

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(display_obstacle() is not None, reason=display_obstacle() or ""),
]


@pytest_asyncio.fixture(loop_scope="module")
async def persons(site: FakeChatSite) -> AsyncIterator[Chromium]:
    async with open_display() as display:
        own_page = site.page("fetch-sse")
        async with open_chromium(own_page, display, attachable=True) as chromium:
            yield chromium


async def tabs(chromium: Chromium) -> list[str]:
    async with aiohttp.ClientSession() as http, http.get(f"{chromium.cdp_url}/json/list") as answer:
        targets: list[dict[str, Any]] = json.loads(await answer.text())
    return sorted(target["url"] for target in targets if target["type"] == "page")


@pytest.mark.parametrize("with_wire", [True, False], ids=["wire", "dom"])
async def test_turns_come_out_exactly_and_the_persons_tabs_stay(
    with_wire: bool, persons: Chromium, site: FakeChatSite
):
    before = await tabs(persons)
    config = BrowserConfig(driver="cdp", cdp_url=persons.cdp_url)
    sessions = MemorySessions()

    async with open_browser_pool(None, max_pages=4) as pool:
        provider = open_provider(
            pool, site, "fetch-sse", with_wire=with_wire, browser=config, sessions=sessions
        )
        async with provider as opened:
            reply = await ask(opened, "[[md:code]]")
            during = await tabs(persons)

    assert reply.text == MARKDOWN["code"]
    assert len(during) == len(before) + 1
    assert await tabs(persons) == before
    assert persons.process.returncode is None
    assert sessions.state is None


async def test_an_address_that_is_gone_is_an_error_that_names_the_field(browsers: BrowserPool):
    config = BrowserConfig(driver="cdp", cdp_url="ws://127.0.0.1:9/devtools/browser/secret-key")

    with pytest.raises(BrowserUnavailableError) as caught:
        await browsers.new_context(config, None)

    message = str(caught.value)
    assert "browser_config.cdp_url" in message
    assert "ws://127.0.0.1:9" in message
    assert "--remote-debugging-port" in message
    assert "secret-key" not in message


async def test_without_an_address_the_error_names_the_field(browsers: BrowserPool):
    with pytest.raises(BrowserUnavailableError, match=r"browser_config\.cdp_url is missing"):
        await browsers.new_context(BrowserConfig(driver="cdp"), None)
