"""API provider over HTTP: sends the request that its dialect builds, and reads the response to its end."""

from __future__ import annotations

import asyncio
import io
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from types import MappingProxyType, TracebackType
from typing import Any

import aiohttp

from automation.errors import (
    AutomationError,
    FirstTokenTimeout,
    IdleTimeout,
    SignInRequiredError,
    UnreachableError,
)
from automation.secret_mask import SecretMask
from backend.errors import GatewayError, InvalidRequestError
from backend.provider_errors import ApiFailedError
from backend.providers.api.accountless import WithoutAccounts
from backend.providers.api.bounded_body import (
    MOST_ANSWER_BYTES,
    MOST_LIST_BYTES,
    read_beginning,
    read_bounded,
)
from backend.providers.api.chat.either_form import EitherStream, read_completion
from backend.providers.api.client_session import new_connection, was_stale
from backend.providers.api.dialect import ApiRequest, Body, ChatStream, Dialect, WholeCompletion
from backend.providers.api.failures import describe_body, map_http_failure, parse_retry_after
from backend.providers.api.native.native_api import NativeApi
from backend.providers.api.place import ApiPlace
from backend.providers.api.reply import open_api_reply, open_native_reply
from backend.providers.chat_call import ChatCall
from backend.providers.protocol import Admitted, ProviderHealth
from backend.providers.replies import Reply
from backend.providers.target import Target
from backend.wire.chat_response import CompletionHead
from backend.wire.door import DoorName
from backend.wire.usage import TokenUsage

_MOST_HELD_BYTES = 1024 * 1024
_MOST_ERROR_BYTES = 64 * 1024
_LARGE_BYTES = 512 * 1024
_CHECK_S = 15.0
_FIRST_SERVER_ERROR = 500
_NO_APIS: Mapping[DoorName, NativeApi] = MappingProxyType({})

logger = logging.getLogger(__name__)


