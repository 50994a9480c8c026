"""A roster as others see it: by ids, in plain data."""

from __future__ import annotations

from datetime import UTC, datetime

import anyio
import pytest

from automation.errors import SignInRequiredError
from automation.library.kept_open import KeptOpen
from backend.accounts.account_config import AccountConfig, AccountStatus, RateLimits, StoredAccount
from backend.accounts.states import AccountState
from backend.errors import AccountNotFoundError
from backend.providers.account_control import AccountControl
from backend.providers.web_chat.account_pool_provider import AccountPoolProvider, open_account_pool
from backend.providers.web_chat.site_browsers import AccountPoolPlan
from tests.fakes.scripted_accounts import MemoryAccounts, ScriptedAccounts

ADA = AccountConfig.model_validate(
    {"id": "a", "username": "ada", "password": "x", "max_requests_per_period": 5}
)


@pytest.fixture
def site() -> ScriptedAccounts:
    return ScriptedAccounts()


@pytest.fixture
def accounts() -> MemoryAccounts:
    return MemoryAccounts({"a": StoredAccount(ADA, AccountStatus(), datetime.now(UTC))})


@pytest.fixture
async def fleet(site, accounts):
    plan = AccountPoolPlan(
        slug="demo",
        pace=RateLimits(),
        own=AccountConfig(id="default"),
        is_own_anonymous=True,
        most_at_once=1,
        challenge_wait_s=0.0,
        keep_alive_s=None,
        browsers=site,
    )
    # A fixture is left by another task than it is entered by, which a task group does not allow.
    kept = KeptOpen(open_account_pool(plan, accounts))
    yield await kept.open()
    await kept.close()


@pytest.fixture
def control(fleet: AccountPoolProvider) -> AccountControl:
    return fleet.accounts


def fail(fleet: AccountPoolProvider) -> None:
    (member,) = fleet.account_pool.members
    fleet.account_pool.note_failure(member, SignInRequiredError("no session"))


async def test_accounts_are_listed_with_what_they_are_asked(control, fleet):
    with fleet.account_pool.members[0].turn(0.0):
        (listed,) = await control.list_accounts()

    assert (listed.id, listed.username, listed.has_password) == ("a", "ada", True)
    assert (listed.account_status.state, listed.in_flight, listed.left) == (AccountState.IN_USE, 1, 4)
    assert listed.is_awake


async def test_accounts_without_a_limit_have_no_number_left(control, accounts):
    accounts.stored["a"] = StoredAccount(
        AccountConfig(id="a", username="ada"), AccountStatus(), datetime.now(UTC)
    )

    await control.reload()

    assert [one.left for one in await control.list_accounts()] == [None]


async def test_what_was_stored_since_is_taken_on(control, accounts):
    await accounts.add_account("demo", AccountConfig(id="b", username="grace"))

    await control.reload()

    assert [one.id for one in await control.list_accounts()] == ["a", "b"]


async def test_a_cleared_account_takes_turns_again(control, fleet):
    fail(fleet)
    before = fleet.problem

    await control.clear("a")

    assert isinstance(before, SignInRequiredError)
    assert fleet.problem is None


async def test_a_session_goes_in_and_out_and_ends_what_its_account_waited_for(control, fleet, site):
    fail(fleet)

    await control.replace_session("a", {"cookies": [], "origins": []})

    assert await control.session("a") == {"cookies": [], "origins": []}
    assert site.open_now == {}
    assert fleet.problem is None


async def test_a_person_at_work_is_told_and_puts_the_account_right(control, fleet):
    fail(fleet)
    before = await control.is_attended()

    async with control.open_sign_in("a") as session:
        during = await control.is_attended()
        await session.complete()

    assert (before, during, await control.is_attended()) == (False, True, False)
    assert fleet.problem is None


async def test_a_sign_in_that_was_given_up_leaves_the_account_as_it_was(control, fleet):
    fail(fleet)

    async with control.open_sign_in("a") as session:
        session.cancel()

    assert isinstance(fleet.problem, SignInRequiredError)


async def test_a_form_that_the_site_refuses_is_what_the_account_waits_for(control, fleet, site):
    site.form_failures["a"] = [SignInRequiredError("wrong password")]

    with pytest.raises(SignInRequiredError):
        await control.sign_in_by_form("a")
    refused = fleet.problem
    await control.sign_in_by_form("a")

    assert isinstance(refused, SignInRequiredError)
    assert fleet.problem is None


async def open_and_leave(control: AccountControl, account_id: str) -> None:
    async with control.open_sign_in(account_id):
        pass


@pytest.mark.parametrize("what", ["clear", "session", "replace_session", "sign_in_by_form", "open_sign_in"])
async def test_an_account_that_is_not_there_is_not_found(control, what):
    calls = {
        "clear": lambda: control.clear("b"),
        "session": lambda: control.session("b"),
        "replace_session": lambda: control.replace_session("b", {}),
        "sign_in_by_form": lambda: control.sign_in_by_form("b"),
        "open_sign_in": lambda: open_and_leave(control, "b"),
    }

    with anyio.fail_after(200), pytest.raises(AccountNotFoundError):
        await calls[what]()
