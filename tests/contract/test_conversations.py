"""Conversations as clients see them: found again by what was said, gone on with in their chat, sent anew otherwise."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
import pytest

from automation.errors import PromptTooLargeError, SiteError
from automation.turn import TextDelta, TurnFinished
from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.scripted_provider import DONE, ScriptedSite, plays, says


@dataclass
class Talk:
    """A client that keeps the history and sends all of it with every turn, as chat programs do."""

    gateway: RunningGateway
    stream: bool = False
    messages: list[Any] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    async def say(self, text: str, **body: Any) -> str:
        self.messages.append({"role": "user", "content": text})
        make = self.gateway.openai.chat.completions.with_raw_response.create
        raw = await make(model="demo", messages=self.messages, stream=self.stream, extra_body=body)
        self.ids.append(raw.headers["x-gateway-conversation"])
        answer = await self._read(raw.parse())
        self.messages.append({"role": "assistant", "content": answer})
        return answer

    async def _read(self, got: Any) -> str:
        if not self.stream:
            return str(got.choices[0].message.content)
        return "".join([c.choices[0].delta.content or "" async for c in got])


def texts(site: ScriptedSite) -> list[list[str]]:
    """What each turn entered into the page."""
    return [[message.text for message in messages] for messages in site.sent]


async def listed(gateway: RunningGateway, **query: Any) -> list[dict[str, Any]]:
    got = await gateway.rest.get("/api/conversations", params=query)
    assert got.status_code == 200, got.text
    conversations: list[dict[str, Any]] = got.json()
    return conversations


@pytest.fixture
def site() -> ScriptedSite:
    return ScriptedSite(keeps_chats=True)


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
async def talk(request: pytest.FixtureRequest, gateway):
    await gateway.started()
    return Talk(gateway, stream=request.param)


async def test_twenty_turns_send_each_new_text_alone(talk):
    said = [f"turn {number}" for number in range(20)]

    for text in said:
        await talk.say(text)

    assert texts(talk.gateway.site) == [[text] for text in said]
    assert len(talk.gateway.site.chats) == 1
    assert len(set(talk.ids)) == 1
    (conversation,) = await listed(talk.gateway)
    assert (conversation["id"], conversation["turns"]) == (talk.ids[0], 20)


async def test_an_edited_history_begins_a_new_chat_with_all_of_it(talk):
    await talk.say("one")
    await talk.say("two")

    talk.messages[1]["content"] = "another answer"
    await talk.say("three")

    assert texts(talk.gateway.site)[-1] == ["one", "another answer", "two", "two", "three"]
    assert talk.ids[0] == talk.ids[1] != talk.ids[2]


async def test_an_answer_asked_for_once_more_begins_a_new_chat(talk):
    await talk.say("one")
    await talk.say("two")

    del talk.messages[2:]
    await talk.say("two")

    assert texts(talk.gateway.site)[-1] == ["one", "one", "two"]
    assert len(talk.gateway.site.chats) == 2


async def test_going_back_further_than_the_last_turn_begins_a_new_chat(talk):
    for text in ("one", "two", "three"):
        await talk.say(text)

    del talk.messages[2:]
    await talk.say("another two")

    assert texts(talk.gateway.site)[-1] == ["one", "one", "another two"]


async def test_a_changed_system_text_begins_a_new_chat(talk):
    talk.messages = [{"role": "system", "content": "be brief"}]
    await talk.say("one")

    talk.messages[0]["content"] = "be long"
    await talk.say("two")

    assert texts(talk.gateway.site)[-1] == ["be long", "one", "one", "two"]


async def test_system_text_behind_a_users_message_is_of_its_turn(gateway):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    asked = {"role": "user", "content": [{"type": "text", "text": "one"}, image]}
    history: list[Any] = [asked, {"role": "system", "content": "be brief"}]
    gateway.site.script = says("yes")
    await gateway.started()
    create = gateway.openai.chat.completions.create

    await create(model="demo", messages=history)
    await create(model="demo", messages=[*history, {"role": "assistant", "content": "yes"}, *history])

    assert texts(gateway.site) == [["be brief", "one"]] * 2
    assert [[len(m.attachments) for m in sent] for sent in gateway.site.sent] == [[0, 1]] * 2
    assert len(gateway.site.chats) == 1


async def test_system_text_is_sent_once(talk):
    talk.messages = [{"role": "developer", "content": "be brief"}]
    await talk.say("one")
    talk.messages[0]["role"] = "system"

    await talk.say("two")

    assert texts(talk.gateway.site) == [["be brief", "one"], ["two"]]


CHANGES: list[tuple[str, Any]] = [
    (" an answer\n", "an answer"),
    ("a\nb", "a\r\nb\r\n"),
    ("answer", [{"type": "text", "text": "ans"}, {"type": "text", "text": "wer"}]),
    ("answer", "<think>\nhm\n</think>\n\nanswer"),
    (
        "answer",
        '<details type="reasoning" done="true" duration="3">\n<summary>Thought</summary>\n> hm\n</details>\nanswer',
    ),
]


@pytest.mark.parametrize(("told", "sent_back"), CHANGES)
async def test_what_clients_change_of_an_answer_is_the_same_conversation(talk, told, sent_back):
    talk.gateway.site.script = says(told)
    await talk.say("one")

    talk.messages[-1]["content"] = sent_back
    await talk.say("two")

    assert texts(talk.gateway.site)[-1] == ["two"]


async def test_a_users_text_as_parts_is_the_same_as_a_string(talk):
    await talk.say("one")

    talk.messages[0]["content"] = [{"type": "text", "text": "one"}]
    await talk.say("two")

    assert texts(talk.gateway.site)[-1] == ["two"]


async def test_two_clients_with_the_same_beginning_have_a_chat_each(gateway):
    await gateway.started()
    ann, bob = Talk(gateway), Talk(gateway)
    await ann.say("hello")
    await bob.say("hello")

    await ann.say("I am Ann")
    await bob.say("I am Bob")

    assert texts(gateway.site) == [["hello"], ["hello"], ["I am Ann"], ["I am Bob"]]
    held = sorted([m.text for m in chat if m.role == "user"] for chat in gateway.site.chats.values())
    assert held == [["hello", "I am Ann"], ["hello", "I am Bob"]]


async def test_a_chat_that_is_gone_on_with_is_not_used_by_another_request(gateway):
    await gateway.started(max_concurrent_requests=2)
    first = Talk(gateway)
    await first.say("one")
    held = anyio.Event()
    gateway.site.script = plays(held, TextDelta("late"), DONE)
    second = Talk(gateway, messages=list(first.messages))

    going = asyncio.create_task(first.say("two"))
    with anyio.fail_after(200):
        while len(gateway.site.prompts) < 2:
            await anyio.lowlevel.checkpoint()
    gateway.site.script = says("soon")
    await second.say("two")
    held.set()
    await going

    assert texts(gateway.site) == [["one"], ["two"], ["one", "one", "two"]]
    assert first.ids[0] == first.ids[1] != second.ids[0]


async def test_a_new_conversation_is_begun_on_request_and_gone_on_with_later(talk):
    await talk.say("one")

    await talk.say("two", conversation="new")
    await talk.say("three")

    assert texts(talk.gateway.site) == [["one"], ["one", "one", "two"], ["three"]]
    assert talk.ids[0] != talk.ids[1] == talk.ids[2]


async def test_other_models_and_endpoints_have_conversations_of_their_own(gateway):
    gateway.site.model_names = ("small", "large")
    await gateway.started()
    await gateway.started("Other")
    messages = [{"role": "user", "content": "one"}]
    for model in ("demo/small", "demo/large", "other/small"):
        await gateway.ask(model=model, messages=messages)
        messages = [messages[0], {"role": "assistant", "content": "one"}, {"role": "user", "content": "two"}]

    await gateway.ask(model="demo/small", messages=messages)

    assert [len(sent) for sent in gateway.site.sent] == [1, 3, 3, 1]
    assert gateway.site.prompts[-1].model == "small"


async def test_after_a_restart_a_conversation_goes_on_in_its_chat(tmp_path, site, database_url):
    async with run_gateway(tmp_path, site, database_url=database_url) as before:
        await before.started()
        talk = Talk(before)
        await talk.say("one")

    async with run_gateway(tmp_path, site, database_url=database_url) as after:
        await after.wait_for("demo", "active")
        talk.gateway = after
        await talk.say("two")

    assert texts(site) == [["one"], ["two"]]
    assert talk.ids[0] == talk.ids[1]


async def test_a_gateway_that_died_in_a_turn_does_not_go_on_in_that_chat(tmp_path, site):
    async with run_gateway(tmp_path, site) as before:
        await before.started()
        talk = Talk(before)
        await talk.say("one")
        parts = before.app.state.services
        (known,) = await parts.conversations.list_newest(None, 1)
        assert await parts.conversations._repository.take(
            known
        )  # what a turn does first, and then nothing more

    async with run_gateway(tmp_path, site) as after:
        await after.wait_for("demo", "active")
        talk.gateway = after
        kept = await listed(after)
        await talk.say("two")

    assert kept == []
    assert texts(site)[-1] == ["one", "one", "two"]


async def test_where_the_chat_is_gone_all_of_it_is_sent_and_the_conversation_stays_the_same(talk):
    await talk.say("one")
    talk.gateway.site.chats.clear()

    await talk.say("two")
    await talk.say("three")

    assert texts(talk.gateway.site) == [["one"], ["one", "one", "two"], ["three"]]
    assert len(set(talk.ids)) == 1


@pytest.mark.parametrize("limits", [{"stop": ["|"]}, {"max_tokens": 1}])
async def test_an_answer_that_was_cut_is_not_gone_on_with(talk, limits):
    await talk.say("one")
    talk.gateway.site.script = says("some words|and more")
    await talk.say("two", **limits)
    talk.gateway.site.script = says("fine")

    await talk.say("three")

    assert len(texts(talk.gateway.site)[-1]) == 5
    assert len(set(talk.ids)) == 2


async def test_limits_that_cut_nothing_change_nothing(talk):
    talk.gateway.site.script = says("an <e", "nd")
    await talk.say("one", stop=["<end>"], max_tokens=100)

    await talk.say("two", stop=["<end>"], max_tokens=100)

    assert texts(talk.gateway.site)[-1] == ["two"]


async def test_a_failed_turn_forgets_the_chat_that_it_may_have_changed(gateway):
    await gateway.started()
    talk = Talk(gateway)
    await talk.say("one")
    gateway.site.script = plays(TextDelta("half"), SiteError("boom"))
    messages = [*talk.messages, {"role": "user", "content": "two"}]
    failed = await gateway.ask(messages=messages)
    gateway.site.script = says("fine")

    again = await gateway.ask(messages=messages)

    assert (failed.status_code, again.status_code) == (502, 200)
    assert "x-gateway-conversation" not in failed.headers
    assert texts(gateway.site)[-1] == ["one", "one", "two"]
    assert [c["id"] for c in await listed(gateway)] == [again.headers["x-gateway-conversation"]]


async def test_a_prompt_that_was_not_sent_leaves_its_conversation_as_it_was(gateway):
    await gateway.started()
    talk = Talk(gateway)
    await talk.say("one")
    gateway.site.script = plays(PromptTooLargeError(9, 5))
    refused = await gateway.ask(messages=[*talk.messages, {"role": "user", "content": "long"}])
    gateway.site.script = says("fine")

    await talk.say("short")

    assert refused.status_code == 413
    assert talk.ids[0] == talk.ids[1]


async def test_a_request_that_never_began_leaves_its_conversation_as_it_was(gateway):
    await gateway.started()
    talk = Talk(gateway)
    await talk.say("one")
    await gateway.rest.post("/api/endpoints/demo/stop")
    refused = await gateway.ask(messages=[*talk.messages, {"role": "user", "content": "two"}])
    await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "active")

    await talk.say("two")

    assert refused.status_code == 409
    assert texts(gateway.site)[-1] == ["two"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_hangs_up_leaves_a_chat_that_is_not_gone_on_with(gateway, stream):
    await gateway.started()
    talk = Talk(gateway)
    await talk.say("one")
    gateway.site.script = plays(TextDelta("word"), anyio.Event())
    messages = [*talk.messages, {"role": "user", "content": "two"}]
    body = {"model": "demo", "messages": messages, "stream": stream}
    with pytest.raises(httpx.ReadTimeout):
        await gateway.rest.post("/v1/chat/completions", json=body, timeout=0.3)
    with anyio.fail_after(200):
        while await listed(gateway):
            await anyio.lowlevel.checkpoint()
    gateway.site.script = says("fine")

    await gateway.ask(messages=messages)

    assert texts(gateway.site)[-1] == ["one", "one", "two"]


async def test_a_page_that_keeps_no_chat_has_no_conversations(gateway):
    gateway.site.keeps_chats = False
    await gateway.started()
    talk = Talk(gateway)

    await talk.say("one")
    await talk.say("two")

    assert texts(gateway.site)[-1] == ["one", "one", "two"]
    assert await listed(gateway) == []


async def test_an_empty_answer_is_no_place_to_go_on_from(talk):
    talk.gateway.site.script = plays(DONE)
    await talk.say("one")
    talk.gateway.site.script = says("fine")

    await talk.say("two")

    assert texts(talk.gateway.site)[-1] == ["one", "", "two"]


async def test_a_chat_whose_page_shows_other_words_by_now_is_gone_on_with(talk):
    talk.gateway.site.script = plays(TextDelta("told"), TurnFinished("stop", "dom", ("rewritten",)))
    await talk.say("one")

    await talk.say("two")

    assert texts(talk.gateway.site)[-1] == ["two"]


async def test_the_oldest_conversations_of_an_endpoint_are_forgotten(tmp_path, site):
    async with run_gateway(tmp_path, site, max_conversations=2) as gateway:
        await gateway.started()
        await gateway.started("Other")
        talks = [Talk(gateway) for _ in range(3)]
        await gateway.ask(model="other")
        for number, talk in enumerate(talks):
            await talk.say(f"hello {number}")

        kept = [c["id"] for c in await listed(gateway, endpoint="demo")]
        await talks[0].say("two")

    assert kept == [talks[2].ids[0], talks[1].ids[0]]
    assert texts(site)[-1] == ["hello 0", "hello 0", "two"]


async def test_a_database_that_fails_costs_the_memory_and_not_the_answer(talk, caplog, monkeypatch):
    await talk.say("one")
    engine = talk.gateway.app.state.services.conversations._repository._engine

    def refuse() -> None:
        raise OSError("disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr(type(engine), "begin", lambda _self: refuse())
        answer = await talk.say("two")
        named = await talk.gateway.ask(conversation=talk.ids[0])
    await talk.say("three")

    assert answer == "two"
    assert (named.status_code, named.json()["error"]["code"]) == (503, "storage_unavailable")
    assert texts(talk.gateway.site)[1:] == [["one", "one", "two"], ["one", "one", "two", "two", "three"]]
    assert "conversation_not_saved" in caplog.text
