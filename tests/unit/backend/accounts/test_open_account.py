"""One account while its endpoint is open: its pages, its states, and how much it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from automation.errors import (
    AccountBannedError,
    ChallengeRequiredError,
    PageLostError,
    RateLimitedError,
    SignInRequiredError,
    SiteError,
    UnreachableError,
)
from automation.library.kept_open import KeptOpen
from automation.owned_tasks import owned_tasks
from backend.accounts.account_config import AccountConfig, AccountStatus
from backend.accounts.open_account import OpenAccount
from backend.accounts.policy import AccountLimits
from backend.accounts.states import AccountState

CONFIG = AccountConfig(id="a", username="ada")


@dataclass
class Pages:
    """Opens an account's pages, which are numbers.

    Attributes:
        held: What an opening waits for.
        failures: Raised by the next openings, one each.
        closing: What the closing of pages waits for.
    """

    openings: int = 0
    open_now: int = 0
    held: anyio.Event | None = None
    closing: anyio.Event | None = None
    failures: list[Exception] = field(default_factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        if self.held is not None:
            await self.held.wait()
        if self.failures:
            raise self.failures.pop(0)
        assert self.open_now == 0
        self.openings += 1
        self.open_now += 1
        try:
            yield self.openings
        finally:
            if self.closing is not None:
                with anyio.CancelScope(shield=True):
                    await self.closing.wait()
            self.open_now -= 1


@dataclass
class Account:
    """A member, with its surroundings."""

    member: OpenAccount[int]
    pages: Pages
    clock: list[float]
    changes: list[str]


@asynccontextmanager
async def open_account(
    limits: AccountLimits | None = None, account_status: AccountStatus | None = None
) -> AsyncIterator[Account]:
    pages, clock, changes = Pages(), [1000.0], list[str]()
    async with owned_tasks() as tasks:
        member = OpenAccount(
            CONFIG,
            limits or AccountLimits(),
            pages.open,
            tasks,
            lambda one: changes.append(str(one.state)),
            account_status=account_status,
            clock=lambda: clock[0],
        )
        yield Account(member, pages, clock, changes)


@pytest.fixture
async def account():
    # A fixture is left by another task than it is entered by, which a task group does not allow.
    kept = KeptOpen(open_account())
    yield await kept.open()
    await kept.close()


async def test_pages_are_opened_once_for_all_who_ask_at_once(account):
    asked = await asyncio.gather(*[account.member.pages() for _ in range(3)])

    assert asked == [1, 1, 1]
    assert (account.member.is_awake, account.member.pages_now) == (True, 1)


async def test_pages_that_sleep_are_closed_and_the_next_turn_opens_others(account):
    await account.member.pages()

    await account.member.sleep()
    asleep = (account.member.is_awake, account.member.pages_now, account.pages.open_now)
    again = await account.member.pages()

    assert asleep == (False, None, 0)
    assert again == 2


async def test_what_fails_to_open_is_told_and_tried_again_by_who_asks_again(account):
    account.pages.failures = [UnreachableError("http://x/", "no such host")]

    with pytest.raises(UnreachableError):
        await account.member.pages()

    assert await account.member.pages() == 1


async def test_sleeping_while_pages_are_being_opened_ends_the_opening(account):
    account.pages.held = anyio.Event()
    asked = asyncio.create_task(account.member.pages())
    while not account.member.is_awake:
        await anyio.lowlevel.checkpoint()
    await anyio.lowlevel.checkpoint()

    await account.member.sleep()

    with pytest.raises(PageLostError):
        await asked
    assert account.pages.openings == 0


async def test_pages_are_opened_anew_only_when_those_before_are_closed(account):
    await account.member.pages()
    account.pages.closing = anyio.Event()
    sleeping = asyncio.create_task(account.member.sleep())
    while account.member.is_awake:
        await anyio.lowlevel.checkpoint()
    asked = asyncio.create_task(account.member.pages())
    for _ in range(10):
        await anyio.lowlevel.checkpoint()
    meanwhile = account.pages.openings

    account.pages.closing.set()
    await sleeping

    assert meanwhile == 1
    assert await asked == 2


async def test_a_turn_is_counted_while_it_runs_and_once_the_site_has_got_it(account):
    member = account.member

    with member.turn(0.0) as note_sent:
        during = (str(member.state), member.usage.in_flight, member.usage.pending)
        note_sent()
        note_sent()
        sent = (member.usage.pending, list(member.usage.sent.times))
    after = (str(member.state), member.usage.in_flight, list(member.usage.sent.times))

    assert during == ("in_use", 1, 1)
    assert sent == (0, [1000.0])
    assert after == ("idle", 0, [1000.0])


async def test_a_turn_that_failed_may_have_reached_the_site_and_is_counted(account):
    with pytest.raises(SiteError), account.member.turn(0.0):
        raise SiteError("HTTP 500")

    assert list(account.member.usage.sent.times) == [1000.0]
    assert account.member.state is AccountState.IDLE


async def test_it_may_sleep_only_while_nobody_uses_it(account):
    member = account.member
    await member.pages()
    before = member.can_sleep

    with member.turn(0.0):
        in_turn = member.can_sleep
    with member.kept_awake():
        in_hand = (member.can_sleep, member.is_held)

    assert (before, in_turn, in_hand, member.can_sleep) == (True, False, (False, True), True)


@pytest.mark.parametrize(
    ("error", "state", "needs_a_person"),
    [
        (SignInRequiredError("no session"), "need_login", True),
        (ChallengeRequiredError("captcha"), "need_captcha", True),
        (ChallengeRequiredError("qrcode"), "need_qrcode", True),
        (AccountBannedError("suspended"), "banned", True),
        (RateLimitedError("slow down", 60.0), "rate_limited", False),
        (SiteError("HTTP 500"), "idle", False),
    ],
    ids=["sign-in", "captcha", "qr code", "ban", "limit", "a failure of the site"],
)
async def test_what_goes_wrong_with_it_is_its_state_until_somebody_clears_it(
    account, error, state, needs_a_person
):
    member = account.member

    member.note_failure(error)
    met = (str(member.state), member.needs_a_person, member.is_usable)
    reason = member.account_status.reason
    member.clear()

    assert met == (state, needs_a_person, state == "idle")
    assert reason == (None if state == "idle" else str(error))
    assert (str(member.state), member.failure, member.account_status.reason) == ("idle", None, None)
    assert account.changes[-1] == "idle"


async def test_a_limit_of_the_site_ends_by_itself_when_its_time_is_over(account):
    account.member.note_failure(RateLimitedError("slow down", 60.0))
    account.clock[0] += 59.0
    before = account.member.state

    account.clock[0] += 1.0

    assert (before, account.member.state) == (AccountState.RATE_LIMITED, AccountState.IDLE)


async def test_a_limit_does_not_replace_the_person_who_is_needed(account):
    account.member.note_failure(SignInRequiredError("no session"))

    account.member.note_failure(RateLimitedError("slow down", 60.0))

    assert account.member.state is AccountState.NEED_LOGIN
    assert isinstance(account.member.failure, SignInRequiredError)


@pytest.mark.parametrize(
    ("state", "failure"),
    [
        (AccountState.NEED_LOGIN, SignInRequiredError),
        (AccountState.NEED_CAPTCHA, ChallengeRequiredError),
        (AccountState.NEED_QRCODE, ChallengeRequiredError),
        (AccountState.BANNED, AccountBannedError),
    ],
)
async def test_what_it_waited_for_before_a_restart_it_waits_for_after_it(state, failure):
    async with open_account(account_status=AccountStatus(state, "as it was")) as account:
        assert account.member.state is state
        assert isinstance(account.member.failure, failure)
        assert account.member.account_status == AccountStatus(state, "as it was")


@pytest.mark.parametrize(("left_s", "state"), [(60.0, "rate_limited"), (-1.0, "idle")])
async def test_a_limit_is_kept_over_a_restart_for_what_is_left_of_it(left_s, state):
    until = datetime.now(UTC) + timedelta(seconds=left_s)

    async with open_account(
        account_status=AccountStatus(AccountState.RATE_LIMITED, "slow down", until)
    ) as account:
        assert str(account.member.state) == state


async def test_a_turn_that_was_running_before_a_restart_is_over_after_it():
    async with open_account(account_status=AccountStatus(AccountState.IN_USE)) as account:
        assert account.member.state is AccountState.IDLE


async def test_another_pace_opens_pages_anew_only_for_another_number_of_turns(account):
    await account.member.pages()

    await account.member.change_pace(CONFIG, AccountLimits(max_requests=5))
    same = account.member.is_awake
    await account.member.change_pace(CONFIG, AccountLimits(max_requests=5, at_once=2))

    assert (same, account.member.is_awake) == (True, False)
    assert account.member.limits == AccountLimits(max_requests=5, at_once=2)


async def test_the_same_account_configured_otherwise_was_asked_what_it_was_asked(account):
    with account.member.turn(0.0):
        pass

    async with open_account(AccountLimits(max_requests=1)) as other:
        other.member.take_over(account.member)

        assert list(other.member.usage.sent.times) == [1000.0]
        assert other.member.usage.last_start_s == account.member.usage.last_start_s
