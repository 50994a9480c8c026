"""One endpoint while the gateway runs: its configuration, its state and its turns."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import anyio

from automation.errors import (
    AccountError,
    AutomationError,
    BrowserUnavailableError,
    PageLostError,
    ProfileError,
    RateLimitedError,
    SignInRequiredError,
    SiteChangedError,
    UnreachableError,
)
from automation.turn import ChatLink
from backend.endpoints.back_off import leading_error
from backend.endpoints.metrics import TurnCounts
from backend.endpoints.model_limits import ModelLimits
from backend.endpoints.screenshots import ScreenshotFolder
from backend.endpoints.state_board import StateBoard
from backend.endpoints.states import EndpointState, Move
from backend.errors import EndpointNotRunningError
from backend.provider_errors import ModelLimitedError
from backend.providers.account_control import AccountControl
from backend.providers.config import EndpointConfig
from backend.providers.protocol import Provider, ProviderHealth, ProviderTraits

logger = logging.getLogger(__name__)

_FAILURES = (SiteChangedError, BrowserUnavailableError, UnreachableError, ProfileError)
_OPENING_S = 60.0
_TURNS_OVER_S = 10.0


@dataclass(frozen=True, slots=True)
class LastFailure:
    """The newest error of an endpoint: its class, its message, and when it happened."""

    kind: type[AutomationError]
    message: str
    at: datetime


class Endpoint:
    """An endpoint as turns and routers use it; its supervisor ``EndpointSupervisor`` opens and closes its provider.

    Attributes:
        traits: Of the kind of provider that its configuration names.
        models: The site's own model names while it is open.
        limited_until: End of a limit of the whole endpoint, on the clock of ``time.monotonic``; None without one.
        model_limits: Limits of single models, on the same clock.
        screenshot: Name of the newest screenshot of a page that a turn failed on, or that didn't open as its profile says.
        last_failure: The newest error of a turn or of opening it; None since the gateway started.
    """

    def __init__(
        self,
        config: EndpointConfig,
        created_at: datetime,
        screenshots: ScreenshotFolder,
        traits: ProviderTraits,
    ) -> None:
        self.config = config
        self.traits = traits
        self.created_at = created_at
        self.board = StateBoard(config.slug)
        self.counts = TurnCounts()
        self.models: tuple[str, ...] = ()
        self.limited_until: float | None = None
        self.model_limits = ModelLimits()
        self.screenshot: str | None = None
        self.last_failure: LastFailure | None = None
        self.attention = anyio.Event()
        self._screenshots = screenshots
        self._provider: Provider | None = None
        self._failure: Exception | None = None
        self._turns: dict[anyio.CancelScope | _ApiTurn, Exception | None] = {}
        self._turns_over: anyio.Event | None = None  # while somebody waits for them to be over

    @property
    def slug(self) -> str:
        """The endpoint's id."""
        return self.config.slug

    @property
    def state(self) -> EndpointState:
        """The present state."""
        return self.board.state

    @property
    def is_open(self) -> bool:
        """Whether its provider is open."""
        return self._provider is not None

    @property
    def accounts(self) -> AccountControl | None:
        """Its accounts while it is open; None otherwise, and for a provider without any."""
        return self._provider.accounts if self._provider is not None else None

    @property
    def turns_running(self) -> int:
        """How many turns are being answered."""
        return len(self._turns)

    @property
    def limit_ends_at(self) -> float | None:
        """When the limit is over for which it is ``rate_limited``; None where it has none."""
        if self.limited_until is not None:
            return self.limited_until
        return self._all_rest_until()

    @property
    def limited_models(self) -> dict[str, float]:
        """Seconds that are left of the limit of each model that rests."""
        now = time.monotonic()
        return {model: until - now for model, until in self.model_limits.ends(now).items()}

    def turn(self, provider: Provider, model: str = "") -> _Turn:
        """Return a context around one turn of ``provider`` and its ``model``, which learns from how the turn goes.

        Raises:
            EndpointNotRunningError: On entering: it is not started; on leaving: it was stopped meanwhile.
            ProviderReplacedError: On entering: another provider is open by now.
            AutomationError: It needs a person, or is limited; and what the turn itself raises.
        """
        return _Turn(self, provider, model)

    async def begin_turn(
        self, provider: Provider, scope: anyio.CancelScope | _ApiTurn, model: str = ""
    ) -> None:
        """Count a turn that ``scope`` ends, once the endpoint is ready.

        Raises:
            EndpointNotRunningError, ProviderReplacedError, AutomationError: As in ``turn``.
        """
        if await self.provider_when_ready(model) is not provider:
            raise ProviderReplacedError
        self._turns[scope] = None
        self._move_if_open(Move.TURN_BEGAN)

    def end_turn(self, scope: anyio.CancelScope | _ApiTurn) -> Exception | None:
        """Forget a turn, and return the error that ``close`` ended it with."""
        ended_by = self._turns.pop(scope)
        if not self._turns:
            if self._turns_over is not None:
                self._turns_over.set()
            self.board.move(Move.TURNS_OVER)
        return ended_by

    def note_turn(self, started_at: float, exc: BaseException | None, model: str = "") -> None:
        """Update state and counters by a turn that ended, and what it raised; times are those of ``time.monotonic``."""
        if exc is None:
            self.counts.note_finished(time.monotonic() - started_at)
            self._note_success(model)
        elif isinstance(exc, Exception):
            self._note_turn_failure(leading_error(exc), model)
        elif isinstance(exc, asyncio.CancelledError):
            self.counts.note_cancelled()

    async def check(self) -> ProviderHealth:
        """Check the provider's health; success ends ``error`` and ``authentication_required``."""
        if self._provider is None:
            return ProviderHealth(
                is_healthy=False, reason=self.board.reason or f"The endpoint is {self.state}."
            )
        try:
            health = await self._provider.check()
        except AutomationError as exc:
            health = ProviderHealth(is_healthy=False, reason=str(exc))
        if health.is_healthy and self.state in (EndpointState.ERROR, EndpointState.AUTHENTICATION_REQUIRED):
            self._note_success()
        return health

    async def page_facts(self) -> Mapping[str, Any]:
        """Return the provider's facts about its pages, without changing the state; empty while it is closed."""
        if self._provider is None:
            return {}
        try:
            return (await self._provider.check()).details
        except AutomationError:
            return {}

    async def forget_chat(self, chat: ChatLink) -> bool:
        """Delete a chat at the site, and return whether it was deleted; a closed endpoint deletes none.

        Raises:
            AutomationError: The provider failed to.
        """
        return self._provider is not None and await self._provider.forget_chat(chat)

    def opened(self, provider: Provider, models: list[str]) -> None:
        """Accept turns from now on."""
        self._provider, self.models = provider, tuple(models)
        self._failure = self.limited_until = None
        problem = provider.problem
        if problem is None or not self.note_failure(problem):
            self.board.move(Move.OPENED)

    def note_accounts(self, problem: AutomationError | None) -> None:
        """Set the state by what the provider's accounts wait for; None means that one of them can be used."""
        waits = (EndpointState.AUTHENTICATION_REQUIRED, EndpointState.RATE_LIMITED)
        if problem is None and self.state in waits:
            self.lift_limit()
        elif problem is not None and self.state is not EndpointState.ERROR:
            self.note_failure(problem)

    async def close(self, ended_by: Exception) -> None:
        """Take no more turns and end the running ones with ``ended_by``."""
        self._provider = None
        for turn in self._turns:
            self._turns[turn] = ended_by
            turn.cancel()
        with anyio.move_on_after(_TURNS_OVER_S):
            while self._turns:
                self._turns_over = anyio.Event()
                await self._turns_over.wait()
        self._turns_over = None

    def note_failure(self, error: BaseException, model: str = "") -> bool:
        """Move to the state that ``error`` of a request for ``model`` means, and return whether it means any."""
        self._keep_failure(error)
        match error:
            case AccountError():
                self._fail(Move.SIGN_IN_NEEDED, error)
            case ModelLimitedError():
                return self._note_model_limit(error, model)
            case RateLimitedError():
                self.limited_until = time.monotonic() + error.retry_after_s
                self._fail(Move.LIMITED, error)
            case _ if isinstance(error, _FAILURES):
                self._fail(Move.FAILED, error)
            case _:
                return False
        return True

    def lift_limit(self) -> None:
        """Note that the site's rate limit has passed."""
        self.limited_until = None
        if self._all_rest_until() is None:
            self._note_success()

    def forget_limits(self) -> None:
        """Ask its models again that were limited: the operator starts it anew."""
        self.limited_until = None
        self.model_limits.forget()

    async def provider_when_ready(self, model: str = "") -> Provider:
        """Return the provider to ask for ``model``; while the endpoint is being opened, wait for that.

        Raises:
            EndpointNotRunningError: It is not started, or was not opened in time.
            AutomationError: It needs a person, or it or the model is limited.
        """
        if self.state is EndpointState.INITIALIZING:
            with anyio.move_on_after(_OPENING_S):
                await self.board.wait_until(lambda state: state is not EndpointState.INITIALIZING)
        # While a person puts an account right, requests wait for him: see the provider.
        if self.state is EndpointState.AUTHENTICATION_REQUIRED and not await self._is_attended():
            raise (self._failure or SignInRequiredError(self.board.reason or "")).with_traceback(None)
        if self.state is EndpointState.RATE_LIMITED and self.limited_until is not None:
            failure = self._failure if isinstance(self._failure, RateLimitedError) else RateLimitedError("")
            raise failure.with_time_left(max(self.limited_until - time.monotonic(), 1.0))
        if (limit := self.model_limits.refusal(model, time.monotonic())) is not None:
            raise limit
        if self._provider is None:
            raise EndpointNotRunningError(self.slug, self.state, self.board.reason)
        return self._provider

    async def _is_attended(self) -> bool:
        return self.accounts is not None and await self.accounts.is_attended()

    def _note_turn_failure(self, error: BaseException, model: str) -> None:
        self.counts.note_failed(type(error).__name__)
        if self._provider is not None:
            self.note_failure(error, model)

    def _note_model_limit(self, error: RateLimitedError, model: str) -> bool:
        """Let the model rest; the endpoint is ``rate_limited`` when none of its models is left."""
        self.model_limits.note(model, error, time.monotonic())
        if self._all_rest_until() is None:
            return False
        self._fail(Move.LIMITED, error)
        return True

    def _all_rest_until(self) -> float | None:
        now = time.monotonic()
        return self.model_limits.all_rest_until(self._known_models() or self.model_limits.ends(now), now)

    def _known_models(self) -> Collection[str]:
        """Return its own names of the models that it is known to have; empty for one that tells none."""
        config = self.config
        return self.models or config.models or {*filter(None, [config.default_model])}

    def _note_success(self, model: str | None = None) -> None:
        """Note that a turn, of ``model`` where there is one, ended well, or that a trouble is over."""
        if self.state in (EndpointState.BUSY, EndpointState.ACTIVE) or self._provider is None:
            return
        # A turn that began before its model was limited says nothing about the others.
        if model is not None and self.model_limits.refusal(model, time.monotonic()) is not None:
            return
        self._failure = self.limited_until = None
        self.board.move(Move.RECOVERED)
        if self._turns:
            self.board.move(Move.TURN_BEGAN)

    def _move_if_open(self, move: Move) -> None:
        if self._provider is not None:
            self.board.move(move)

    def _fail(self, move: Move, error: BaseException) -> None:
        self._failure = error if isinstance(error, Exception) else None
        self.board.move(move, str(error), type(error).__name__)
        self.attention.set()

    def _keep_failure(self, error: BaseException) -> None:
        """Keep the error and its screenshot, whose file the error names from here on."""
        if not isinstance(error, AutomationError):
            return
        if error.screenshot is not None and not error.picture:
            try:
                self.screenshot = error.picture = self._screenshots.save(self.slug, error.screenshot).name
            except OSError:
                logger.warning("screenshot_not_saved", extra={"endpoint": self.slug}, exc_info=True)
        self.last_failure = LastFailure(type(error), str(error), datetime.now(UTC))


