"""Answers in a real Redis; skipped without ``TEST_REDIS_URL``."""

from __future__ import annotations

import os
import uuid

import anyio
import pytest

from backend.gateway.cache.cached_answer import CachedAnswer
from backend.persistence.redis_answers import open_redis_answers

ANSWER = CachedAnswer((b"data: 1\n\n", b"\x00\xff"), {"content-type": "text/event-stream"})


@pytest.fixture
async def answers():
    address = os.environ.get("TEST_REDIS_URL")
    if not address:
        pytest.skip("TEST_REDIS_URL is not set")
    async with open_redis_answers(address) as opened:
        yield opened


async def test_an_answer_comes_back_as_it_was(answers):
    key = uuid.uuid4().hex
    before = await answers.get(key)
    await answers.put(key, ANSWER, 60)

    assert (before, await answers.get(key)) == (None, ANSWER)


async def test_an_answer_is_gone_when_its_time_is_over(answers):
    key = uuid.uuid4().hex
    await answers.put(key, ANSWER, 0.05)

    with anyio.fail_after(200):
        while await answers.get(key) is not None:
            await anyio.sleep(0.01)

    assert await answers.get(key) is None


async def test_a_store_that_cannot_be_reached_has_nothing(unused_tcp_port, caplog):
    async with open_redis_answers(f"redis://:hunter2@127.0.0.1:{unused_tcp_port}/0") as answers:
        await answers.put("k", ANSWER, 60)
        found = await answers.get("k")

    assert found is None
    assert {record.message for record in caplog.records} == {"cached_answer_unreadable", "answer_not_cached"}
    assert "hunter2" not in caplog.text
