from __future__ import annotations

import pytest

from backend.gateway.cache.cached_answer import CachedAnswer
from backend.gateway.cache.response_cache import MemoryAnswers, ResponseCache


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def answer(size: int = 100) -> CachedAnswer:
    return CachedAnswer((b"x" * size,))


async def held(store: MemoryAnswers, *keys: str) -> str:
    return "".join([key for key in keys if await store.get(key)])


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_an_answer_is_there_until_its_time_is_over(clock):
    store = MemoryAnswers(1000, clock)
    await store.put("a", answer(), 10)

    clock.now = 9.9
    before = await store.get("a")
    clock.now = 10.0

    assert (before, await store.get("a"), store.size_bytes) == (answer(), None, 0)


async def test_what_was_used_longest_ago_goes_first(clock):
    store = MemoryAnswers(900, clock)
    for key in "abc":
        await store.put(key, answer(), 10)

    await store.get("a")
    await store.put("d", answer(), 10)

    assert await held(store, *"abcd") == "acd"
    assert store.size_bytes <= 900


async def test_an_answer_that_is_put_again_is_counted_once(clock):
    store = MemoryAnswers(10_000, clock)
    await store.put("a", answer(100), 10)
    once = store.size_bytes
    await store.put("a", answer(100), 10)

    assert store.size_bytes == once


async def test_an_answer_over_the_bound_drives_nothing_out(clock):
    store = MemoryAnswers(1000, clock)
    await store.put("a", answer(), 10)
    await store.put("b", answer(5000), 10)

    assert await held(store, "a", "b") == "a"


async def test_a_cache_without_time_keeps_nothing(clock):
    cache = ResponseCache(MemoryAnswers(10_000, clock), 0, 10_000)
    await cache.put("a", answer())

    assert (cache.is_on, await cache.get("a")) == (False, None)


async def test_hits_and_misses_are_counted(clock):
    cache = ResponseCache(MemoryAnswers(10_000, clock), 5, 10_000)
    await cache.get("a")
    await cache.put("a", answer())
    await cache.get("a")

    assert (cache.hits, cache.misses) == (1, 1)


async def test_one_answer_takes_no_more_than_an_eighth(clock):
    cache = ResponseCache(MemoryAnswers(8000, clock), 5, 8000)
    await cache.put("small", answer(1000))
    await cache.put("large", answer(1001))

    assert (await cache.get("small"), await cache.get("large")) == (answer(1000), None)