class ApiProvider(WithoutAccounts):
    """A ``Provider`` that passes chat bodies on. It has no accounts, and no chats that could be gone on with."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        dialect: Dialect,
        place: ApiPlace,
        native_apis: Mapping[DoorName, NativeApi] = _NO_APIS,
    ) -> None:
        self._session = session
        self._dialect = dialect
        self._place = place
        self._native_apis = native_apis
        self._models: list[str] = []
        self._headers = {"content-type": "application/json", **place.headers}
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=place.timeouts.connect_s)
        self._translated = map_aiohttp_errors(place.base_url)
        self._mask = SecretMask(place.secrets, (AutomationError, GatewayError))

    def ignored(self, body: Body) -> tuple[str, ...]:
        """Return the fields of a chat body that have no effect here."""
        return tuple(self._dialect.ignored(body))

    def refused(self, body: Body) -> tuple[str, ...]:
        """Return the fields for which it is known to refuse a chat body."""
        return tuple(self._dialect.refused(body))

    def open_reply(
        self, call: ChatCall, target: Target, admitted: Admitted
    ) -> AbstractAsyncContextManager[Reply]:
        """Return a context that hands out the answer to a request, passed on as it came where the API speaks its words."""
        native = None if call.door is None else self._native_apis.get(call.door.name)
        if native is not None:
            return open_native_reply(self, native, call, target, admitted)
        return open_api_reply(self, call, target, admitted)

    async def models(self) -> list[str]:
        """Return the operator's list, else the provider's as it was last told; empty where it tells none.

        Raises:
            SignInRequiredError: It refuses the key.
        """
        if self._place.models:
            return list(self._place.models)
        if not self._models:
            try:
                await self._fetch_models()
            except SignInRequiredError:
                raise
            except (AutomationError, GatewayError) as exc:
                # It may be down just now: any model is passed on to it until its list is known.
                logger.warning("models_not_listed", extra={"reason": str(exc)})
        return self._models

    async def check(self) -> ProviderHealth:
        """Fetch the models, which costs nothing; without a model list, only that the API is there is checked."""
        try:
            await self._fetch_models()
        except (AutomationError, GatewayError) as exc:
            return ProviderHealth(is_healthy=False, reason=str(exc))
        return ProviderHealth(is_healthy=True)

    async def _fetch_models(self) -> None:
        request = self._dialect.list_models()
        limit = _TimeLimit(_CHECK_S, lambda: UnreachableError(self._place.base_url, "no answer in time"))
        async with limit, self._sent(request or ApiRequest("", method="GET")) as response:
            if request is not None and response.status == HTTPStatus.OK:
                self._models = self._dialect.models(await self._read(response, MOST_LIST_BYTES))
            elif response.status == HTTPStatus.UNAUTHORIZED or response.status >= _FIRST_SERVER_ERROR:
                await self._refuse_errors(response)

    def open_stream(
        self, body: Body, head: CompletionHead, *, with_usage: bool
    ) -> AbstractAsyncContextManager[StreamedCompletion]:
        """Return a context that sends a chat body and hands out its answer while it arrives; leaving early ends it there.

        Raises:
            AutomationError, GatewayError: Here, on entering, or while the answer is read.
        """
        request = self._dialect.chat(body, is_streamed=True)
        read = self._dialect.stream if request.takes_json else partial(EitherStream, self._dialect)
        return self.open_events(request, read(head, with_usage=with_usage))

    @asynccontextmanager
    async def open_events(
        self, request: ApiRequest, stream: ChatStream, read_whole: Callable[[bytes], object] | None = None
    ) -> AsyncIterator[StreamedCompletion]:
        """Send a request and hand out its streamed answer.

        Args:
            request: What is sent.
            stream: Reads the answer.
            read_whole: Raises what a whole answer says went wrong, where ``stream`` can't read one.

        Raises:
            AutomationError, GatewayError: On entering, or while the answer is read.
        """
        async with self._answer_limit() as deadline, self._sent(request) as response:
            await self._refuse_errors(response)
            if read_whole is not None and "json" in response.content_type:
                read_whole(await self._read(response))
                msg = "it answered at once where a stream was asked for"
                raise ApiFailedError(msg)
            _refuse_pages(response)
            answer = StreamedCompletion(response, stream, self._place.timeouts.idle_s, self._mask)
            await answer.begin()
            deadline.reschedule(None)
            yield answer

    async def complete(self, body: Body, head: CompletionHead) -> WholeCompletion:
        """Send a chat body and return the whole answer.

        Raises:
            AutomationError, GatewayError: There is none.
        """
        request = self._dialect.chat(body, is_streamed=False)
        return await self.exchange(request, lambda document: read_completion(self._dialect, document, head))

    def mask_words(self, text: str) -> str:
        """Return a text without the endpoint's secrets."""
        return self._mask.words(text)

    async def exchange(
        self, request: ApiRequest, read: Callable[[bytes], WholeCompletion]
    ) -> WholeCompletion:
        """Send a request and return what ``read`` makes of the body of its whole answer.

        Raises:
            AutomationError, GatewayError: There is none; without the endpoint's secrets, also what ``read`` raises.
        """
        async with self._answer_limit(), self._sent(request) as response:
            await self._refuse_errors(response)
            _refuse_pages(response)
            return read(await self._read(response))

    async def embed(self, body: Body, model: str) -> bytes:
        """Return OpenAI's embeddings document for its body.

        Raises:
            InvalidRequestError: The provider has no embeddings.
            AutomationError, GatewayError: It failed.
        """
        request = self._dialect.embeddings(body)
        if request is None:
            msg = "This endpoint has no embeddings."
            raise InvalidRequestError(msg, "model")
        async with self._answer_limit(), self._sent(request) as response:
            await self._refuse_errors(response)
            return self._dialect.embedded(await self._read(response), model, body.get("encoding_format"))

    def _answer_limit(self) -> _TimeLimit:
        limit_s = self._place.timeouts.first_token_s
        return _TimeLimit(limit_s, lambda: FirstTokenTimeout(limit_s or 0.0))

    def _sent(self, request: ApiRequest) -> _Exchange:
        return _Exchange(self._send(request), self._mask)

    async def _send(self, request: ApiRequest) -> aiohttp.ClientResponse:
        with self._translated:
            try:
                return await self._send_once(request)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as exc:
                if not was_stale(exc):
                    raise
                logger.info("connection_was_stale")
                with new_connection():
                    return await self._send_once(request)

    async def _send_once(self, request: ApiRequest) -> aiohttp.ClientResponse:
        headers = {**self._headers, **request.headers} if request.headers else self._headers
        return await self._session.request(
            request.method,
            self._place.base_url + request.path,
            data=_payload(request.body),
            headers=headers,
            timeout=self._timeout,
            proxy=self._place.proxy,
            allow_redirects=False,
        )

    async def _refuse_errors(self, response: aiohttp.ClientResponse) -> None:
        if response.status < HTTPStatus.MULTIPLE_CHOICES:
            return
        if response.status < HTTPStatus.BAD_REQUEST:
            raise UnreachableError(
                self._place.base_url, f"it redirects (HTTP {response.status}); use the address it leads to"
            )
        with self._translated:
            body = await read_beginning(response, _MOST_ERROR_BYTES)
        said = self._dialect.refusal(body)
        if not said.message:
            said = describe_body(body, response.content_type)
        # Before its words are cut to a length.
        said = replace(said, message=self._mask.words(said.message))
        wait = parse_retry_after(
            response.headers.get("retry-after"), response.headers.get("retry-after-ms"), datetime.now(UTC)
        )
        raise map_http_failure(response.status, said, wait, str(response.url))

    async def _read(self, response: aiohttp.ClientResponse, most_bytes: int = MOST_ANSWER_BYTES) -> bytes:
        with self._translated:
            return await read_bounded(response, most_bytes)


