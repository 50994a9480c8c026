"""What the app opens for routing: standings, cache, answers on their way."""

from __future__ import annotations

import os
from typing import Any

import pytest

from automation.errors import SiteError
from backend.api.services import Services
from backend.gateway.cache.cached_answer import CachedAnswer
from tests.contract.conftest import run_gateway
from tests.fakes.alert_receivers import run_hook

ANSWER = CachedAnswer((b"hello",))


def parts_of(gateway) -> Services:
    parts = gateway.app.state.services
    assert isinstance(parts, Services)
    return parts


async def test_nothing_is_cached_unless_it_is_said(gateway):
    cache = parts_of(gateway).answers.cache
    await cache.put("k", ANSWER)

    assert (cache.is_on, await cache.get("k")) == (False, None)


async def test_answers_are_kept_in_memory_for_the_time_that_is_said(tmp_path):
    async with run_gateway(tmp_path, response_cache_ttl=60) as gateway:
        cache = parts_of(gateway).answers.cache
        await cache.put("k", ANSWER)

        assert await cache.get("k") == ANSWER


async def test_a_redis_that_is_not_there_stops_nothing(tmp_path, unused_tcp_port):
    address = f"redis://127.0.0.1:{unused_tcp_port}/0"
    async with run_gateway(tmp_path, response_cache_ttl=60, redis_url=address) as gateway:
        await gateway.started()
        cache = parts_of(gateway).answers.cache
        await cache.put("k", ANSWER)

        assert await cache.get("k") is None
        assert (await gateway.ask()).status_code == 200


async def test_two_gateways_share_their_answers_through_redis(tmp_path):
    address = os.environ.get("TEST_REDIS_URL")
    if not address:
        pytest.skip("TEST_REDIS_URL is not set")
    settings: dict[str, Any] = {"response_cache_ttl": 60, "redis_url": address}
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    async with (
        run_gateway(tmp_path / "one", **settings) as one,
        run_gateway(tmp_path / "two", **settings) as two,
    ):
        await parts_of(one).answers.cache.put("shared", ANSWER)

        assert await parts_of(two).answers.cache.get("shared") == ANSWER


async def test_an_endpoint_that_is_disabled_after_failures_is_news(tmp_path, unused_tcp_port):
    settings: dict[str, Any] = {"disable_after_failures": 2, "alert_min_interval": 0}
    async with (
        run_hook(unused_tcp_port) as hook,
        run_gateway(tmp_path, alert_webhook_url=hook.url, **settings) as gateway,
    ):
        await gateway.started()
        parts = parts_of(gateway)
        endpoint = parts.manager.get("demo")
        for _ in range(2):
            with pytest.raises(SiteError), parts.gateway._router.endpoint_stats.attempt(endpoint):
                raise SiteError("boom")
        await hook.wait_for(1)
        with parts.gateway._router.endpoint_stats.attempt(endpoint) as attempt:
            attempt.note_first_delta()
        disabled, recovered = await hook.wait_for(2)

    assert (disabled["state"], recovered["state"]) == ("disabled", "recovered")
    assert "boom" in disabled["reason"]
