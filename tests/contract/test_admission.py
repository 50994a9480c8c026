"""How many requests an endpoint takes at once and a minute."""

from __future__ import annotations

import asyncio
import time

import anyio

from automation.turn import TextDelta
from backend.gateway import admission
from tests.fakes.scripted_api import answers, completion
from tests.fakes.scripted_provider import DONE, plays


async def test_no_more_turns_run_at_once_than_allowed_and_the_rest_wait(gateway):
    more = anyio.Event()
    gateway.site.script = plays(more, TextDelta("x"), DONE)
    await gateway.started(max_concurrent_requests=2)
    requests = [asyncio.create_task(gateway.ask()) for _ in range(5)]

    with anyio.fail_after(200):
        while gateway.site.turns_open < 2:
            await anyio.lowlevel.checkpoint()
    for _ in range(200):
        await anyio.lowlevel.checkpoint()
    most = gateway.site.turns_open
    more.set()
    answers = await asyncio.gather(*requests)

    assert most == 2
    assert [a.status_code for a in answers] == [200] * 5


async def test_a_full_queue_refuses_with_retry_after(gateway, monkeypatch):
    monkeypatch.setattr(admission, "MOST_WAITING", 0)
    more = anyio.Event()
    gateway.site.script = plays(more, TextDelta("x"), DONE)
    await gateway.started(max_concurrent_requests=1)
    first = asyncio.create_task(gateway.ask())
    await gateway.wait_for("demo", "busy")

    refused = await gateway.ask()
    more.set()

    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "queue_full")
    assert int(refused.headers["retry-after"]) >= 1
    assert (await first).status_code == 200


async def test_more_requests_a_minute_than_allowed_are_refused_with_retry_after(gateway):
    await gateway.started(max_requests_per_minute=2)

    answers = [await gateway.ask() for _ in range(3)]

    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[2].json()["error"]["code"] == "rate_limited"
    assert answers[2].json()["error"]["type"] == "rate_limit_error"
    assert 50 <= int(answers[2].headers["retry-after"]) <= 60


async def test_requests_to_an_api_are_kept_apart_by_its_delay(gateway, api):
    await gateway.started_api("api", api.url, min_delay_between_requests=0.2)
    api.plays(answers(completion("a")))

    start = time.monotonic()
    for _ in range(3):
        assert (await gateway.ask(model="api")).status_code == 200

    assert time.monotonic() - start > 0.39
