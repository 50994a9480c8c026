"""Codegen provider over HTTP: starts a run for each request, and polls it until its result is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import aiohttp
import anyio

from automation.errors import AutomationError, FirstTokenTimeout, SiteError, UnreachableError
from automation.owned_tasks import owned_tasks
from automation.secret_mask import SecretMask
from backend.errors import GatewayError, InvalidRequestError
from backend.providers.api.accountless import WithoutAccounts
from backend.providers.api.bounded_body import read_bounded
from backend.providers.api.codegen import runs as codegen
from backend.providers.api.codegen.runs import CodegenDefaults, Run
from backend.providers.api.dialect import ApiRequest, Body, WholeCompletion
from backend.providers.api.dialects.openai_compatible import OpenAICompatible
from backend.providers.api.failures import map_http_failure, parse_retry_after
from backend.providers.api.pace import Pace
from backend.providers.api.place import ApiPlace
from backend.providers.api.provider import map_aiohttp_errors
from backend.providers.api.reply import open_api_reply
from backend.providers.chat_call import ChatCall
from backend.providers.protocol import Admitted, ProviderHealth
from backend.providers.replies import Reply
from backend.providers.target import Target
from backend.wire.chat_response import CompletionHead
from backend.wire.usage import TokenUsage

KEEP_ALIVE = b": keep-alive\n\n"
_MOST_BODY_BYTES = 16 * 1024 * 1024
_REQUEST_S = 60.0
_CHECK_S = 15.0
# A run is started only once: after these nothing was begun, while after any other failure one may be on its way.
_NOT_BEGUN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Said:
    status: int
    body: bytes
    retry_after_s: float | None


class CodegenProvider(WithoutAccounts):
    """A ``Provider`` that answers chat bodies by runs of an agent."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        place: ApiPlace,
        options: CodegenDefaults,
        keep_alive_s: float = 10.0,
    ) -> None:
        self._session = session
        self._place = place
        self._options = options
        self._keep_alive_s = keep_alive_s
        self._mask = SecretMask(place.secrets, (AutomationError, GatewayError))
        self._creations = Pace(10, 60.0)
        self._looks = Pace(60, 30.0)
        self._timeout = aiohttp.ClientTimeout(total=_REQUEST_S, sock_connect=place.timeouts.connect_s)

    def ignored(self, body: Body) -> tuple[str, ...]:
        """Return the fields of a chat body that have no effect here."""
        return tuple(codegen.ignored(body, self._options))

    def refused(self, body: Body) -> tuple[str, ...]:  # noqa: ARG002  what it doesn't know isn't sent
        """Return nothing."""
        return ()

    def open_reply(
        self, call: ChatCall, target: Target, admitted: Admitted
    ) -> AbstractAsyncContextManager[Reply]:
        """Return a context that hands out the answer to a chat request."""
        return open_api_reply(self, call, target, admitted)

    async def models(self) -> list[str]:
        """Return the operator's list, else Codegen's two and the names that stand for them."""
        return list(self._place.models or (codegen.STANDARD, codegen.ADVANCED, *codegen.ALIASES))

    async def check(self) -> ProviderHealth:
        """Fetch the last run, which costs nothing."""
        try:
            async with asyncio.timeout(_CHECK_S):
                said = await self._send(codegen.listing(self._options), self._looks)
        except (AutomationError, GatewayError) as exc:
            return ProviderHealth(is_healthy=False, reason=self._mask.words(str(exc)))
        except TimeoutError:
            return ProviderHealth(is_healthy=False, reason=f"No answer within {_CHECK_S:g} s.")
        # Only what speaks against every request: the list itself isn't needed.
        is_refused = said.status in {401, 403} or said.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        reason = self._mask.words(str(_failure(said))) if is_refused else None
        return ProviderHealth(is_healthy=not is_refused, reason=reason)

    async def complete(self, body: Body, head: CompletionHead) -> WholeCompletion:
        """Start a run and return its result.

        Raises:
            AutomationError, GatewayError: There is none.
        """
        prompt = codegen.build_run_prompt(body)
        run = await self._result(codegen.creation(prompt, body.get("model"), self._options))
        return codegen.completion(run, head, len(prompt))

    @asynccontextmanager
    async def open_stream(
        self, body: Body, head: CompletionHead, *, with_usage: bool
    ) -> AsyncIterator[RunStream]:
        """Start a run, and hand out its result, or after ``keep_alive_s`` what keeps the connection alive until then.

        Until then a failure lets another endpoint be asked. Leaving early stops looking after the run.

        Raises:
            AutomationError, GatewayError: On entering, or while the answer is read.
        """
        prompt = codegen.build_run_prompt(body)
        request = codegen.creation(prompt, body.get("model"), self._options)
        async with owned_tasks() as tasks:
            stream = RunStream(head, len(prompt), self._keep_alive_s, with_usage=with_usage)
            tasks.start_soon(self._tell, request, stream)
            await stream.begin()
            yield stream

    async def embed(self, body: Body, model: str) -> bytes:  # noqa: ARG002  there are none
        """Refuse: an agent has no embeddings.

        Raises:
            InvalidRequestError: Always.
        """
        msg = "This endpoint has no embeddings."
        raise InvalidRequestError(msg, "model")

    async def _tell(self, request: ApiRequest, stream: RunStream) -> None:
        try:
            stream.take(await self._result(request))
        except (AutomationError, GatewayError) as exc:
            stream.fail(exc)

    async def _result(self, request: ApiRequest) -> Run:
        limit_s = self._place.timeouts.first_token_s
        try:
            async with asyncio.timeout(limit_s) as limit:
                return await self._run(request, limit)
        except TimeoutError:
            raise FirstTokenTimeout(limit_s or 0.0) from None
        except (AutomationError, GatewayError) as exc:
            self._mask.clean(exc)
            raise

    async def _run(self, request: ApiRequest, limit: asyncio.Timeout) -> Run:
        run = codegen.parse_run(await self._ask(request, limit))
        logger.info("run_started", extra={"run": run.id})
        looks = 0
        while not run.is_over:
            await anyio.sleep(codegen.poll_wait_s(looks, self._options.base_delay_s))
            run = codegen.parse_run(
                await self._ask(codegen.poll_request(run.id, self._options), limit), run.id
            )
            looks += 1
        run.answer()
        return run

    async def _ask(self, request: ApiRequest, limit: asyncio.Timeout) -> bytes:
        """Send a request, retry it after passing failures, and return the body of the response."""
        failures = 0
        while True:
            said: _Said | None = None
            failure: Exception
            try:
                said = await self._send(request, self._looks if request.method == "GET" else self._creations)
            except (SiteError, UnreachableError) as exc:
                failure = exc
            else:
                if said.status < HTTPStatus.MULTIPLE_CHOICES:
                    return said.body
                failure = _failure(said)
            failures += 1
            if failures > self._options.max_retries or not _passes(request, said):
                raise failure
            rest_s = codegen.resend_wait_s(
                failures, self._options.base_delay_s, said.retry_after_s if said is not None else None
            )
            await _rest(rest_s, limit, failure)

    async def _send(self, request: ApiRequest, pace: Pace) -> _Said:
        await pace.wait()
        with map_aiohttp_errors(self._place.base_url):
            async with self._session.request(
                request.method,
                self._place.base_url + request.path,
                data=request.body or None,
                headers={"content-type": "application/json", **self._place.headers},
                timeout=self._timeout,
                proxy=self._place.proxy,
                allow_redirects=False,
            ) as response:
                body = await read_bounded(response, _MOST_BODY_BYTES)
                headers = response.headers
                rest_s = parse_retry_after(
                    headers.get("retry-after"), headers.get("retry-after-ms"), datetime.now(UTC)
                )
                return _Said(response.status, body, rest_s)


