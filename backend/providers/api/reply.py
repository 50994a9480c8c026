"""Asks an API for the answer to a chat request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, Protocol

from backend.providers.api.dialect import ApiRequest, ChatStream, WholeCompletion
from backend.providers.api.native.native_api import NativeApi
from backend.providers.chat_call import ChatCall
from backend.providers.protocol import Admitted, Provider
from backend.providers.replies import PassedReply, Reply, StreamedAnswer, reply_headers
from backend.providers.target import Target
from backend.wire.chat_response import CompletionHead
from backend.wire.door import DoorRequest


class ChatApi(Protocol):
    """Answers chat bodies in OpenAI's form."""

    def ignored(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the fields of a chat body that have no effect here."""
        ...

    def refused(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the fields for which it is known to refuse a chat body."""
        ...

    def open_stream(
        self, body: Mapping[str, Any], head: CompletionHead, *, with_usage: bool
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        """Return a context that hands out the answer once it has begun; leaving it early ends it at the provider."""
        ...

    async def complete(self, body: Mapping[str, Any], head: CompletionHead) -> WholeCompletion:
        """Return the whole answer."""
        ...


class NativeSender(Protocol):
    """Sends requests that are ready, and reads their answers."""

    def mask_words(self, text: str) -> str:
        """Return a text without the endpoint's secrets."""
        ...

    async def exchange(
        self, request: ApiRequest, read: Callable[[bytes], WholeCompletion]
    ) -> WholeCompletion:
        """Return what ``read`` makes of the body of a whole answer."""
        ...

    def open_events(
        self, request: ApiRequest, stream: ChatStream, read_whole: Callable[[bytes], object]
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        """Return a context that hands out a streamed answer once it has begun; ``read_whole`` tells what else came."""
        ...


class CompletionProvider(Provider, ChatApi, Protocol):
    """A ``Provider`` that also answers chat bodies as they are, for programs that use this as a library."""


def open_api_reply(
    api: ChatApi, call: ChatCall, target: Target, admitted: Admitted
) -> AbstractAsyncContextManager[Reply]:
    """Be ``Provider.open_reply`` for an API."""
    if call.is_streamed:
        return _open_streamed(api, call, target, admitted)
    return _WholeReply(partial(_ask_whole, api, call, target, admitted))


class _WholeReply:
    """A whole answer: its request has given its place back before the client is sent a byte.

    A class, because a generator's context costs three times as much.
    """

    def __init__(self, ask: Callable[[], Awaitable[PassedReply]]) -> None:
        self._ask = ask

    async def __aenter__(self) -> PassedReply:
        return await self._ask()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


async def _ask_whole(api: ChatApi, call: ChatCall, target: Target, admitted: Admitted) -> PassedReply:
    body, headers = _prepare(api, call, target)
    async with admitted:
        whole = await api.complete(body, _head(call, target))
    return PassedReply(headers, whole.body, whole.usage)


@asynccontextmanager
async def _open_streamed(
    api: ChatApi, call: ChatCall, target: Target, admitted: Admitted
) -> AsyncIterator[PassedReply]:
    body, headers = _prepare(api, call, target)
    async with admitted, api.open_stream(body, _head(call, target), with_usage=call.with_usage) as stream:
        yield PassedReply(headers, stream=stream)


def _prepare(api: ChatApi, call: ChatCall, target: Target) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the body to send, and the headers of its answer.

    Raises:
        InvalidRequestError, ValidationError: The API can't be asked this.
    """
    body = call.body_for(target.site_model)
    # What a client of chat completions says in their words is the provider's to judge; what we say, we must know.
    left_out = () if call.door is None else api.refused(body)
    for name in left_out:
        del body[name]
    return body, reply_headers(target.slug, [*api.ignored(body), *left_out])


def open_native_reply(
    api: NativeSender, native: NativeApi, call: ChatCall, target: Target, admitted: Admitted
) -> AbstractAsyncContextManager[Reply]:
    """Be ``Provider.open_reply`` for a request that the API takes as it came."""
    if call.is_streamed:
        return _open_native_stream(api, native, call, target, admitted)
    return _WholeReply(partial(_ask_native, api, native, call, target, admitted))


async def _ask_native(
    api: NativeSender, native: NativeApi, call: ChatCall, target: Target, admitted: Admitted
) -> PassedReply:
    """Return a whole answer in the API's own words."""
    request = native.request(_door(call), target.site_model)
    async with admitted:
        whole = await api.exchange(request, native.completion)
    return PassedReply(reply_headers(target.slug, ()), whole.body, whole.usage, is_native=True)


@asynccontextmanager
async def _open_native_stream(
    api: NativeSender, native: NativeApi, call: ChatCall, target: Target, admitted: Admitted
) -> AsyncIterator[PassedReply]:
    request = native.request(_door(call), target.site_model)
    async with admitted, api.open_events(request, native.stream(api.mask_words), native.completion) as stream:
        yield PassedReply(reply_headers(target.slug, ()), stream=stream, is_native=True)


def _door(call: ChatCall) -> DoorRequest:
    assert call.door is not None
    return call.door


def _head(call: ChatCall, target: Target) -> CompletionHead:
    return CompletionHead(call.id, call.created, target.model or target.slug)
