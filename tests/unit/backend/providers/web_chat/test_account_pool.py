"""Who the accounts of an open endpoint are, whose pages are open, and why nobody can be asked."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio
import pytest

from automation.errors import (
    AccountBannedError,
    NoAccountError,
    PoolFullError,
    RateLimitedError,
    SignInRequiredError,
    UnreachableError,
)
from automation.library.kept_open import KeptOpen
from automation.owned_tasks import owned_tasks
from automation.turn import ChatLink
from backend.accounts.account_config import AccountConfig, AccountStatus, RateLimits, StoredAccount
from backend.accounts.open_account import OpenAccount
from backend.accounts.states import AccountState
from backend.errors import StorageError
from backend.providers.web_chat.account_pool import AccountPool
from backend.providers.web_chat.page_evictor import PageEvictor
from backend.providers.web_chat.site_browsers import AccountPages, AccountPoolPlan
from tests.fakes.scripted_accounts import MemoryAccounts, ScriptedAccounts


@dataclass
class Roster:
    """A roster with its surroundings."""

    account_pool: AccountPool
    site: ScriptedAccounts
    accounts: MemoryAccounts
    clock: list[float]

    def keep(self, account_id: str, **fields: object) -> None:
        keep(self.accounts, account_id, **fields)

    def named(self, account_id: str) -> OpenAccount[AccountPages]:
        member = self.account_pool.member(account_id)
        assert member is not None
        return member

    @property
    def ids(self) -> list[str]:
        return [member.id for member in self.account_pool.members]


def keep(accounts: MemoryAccounts, account_id: str, **fields: object) -> None:
    config = AccountConfig.model_validate({"id": account_id, "username": f"user-{account_id}", **fields})
    accounts.stored[account_id] = StoredAccount(config, AccountStatus(), datetime.now(UTC))


@asynccontextmanager
async def open_roster(
    *ids: str, username: str | None = None, pace: RateLimits | None = None
) -> AsyncIterator[Roster]:
    site, accounts, clock = ScriptedAccounts(), MemoryAccounts(), [1000.0]
    for account_id in ids:
        keep(accounts, account_id)
    plan = AccountPoolPlan(
        slug="demo",
        pace=pace or RateLimits(),
        own=AccountConfig(id="default", username=username),
        is_own_anonymous=username is None,
        most_at_once=3,
        challenge_wait_s=0.0,
        keep_alive_s=None,
        browsers=site,
    )
    async with owned_tasks() as tasks:
        evictor = PageEvictor()
        account_pool = AccountPool(plan, accounts, tasks, evictor, lambda: clock[0])
        await account_pool.reload()
        with evictor.joined_by(lambda: account_pool.members):
            yield Roster(account_pool, site, accounts, clock)
        await account_pool.close()


@pytest.fixture
async def two():
    """A roster of the accounts ``a`` and ``b``."""
    # A fixture is left by another task than it is entered by, which a task group does not allow.
    kept = KeptOpen(open_roster("a", "b"))
    yield await kept.open()
    await kept.close()


async def test_accounts_that_were_added_changed_and_removed_are_taken_on_in_their_order(two):
    two.keep("c")
    del two.accounts.stored["a"]
    event = two.account_pool.changed

    await two.account_pool.reload()

    assert two.ids == ["b", "c"]
    assert two.account_pool.member("a") is None
    assert event.is_set()


async def test_an_account_that_is_no_more_has_its_pages_closed_and_what_a_person_does_there_ended(two):
    gone = two.named("a")
    await two.account_pool.ensure_pages(gone)
    del two.accounts.stored["a"]

    await two.account_pool.reload()

    assert two.site.open_now == {}
    assert two.site.let_gone == ["a"]
    assert gone.ended.is_set()


@pytest.mark.parametrize(
    ("change", "is_same", "is_awake"),
    [
        ({}, True, True),
        ({"max_requests_per_period": 5}, True, True),
        ({"max_concurrent_requests": 2}, True, False),
        ({"password": "new"}, False, False),
    ],
    ids=["nothing", "how often it is asked", "how many turns at once", "its password"],
)
async def test_a_changed_account_keeps_what_the_change_leaves_alone(two, change, is_same, is_awake):
    before = two.named("a")
    await two.account_pool.ensure_pages(before)
    with before.turn(0.0):
        pass
    two.keep("a", **change)

    await two.account_pool.reload()

    after = two.named("a")
    assert (after is before, after.is_awake) == (is_same, is_awake)
    # The site has not forgotten what it was asked.
    assert list(after.usage.sent.times) == [1000.0]


async def test_another_person_does_not_answer_by_the_session_of_the_one_before(two):
    two.site.sessions["a"] = {"cookies": []}
    two.keep("a", username="somebody else")

    await two.account_pool.reload()

    assert two.site.sessions == {}


async def test_an_account_that_is_alone_takes_as_many_turns_at_once_as_its_endpoint():
    async with open_roster() as one:
        alone = one.named("default").limits.at_once
        one.keep("a")
        one.keep("b", max_concurrent_requests=5)
        await one.account_pool.reload()
        among = [member.limits.at_once for member in one.account_pool.members]

    assert alone == 3
    assert among == [1, 5]


async def test_the_endpoints_limits_hold_for_accounts_without_their_own():
    async with open_roster("a", pace=RateLimits(max_requests_per_period=5)) as one:
        one.keep("b", max_requests_per_period=2)
        await one.account_pool.reload()
        with one.named("a").turn(0.0):
            left = [one.account_pool.requests_left(member) for member in one.account_pool.members]
    async with open_roster("a") as other:
        unlimited = other.account_pool.requests_left(other.named("a"))

    assert left == [4, 2]
    assert unlimited == math.inf


async def test_an_account_whose_pages_are_needed_elsewhere_sleeps_unless_it_is_in_use(two):
    two.site.most_open, two.site.pool_full = 1, PoolFullError(0.0)
    first = two.named("a")
    await two.account_pool.ensure_pages(first)

    with first.turn(0.0), pytest.raises(PoolFullError):
        await two.account_pool.ensure_pages(two.named("b"))
    await two.account_pool.ensure_pages(two.named("b"))

    assert list(two.site.open_now) == ["b"]


async def test_the_first_account_that_can_be_opened_is(two):
    two.site.opening_failures["a"] = [SignInRequiredError("no session")]

    await two.account_pool.wake_first()

    assert list(two.site.open_now) == ["b"]
    assert two.named("a").state is AccountState.NEED_LOGIN
    assert two.account_pool.problem is None


async def test_what_is_wrong_with_the_site_shows_at_once(two):
    two.site.opening_failures["a"] = [UnreachableError("http://x/", "no such host")]

    with pytest.raises(UnreachableError):
        await two.account_pool.wake_first()

    assert two.site.openings == []


async def test_accounts_that_all_wait_for_the_same_are_one_problem(two):
    for member in two.account_pool.members:
        two.account_pool.note_failure(member, SignInRequiredError("no session"))

    problem = two.account_pool.problem

    assert isinstance(problem, SignInRequiredError)
    assert (problem.endpoint, problem.account) == ("demo", "a")


async def test_accounts_that_wait_for_different_things_are_named_each(two):
    two.account_pool.note_failure(two.named("a"), SignInRequiredError("no session"))
    two.account_pool.note_failure(two.named("b"), AccountBannedError("suspended"))

    problem = two.account_pool.problem

    assert isinstance(problem, NoAccountError)
    assert "a need_login; b banned" in str(problem)


async def test_a_limit_that_ends_first_is_why_nobody_can_be_asked_for_now(two):
    two.account_pool.note_failure(two.named("a"), RateLimitedError("slow down", 60.0))
    two.account_pool.note_failure(two.named("b"), RateLimitedError("slower", 30.0))
    two.clock[0] += 10.0

    problem = two.account_pool.problem

    assert isinstance(problem, RateLimitedError)
    assert (problem.site_message, problem.retry_after_s) == ("slower", 20.0)


async def test_a_person_is_at_work_only_on_an_account_that_waits_for_one(two):
    member = two.named("a")
    with member.kept_awake():
        at_ease = two.account_pool.is_attended
        two.account_pool.note_failure(member, SignInRequiredError("no session"))
        at_work = two.account_pool.is_attended

    assert (at_ease, at_work, two.account_pool.is_attended) == (False, True, False)


async def test_how_an_account_stands_is_stored_and_that_it_stands_well_again():
    async with open_roster("a") as one:
        member = one.named("a")
        one.account_pool.note_failure(member, SignInRequiredError("no session"))
        await until_stored(one, AccountState.NEED_LOGIN)
        member.clear()
        await until_stored(one, AccountState.IDLE)

        with member.turn(0.0):
            pass
        for _ in range(10):
            await anyio.lowlevel.checkpoint()

    assert one.accounts.writes == 2


async def test_a_state_that_cannot_be_stored_holds_nobody_up():
    async with open_roster("a") as one:
        one.accounts.failure = StorageError()
        one.account_pool.note_failure(one.named("a"), SignInRequiredError("no session"))
        for _ in range(10):
            await anyio.lowlevel.checkpoint()

        assert one.accounts.writes == 1
        assert one.named("a").state is AccountState.NEED_LOGIN


async def until_stored(one: Roster, state: AccountState) -> None:
    with anyio.fail_after(200):
        while one.accounts.stored["a"].account_status.state is not state:
            await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("chat", "owner"),
    [
        (ChatLink("1", account="user-b"), "b"),
        (ChatLink("1", account="somebody"), None),
        (ChatLink("1"), "default"),
        (None, None),
    ],
    ids=["its account's", "of an account that is gone", "from before there were accounts", "no chat"],
)
async def test_a_chat_is_its_accounts(chat, owner):
    async with open_roster("a", "b", username="ada") as one:
        found = one.account_pool.find_chat_owner(chat)

        assert (found.id if found is not None else None) == owner


async def test_closing_ends_all_pages_and_what_persons_do():
    async with open_roster("a", "b") as one:
        members = one.account_pool.members
        for member in members:
            await one.account_pool.ensure_pages(member)

        await one.account_pool.close()

        assert one.site.open_now == {}
        assert all(member.ended.is_set() for member in members)
