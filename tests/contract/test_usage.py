"""What requests used is recorded, and told with what it cost."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.contract.conftest import run_gateway
from tests.fakes.scripted_api import STREAM_HEAD, answers, completion, delta, streams

PRICES = {"m": {"input": 2.0, "output": 10.0}}


async def usage(gateway, **query):
    got = await gateway.rest.get("/api/usage/", params=query)
    assert got.status_code == 200, got.text
    return got.json()


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_what_an_api_counted_is_recorded_with_its_cost(gateway, api, is_streamed):
    await gateway.started_api("api", api.url, prices=PRICES)
    api.plays(streams("a") if is_streamed else answers(completion("a")))

    for _ in range(2):
        await gateway.ask(model="api", stream=is_streamed)
    got = await usage(gateway)

    [total] = got["data"]
    assert (total["endpoint"], total["model"], total["requests"]) == ("api", "m", 2)
    assert (total["input_tokens"], total["output_tokens"]) == (14, 10)
    assert got["cost_usd"] == pytest.approx(2 * (7 * 2 + 5 * 10) / 1_000_000)


async def test_a_failure_is_recorded_as_one(api_gateway, api):
    api.plays([STREAM_HEAD, delta(content="Hel"), "hang up"])

    await api_gateway.ask(model="api", stream=True)
    got = await usage(api_gateway)

    assert [(t["requests"], t["failed"]) for t in got["data"]] == [(1, 1)]


async def test_embeddings_that_failed_are_recorded_as_a_failure(api_gateway, api):
    api.plays(answers({"error": {"message": "no such model"}}, status=500))

    await api_gateway.rest.post("/v1/embeddings", json={"model": "api", "input": "a"})
    got = await usage(api_gateway)

    assert [(t["requests"], t["failed"]) for t in got["data"]] == [(1, 1)]


async def test_a_page_has_estimated_tokens_and_no_cost(gateway):
    await gateway.started()

    await gateway.ask("Hello")
    got = await usage(gateway, endpoint="demo")

    [total] = got["data"]
    assert total["input_tokens"] > 0
    assert got["cost_usd"] == 0.0


async def test_usage_can_be_told_since_a_moment_and_of_one_endpoint(api_gateway, api):
    api.plays(answers(completion("a")))
    await api_gateway.ask(model="api")

    later = await usage(api_gateway, since="2999-01-01T00:00:00")
    other = await usage(api_gateway, endpoint="another")

    assert (later["requests"], other["requests"]) == (0, 0)


@pytest.mark.parametrize("hours", [-12, 12])
async def test_since_may_be_told_in_any_time_zone(api_gateway, api, hours):
    api.plays(answers(completion("a")))
    await api_gateway.ask(model="api")
    zone = timezone(timedelta(hours=hours))

    before = await usage(api_gateway, since=(datetime.now(zone) - timedelta(minutes=5)).isoformat())
    after = await usage(api_gateway, since=(datetime.now(zone) + timedelta(minutes=5)).isoformat())

    assert (before["requests"], after["requests"]) == (1, 0)


async def test_what_was_used_is_known_after_a_restart(tmp_path, api, database_url):
    settings = {"database_url": database_url}
    async with run_gateway(tmp_path, **settings) as gateway:
        await gateway.started_api("api", api.url)
        api.plays(answers(completion("a")))
        await gateway.ask(model="api")

    async with run_gateway(tmp_path, **settings) as gateway:
        got = await usage(gateway)

    assert got["requests"] == 1
