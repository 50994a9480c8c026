"""A gateway that is told to stop takes nothing new, lets answers finish, and ends the others by an error of their door."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import pytest

from automation.turn import TextDelta
from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.scripted_api import answers, completion, delta
from tests.fakes.scripted_provider import DONE, ScriptedSite, plays

LONG_S = 3600.0
ASK = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
DOORS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", ASK),
    "responses": ("/v1/responses", {"model": "demo", "input": "Hello"}),
    "messages": ("/v1/messages", {**ASK, "max_tokens": 100}),
}


@dataclass
class Stopping:
    """A gateway in front of a page that says one word and then waits for ``more``."""

    gateway: RunningGateway
    site: ScriptedSite
    more: anyio.Event

    def signal(self) -> None:
        """Give it SIGTERM."""
        self.gateway.server.handle_exit(signal.SIGTERM, None)

    async def begin(self, door: str = "chat", *, stream: bool = True) -> asyncio.Task[httpx.Response]:
        """Ask, and return once the answer is being given."""
        path, body = DOORS[door]
        asked = asyncio.create_task(self.gateway.rest.post(path, json={**body, "stream": stream}))
        async with asyncio.timeout(60):
            await self.site.turn_opened.wait()
        return asked

    async def until_begun(self) -> None:
        """Wait until the end has begun."""
        async with asyncio.timeout(60):
            while not self.gateway.server._ending.is_begun:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def stopping(folder, grace_s: float) -> AsyncIterator[Stopping]:
    more = anyio.Event()
    site = ScriptedSite(plays(TextDelta("word"), more, TextDelta(" more"), DONE))
    async with run_gateway(folder, site, grace_s=grace_s) as gateway:
        await gateway.started()
        yield Stopping(gateway, site, more)


async def test_an_answer_that_runs_is_let_finish_and_nothing_new_is_taken(tmp_path):
    async with stopping(tmp_path, LONG_S) as it:
        asked = await it.begin()
        it.signal()
        await it.until_begun()
        refused = await it.gateway.ask()
        listed = await it.gateway.rest.get("/v1/models")
        ready = await it.gateway.rest.get("/ready")
        health = await it.gateway.rest.get("/health")
        it.more.set()
        answer = await asked

    assert "word" in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")
    for got in (refused, listed):
        assert (got.status_code, got.json()["error"]["code"]) == (503, "shutting_down")
        assert int(got.headers["retry-after"]) >= 1
        assert got.headers["connection"] == "close"
    assert (ready.status_code, ready.json()["status"]) == (503, "stopping")
    assert health.status_code == 200


@pytest.mark.parametrize("door", DOORS)
async def test_a_streamed_answer_that_is_not_whole_in_time_ends_by_an_error(tmp_path, door):
    async with stopping(tmp_path, 0.05) as it:
        asked = await it.begin(door)
        it.signal()
        answer = await asked
        stopped = it.site.left_early

        async with asyncio.timeout(60):
            await stopped.wait()

    assert answer.status_code == 200
    assert "word" in answer.text
    last = answer.text.strip().split("\n\n")[-1]
    document = json.loads(next(line for line in last.splitlines() if line.startswith("data: "))[6:])
    assert "shut down" in json.dumps(document)
    assert "[DONE]" not in answer.text
    assert it.site.stopped_turns == 1


@pytest.mark.parametrize("door", DOORS)
async def test_a_whole_answer_that_is_not_there_in_time_is_a_503(tmp_path, door):
    async with stopping(tmp_path, 0.05) as it:
        asked = await it.begin(door, stream=False)
        it.signal()
        answer = await asked

    assert answer.status_code == 503
    assert "shut down" in answer.text
    # The site may have got the prompt.
    assert answer.headers["x-should-retry"] == "false"


async def test_a_second_signal_ends_everything_at_once(tmp_path):
    async with stopping(tmp_path, LONG_S) as it:
        asked = await it.begin()
        it.signal()
        await it.until_begun()
        it.signal()
        answer = await asked

    assert "shutting_down" in answer.text


async def test_without_an_answer_that_runs_it_ends_at_once_whatever_the_grace(tmp_path):
    async with (
        stopping(tmp_path, LONG_S) as it,
        asyncio.timeout(60),
        it.gateway.rest.stream("GET", "/api/endpoints/demo/events") as events,
    ):
        pieces = events.aiter_bytes()
        await anext(pieces)
        it.signal()
        with suppress(httpx.HTTPError):
            async for _ in pieces:
                pass


async def test_an_apis_answer_ends_by_an_error_as_well(tmp_path, api):
    held = asyncio.Event()
    async with run_gateway(tmp_path, grace_s=0.05) as gateway:
        await gateway.started_api("api", api.url)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        api.plays([head, delta(content="word"), held])
        asked = asyncio.create_task(gateway.ask(model="api", stream=True))
        async with asyncio.timeout(60):
            while not api.asked:
                await asyncio.sleep(0.01)
        gateway.server.handle_exit(signal.SIGTERM, None)
        answer = await asked
        async with asyncio.timeout(60):
            await api.left.wait()

    assert "shutting_down" in answer.text
    assert "[DONE]" not in answer.text


async def test_an_answer_that_is_whole_when_the_end_comes_is_left_as_it_is(tmp_path, api):
    api.plays(answers(completion("Hello")))
    async with run_gateway(tmp_path, grace_s=0.0) as gateway:
        await gateway.started_api("api", api.url)
        answer = await gateway.ask(model="api")
        gateway.server.handle_exit(signal.SIGTERM, None)

    assert answer.json()["choices"][0]["message"]["content"] == "Hello"
