"""With the two required keys alone an answer of any size is read exactly, and one without a word is an error that says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from automation.browser.pool import BrowserPool
from automation.errors import EmptyAnswerError
from automation.web_provider.chat_site import ChatSite
from tests.fakes.chat_provider import ask, open_provider
from tests.fakes.chat_site import FakeChatSite, answer_to

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

# The site's turns also hold buttons, which a profile without `answer` leaves out by its container.
BODY = ".turn.assistant .body"
ONE_WORD = {
    "a word": "[[echo:Yes]]",
    "a number": "[[echo:42]]",
    "a character": "[[echo:x]]",
    "an emoji": "[[echo:🙂]]",
}
LARGE = "[[long:200000]][[chunk:4000]][[slow:40]]"


@asynccontextmanager
async def opened(
    browsers: BrowserPool, site: FakeChatSite, variant: str, **more: Any
) -> AsyncIterator[ChatSite]:
    """Open the variant's page with a profile of the required keys and these."""
    others = ("send", "stop", "user_turn", "answer", "thinking", "finished", "error", "exclude")
    nothing: dict[str, Any] = {key: [] for key in others}
    keys = {**nothing, "new_chat": {}, "assistant_turn": BODY, **more}
    async with open_provider(browsers, site, variant, with_wire=False, **keys) as provider:
        yield provider


@pytest.mark.parametrize("variant", ["dom-only", "fetch-sse", "websocket"])
async def test_an_answer_of_one_word_is_the_answer(variant: str, browsers: BrowserPool, site: FakeChatSite):
    async with opened(browsers, site, variant) as provider:
        replies = {name: (await ask(provider, asked)).text for name, asked in ONE_WORD.items()}

    assert replies == {name: answer_to(asked).text for name, asked in ONE_WORD.items()}
    assert [request.prompt for request in site.requests] == list(ONE_WORD.values())


@pytest.mark.parametrize("variant", ["dom-only", "fetch-sse"])
async def test_two_hundred_kilobytes_are_read_exactly(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    async with opened(browsers, site, variant, exclude=[".code-bar"]) as provider:
        reply = await ask(provider, LARGE)

    assert len(reply.text) >= 200_000
    assert reply.text == site.requests[0].answer.text
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    ("variant", "keys"),
    [
        ("dom-only", {"stop": "button.stop", "user_turn": ".turn.user"}),
        ("fetch-sse", {"stop": "button.stop"}),
        ("fetch-sse", {"wire": {"decoder": "openai_sse", "urls": "*/api/chat/*"}}),
    ],
    ids=["stop and user_turn", "stop", "wire"],
)
async def test_a_turn_that_ends_without_a_word_is_an_empty_answer_to_a_prompt_that_was_sent(
    variant: str, keys: dict[str, Any], browsers: BrowserPool, site: FakeChatSite
):
    async with opened(browsers, site, variant, **keys) as provider:
        with pytest.raises(EmptyAnswerError) as refused:
            await ask(provider, "[[echo:]]")

    assert refused.value.sent == "yes"
    assert len(site.requests) == 1
