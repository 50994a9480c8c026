"""Where an answer is read, what is read beside its text, and how its end is seen on pages that hardly show it."""

from __future__ import annotations

from typing import Any

import pytest

from automation.account.config import CaptureRoute
from automation.browser.pool import BrowserPool
from automation.errors import IdleTimeout, SiteError
from automation.timing import Timeouts
from automation.turn import ReasoningDelta, SourceFound, TextDelta, TurnEvent
from automation.web_provider.chat_site import ChatSite
from tests.fakes.chat_provider import PATIENCE, ask, open_provider, prompt_of
from tests.fakes.chat_site import FakeChatSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NO_CONTROLS: dict[str, Any] = {"stop": [], "finished": []}
THOUGHT = "First I ponder it for a while, then for another while, and then I know."


async def events_of(provider: ChatSite, text: str) -> list[TurnEvent]:
    async with provider.open_turn(prompt_of(text)) as events:
        return [event async for event in events]


# -- which route ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("capture", "source"), [("auto", "wire"), ("dom", "dom")])
async def test_a_setting_switches_the_wire_off(
    capture: CaptureRoute, source: str, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "fetch-sse", capture=capture) as provider:
        reply = await ask(provider, "[[md:code]]")

    assert (reply.text, reply.finished.source) == (site.requests[0].answer.text, source)


# -- thoughts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["thinking-folded", "thinking-folds-again"])
@pytest.mark.parametrize("slow_ms", [4, 60])
async def test_a_folded_thought_is_opened_and_told_as_reasoning(
    variant: str, slow_ms: int, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant) as provider:
        reply = await ask(provider, f"[[think:{THOUGHT}]][[echo:Then I *answer*.]][[slow:{slow_ms}]]")

    assert (reply.reasoning, reply.text) == (THOUGHT, "Then I *answer*.")


async def test_a_folded_thought_is_told_while_it_is_thought(browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, "thinking-folded") as provider:
        events = await events_of(provider, f"[[think:{THOUGHT}]][[echo:Yes.]][[slow:100]]")

    kinds = [type(event) for event in events]
    assert ReasoningDelta in kinds[: kinds.index(TextDelta)]


# -- sources --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_wire", [True, False])
async def test_the_pages_that_an_answer_cites_are_told_once_each(
    with_wire: bool, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "sources", with_wire=with_wire) as provider:
        events = await events_of(provider, "[[md:prose]]")

    assert [event for event in events if isinstance(event, SourceFound)] == [
        SourceFound(f"{site.url}/static/chat.css", "A page of ours"),
        SourceFound("https://example.org/tea?cup=1", "All about tea"),
    ]
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert text == site.requests[0].answer.text


# -- the end --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["fetch-sse", "xhr", "eventsource", "dom-only"])
async def test_on_a_page_without_controls_the_streams_end_is_the_answers_end(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant, with_wire=False, **NO_CONTROLS) as provider:
        reply = await ask(provider, "[[count:30]][[pause:6]]")

    assert reply.text == site.requests[0].answer.text


@pytest.mark.parametrize("variant", ["locks-input", "aria-busy"])
async def test_what_a_page_shows_of_its_work_keeps_a_pause_from_being_the_end(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    # Longer than the quiet that would be an end without it.
    async with open_provider(browsers, site, variant, timeouts=Timeouts(lease_s=30.0)) as provider:
        reply = await ask(provider, "[[count:30]][[pause:11.5]]")

    assert reply.text == site.requests[0].answer.text


@pytest.mark.parametrize("controls", [{}, NO_CONTROLS], ids=["controls", "none"])
async def test_a_stream_that_never_ends_is_an_idle_timeout_and_no_answer(
    controls: dict[str, Any], browsers: BrowserPool, site: FakeChatSite
):
    timeouts = Timeouts(idle_s=12.0, lease_s=30.0)

    async with open_provider(browsers, site, "dom-only", timeouts=timeouts, **controls) as provider:
        with pytest.raises(IdleTimeout):
            await ask(provider, "[[count:30]][[gate]]")

    await site.wait_for(lambda s: s.requests[0].ended == "aborted")


async def test_an_answer_whose_stream_breaks_is_an_error_although_the_page_shows_its_end(
    browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "cut", with_wire=False, timeouts=PATIENCE) as provider:
        with pytest.raises(SiteError, match="cut"):
            await ask(provider, "[[count:60]][[cut]]")


@pytest.mark.parametrize("with_wire", [True, False])
async def test_an_answer_that_repeats_the_users_words_is_an_answer(
    with_wire: bool, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "echo-trap", with_wire=with_wire) as provider:
        reply = await ask(provider, "[[echo:[[echo:]]")

    assert reply.text == site.requests[0].answer.text
