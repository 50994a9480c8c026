"""What front-ends ask for themselves never enters a user's conversation."""

from __future__ import annotations

import pytest

from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.scripted_provider import ScriptedSite

TITLE = "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### Chat"
TALK = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "one"},
    {"role": "user", "content": TITLE},
]


@pytest.fixture
def site() -> ScriptedSite:
    return ScriptedSite(keeps_chats=True)


async def kept(gateway: RunningGateway) -> int:
    return len((await gateway.rest.get("/api/conversations")).json())


@pytest.mark.parametrize("stream", [False, True])
async def test_a_front_ends_own_request_is_neither_gone_on_with_nor_kept(gateway, stream):
    await gateway.started()
    await gateway.ask("one")

    got = await gateway.ask(messages=TALK, stream=stream)

    assert got.headers["x-gateway-notes"] == "background-request"
    assert "x-gateway-conversation" not in got.headers
    assert (gateway.site.prompts[-1].is_throwaway, gateway.site.prompts[-1].chat) == (True, None)
    assert await kept(gateway) == 1


async def test_between_two_turns_it_leaves_the_conversation_as_it_is(gateway):
    await gateway.started()
    first = await gateway.ask("one")
    await gateway.ask(messages=TALK)

    second = await gateway.ask(messages=[*TALK[:2], {"role": "user", "content": "two"}])

    assert second.headers["x-gateway-conversation"] == first.headers["x-gateway-conversation"]
    assert [m.text for m in gateway.site.sent[-1]] == ["two"]


async def test_a_client_that_says_which_conversation_it_means_is_taken_at_its_word(gateway):
    await gateway.started()

    got = await gateway.ask(TITLE, conversation="new")

    assert "x-gateway-notes" not in got.headers
    assert await kept(gateway) == 1


async def test_another_model_answers_them_if_the_operator_says_so(tmp_path, site):
    async with run_gateway(tmp_path, site, background_model="helper") as gateway:
        await gateway.started()
        await gateway.started("Helper")

        background = await gateway.ask(TITLE)
        ordinary = await gateway.ask("one")
        pinned = await gateway.rest.post("/api/demo/chat/completions", json={"messages": TALK})

    assert (background.headers["x-gateway-endpoint"], background.json()["model"]) == ("helper", "helper")
    assert ordinary.headers["x-gateway-endpoint"] == "demo"
    assert pinned.headers["x-gateway-endpoint"] == "demo"


async def test_a_model_for_them_that_is_not_there_is_told(tmp_path, site):
    async with run_gateway(tmp_path, site, background_model="nobody") as gateway:
        await gateway.started()

        got = await gateway.ask(TITLE)

    assert (got.status_code, got.json()["error"]["code"]) == (404, "model_not_found")
    assert "nobody" in got.text


async def test_an_operators_pattern_is_known_besides_the_others(tmp_path, site):
    async with run_gateway(tmp_path, site, background_request_patterns="^Name this:|^Tag this:") as gateway:
        await gateway.started()

        notes = [
            (await gateway.ask(text)).headers.get("x-gateway-notes") for text in ("Tag this: x", TITLE, "x")
        ]

    assert notes == ["background-request", "background-request", None]
