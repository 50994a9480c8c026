"""With the cache on, the same question is answered once; whoever wants a new answer gets one."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.conftest import run_gateway
from tests.fakes.scripted_api import STREAM_HEAD, answers, completion, delta, streams


@pytest.fixture
async def cached(tmp_path, api):
    async with run_gateway(tmp_path, response_cache_ttl=60) as gateway:
        await gateway.started_api("api", api.url)
        yield gateway


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_the_second_time_nobody_is_asked(cached, api, is_streamed):
    api.plays(streams("one", " two") if is_streamed else answers(completion("one two")))

    first = await cached.ask(model="api", stream=is_streamed)
    second = await cached.ask(model="api", stream=is_streamed)

    assert len(api.asked) == 1
    assert [r.headers["x-gateway-cache"] for r in (first, second)] == ["miss", "hit"]
    assert first.content == second.content
    assert first.headers["content-type"] == second.headers["content-type"]


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_those_who_come_together_share_one_answer(cached, api, is_streamed):
    gate = asyncio.Event()
    script = streams("one", " two") if is_streamed else answers(completion("one two"))
    api.plays([gate, *script])

    asking = [asyncio.create_task(cached.ask(model="api", stream=is_streamed)) for _ in range(5)]
    while not api.asked:
        await asyncio.sleep(0)
    gate.set()
    got = await asyncio.gather(*asking)

    assert len(api.asked) == 1
    assert {answer.content for answer in got} == {got[0].content}
    assert all(answer.status_code == 200 for answer in got)


async def test_who_wants_a_new_answer_gets_one(cached, api):
    api.plays(answers(completion("old")), answers(completion("new")))
    await cached.ask(model="api")
    body = {"model": "api", "messages": [{"role": "user", "content": "Hello"}]}

    got = await cached.rest.post("/v1/chat/completions", json=body, headers={"cache-control": "no-cache"})

    assert got.json()["choices"][0]["message"]["content"] == "new"


async def test_another_question_has_another_answer(cached, api):
    api.plays(answers(completion("one")), answers(completion("two")))

    got = [await cached.ask("Hello", model="api"), await cached.ask("Hello!", model="api")]

    assert [r.json()["choices"][0]["message"]["content"] for r in got] == ["one", "two"]


async def test_a_broken_answer_is_told_to_all_and_kept_for_nobody(cached, api):
    api.plays([STREAM_HEAD, delta(content="Hel"), "hang up"], streams("Hello"))

    broken = await cached.ask(model="api", stream=True)
    whole = await cached.ask(model="api", stream=True)

    assert "error" in broken.text
    assert "[DONE]" not in broken.text
    assert "[DONE]" in whole.text


async def test_a_failure_before_the_first_delta_keeps_its_status(cached, api):
    api.plays(answers({"error": {"message": "no"}}, 500))

    got = await cached.ask(model="api", stream=True)

    assert got.status_code == 502


async def test_hits_and_misses_are_counted_for_prometheus(cached, api):
    api.plays(answers(completion("one two")), answers(completion("one two")))

    for words in ("one", "one", "two", "one"):
        await cached.ask(words, model="api")

    told = (await cached.rest.get("/metrics")).text.splitlines()

    assert 'parley_cache_lookups_total{result="hit"} 2.0' in told
    assert 'parley_cache_lookups_total{result="miss"} 2.0' in told
