"""A conversation goes on in the page's own chat, turn by turn, also in another page and after a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.browser.pool import BrowserPool
from automation.errors import ConversationGoneError, PromptTooLargeError
from automation.turn import ChatLink
from tests.fakes.chat_provider import PATIENCE, MemorySessions, Talk, open_provider, prompt_of, read
from tests.fakes.chat_site import FakeChatSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

# A chat that is not at its address is waited for as long.
NO_LONG_WAIT = replace(PATIENCE, ready_s=10.0)


@pytest.mark.parametrize(
    "variant", ["fetch-sse", "rerender-anonymous", "virtualised", "shadow", "iframe-port"]
)
async def test_follow_ups_send_only_what_is_new(variant: str, browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, variant) as provider:
        talk = Talk(provider)
        replies = [await talk.say(f"[[echo:answer {turn}]]") for turn in range(6)]

    assert [reply.text for reply in replies] == [f"answer {turn}" for turn in range(6)]
    assert [reply.finished.is_continued for reply in replies] == [False] + [True] * 5
    assert [request.prompt for request in site.requests] == [f"[[echo:answer {turn}]]" for turn in range(6)]
    assert len({request.conversation for request in site.requests}) == 1


async def test_the_same_words_again_are_a_turn_of_their_own(browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, "rerender-anonymous", with_wire=False) as provider:
        talk = Talk(provider)
        replies = [await talk.say("[[echo:the same]]") for _ in range(3)]

    assert [reply.text for reply in replies] == ["the same"] * 3
    assert len(site.requests) == 3


async def test_conversations_on_pages_of_their_own_are_not_mixed(browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, "fetch-sse", max_pages=3) as provider:
        talks = [Talk(provider), Talk(provider)]
        for turn in range(3):
            for number, talk in enumerate(talks):
                await talk.say(f"[[echo:{turn} of {number}]]")

    by_chat = {request.conversation for request in site.requests}
    assert len(by_chat) == 2
    for chat in by_chat:
        prompts = [request.prompt for request in site.requests if request.conversation == chat]
        assert prompts in [[f"[[echo:{turn} of {number}]]" for turn in range(3)] for number in range(2)]


async def test_a_new_conversation_starts_in_an_empty_chat(browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, "fetch-sse", max_pages=1) as provider:
        await Talk(provider).say("[[echo:first]]")
        await Talk(provider).say("[[echo:second]]")

    assert len({request.conversation for request in site.requests}) == 2


async def test_a_chat_whose_page_was_needed_goes_on_as_a_transcript(
    browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "fetch-sse", max_pages=1) as provider:
        talk = Talk(provider)
        await talk.say("[[echo:first]]")
        await Talk(provider).say("[[echo:another]]")
        reply = await talk.say("[[echo:second]]")

    assert not reply.finished.is_continued
    assert site.requests[-1].prompt == "User:\n[[echo:first]]\n\nAssistant:\nfirst\n\nUser:\n[[echo:second]]"


async def test_a_chat_with_an_address_is_opened_again(browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, "saved-chats", max_pages=1) as provider:
        talk = Talk(provider)
        await talk.say("[[echo:first]]")
        await Talk(provider).say("[[echo:another]]")
        reply = await talk.say("[[echo:second]]")

    assert reply.finished.is_continued
    assert site.requests[2].prompt == "[[echo:second]]"
    assert site.requests[2].conversation == site.requests[0].conversation != site.requests[1].conversation


async def test_a_chat_goes_on_after_a_restart(browsers: BrowserPool, site: FakeChatSite):
    sessions = MemorySessions()

    async with open_provider(browsers, site, "saved-chats", sessions=sessions) as provider:
        before = Talk(provider)
        await before.say("[[echo:first]]")
        await before.until_kept()
    async with open_provider(browsers, site, "saved-chats", sessions=sessions) as provider:
        after = Talk(provider)
        after.messages, after.chat = before.messages, before.chat
        reply = await after.say("[[echo:second]]")

    assert reply.finished.is_continued
    assert [request.prompt for request in site.requests] == ["[[echo:first]]", "[[echo:second]]"]
    assert len({request.conversation for request in site.requests}) == 1


async def test_an_address_that_shows_another_chat_is_not_believed(browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, "saved-chats") as provider:
        talk, other = Talk(provider), Talk(provider)
        await talk.say("[[echo:first]]")
        await other.say("[[echo:another]]")
        assert talk.chat is not None
        assert other.chat is not None
        talk.chat = replace(talk.chat, id="elsewhere", url=other.chat.url)
        reply = await talk.say("[[echo:second]]")

    assert not reply.finished.is_continued
    assert reply.text == "second"
    assert site.requests[-1].conversation not in {request.conversation for request in site.requests[:-1]}


async def test_a_prompt_that_is_refused_leaves_the_chat_as_it_was(browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, "max-length") as provider:
        talk = Talk(provider)
        await talk.say("[[echo:first]]")
        before = talk.messages
        with pytest.raises(PromptTooLargeError):
            await talk.say("[[echo:second]]" + "x" * 2000)
        talk.messages = before
        reply = await talk.say("[[echo:third]]")

    assert (reply.text, reply.finished.is_continued) == ("third", True)
    assert [request.prompt for request in site.requests] == ["[[echo:first]]", "[[echo:third]]"]


async def test_only_new_messages_are_never_sent_to_another_chat(browsers: BrowserPool, site: FakeChatSite):
    prompt = replace(prompt_of("[[echo:second]]"), chat=ChatLink("gone"), must_continue=True)

    async with open_provider(browsers, site, "fetch-sse") as provider:
        with pytest.raises(ConversationGoneError):
            async with provider.open_turn(prompt) as events:
                await read(events)
        await Talk(provider).say("[[echo:first]]")

    assert [request.prompt for request in site.requests] == ["[[echo:first]]"]


@pytest.mark.parametrize("path", ["/v/saved-chats/c/gone", "/v/http-500", "/v/not-chat"])
async def test_an_address_that_leads_nowhere_falls_back_to_a_transcript(
    path: str, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "saved-chats", timeouts=NO_LONG_WAIT) as provider:
        talk = Talk(provider)
        await talk.say("[[echo:first]]")
        assert talk.chat is not None
        talk.chat = replace(talk.chat, id="elsewhere", url=f"{site.url}{path}")
        reply = await talk.say("[[echo:second]]")

    assert (reply.text, reply.finished.is_continued) == ("second", False)
    assert "[[echo:first]]" in site.requests[-1].prompt


async def test_what_nobody_goes_on_with_is_deleted_at_the_site(browsers: BrowserPool, site: FakeChatSite):
    sessions = MemorySessions()

    async with open_provider(browsers, site, "saved-chats", max_pages=1, sessions=sessions) as provider:
        async with provider.open_turn(replace(prompt_of("[[echo:a title]]"), is_throwaway=True)) as events:
            reply = await read(events)
        await Talk(provider).say("[[echo:kept]]")

    assert reply.finished.chat is None
    stored = str(sessions.state)
    assert site.requests[0].conversation not in stored
    assert site.requests[1].conversation in stored


async def test_a_chat_is_deleted_at_the_site_on_request(browsers: BrowserPool, site: FakeChatSite):
    sessions = MemorySessions()

    async with open_provider(
        browsers, site, "saved-chats", sessions=sessions, timeouts=NO_LONG_WAIT
    ) as provider:
        talk = Talk(provider)
        await talk.say("[[echo:first]]")
        assert talk.chat is not None
        was_deleted = await provider.forget_chat(talk.chat)
        again = await provider.forget_chat(talk.chat)
        await Talk(provider).say("[[echo:kept]]")

    assert (was_deleted, again) == (True, False)
    assert site.requests[0].conversation not in str(sessions.state)
