"""Conversations as the gateway ships: its own wiring, a real browser, a page that keeps its chats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from backend.providers.registry import open_providers
from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.chat_site import FakeChatSite, profile_data

pytestmark = pytest.mark.browser


async def start(gateway: RunningGateway, page: FakeChatSite, **more: Any) -> None:
    fields: dict[str, Any] = {"base_url": page.url, "profile": profile_data("saved-chats")}
    await gateway.started(max_concurrent_requests=1, **fields, **more)


async def say(gateway: RunningGateway, messages: list[Any], text: str, **body: Any) -> str:
    """Say one thing more with all of the history, and return the conversation's id."""
    messages.append({"role": "user", "content": text})
    got = await gateway.ask(messages=messages, **body)
    assert got.status_code == 200, got.text
    messages.append(got.json()["choices"][0]["message"])
    return got.headers["x-gateway-conversation"]


async def test_twenty_turns_and_a_restart_stay_in_one_chat_and_type_only_what_is_new(tmp_path: Path):
    said = [f"turn {number} [[echo:answer {number}]]" for number in range(20)]
    messages: list[Any] = []
    async with FakeChatSite.open() as page:
        async with run_gateway(tmp_path, providers=open_providers) as gateway:
            await start(gateway, page)
            ids = {await say(gateway, messages, text) for text in said[:10]}
        async with run_gateway(tmp_path, providers=open_providers) as gateway:
            await gateway.wait_for("demo", "active")
            ids |= {await say(gateway, messages, text) for text in said[10:]}

    assert [request.prompt for request in page.requests] == said
    assert len({request.conversation for request in page.requests}) == 1
    assert len(ids) == 1
    assert [m["content"] for m in messages if m["role"] == "assistant"] == [f"answer {n}" for n in range(20)]


async def test_the_next_turn_goes_on_at_once_when_the_answer_has_ended(tmp_path: Path):
    messages: list[Any] = []
    async with FakeChatSite.open() as page, run_gateway(tmp_path, providers=open_providers) as gateway:
        await start(gateway, page)
        for number in range(4):
            messages.append({"role": "user", "content": f"turn {number} [[echo:a]]"})
            stream = await gateway.openai.chat.completions.create(
                model="demo", messages=messages, stream=True
            )
            async for chunk in stream:
                if chunk.choices[0].finish_reason:
                    break
            messages.append({"role": "assistant", "content": "a"})

    assert len({request.conversation for request in page.requests}) == 1
    assert page.requests[-1].prompt == "turn 3 [[echo:a]]"


async def test_two_conversations_that_take_turns_on_one_page_stay_apart(tmp_path: Path):
    ann: list[Any] = []
    bob: list[Any] = []
    async with FakeChatSite.open() as page, run_gateway(tmp_path, providers=open_providers) as gateway:
        await start(gateway, page)
        for number in range(3):
            await say(gateway, ann, f"ann {number} [[echo:to ann {number}]]")
            await say(gateway, bob, f"bob {number} [[echo:to bob {number}]]")

    chats: dict[str, list[str]] = {}
    for request in page.requests:
        chats.setdefault(request.conversation, []).append(request.prompt.split()[0])
    assert sorted(chats.values()) == [["ann"] * 3, ["bob"] * 3]


async def test_a_deleted_conversation_is_deleted_at_the_site(tmp_path: Path):
    messages: list[Any] = []
    async with FakeChatSite.open() as page, run_gateway(tmp_path, providers=open_providers) as gateway:
        await start(gateway, page)
        known = await say(gateway, messages, "one [[echo:a]]")

        with anyio.fail_after(200):
            deleted = await gateway.rest.delete(f"/api/conversations/{known}")
        again = await say(gateway, messages, "two [[echo:b]]")

    assert deleted.status_code == 204
    assert "x-gateway-notes" not in deleted.headers
    assert again != known
    assert page.requests[-1].prompt.startswith("User:\none")
