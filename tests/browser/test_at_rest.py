"""A page that waits for its next turn does nothing on our account: no look goes on in it, and no caret blinks."""

from __future__ import annotations

import pytest

from automation.browser.pool import BrowserPool
from tests.fakes.chat_provider import Talk, open_provider
from tests.fakes.chat_site import FakeChatSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("with_wire", [True, False], ids=["wire", "dom"])
@pytest.mark.parametrize("variant", ["fetch-sse", "shadow"])
async def test_a_page_that_keeps_a_chat_is_at_rest(
    variant: str, with_wire: bool, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant, with_wire=with_wire) as provider:
        talk = Talk(provider)
        await talk.say("[[echo:one]]")
        await talk.until_kept()
        (page,) = provider.pool.pages

        assert page.holds
        assert await page.connection.page.evaluate("document.activeElement === document.body")
        assert not await page.connection.agent.has_turn()
        assert (await talk.say("[[echo:two]]")).text == "two"
