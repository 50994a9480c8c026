"""Chat pages as they are: small sites that behave like real ones, asked through the gateway as it ships.

Each success is exact, each error is the one that the site calls for, and the site got every prompt as often as it was asked.
"""

from __future__ import annotations

import asyncio
import json
import runpy
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import pytest_asyncio
from aiohttp import web

from backend.providers.registry import open_providers
from tests.contract.conftest import RunningGateway, run_gateway
from tests.sites.page_plays import Ask, Play, Reply, read_plays
from tests.sites.pages import lib

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

QUICK, LONG = read_plays()
# All of them take minutes: `make test` plays a slice of fixed ones.
_SLICE = 5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningGateway]:
    data_dir: Path = tmp_path_factory.mktemp("gateway")
    async with run_gateway(data_dir, providers=open_providers) as running:
        yield running


@asynccontextmanager
async def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, list[Any]]]:
    """Serve a site in this loop; yields its address and what it gets."""
    monkeypatch.setitem(sys.modules, "lib", lib)
    monkeypatch.setattr(lib, "hand_over", [])
    runpy.run_path(str(folder / "site.py"))
    assert lib.hand_over is not None
    (app,) = lib.hand_over
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield site.name, app["got"]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def endpoint(gateway: RunningGateway, play: Play, url: str) -> AsyncIterator[str]:
    # No site here is silent for so long: what waits longer waits in vain.
    fields = {"first_token_seconds": 30, "idle_seconds": 30, **play.document.get("endpoint", {})}
    created = await gateway.create(play.name, base_url=f"{url}/", profile=play.read_profile(), **fields)
    assert created.status_code == 201, created.text
    slug = created.json()["slug"]
    try:
        await gateway.rest.post(f"/api/endpoints/{slug}/start")
        with anyio.fail_after(200):
            while await gateway.state(slug) in ("inactive", "initializing"):
                await asyncio.sleep(0.05)
        document = (await gateway.rest.get(f"/api/endpoints/{slug}")).json()
        assert document["state"] == "active", document["state_reason"]
        yield slug
    finally:
        with anyio.CancelScope(shield=True):
            await gateway.rest.post(f"/api/endpoints/{slug}/stop")
            await gateway.rest.delete(f"/api/endpoints/{slug}")


async def answer_whole(rest: httpx.AsyncClient, body: dict[str, Any]) -> Reply:
    document = (await rest.post("/v1/chat/completions", json=body)).json()
    if "error" in document:
        return Reply("", document["error"])
    return Reply(document["choices"][0]["message"]["content"])


async def answer_streamed(rest: httpx.AsyncClient, body: dict[str, Any]) -> Reply:
    text, error = "", None
    async with rest.stream("POST", "/v1/chat/completions", json=body) as response:
        if response.status_code != httpx.codes.OK:
            return Reply("", json.loads(await response.aread())["error"])
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                chunk = json.loads(line.removeprefix("data: "))
                error = chunk.get("error") or error
                text += "".join(c["delta"].get("content") or "" for c in chunk.get("choices", ()))
    return Reply(text, error)


async def ask(rest: httpx.AsyncClient, slug: str, one: Ask) -> Reply:
    await asyncio.sleep(one.pause_s)
    body = {"model": slug, "messages": list(one.messages), "stream": one.is_streamed}
    return await (answer_streamed if one.is_streamed else answer_whole)(rest, body)


async def play_through(gateway: RunningGateway, play: Play, url: str, got: list[Any]) -> list[str]:
    """Ask everything, and return what was not right."""
    asked: list[Ask] = []
    answered: list[Ask] = []
    faults: list[str] = []

    async def ask_one(slug: str, one: Ask) -> None:
        before = len(got)
        reply = await ask(gateway.rest, slug, one)
        asked.append(one)
        answered.extend([one] if reply.error is None else [])
        faults.extend(filter(None, [one.find_fault(reply), one.find_sent_fault(reply, got[before:])]))

    async with endpoint(gateway, play, url) as slug:
        for at_once in play.rounds(url):
            async with asyncio.TaskGroup() as tasks:
                for one in at_once:
                    tasks.create_task(ask_one(slug, one))
    site_fault = play.find_site_fault(got, asked, answered)
    return [*faults, *([site_fault] if site_fault else [])]


async def assert_right(gateway: RunningGateway, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(play.folder, monkeypatch) as (url, got):
        faults = await play_through(gateway, play, url, got)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("play", QUICK[::_SLICE], ids=lambda play: play.name)
async def test_a_page_is_read_exactly_and_asked_once(
    play: Play, gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
):
    await assert_right(gateway, play, monkeypatch)


@pytest.mark.soak
@pytest.mark.parametrize(
    "play",
    [*(play for at, play in enumerate(QUICK) if at % _SLICE), *LONG],
    ids=lambda play: play.name,
)
async def test_the_other_pages_and_profiles_too(
    play: Play, gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
):
    await assert_right(gateway, play, monkeypatch)


async def test_every_site_is_played():
    names = [play.name for play in (*QUICK, *LONG)]

    assert len(names) == len(set(names))
    assert QUICK
