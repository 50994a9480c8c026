"""A chat request as a turn of a page: what is done before it takes its place, and what becomes of its conversation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from automation.errors import SiteError
from automation.library.kept_open import KeptOpen
from automation.turn import ChatLink, Prompt, TextDelta
from backend.endpoints.endpoint import ProviderReplacedError
from backend.errors import ConversationBusyError, InvalidRequestError
from backend.gateway.attachments import FileFetcher
from backend.gateway.page_turns import PAGE_TRAITS, PageServices, PageTurns, page_kinds
from backend.gateway.placement.background import BackgroundPatterns
from backend.gateway.placement.placement import ConversationPlacer, SiteConversation
from backend.providers.chat_call import ChatCall
from backend.providers.target import Target
from backend.wire.attachments import FileLimits, FilePart
from tests.fakes.memory_conversations import MemoryConversations
from tests.fakes.memory_endpoints import config_of
from tests.fakes.scripted_provider import DONE, ScriptedSite, plays

TARGET = Target("demo", None, None)
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGODlhAQABAAAAACw="}}
TITLE = "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history."


class NotedFiles(FileFetcher):
    """Notes when it is asked for files."""

    def __init__(self, steps: list[str]) -> None:
        super().__init__(FileLimits(10, 1_000_000), lambda _: True)
        self._steps = steps

    async def attach(self, prompt: Prompt, files: Sequence[Sequence[FilePart]]) -> Prompt:
        self._steps.append("files")
        return await super().attach(prompt, files)


class NotedConversations(MemoryConversations):
    """Notes when a conversation's head is taken and given back."""

    def __init__(self, steps: list[str]) -> None:
        super().__init__()
        self._steps = steps

    async def take_by_head(self, head: str) -> SiteConversation | None:
        self._steps.append("conversation")
        return await super().take_by_head(head)


@dataclass
class Place:
    """A request's place among those that run at once.

    Attributes:
        refusal: Raised instead of the place.
    """

    steps: list[str]
    refusal: Exception | None = None

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        self.steps.append("place")
        if self.refusal is not None:
            raise self.refusal
        try:
            yield
        finally:
            self.steps.append("place left")


