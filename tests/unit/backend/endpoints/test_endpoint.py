"""What an endpoint learns from its turns, and what becomes of those that run when its provider goes away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import anyio
import pytest

from automation.errors import (
    PageLostError,
    PromptRejectedError,
    RateLimitedError,
    SignInRequiredError,
    SiteChangedError,
    SiteError,
)
from backend.accounts.account_config import AccountConfig
from backend.endpoints.endpoint import Endpoint, ProviderReplacedError, lost_provider
from backend.endpoints.screenshots import ScreenshotFolder
from backend.endpoints.states import EndpointState, Move
from backend.errors import EndpointNotRunningError
from backend.provider_errors import KeyLimitedError, ModelLimitedError
from backend.providers.protocol import ProviderTraits
from tests.fakes.memory_endpoints import config_of
from tests.fakes.memory_provider import MemoryAccountControl, MemoryNode, MemoryProvider
from tests.fakes.scripted_accounts import MemoryAccounts

MakeEndpoint = Callable[..., Endpoint]
IDLE = MemoryProvider(MemoryNode(), None)


@pytest.fixture
def make(tmp_path) -> MakeEndpoint:
    def make_endpoint(
        *, is_open: bool = True, needs_cancel_scope: bool = True, models: Sequence[str] = ("one",)
    ) -> Endpoint:
        traits = ProviderTraits(needs_cancel_scope=needs_cancel_scope)
        endpoint = Endpoint(config_of(), datetime.now(UTC), ScreenshotFolder(tmp_path), traits)
        if is_open:
            endpoint.board.move(Move.START)
            endpoint.opened(IDLE, list(models))
        return endpoint

    return make_endpoint


async def run_turn(endpoint: Endpoint, error: Exception | None = None) -> None:
    async with endpoint.turn(await endpoint.provider_when_ready()):
        if error is not None:
            raise error


async def test_a_turn_makes_it_busy_and_its_end_active_again(make):
    endpoint = make()

    async with endpoint.turn(IDLE):
        during = (endpoint.state, endpoint.turns_running)

    assert during == (EndpointState.BUSY, 1)
    assert (endpoint.state, endpoint.turns_running) == (EndpointState.ACTIVE, 0)
    assert endpoint.counts.finished == 1


async def test_one_that_was_not_started_has_no_provider(make):
    with pytest.raises(EndpointNotRunningError):
        await make(is_open=False).provider_when_ready()


async def test_who_asks_while_it_is_opened_gets_the_provider_once_it_is_there(make):
    endpoint = make(is_open=False)
    endpoint.board.move(Move.START)
    asked = asyncio.create_task(endpoint.provider_when_ready())
    for _ in range(5):
        await anyio.lowlevel.checkpoint()
    was_waiting = not asked.done()

    endpoint.opened(IDLE, [])

    assert was_waiting
    assert await asked is IDLE


async def test_a_provider_that_was_replaced_meanwhile_gets_no_turn(make):
    endpoint = make()
    chosen = await endpoint.provider_when_ready()
    await endpoint.close(EndpointNotRunningError("demo", "stopped"))
    endpoint.board.move(Move.STOP)
    endpoint.board.move(Move.START)
    endpoint.opened(MemoryProvider(MemoryNode(), None), [])

    with pytest.raises(ProviderReplacedError):
        async with endpoint.turn(chosen):
            pytest.fail("the turn began")
    assert endpoint.turns_running == 0


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (SignInRequiredError("no session"), EndpointState.AUTHENTICATION_REQUIRED),
        (RateLimitedError("slow down", 60.0), EndpointState.RATE_LIMITED),
        (SiteChangedError("the field is gone", "input"), EndpointState.ERROR),
        (SiteError("HTTP 500"), EndpointState.ACTIVE),
        (PromptRejectedError("too long"), EndpointState.ACTIVE),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_failed_turn_leaves_it_in_the_state_that_its_error_means(make, error, state):
    endpoint = make()

    with pytest.raises(type(error)):
        await run_turn(endpoint, error)

    assert endpoint.state is state
    assert endpoint.counts.failed == {type(error).__name__: 1}


async def test_a_limit_refuses_requests_with_what_is_left_of_it(make):
    endpoint = make()
    with pytest.raises(RateLimitedError):
        await run_turn(endpoint, RateLimitedError("slow down", 60.0))

    with pytest.raises(RateLimitedError, match="slow down") as refused:
        await run_turn(endpoint)
    endpoint.lift_limit()
    await run_turn(endpoint)

    assert 50.0 < refused.value.retry_after_s <= 60.0
    assert endpoint.state is EndpointState.ACTIVE


async def ask(endpoint: Endpoint, model: str, error: Exception | None = None) -> None:
    async with endpoint.turn(IDLE, model):
        if error is not None:
            raise error


async def test_a_limit_of_one_model_lets_only_that_model_rest(make):
    endpoint = make(models=["big", "mini"])

    with pytest.raises(ModelLimitedError):
        await ask(endpoint, "big", ModelLimitedError("slow down", 60.0))
    with pytest.raises(ModelLimitedError, match="slow down") as refused:
        await ask(endpoint, "big")
    await ask(endpoint, "mini")

    assert 50.0 < refused.value.retry_after_s <= 60.0
    assert endpoint.state is EndpointState.ACTIVE
    assert list(endpoint.limited_models) == ["big"]


async def test_an_endpoint_is_limited_when_all_of_its_models_are(make):
    endpoint = make(models=["big", "mini"])

    for model, seconds in (("big", 60.0), ("mini", 20.0)):
        with pytest.raises(ModelLimitedError):
            await ask(endpoint, model, ModelLimitedError("slow down", seconds))
    ends_in_s = (endpoint.limit_ends_at or 0.0) - time.monotonic()

    assert endpoint.state is EndpointState.RATE_LIMITED
    assert ends_in_s == pytest.approx(20.0, abs=5.0)


async def test_a_model_that_is_not_listed_is_asked_while_all_others_rest_and_ends_that_state(make):
    endpoint = make(models=["big"])
    with pytest.raises(ModelLimitedError):
        await ask(endpoint, "big", ModelLimitedError("slow down", 60.0))
    limited = endpoint.state

    await ask(endpoint, "new")

    assert (limited, endpoint.state) == (EndpointState.RATE_LIMITED, EndpointState.ACTIVE)
    assert list(endpoint.limited_models) == ["big"]


async def test_a_turn_that_began_before_its_model_was_limited_does_not_end_the_limit(make):
    endpoint = make(models=["big"])

    async with endpoint.turn(IDLE, "big"):
        with pytest.raises(ModelLimitedError):
            await ask(endpoint, "big", ModelLimitedError("slow down", 60.0))

    assert endpoint.state is EndpointState.RATE_LIMITED
    with pytest.raises(ModelLimitedError):
        await ask(endpoint, "big")


async def test_a_limit_of_the_key_lets_every_model_rest(make):
    endpoint = make(models=["big", "mini"])

    with pytest.raises(KeyLimitedError):
        await ask(endpoint, "big", KeyLimitedError("no credit", 60.0, "quota"))

    assert endpoint.state is EndpointState.RATE_LIMITED
    with pytest.raises(KeyLimitedError, match="no credit"):
        await ask(endpoint, "mini")


async def test_a_limit_that_is_over_ends_the_state_once_a_model_may_be_asked(make):
    endpoint = make(models=["big"])
    with pytest.raises(ModelLimitedError):
        await ask(endpoint, "big", ModelLimitedError("slow down", 60.0))

    endpoint.lift_limit()
    too_early = endpoint.state
    endpoint.forget_limits()
    endpoint.lift_limit()
    await ask(endpoint, "big")

    assert (too_early, endpoint.state) == (EndpointState.RATE_LIMITED, EndpointState.ACTIVE)


async def test_a_turn_that_succeeds_ends_an_error(make):
    endpoint = make()
    with pytest.raises(SiteChangedError):
        await run_turn(endpoint, SiteChangedError("the field is gone", "input"))

    await run_turn(endpoint)

    assert endpoint.state is EndpointState.ACTIVE


@pytest.mark.parametrize("needs_cancel_scope", [True, False])
async def test_closing_it_ends_running_turns_with_its_reason(make, needs_cancel_scope):
    endpoint = make(needs_cancel_scope=needs_cancel_scope)
    entered = anyio.Event()

    async def hang() -> None:
        async with endpoint.turn(IDLE):
            entered.set()
            await anyio.sleep_forever()

    turn = asyncio.create_task(hang())
    await entered.wait()
    await endpoint.close(lost_provider("the browser died"))

    with pytest.raises(PageLostError, match="the browser died"):
        await turn
    assert (endpoint.turns_running, endpoint.counts.cancelled) == (0, 1)


@pytest.mark.parametrize("needs_cancel_scope", [True, False])
async def test_a_turn_whose_client_left_is_cancelled_and_no_failure(make, needs_cancel_scope):
    endpoint = make(needs_cancel_scope=needs_cancel_scope)
    entered = anyio.Event()

    async def hang() -> None:
        async with endpoint.turn(IDLE):
            entered.set()
            await anyio.sleep_forever()

    turn = asyncio.create_task(hang())
    await entered.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn

    assert (endpoint.state, endpoint.counts.cancelled) == (EndpointState.ACTIVE, 1)
    assert endpoint.counts.failed == {}


async def test_what_its_accounts_wait_for_is_its_state_and_ends_with_that(make):
    accounts = MemoryAccounts()
    node = MemoryNode()
    control = MemoryAccountControl(node, "demo", accounts)
    endpoint = make(is_open=False)
    endpoint.board.move(Move.START)
    account = AccountConfig(id="a", username="ada")
    await accounts.add_account("demo", account)
    await control.reload()

    endpoint.opened(MemoryProvider(node, control), [])
    waiting = endpoint.state
    with pytest.raises(SignInRequiredError):
        await endpoint.provider_when_ready()
    async with control.open_sign_in(account.id):
        attended = await endpoint.provider_when_ready()
    await control.replace_session(account.id, {"cookies": []})
    endpoint.note_accounts(control.problem)

    assert waiting is EndpointState.AUTHENTICATION_REQUIRED
    assert attended.accounts is control
    assert endpoint.state is EndpointState.ACTIVE


async def test_a_closed_one_is_not_healthy_forgets_no_chat_and_has_no_accounts(make):
    endpoint = make(is_open=False)

    health = await endpoint.check()

    assert (health.is_healthy, health.reason) == (False, "The endpoint is inactive.")
    assert not await endpoint.page_facts()
    assert endpoint.accounts is None