class RunStream:
    """The result of a run as events; until it is there, comments that keep the connection alive."""

    def __init__(
        self, head: CompletionHead, prompt_characters: int, keep_alive_s: float, *, with_usage: bool
    ) -> None:
        self._head = head
        self._prompt_characters = prompt_characters
        self._keep_alive_s = keep_alive_s
        self._with_usage = with_usage
        self._is_over = anyio.Event()
        self._failure: Exception | None = None
        self._chunks: Iterator[bytes] = iter(())

    @property
    def usage(self) -> TokenUsage | None:
        """None: Codegen counts no tokens."""
        return None

    def take(self, run: Run) -> None:
        """Set the result of a run that is over."""
        self._chunks = codegen.chunks(run, self._head, self._prompt_characters, with_usage=self._with_usage)
        self._is_over.set()

    def fail(self, failure: Exception) -> None:
        """Set the error of a run."""
        self._failure = failure
        self._is_over.set()

    async def begin(self) -> None:
        """Wait for the result, but not for longer than a client waits in silence.

        Raises:
            AutomationError, GatewayError: The run failed meanwhile.
        """
        with anyio.move_on_after(self._keep_alive_s):
            await self._is_over.wait()
        self._raise_failure()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """Return the next events, never none.

        Raises:
            AutomationError, GatewayError: The run failed.
        """
        if not self._is_over.is_set():
            with anyio.move_on_after(self._keep_alive_s):
                await self._is_over.wait()
            if not self._is_over.is_set():
                return KEEP_ALIVE
        self._raise_failure()
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def _passes(request: ApiRequest, said: _Said | None) -> bool:
    """Return whether a failure may pass, and a retry does no harm."""
    if request.method == "GET":
        return said is None or said.status in _PASSING
    return said is not None and said.status in _NOT_BEGUN


async def _rest(rest_s: float, limit: asyncio.Timeout, failure: Exception) -> None:
    """Wait, unless that would exceed the time limit: then the reason is worth more than a timeout."""
    deadline = limit.when()
    if deadline is not None and asyncio.get_running_loop().time() + rest_s >= deadline:
        raise failure
    await anyio.sleep(rest_s)


def _failure(said: _Said) -> Exception:
    # Runs are counted by organization, whichever model they use.
    refusal = OpenAICompatible().refusal(said.body)
    return map_http_failure(said.status, refusal, said.retry_after_s, limits_models=False)
