"""Supervisor of one started endpoint: opens its provider, watches it, and restarts it with back-off after a failure."""

from __future__ import annotations

import logging
import time

import anyio

from automation.errors import AutomationError
from automation.owned_tasks import owned_tasks
from backend.endpoints.back_off import is_worth_retrying, leading_error
from backend.endpoints.endpoint import Endpoint, lost_provider
from backend.endpoints.states import EndpointState, Move
from backend.errors import EndpointNotRunningError
from backend.exponential_back_off import back_off_s
from backend.observability.request_id import request_id
from backend.providers.protocol import Provider, ProviderOpener

logger = logging.getLogger(__name__)

_STABLE_S = 60.0  # open for so long, a provider's earlier failures are forgotten


class EndpointSupervisor:
    """Supervisor of one start of an endpoint, until it is stopped or gives up."""

    def __init__(self, endpoint: Endpoint, opener: ProviderOpener) -> None:
        self._endpoint = endpoint
        self._opener = opener
        self._stopping = False
        self._interruptible = anyio.CancelScope()
        self._ended = anyio.Event()
        endpoint.forget_limits()
        endpoint.board.move(Move.START)

    @property
    def has_ended(self) -> bool:
        """Whether it was stopped or gave up."""
        return self._ended.is_set()

    async def run(self) -> None:
        """Serve until stopped; failures end in the endpoint's state, never in an exception."""
        request_id.set("-")  # the task outlives the request that started it
        try:
            await self._run()
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """End running turns, close the provider, and return when all is closed."""
        self._stopping = True
        state = self._endpoint.state
        self._endpoint.board.move(Move.STOP)
        if not self._endpoint.is_open:
            self._interruptible.cancel()
        logger.debug("endpoint_stopping", extra={"endpoint": self._endpoint.slug, "state": str(state)})
        self._endpoint.attention.set()
        await self._ended.wait()

    async def _run(self) -> None:
        attempt = 0
        while not self._stopping:
            start = time.monotonic()
            error = await self._serve_once()
            if error is None or self._stopping:
                return
            attempt = 1 if time.monotonic() - start > _STABLE_S else attempt + 1
            if not is_worth_retrying(error) or attempt > self._endpoint.config.retry_attempts:
                return
            await self._pause(back_off_s(attempt))
            if not self._stopping:
                self._endpoint.board.move(Move.START)

    async def _serve_once(self) -> BaseException | None:
        """Serve until stopped; return None, or what ended it."""
        endpoint = self._endpoint
        try:
            with anyio.CancelScope() as self._interruptible:
                async with self._opener(endpoint.config) as provider:
                    endpoint.opened(provider, await provider.models())
                    if provider.accounts is not None:
                        # An account may have been added while the endpoint was being opened.
                        await provider.accounts.reload()
                    async with owned_tasks() as tasks:
                        tasks.start_soon(self._follow, provider)
                        await self._tend(provider)
                    await endpoint.close(EndpointNotRunningError(endpoint.slug, "stopped"))
        except Exception as exc:  # noqa: BLE001  the boundary of the endpoint's task: others must go on
            error = leading_error(exc)
            await endpoint.close(lost_provider(str(error)))
            self._note_end(error)
            return error
        return None

    def _note_end(self, error: BaseException) -> None:
        if not isinstance(error, AutomationError):
            logger.error("endpoint_failed", extra={"endpoint": self._endpoint.slug}, exc_info=error)
        if not self._stopping and not self._endpoint.note_failure(error):
            self._endpoint.board.move(Move.FAILED, str(error) or type(error).__name__)

    async def _tend(self, provider: Provider) -> None:
        endpoint = self._endpoint
        while not self._stopping:
            endpoint.attention = anyio.Event()
            with anyio.move_on_after(self._look_in_s()):
                await endpoint.attention.wait()
                continue
            if endpoint.state is EndpointState.RATE_LIMITED:
                endpoint.lift_limit()
            elif not endpoint.turns_running:
                await self._look(provider)

    async def _follow(self, provider: Provider) -> None:
        """Let the endpoint's state follow its accounts: a person may have put them right, or they all need one."""
        # What changed before anybody followed, as while the accounts were read again, is told to nobody any more.
        if provider.problem is None or self._endpoint.state is EndpointState.ACTIVE:
            self._endpoint.note_accounts(provider.problem)
        while True:
            await provider.until_changed()
            self._endpoint.note_accounts(provider.problem)

    def _look_in_s(self) -> float | None:
        endpoint = self._endpoint
        if endpoint.state is EndpointState.RATE_LIMITED:
            now = time.monotonic()
            return max((endpoint.limit_ends_at or now) - now, 0.0)
        return endpoint.config.health_check_interval

    async def _look(self, provider: Provider) -> None:
        health = await self._endpoint.check()
        if health.is_healthy and self._endpoint.traits.has_changing_models:
            self._endpoint.models = tuple(await provider.models())
        if not health.is_healthy and self._endpoint.state is EndpointState.ACTIVE and not self._stopping:
            self._endpoint.board.move(Move.FAILED, health.reason)

    async def _pause(self, seconds: float) -> None:
        with anyio.CancelScope() as self._interruptible:
            await anyio.sleep(seconds)
