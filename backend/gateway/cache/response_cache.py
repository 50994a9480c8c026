"""Response cache: keeps complete answers for a while, in memory or in a store that several gateways share."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, Protocol

from backend.gateway.cache.cached_answer import CachedAnswer

_KEY_BYTES = 200  # what an entry takes besides its answer
_LARGEST_SHARE = 8  # one answer may take an eighth of the memory, so that it doesn't drive out all others


class AnswerStore(Protocol):
    """Protocol of a store of answers. A store that fails behaves as if empty: it never raises, it logs."""

    async def get(self, key: str) -> CachedAnswer | None:
        """Return the answer, or None where there is none or it has expired."""
        ...

    async def put(self, key: str, answer: CachedAnswer, ttl_s: float) -> None:
        """Store the answer for at most ``ttl_s`` seconds."""
        ...


class _Entry(NamedTuple):
    answer: CachedAnswer
    size_bytes: int
    expires_at: float


class MemoryAnswers:
    """An ``AnswerStore`` in the process, with eviction of the least recently used answers above ``most_bytes``."""

    def __init__(self, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self.size_bytes = 0

    async def get(self, key: str) -> CachedAnswer | None:
        """Return the answer unless it is gone or too old."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= self._clock():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.answer

    async def put(self, key: str, answer: CachedAnswer, ttl_s: float) -> None:
        """Keep the answer for so many seconds at most."""
        size = answer.size_bytes + _KEY_BYTES
        if size > self._most_bytes:
            return
        self._drop(key)
        self._entries[key] = _Entry(answer, size, self._clock() + ttl_s)
        self.size_bytes += size
        while self.size_bytes > self._most_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size_bytes -= entry.size_bytes


class ResponseCache:
    """What the request path asks; counts how often it helped.

    Args:
        store: Store of the answers.
        ttl_s: Lifetime of an answer in seconds; 0 turns the cache off.
        most_bytes: What all answers may take together; a single one an eighth of it.
    """

    def __init__(self, store: AnswerStore, ttl_s: float, most_bytes: int) -> None:
        self._store = store
        self._ttl_s = ttl_s
        self._largest_bytes = most_bytes // _LARGEST_SHARE
        self.hits = 0
        self.misses = 0

    @property
    def is_on(self) -> bool:
        """Whether answers are kept at all."""
        return self._ttl_s > 0

    async def get(self, key: str) -> CachedAnswer | None:
        """Return the answer to the same request, or None."""
        answer = await self._store.get(key) if self.is_on else None
        if answer is None:
            self.misses += 1
        else:
            self.hits += 1
        return answer

    async def put(self, key: str, answer: CachedAnswer) -> None:
        """Keep an answer; only a complete one without an error may be given."""
        if self.is_on and answer.size_bytes <= self._largest_bytes:
            await self._store.put(key, answer, self._ttl_s)
