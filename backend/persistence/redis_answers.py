"""Response cache store in Redis, shared by several gateways."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from backend.gateway.cache.cached_answer import CachedAnswer, CachedAnswerError, decode_answer

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger = logging.getLogger(__name__)

_PREFIX = "parley:answer:"
_MOST_WAIT_S = 1.0  # asking the site anew is better than waiting for a store that hangs


class RedisAnswers:
    """An ``AnswerStore`` in Redis; one that doesn't answer within a second behaves as if empty."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def get(self, key: str) -> CachedAnswer | None:
        """Return the answer unless it is gone or too old."""
        from redis.exceptions import RedisError  # noqa: PLC0415  loaded only where Redis is configured

        try:
            with anyio.fail_after(_MOST_WAIT_S):
                data = await self._client.get(_PREFIX + key)
            return decode_answer(data) if isinstance(data, bytes) else None
        except (RedisError, OSError, CachedAnswerError) as exc:
            logger.warning("cached_answer_unreadable", extra={"reason": type(exc).__name__})
            return None

    async def put(self, key: str, answer: CachedAnswer, ttl_s: float) -> None:
        """Keep the answer for so many seconds at most."""
        from redis.exceptions import RedisError  # noqa: PLC0415  loaded only where Redis is configured

        try:
            with anyio.fail_after(_MOST_WAIT_S):
                await self._client.set(_PREFIX + key, answer.encode(), px=max(int(ttl_s * 1000), 1))
        except (RedisError, OSError) as exc:
            logger.warning("answer_not_cached", extra={"reason": type(exc).__name__})


@asynccontextmanager
async def open_redis_answers(redis_url: str) -> AsyncIterator[RedisAnswers]:
    """Hand out the store; connections are made when they are needed, and closed at the end.

    Raises:
        ValueError: The address can't be used.
    """
    from redis.asyncio import Redis  # noqa: PLC0415  loaded only where Redis is configured

    async with Redis.from_url(redis_url) as client:
        yield RedisAnswers(client)
