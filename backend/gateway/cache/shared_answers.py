"""Answers that serve more than one request: the response cache, and coalescing of requests in flight."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from functools import partial

from backend.gateway.cache.cached_answer import cache_key, is_cacheable, parse_cache_control
from backend.gateway.cache.in_flight import Flight, InFlight
from backend.gateway.cache.response_cache import ResponseCache
from backend.providers.chat_call import ChatCall
from backend.providers.replies import Reply
from backend.wire.usage import TokenUsage

OpenReply = Callable[[], AbstractAsyncContextManager[Reply]]


class SharedAnswers:
    """Answers requests from the cache or from identical requests in flight; with the cache off, from neither."""

    def __init__(self, cache: ResponseCache, in_flight: InFlight) -> None:
        self.cache = cache
        self._in_flight = in_flight

    @asynccontextmanager
    async def open_reply(
        self, call: ChatCall, name: str, cache_control: str | None, open_fresh: OpenReply
    ) -> AsyncIterator[Reply]:
        """Hand out a cached answer, one in flight, or a new one from ``open_fresh``.

        Args:
            call: The request.
            name: The requested model name; requests of different names share nothing.
            cache_control: The request's header.
            open_fresh: Asks an endpoint.

        Raises:
            GatewayError, AutomationError, ValidationError: As from ``open_fresh``.
        """
        wish = parse_cache_control(cache_control)
        if not is_cacheable(call.body) or not (wish.may_read or wish.may_store):
            async with open_fresh() as reply:
                yield reply
            return
        key = cache_key(call.body, _target(call, name), call.principal.id)
        kept = await self.cache.get(key) if wish.may_read else None
        if kept is not None:
            replayed = _Replayed({**kept.headers, "x-gateway-cache": "hit"}, _each(kept.chunks), call)
            await replayed.begin()
            replayed.is_native = kept.is_native
            yield replayed
            return
        produce = partial(self._produce, key, call, open_fresh, may_store=wish.may_store)
        # Who wants a new answer shares none that began before.
        flight_key = key if wish.may_read else f"{key}/{call.id}"
        async with (
            self._in_flight.join(flight_key, produce) as flight,
            aclosing(flight.read()) as chunks,
        ):
            told = _Replayed({}, chunks, call)
            await told.begin()
            told.headers = {**flight.headers, "x-gateway-cache": "miss"}
            told.is_native = flight.is_native
            yield told

    async def _produce(
        self, key: str, call: ChatCall, open_fresh: OpenReply, flight: Flight, *, may_store: bool
    ) -> None:
        async with open_fresh() as reply:
            flight.headers, flight.is_native = dict(reply.headers), reply.is_native
            if call.is_streamed:
                async for events in reply:
                    flight.write(events)
            else:
                flight.write(reply.body)
        if may_store:
            await self.cache.put(key, flight.answer())


def _target(call: ChatCall, name: str) -> str:
    """Return what a request is asked of: the same words mean other things at other doors, and with other headers."""
    if call.door is None:
        return name
    headers = "\n".join(f"{key}: {value}" for key, value in sorted(call.door.headers.items()))
    return f"{call.door.name}:{name}\n{headers}"


class _Replayed:
    """Reply whose pieces come from the cache or from a flight."""

    is_usage_estimated = False
    is_native = False

    def __init__(self, headers: Mapping[str, str], chunks: AsyncGenerator[bytes], call: ChatCall) -> None:
        self.headers = headers
        self.body = b""
        self._chunks = chunks
        self._is_streamed = call.is_streamed
        self._first = b""

    @property
    def usage(self) -> TokenUsage | None:
        """None: the request that reached the endpoint has recorded it."""
        return None

    async def begin(self) -> None:
        """Wait for the first piece of a streamed answer, for all of another one."""
        if self._is_streamed:
            self._first = await anext(self._chunks, b"")
        else:
            self.body = b"".join([chunk async for chunk in self._chunks])

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece."""
        if self._first:
            first, self._first = self._first, b""
            return first
        return await anext(self._chunks)


async def _each(chunks: Sequence[bytes]) -> AsyncGenerator[bytes]:
    for chunk in chunks:
        yield chunk
