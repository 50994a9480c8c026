"""A client that goes away, streaming or not, stops the page; a stopped gateway ends open answers."""

from __future__ import annotations

import asyncio

import anyio
import httpx
import pytest

from automation.errors import SiteError
from automation.turn import TextDelta
from backend.api.inference import reply_response as event_stream
from tests.contract.conftest import run_gateway
from tests.fakes.scripted_provider import DONE, ScriptedSite, plays, says

BODY = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
async def stuck(gateway):
    """A gateway whose site says one word and then nothing more."""
    gateway.site.script = plays(TextDelta("word"), anyio.Event())
    await gateway.started(max_concurrent_requests=1)
    return gateway


async def test_hanging_up_a_stream_stops_the_page_and_frees_its_place(stuck):
    async with stuck.rest.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}) as got:
        await anext(got.aiter_bytes())

    with anyio.fail_after(200):
        await stuck.site.left_early.wait()
    stuck.site.script = says("next")
    assert (await stuck.ask()).status_code == 200
    assert (stuck.site.turns_open, stuck.site.stopped_turns) == (0, 1)


async def test_hanging_up_a_unary_request_stops_the_page(stuck):
    with pytest.raises(httpx.ReadTimeout):
        await stuck.rest.post("/v1/chat/completions", json=BODY, timeout=0.3)

    with anyio.fail_after(200):
        await stuck.site.left_early.wait()
    assert (stuck.site.turns_open, stuck.site.stopped_turns) == (0, 1)


async def test_hanging_up_before_the_first_delta_of_a_stream_stops_the_page(gateway):
    gateway.site.script = plays(anyio.Event())
    await gateway.started()

    with pytest.raises(httpx.ReadTimeout):
        await gateway.rest.post("/v1/chat/completions", json={**BODY, "stream": True}, timeout=0.3)

    with anyio.fail_after(200):
        await gateway.site.left_early.wait()


async def test_hanging_up_while_waiting_for_a_place_gives_the_place_in_the_queue_up(stuck, caplog):
    caplog.set_level("INFO", logger="backend")
    async with stuck.rest.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}) as first:
        pieces = first.aiter_bytes()  # dropping it would close the connection
        await anext(pieces)
        with pytest.raises(httpx.ReadTimeout):
            await stuck.rest.post("/v1/chat/completions", json=BODY, timeout=0.3)
        with anyio.fail_after(200):
            while "turn_cancelled_by_client" not in caplog.text:
                await anyio.lowlevel.checkpoint()

    stuck.site.script = says("next")
    assert (await stuck.ask()).status_code == 200
    assert len(stuck.site.prompts) == 2, "the request that was given up reached the site"


async def test_a_turn_that_finished_is_not_cancelled_by_its_client_leaving(gateway):
    gateway.site.script = says("whole")
    await gateway.started()

    for stream in (False, True):
        assert (await gateway.ask(stream=stream)).status_code == 200

    counts = (await gateway.rest.get("/api/endpoints/demo/metrics")).json()
    assert (counts["turns_finished"], counts["turns_cancelled"], gateway.site.stopped_turns) == (2, 0, 0)


async def test_a_silent_stream_is_kept_alive_by_comments(gateway, monkeypatch):
    more = anyio.Event()
    monkeypatch.setattr(event_stream, "KEEP_ALIVE_S", 0.05)
    gateway.site.script = plays(TextDelta("word"), more, DONE)
    await gateway.started()

    seen = b""
    async with gateway.rest.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}) as got:
        async for piece in got.aiter_bytes():
            seen += piece
            if seen.count(b": ping\n\n") >= 2:
                more.set()

    assert seen.endswith(b"data: [DONE]\n\n")


async def test_ending_the_gateway_ends_open_answers_and_stops_their_pages(tmp_path):
    site = ScriptedSite(plays(TextDelta("word"), anyio.Event()))
    async with run_gateway(tmp_path, site) as gateway:
        await gateway.started()
        request = asyncio.create_task(
            gateway.rest.post("/v1/chat/completions", json={**BODY, "stream": True})
        )
        with anyio.fail_after(200):
            await site.turn_opened.wait()
        before = anyio.current_time()

    took = anyio.current_time() - before
    with pytest.raises(httpx.HTTPError):
        (await request).raise_for_status()
    assert (site.turns_open, site.providers_open, site.stopped_turns) == (0, 0, 1)
    assert took < 45, f"took {took:.1f} s"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_while_the_page_is_tidied_does_not_reach_an_answer_that_is_complete(
    gateway, stream, caplog
):
    gateway.site.script = says("whole")
    gateway.site.tidying_failure = SiteError("new chat failed")
    await gateway.started()

    got = await gateway.ask(stream=stream)

    assert got.status_code == 200
    assert "whole" in got.text
    assert "error" not in got.text
    with anyio.fail_after(200):
        while "turn_failed" not in caplog.text:
            await anyio.lowlevel.checkpoint()