@dataclass
class Desk:
    """A page provider behind its adapter, and in which order things were done."""

    site: ScriptedSite
    turns: PageTurns
    conversations: NotedConversations
    steps: list[str] = field(default_factory=list)
    place: Place = field(default_factory=lambda: Place([]))

    async def ask(self, *messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Ask for a whole answer and return its document."""
        call = parse_chat_call(*messages, **fields)
        async with self.turns.open_reply(call, TARGET, self.place.taken()) as reply:
            document: dict[str, Any] = json.loads(reply.body)
            return {**document, "headers": dict(reply.headers)}


def user(content: object) -> dict[str, Any]:
    return {"role": "user", "content": content}


def parse_chat_call(*messages: dict[str, Any], is_streamed: bool = False, **fields: Any) -> ChatCall:
    return ChatCall("demo", {"messages": list(messages), **fields}, is_streamed)


@pytest.fixture
async def desk():
    steps: list[str] = []
    site = ScriptedSite(keeps_chats=True)
    conversations = NotedConversations(steps)
    services = PageServices(ConversationPlacer(conversations), BackgroundPatterns(), NotedFiles(steps))
    # A fixture is left by another task than it is entered by, which a task group does not allow.
    kept = KeptOpen(site.open(config_of()))
    turns = PageTurns(await kept.open(), config_of(), services)
    yield Desk(site, turns, conversations, steps, Place(steps))
    await kept.close()


async def test_files_and_the_conversation_come_before_the_place_and_the_place_before_the_page(desk):
    said = {"role": "assistant", "content": "Yes?"}

    document = await desk.ask(user("Hi"), said, user([{"type": "text", "text": "Hello"}, PICTURE]))

    assert document["choices"][0]["message"]["content"] == "Hello"
    assert desk.steps == ["files", "conversation", "place", "place left"]
    assert len(desk.site.prompts[0].messages[-1].attachments) == 1


async def test_what_cannot_be_understood_takes_no_place(desk):
    with pytest.raises(InvalidRequestError):
        await desk.ask(user("Hello"), n=2)

    assert desk.steps == []
    assert desk.site.prompts == []


async def test_the_next_request_goes_on_in_the_chat_of_the_one_before(desk):
    first = await desk.ask(user("one"))
    answer = {"role": "assistant", "content": "one"}
    second = await desk.ask(user("one"), answer, user("two"))

    ids = [document["headers"]["x-gateway-conversation"] for document in (first, second)]
    assert ids[0] == ids[1]
    assert [[message.text for message in sent] for sent in desk.site.sent] == [["one"], ["two"]]


@pytest.mark.parametrize(
    "refusal", [SiteError("no"), ProviderReplacedError()], ids=lambda e: type(e).__name__
)
async def test_a_request_that_got_no_place_was_sent_to_nobody_and_leaves_its_conversation_as_it_was(
    desk, refusal
):
    await desk.ask(user("one"))
    before = dict(desk.conversations.kept)
    desk.place.refusal = refusal

    with pytest.raises(type(refusal)) as raised:
        await desk.ask(user("one"), {"role": "assistant", "content": "one"}, user("two"))

    assert raised.value is refusal
    assert desk.conversations.kept == before
    assert len(desk.site.sent) == 1


async def test_a_turn_that_failed_after_it_was_sent_has_its_conversation_forgotten(desk):
    await desk.ask(user("one"))
    desk.site.script = plays(TextDelta("tw"), SiteError("HTTP 500"))

    with pytest.raises(SiteError):
        await desk.ask(user("one"), {"role": "assistant", "content": "one"}, user("two"))

    assert desk.conversations.kept == {}


async def test_a_conversation_in_which_a_turn_goes_on_takes_no_other(desk):
    first = await desk.ask(user("one"))
    held = anyio.Event()
    desk.site.script = plays(TextDelta("x"), held, DONE)
    named = {"conversation": first["headers"]["x-gateway-conversation"]}
    running = asyncio.create_task(desk.ask(user("two"), **named))
    desk.site.turn_opened = anyio.Event()
    with anyio.fail_after(200):
        await desk.site.turn_opened.wait()
    before = len(desk.steps)

    with pytest.raises(ConversationBusyError):
        await desk.ask(user("three"), **named)
    held.set()
    await running

    assert "place" not in desk.steps[before:-1]


async def test_a_client_that_hangs_up_stops_the_page_and_lets_it_tidy_up(desk):
    desk.site.script = plays(TextDelta("x"), anyio.Event())
    call = parse_chat_call(user("Hello"), is_streamed=True)
    begun = anyio.Event()

    async def read() -> None:
        async with desk.turns.open_reply(call, TARGET, desk.place.taken()) as reply:
            begun.set()
            async for _ in reply:
                pass

    reading = asyncio.create_task(read())
    await begun.wait()
    await anyio.lowlevel.checkpoint()
    was_stopped = call.cancellation.cancel(reading)
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert was_stopped
    assert (desk.site.turns_open, desk.site.stopped_turns) == (0, 1)
    assert desk.steps[-1] == "place left"


async def test_what_a_front_end_asks_for_itself_belongs_to_no_conversation(desk):
    document = await desk.ask(user(TITLE))

    assert "x-gateway-conversation" not in document["headers"]
    assert document["headers"]["x-gateway-notes"] == "background-request"
    assert desk.site.prompts[0].is_throwaway
    assert desk.conversations.kept == {}


async def test_a_page_has_no_embeddings(desk):
    with pytest.raises(InvalidRequestError) as refused:
        await desk.turns.embed({"input": "a"}, "demo")

    assert refused.value.param == "model"
    assert not PAGE_TRAITS.has_embeddings


async def test_what_the_pages_tell_is_passed_on(desk):
    desk.site.model_names = ("one",)
    chat = ChatLink("chat-1")

    assert await desk.turns.models() == ["one"]
    assert (await desk.turns.check()).is_healthy
    assert await desk.turns.forget_chat(chat)
    assert desk.site.forgotten == [chat]
    assert (desk.turns.problem, desk.turns.accounts) == (None, None)


async def test_a_kind_is_open_for_as_long_as_its_pages(desk):
    site = ScriptedSite()
    services = PageServices(ConversationPlacer(MemoryConversations()), BackgroundPatterns(), NotedFiles([]))

    kinds = page_kinds({"web_chat": site.open}, services)
    async with kinds["web_chat"].open(config_of()) as provider:
        during = site.providers_open
        async with provider.open_reply(parse_chat_call(user("Hello")), TARGET, Place([]).taken()) as reply:
            body = json.loads(reply.body)

    assert (list(kinds), kinds["web_chat"].traits) == (["web_chat"], PAGE_TRAITS)
    assert (during, site.providers_open) == (1, 0)
    assert body["choices"][0]["message"]["content"] == "Hello"
