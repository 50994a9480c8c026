"""Keys are lent in turn and within their limits; one that is refused, or limited, is left alone."""

from __future__ import annotations

import time
from typing import Any, cast

import anyio
import pytest

from automation.errors import AccountBannedError, NoAccountError, RateLimitedError, SignInRequiredError
from backend.accounts.policy import AccountLimits
from backend.providers.library.key_pool import KeyAccount, KeyPool


def pool_of(*limits: AccountLimits, wait_s: float = 0.0) -> KeyPool:
    api = cast("Any", None)
    accounts = [KeyAccount(f"key-{i}", api, limit) for i, limit in enumerate(limits, 1)]
    return KeyPool(accounts, wait_s, chance=lambda: 0.0)


async def lent(pool: KeyPool, *tried: str, error: Exception | None = None) -> str:
    async with pool.lend(tried) as account:
        if error is not None:
            raise error
        return account.id


FREE = AccountLimits(at_once=10)


async def test_keys_take_turns():
    pool = pool_of(FREE, FREE)

    assert [await lent(pool) for _ in range(4)] == ["key-1", "key-2", "key-1", "key-2"]


async def test_a_key_that_was_tried_is_not_lent_again():
    pool = pool_of(FREE, FREE)

    assert await lent(pool, "key-1") == "key-2"
    assert not pool.has_other(["key-1", "key-2"])
    with pytest.raises(NoAccountError):
        await lent(pool, "key-1", "key-2")


async def test_a_call_waits_until_a_key_may_be_asked_again():
    pool = pool_of(AccountLimits(max_requests=2, period_s=0.3, at_once=10), wait_s=5.0)
    began_s = time.monotonic()

    for _ in range(3):
        await lent(pool)

    assert time.monotonic() - began_s >= 0.3


async def test_a_call_that_would_wait_too_long_is_told_how_long_at_once():
    pool = pool_of(AccountLimits(max_requests=1, period_s=100.0), wait_s=5.0)
    await lent(pool)

    with pytest.raises(RateLimitedError) as caught:
        await lent(pool)

    assert 90 < caught.value.retry_after_s <= 101


async def test_a_key_in_use_is_waited_for_until_it_is_given_back():
    pool = pool_of(AccountLimits(at_once=1), wait_s=5.0)
    order: list[str] = []

    async def second() -> None:
        await lent(pool)
        order.append("second")

    async with anyio.create_task_group() as tasks, pool.lend():
        tasks.start_soon(second)
        await anyio.wait_all_tasks_blocked()
        order.append("first")

    assert order == ["first", "second"]


async def test_nobody_waits_for_a_key_in_use_for_ever():
    pool = pool_of(AccountLimits(at_once=1), wait_s=0.1)

    async with pool.lend():
        with pytest.raises(RateLimitedError):
            await lent(pool)
        states = [view.status for view in pool.views()]

    assert states == ["in_use"]


async def test_a_limited_key_rests_and_the_other_is_asked():
    pool = pool_of(FREE, FREE)

    with pytest.raises(RateLimitedError):
        await lent(pool, error=RateLimitedError("slow down", 50.0))

    assert [await lent(pool) for _ in range(2)] == ["key-2", "key-2"]
    assert [view.status for view in pool.views()] == ["rate_limited", "idle"]


@pytest.mark.parametrize(
    ("error", "status"), [(SignInRequiredError("x"), "need_login"), (AccountBannedError("x"), "banned")]
)
async def test_a_refused_key_is_out_of_use_and_says_why(error, status):
    pool = pool_of(FREE)

    with pytest.raises(type(error)):
        await lent(pool, error=error)
    with pytest.raises(type(error)):
        await lent(pool)

    assert [(view.status, view.reason) for view in pool.views()] == [(status, str(error))]


async def test_a_cancelled_call_gives_its_key_back():
    pool = pool_of(AccountLimits(at_once=1))

    with anyio.move_on_after(0.05):
        async with pool.lend():
            await anyio.sleep_forever()

    assert await lent(pool) == "key-1"