class ProviderReplacedError(Exception):
    """The endpoint was opened anew between the choice of a provider and its turn; nothing has been sent."""


class _Turn:
    """One turn, as a context manager: see ``Endpoint.turn``."""

    def __init__(self, endpoint: Endpoint, provider: Provider, model: str) -> None:
        self._endpoint = endpoint
        self._provider = provider
        self._model = model
        self._scope = anyio.CancelScope() if endpoint.traits.needs_cancel_scope else _ApiTurn()
        self._started_at = 0.0

    async def __aenter__(self) -> None:
        await self._endpoint.begin_turn(self._provider, self._scope, self._model)
        self._started_at = time.monotonic()
        self._scope.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        endpoint, scope = self._endpoint, self._scope
        try:
            is_ended = bool(scope.__exit__(kind, exc, trace))
            if not is_ended:
                endpoint.note_turn(self._started_at, exc, self._model)
        finally:
            ended_by = endpoint.end_turn(scope)
        if scope.cancelled_caught and ended_by is not None:
            endpoint.counts.note_cancelled()
            raise ended_by
        return is_ended


class _ApiTurn:
    """Cheap cancel scope for API turns, which need no shielded cleanup: an eighth of ``anyio.CancelScope``'s cost.

    An API's turn has nothing to tidy up that a cancellation could interrupt.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._is_cancelled = False
        self.cancelled_caught = False

    def __enter__(self) -> None:
        self._task = asyncio.current_task()

    def cancel(self) -> None:
        """End the block."""
        if self._task is not None and not self._is_cancelled:
            self._is_cancelled = True
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        task, self._task = self._task, None
        if self._is_cancelled and task is not None and kind is asyncio.CancelledError:
            self.cancelled_caught = task.uncancel() == 0
        return self.cancelled_caught


def lost_provider(reason: str) -> PageLostError:
    """Return the error of turns whose provider was closed while they ran."""
    return PageLostError(f"The endpoint ended while answering: {reason}")