def _payload(body: bytes) -> aiohttp.BytesPayload | io.BytesIO | None:
    """Return the body as aiohttp takes it: a large one in pieces, between which others get their turn."""
    if len(body) > _LARGE_BYTES:
        return io.BytesIO(body)
    return aiohttp.BytesPayload(body, content_type="application/json") if body else None


def _refuse_pages(response: aiohttp.ClientResponse) -> None:
    if response.content_type in {"text/html", "application/xhtml+xml"}:
        msg = f"it answered with a web page ({response.content_type}) at {response.url}; the base URL may be wrong"
        raise ApiFailedError(msg)


class StreamedCompletion:
    """A streamed answer that has begun. Iterate it for OpenAI's events, without ``[DONE]``.

    A class and not a generator, because a generator that is dropped midway leaves its request open.
    """

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        stream: ChatStream,
        idle_s: float | None,
        mask: SecretMask,
    ) -> None:
        self._content = response.content
        self._stream = stream
        self._idle_s = idle_s
        self._mask = mask
        self._held = b""
        self._is_over = False

    @property
    def usage(self) -> TokenUsage | None:
        """Tokens as the provider counted them, by the end."""
        return self._stream.usage

    async def begin(self) -> None:
        """Wait until the answer has begun; until then, the request can fail over to another provider.

        Raises:
            AutomationError: It failed before, or sent much that is no beginning.
        """
        held: list[bytes] = []
        size = 0
        while not self._stream.has_begun and not self._stream.is_finished:
            with _TRANSLATED:
                data = await self._content.readany()
            held.append(self._stream.feed(data) if data else self._close())
            size += len(held[-1])
            if not data:
                break
            if size > _MOST_HELD_BYTES and not self._stream.has_begun:
                msg = "its stream goes on without a beginning of an answer"
                raise ApiFailedError(msg)
        self._held = b"".join(held)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """Return the next events, never none.

        Raises:
            AutomationError: The answer broke off; what came before is not a complete one.
        """
        events, self._held = self._held, b""
        try:
            while not events:
                if self._is_over:
                    raise StopAsyncIteration
                # Without data first: an error that came together with text is told after it.
                events = self._stream.feed(b"")
                data = self._content.read_nowait() or await self._more()
                events += self._stream.feed(data) if data else self._close()
        except AutomationError as exc:
            self._mask.clean(exc)
            raise
        return events

    async def _more(self) -> bytes:
        with _TRANSLATED:
            try:
                async with asyncio.timeout(self._idle_s):
                    return await self._content.readany()
            except TimeoutError:
                raise IdleTimeout(self._idle_s or 0.0) from None

    def _close(self) -> bytes:
        self._is_over = True
        return self._stream.close()


class map_aiohttp_errors:  # noqa: N801  like contextlib's own
    """Context manager that maps aiohttp's errors to ours; stateless, so one serves many."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(exc, aiohttp.ClientError | OSError):
            return
        raise _map_client_error(exc, self._base_url) from exc


def _map_client_error(exc: aiohttp.ClientError | OSError, base_url: str) -> AutomationError:
    match exc:
        case aiohttp.ClientConnectorDNSError():
            return UnreachableError(base_url, f"there is no such host: {exc.host}")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return UnreachableError(base_url, f"TLS failed: {exc}")
        case aiohttp.ConnectionTimeoutError() | aiohttp.ClientConnectorError():
            return UnreachableError(base_url, str(exc) or "no connection in time")
        case _:
            return ApiFailedError(f"the connection broke: {str(exc) or type(exc).__name__}")


_TRANSLATED = map_aiohttp_errors("")  # once an answer is being read, its address has been reached


class _Exchange:
    """A context manager that sends a request and hands out the response; no error leaves it with a secret."""

    def __init__(self, sent: Coroutine[Any, Any, aiohttp.ClientResponse], mask: SecretMask) -> None:
        self._sent = sent
        self._mask = mask

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            self._response = await self._sent
        except AutomationError as exc:
            self._mask.clean(exc)
            raise
        return self._response

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc is not None:
            self._mask.clean(exc)
        self._response.release()  # keeps the connection only where all was read


class _TimeLimit:
    """``asyncio.timeout`` that raises ``error()`` where it is over."""

    def __init__(self, seconds: float | None, error: Callable[[], Exception]) -> None:
        self._timeout = asyncio.timeout(seconds)
        self._error = error

    async def __aenter__(self) -> asyncio.Timeout:
        return await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, exc, trace)
        except TimeoutError:
            raise self._error() from None
