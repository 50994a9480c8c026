"""What each page of the chat site answers comes out exactly, whatever the page does to whoever drives it."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from automation.browser.pool import BrowserPool
from automation.errors import SendUnconfirmedError, SentState
from automation.turn import TextDelta, TurnEvent
from automation.web_provider.turn_input import TurnInput
from tests.fakes.chat_provider import PATIENCE, Reply, ask, open_provider, prompt_of, read
from tests.fakes.chat_site import MARKDOWN, VARIANTS, FakeChatSite, profile_data

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

TRANSPORTS = ["fetch-sse", "eventsource", "websocket", "xhr", "worker", "dom-only"]
# These have tests of their own: what they do befalls an ordinary prompt, too.
BREAKS_EVERY_TURN = {"navigates-away", "reload-midway"}
SWALLOWS_CLICK = "double-send"
OWN_TESTS = {
    *BREAKS_EVERY_TURN,
    SWALLOWS_CLICK,
    *(name for name, v in VARIANTS.items() if v.needs_sign_in or v.challenge or v.flags.get("files")),
}
ORDINARY = [name for name in VARIANTS if name not in OWN_TESTS]
HAVE_WIRE = [name for name in ORDINARY if "wire" in profile_data(name)]


def assert_exact(reply: Reply, text: str, source: str) -> None:
    assert reply.text == text
    assert (reply.finished.finish_reason, reply.finished.source) == ("stop", source)
    assert reply.finished.notes == ()


@pytest.mark.parametrize("variant", HAVE_WIRE)
async def test_two_turns_are_read_exactly_from_the_wire(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    prompts = ["[[md:code]]", "[[md:prose]] naïve 日本語 🙂"]

    async with open_provider(browsers, site, variant) as provider:
        replies = [await ask(provider, prompt) for prompt in prompts]

    # What a worker requests in its very first moment can leave before the tap is in it; then the page is read.
    first_source = replies[0].finished.source if variant == "worker" else "wire"
    assert_exact(replies[0], MARKDOWN["code"], first_source)
    assert_exact(replies[1], MARKDOWN["prose"], "wire")
    assert [request.prompt for request in site.requests] == prompts
    assert len({request.conversation for request in site.requests}) == 2


@pytest.mark.parametrize("variant", ORDINARY)
async def test_two_turns_are_read_exactly_from_the_page(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    prompts = ["[[md:code]]", "[[md:list]] naïve 日本語 🙂"]

    async with open_provider(browsers, site, variant, with_wire=False) as provider:
        replies = [await ask(provider, prompt) for prompt in prompts]

    assert_exact(replies[0], MARKDOWN["code"], "dom")
    assert_exact(replies[1], MARKDOWN["list"], "dom")
    assert [request.prompt for request in site.requests] == prompts


@pytest.mark.parametrize("variant", ["fetch-sse", "dom-only", "rerender", "shadow"])
async def test_every_kind_of_markdown_is_read_exactly_from_the_page(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant, with_wire=False) as provider:
        replies = {name: (await ask(provider, f"[[md:{name}]]")).text for name in MARKDOWN}

    assert replies == MARKDOWN


@pytest.mark.parametrize("variant", TRANSPORTS)
async def test_deltas_arrive_while_the_stream_is_held(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    early = ""
    async with (
        open_provider(browsers, site, variant) as provider,
        provider.open_turn(prompt_of("[[count:60]][[gate]]")) as events,
    ):
        while len(early) < 100:
            event = await anext(events)
            early += event.text if isinstance(event, TextDelta) else ""
        ended_while_read = site.requests[0].ended
        site.release()
        rest = await read(events)

    assert ended_while_read == "running"
    assert early + rest.text == site.requests[0].answer.text


@pytest.mark.parametrize(
    ("variant", "with_wire"), [("fetch-sse", True), ("fetch-sse", False), ("dom-only", False)]
)
async def test_three_seconds_of_silence_in_the_middle_are_no_end(
    variant: str, with_wire: bool, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant, with_wire=with_wire) as provider:
        reply = await ask(provider, "[[count:30]][[pause:3]]")

    assert reply.text == site.requests[0].answer.text


@pytest.mark.parametrize(
    ("variant", "with_wire"),
    [
        ("thinking", True),
        ("thinking", False),
        ("thinking-dom", False),
        ("websocket", False),
        ("shadow", False),
    ],
)
async def test_reasoning_is_kept_apart_from_the_answer(
    variant: str, with_wire: bool, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant, with_wire=with_wire) as provider:
        reply = await ask(provider, "[[think:First I ponder it.]][[echo:Then I *answer*.]]")

    assert (reply.reasoning, reply.text) == ("First I ponder it.", "Then I *answer*.")


async def test_a_placeholder_is_never_the_answer(browsers: BrowserPool, site: FakeChatSite):
    site.first_token_wait_s = 2.0
    async with open_provider(browsers, site, "slow-answer", with_wire=False) as provider:
        reply = await ask(provider, "[[echo:At last.]]")

    assert reply.text == "At last."


@pytest.mark.parametrize("with_wire", [True, False])
async def test_the_answer_is_the_new_turns_in_a_virtualised_list(
    with_wire: bool, browsers: BrowserPool, site: FakeChatSite
):
    replies = []
    async with (
        open_provider(browsers, site, "virtualised", with_wire=with_wire) as provider,
        provider.pool.lend(10) as page,
    ):
        for number in range(5):
            send, receive = anyio.create_memory_object_stream[TurnEvent](1000)
            async with receive:
                async with send:
                    await page.take_turn(TurnInput(f"[[echo:same words, turn {number}]]"), send)
                replies.append(await read(receive))

    assert [reply.text for reply in replies] == [f"same words, turn {number}" for number in range(5)]
    assert len({request.conversation for request in site.requests}) == 1


async def test_suggestions_that_come_late_are_not_in_the_answer_nor_in_the_next(
    browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "suggestions", with_wire=False) as provider:
        replies = [(await ask(provider, f"[[echo:Answer {number}.]]")).text for number in range(3)]

    assert replies == ["Answer 0.", "Answer 1.", "Answer 2."]


@pytest.mark.parametrize("with_wire", [True, False])
async def test_turns_at_once_never_get_each_others_answers(
    with_wire: bool, browsers: BrowserPool, site: FakeChatSite
):
    got: dict[int, str] = {}

    async def one(number: int) -> None:
        got[number] = (await ask(provider, f"[[echo:{f'answer {number} ' * 30}end]][[gate]]")).text

    async with (
        open_provider(browsers, site, "fetch-sse", with_wire=with_wire, max_pages=3) as provider,
        anyio.create_task_group() as tasks,
    ):
        for number in range(3):
            tasks.start_soon(one, number)
        await site.wait_for(lambda s: sum(r.is_at_gate for r in s.requests) == 3, timeout_s=60)
        site.release()

    assert got == {number: f"answer {number} " * 30 + "end" for number in range(3)}


# -- sending --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "variant", ["fetch-sse", "shadow", "prosemirror", "iframe-cross-site", "twin-input", "field-grows"]
)
@pytest.mark.parametrize(
    "prompt",
    ["one\n\n  two  spaces\n\tthree\n\n\nend", "line of text\n" * 1500 + "end"],
    ids=["blank lines", "long"],
)
async def test_a_prompt_of_many_lines_arrives_unchanged(
    variant: str, prompt: str, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant) as provider:
        reply = await ask(provider, prompt)

    assert [request.prompt for request in site.requests] == [prompt]
    assert reply.text == site.requests[0].answer.text


@pytest.mark.parametrize("with_wire", [True, False])
async def test_a_click_that_landed_is_not_repeated_though_nothing_came_of_it(
    with_wire: bool, browsers: BrowserPool, site: FakeChatSite
):
    timeouts = replace(PATIENCE, first_token_s=5.0)
    async with open_provider(
        browsers, site, SWALLOWS_CLICK, with_wire=with_wire, timeouts=timeouts
    ) as provider:
        with pytest.raises(SendUnconfirmedError) as caught:
            await ask(provider, "[[echo:Once.]]")

    assert caught.value.sent is SentState.MAYBE
    assert site.requests == []


@pytest.mark.parametrize("variant", ["slow-echo", "late-composer"])
@pytest.mark.parametrize("with_wire", [True, False])
async def test_a_prompt_is_sent_once_to_a_page_that_takes_its_time(
    variant: str, with_wire: bool, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant, with_wire=with_wire) as provider:
        replies = [(await ask(provider, f"[[echo:Once {number}.]]")).text for number in range(2)]

    assert replies == ["Once 0.", "Once 1."]
    assert [request.answer.text for request in site.requests] == replies


# -- stopping -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", [*TRANSPORTS, "shadow", "iframe-cross-site", "alert", "rerender"])
async def test_leaving_a_turn_stops_the_site_and_leaves_the_page_clean(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant) as provider:
        async with provider.open_turn(prompt_of("[[count:100]][[gate]]")) as events:
            await anext(events)
        await site.wait_for(lambda s: s.requests[0].ended == "aborted", timeout_s=60)
        after = await ask(provider, "[[echo:Still here.]]")
        health = await provider.check()

    assert after.text == "Still here."
    assert site.requests[1].conversation != site.requests[0].conversation
    assert health["pages"]["in_use"] == 0


async def test_leaving_before_the_first_token_stops_the_site_too(browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, "fetch-sse") as provider:
        async with provider.open_turn(prompt_of("[[wait:60]]")):
            await site.wait_for_request(1)
        await site.wait_for(lambda s: s.requests[0].ended == "aborted", timeout_s=60)
        after = await ask(provider, "[[echo:Still here.]]")

    assert after.text == "Still here."
