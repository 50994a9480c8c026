"""Turns go to the account that is best placed, and elsewhere when it can't answer."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypedDict

import anyio
import pytest

from automation.errors import (
    AccountBannedError,
    AccountError,
    ChallengeRequiredError,
    ContentBlockedError,
    ConversationGoneError,
    FirstTokenTimeout,
    NoAccountError,
    PageLostError,
    PoolFullError,
    RateLimitedError,
    SentState,
    SignInRequiredError,
    SiteError,
    UnreachableError,
)
from automation.turn import ChatLink, Message, Prompt, TextDelta, TurnFinished
from backend.accounts.account_config import AccountConfig, AccountStatus, RateLimits, StoredAccount
from backend.accounts.states import AccountState
from backend.errors import RateExceededError, StorageError
from backend.providers.web_chat.account_pool_provider import AccountPoolProvider, open_account_pool
from backend.providers.web_chat.account_sign_in import AccountSignIn
from backend.providers.web_chat.page_evictor import PageEvictor
from backend.providers.web_chat.site_browsers import AccountPoolPlan
from tests.fakes.scripted_accounts import MemoryAccounts, ScriptedAccounts
from tests.fakes.scripted_provider import DONE, plays, says

HELLO = Prompt((Message("user", "Hello"),))


def stored(*ids: str, account_status: AccountStatus | None = None, **fields: object) -> MemoryAccounts:
    accounts = MemoryAccounts()
    for account_id in ids:
        config = AccountConfig.model_validate({"id": account_id, "username": f"user-{account_id}", **fields})
        accounts.stored[account_id] = StoredAccount(
            config, account_status or AccountStatus(), datetime.now(UTC)
        )
    return accounts


class Times(TypedDict, total=False):
    """The times of a ``AccountPoolPlan`` that a test shortens."""

    most_wait_s: float
    look_every_s: float
    idle_s: float


@asynccontextmanager
async def fleet_of(
    site: ScriptedAccounts,
    accounts: MemoryAccounts | None = None,
    *,
    username: str | None = None,
    most_at_once: int = 2,
    challenge_wait_s: float = 0.0,
    keep_alive_s: float | None = None,
    slug: str = "demo",
    evictor: PageEvictor | None = None,
    times: Times | None = None,
    **pace: object,
) -> AsyncIterator[AccountPoolProvider]:
    plan = AccountPoolPlan(
        slug=slug,
        pace=RateLimits.model_validate(pace),
        own=AccountConfig(id="default", username=username),
        is_own_anonymous=username is None,
        most_at_once=most_at_once,
        challenge_wait_s=challenge_wait_s,
        keep_alive_s=keep_alive_s,
        browsers=site,
        **(times or Times()),
    )
    async with open_account_pool(plan, accounts or MemoryAccounts(), evictor) as fleet:
        yield fleet


async def ask(fleet: AccountPoolProvider, prompt: Prompt = HELLO) -> str:
    async with fleet.open_turn(prompt) as events:
        return "".join([event.text async for event in events if isinstance(event, TextDelta)])


async def chat_after(fleet: AccountPoolProvider, prompt: Prompt = HELLO) -> ChatLink:
    async with fleet.open_turn(prompt) as events:
        seen = [event async for event in events]
    assert isinstance(seen[-1], TurnFinished)
    assert seen[-1].chat is not None
    return seen[-1].chat


async def opened_or_not(fleet: AccountPoolProvider) -> None:
    with contextlib.suppress(PageLostError):
        await fleet.account_pool.members[1].pages()


def states(fleet: AccountPoolProvider) -> dict[str, str]:
    return {member.id: str(member.state) for member in fleet.account_pool.members}


async def test_an_endpoint_without_accounts_is_served_by_what_its_own_settings_describe():
    site = ScriptedAccounts()

    async with fleet_of(site, most_at_once=3) as fleet:
        assert await ask(fleet) == "default"
        assert site.open_now["default"].at_once == 3
        assert await fleet.models() == ["model of default"]


async def test_an_anonymous_endpoint_gives_way_to_its_accounts_and_one_with_a_user_name_is_one_of_them():
    async with fleet_of(ScriptedAccounts(), stored("a")) as fleet:
        assert list(states(fleet)) == ["a"]
    async with fleet_of(ScriptedAccounts(), stored("a"), username="ada") as fleet:
        assert list(states(fleet)) == ["default", "a"]


async def test_turns_that_run_at_once_go_to_different_accounts():
    site = ScriptedAccounts()
    held = anyio.Event()
    for name in "abc":
        site.scripts[name] = plays(TextDelta("x"), held, DONE)

    async with fleet_of(site, stored("a", "b", "c")) as fleet, anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(ask, fleet)
        while len(site.asked) < 3:
            await anyio.lowlevel.checkpoint()
        assert set(states(fleet).values()) == {"in_use"}
        held.set()

    assert sorted(name for name, _ in site.asked) == ["a", "b", "c"]


async def test_a_turn_waits_for_the_account_that_becomes_free_first():
    site = ScriptedAccounts()
    held = anyio.Event()
    site.scripts["a"] = plays(TextDelta("x"), held, DONE)

    async with fleet_of(site, stored("a")) as fleet, anyio.create_task_group() as tasks:
        fleet.account_pool.members[0].limits = fleet.account_pool.members[0].limits.__class__(at_once=1)
        tasks.start_soon(ask, fleet)
        while not site.asked:
            await anyio.lowlevel.checkpoint()
        tasks.start_soon(ask, fleet)
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        assert len(site.asked) == 1
        held.set()

    assert len(site.asked) == 2


async def test_no_account_is_asked_more_than_its_limit_and_all_are_answered():
    site = ScriptedAccounts()

    async with (
        fleet_of(site, stored("a", "b", "c"), max_requests_per_period=2, period_seconds=0.3) as fleet,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(12):
            tasks.start_soon(ask, fleet)

    assert Counter(name for name, _ in site.asked) == {"a": 4, "b": 4, "c": 4}


async def test_over_the_limit_for_long_the_client_is_told_when_to_come_back():
    async with fleet_of(
        ScriptedAccounts(), stored("a"), max_requests_per_period=1, period_seconds=600
    ) as fleet:
        await ask(fleet)

        with pytest.raises(RateExceededError) as caught:
            await ask(fleet)

    assert 590 < caught.value.retry_after_s <= 601


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (SignInRequiredError("expired"), "need_login"),
        (ChallengeRequiredError("captcha"), "need_captcha"),
        (ChallengeRequiredError("qrcode"), "need_qrcode"),
        (AccountBannedError("closed"), "banned"),
        (RateLimitedError("slow down", 60), "rate_limited"),
        (SiteError("broken"), "idle"),
    ],
)
async def test_what_fails_before_its_first_delta_is_asked_of_another_account(error, state):
    site = ScriptedAccounts(scripts={"a": plays(error)})
    accounts = stored("a", "b")

    async with fleet_of(site, accounts) as fleet:
        assert await ask(fleet) == "b"
        assert states(fleet) == {"a": state, "b": "idle"}
        assert fleet.problem is None

    assert str(accounts.stored["a"].account_status.state) == state


async def test_what_fails_after_its_first_delta_is_asked_of_nobody_else():
    site = ScriptedAccounts(scripts={"a": plays(TextDelta("half"), SiteError("broken"))})

    async with fleet_of(site, stored("a", "b")) as fleet:
        with pytest.raises(SiteError, match="broken"):
            await ask(fleet)

    assert [name for name, _ in site.asked] == ["a"]


async def test_what_the_site_refuses_to_answer_is_asked_of_nobody_else():
    site = ScriptedAccounts(scripts={"a": plays(ContentBlockedError("no"))})

    async with fleet_of(site, stored("a", "b")) as fleet:
        with pytest.raises(ContentBlockedError):
            await ask(fleet)


async def test_three_accounts_are_tried_and_no_more():
    site = ScriptedAccounts(scripts={name: plays(SiteError(name)) for name in "abcd"})

    async with fleet_of(site, stored(*"abcd")) as fleet:
        with pytest.raises(SiteError, match="c"):
            await ask(fleet)

    assert [name for name, _ in site.asked] == ["a", "b", "c"]


async def test_a_muted_account_rests_as_long_as_the_site_says_and_then_takes_turns_again():
    site = ScriptedAccounts(scripts={"a": plays(RateLimitedError("muted", 1.0, "mute"))})
    clock = [0.0]
    async with fleet_of(site, stored("a", "b")) as fleet:
        member = fleet.account_pool.members[0]
        member._clock = lambda: clock[0]
        await ask(fleet)
        assert states(fleet)["a"] == "rate_limited"

        clock[0] = 2.0

        assert states(fleet)["a"] == "idle"


async def test_when_every_account_is_limited_the_client_is_told_when_the_first_one_is_free():
    site = ScriptedAccounts(
        scripts={"a": plays(RateLimitedError("a", 500)), "b": plays(RateLimitedError("b", 90))}
    )

    async with fleet_of(site, stored("a", "b")) as fleet:
        with pytest.raises(RateLimitedError, match="b"):
            await ask(fleet)
        with pytest.raises(RateLimitedError) as caught:
            await ask(fleet)

    assert 80 < caught.value.retry_after_s <= 90


async def test_accounts_that_wait_for_different_things_are_told_of_together():
    site = ScriptedAccounts(
        scripts={"a": plays(SignInRequiredError("x")), "b": plays(AccountBannedError("y"))}
    )

    async with fleet_of(site, stored("a", "b")) as fleet:
        with pytest.raises(AccountBannedError) as caught:
            await ask(fleet)
        with pytest.raises(NoAccountError, match="a need_login; b banned"):
            await ask(fleet)
        health = await fleet.check()

    assert caught.value.account == "b"
    assert not health.is_healthy
    assert health.details["accounts"] == {"banned": 1, "need_login": 1}


async def test_a_fleet_opens_although_its_accounts_need_a_person_but_not_on_a_site_that_is_not_there():
    site = ScriptedAccounts(opening_failures={"default": [SignInRequiredError("no session")]})
    async with fleet_of(site) as fleet:
        assert isinstance(fleet.problem, AccountError)

    site = ScriptedAccounts(opening_failures={"default": [UnreachableError("http://x/", "nobody there")]})
    with pytest.raises(UnreachableError):
        async with fleet_of(site):
            pass


async def test_an_account_that_a_person_put_right_takes_turns_again():
    site = ScriptedAccounts(opening_failures={"default": [SignInRequiredError("no session")]})

    async with fleet_of(site) as fleet:
        with pytest.raises(SignInRequiredError):
            await ask(fleet)
        fleet.account_pool.members[0].clear()

        assert await ask(fleet) == "default"


async def test_the_turn_that_met_a_challenge_waits_for_the_person_and_goes_on_by_itself():
    site = ScriptedAccounts(scripts={"default": plays(ChallengeRequiredError("captcha"))})

    async with fleet_of(site, challenge_wait_s=30) as fleet, anyio.create_task_group() as tasks:
        answers: list[str] = []

        async def turn() -> None:
            answers.append(await ask(fleet))

        tasks.start_soon(turn)
        while states(fleet)["default"] != "need_captcha":
            await anyio.lowlevel.checkpoint()
        site.scripts["default"] = says("solved")
        fleet.account_pool.members[0].clear()

    assert answers == ["solved"]


async def test_after_a_challenge_elsewhere_a_prompt_that_may_have_been_sent_is_not_sent_again():
    site = ScriptedAccounts(
        scripts={"a": plays(ChallengeRequiredError("captcha")), "b": plays(FirstTokenTimeout(1.0))}
    )

    async with fleet_of(site, stored("a", "b"), challenge_wait_s=5) as fleet:
        with pytest.raises(FirstTokenTimeout):
            await ask(fleet)

    assert [name for name, _ in site.asked] == ["a", "b"]


@pytest.mark.parametrize("sent", [SentState.MAYBE, SentState.YES])
@pytest.mark.parametrize(
    "error", [SiteError("broken"), RateLimitedError("slow", 60.0), ChallengeRequiredError("captcha")]
)
async def test_what_the_site_may_have_got_is_asked_of_nobody_else(error, sent):
    error.sent = sent
    site = ScriptedAccounts(scripts={"a": plays(error)})

    async with fleet_of(site, stored("a", "b"), challenge_wait_s=5) as fleet:
        with pytest.raises(type(error)) as caught:
            await ask(fleet)

    assert caught.value.sent is sent
    assert [name for name, _ in site.asked] == ["a"]


async def test_a_challenge_after_which_the_site_may_have_the_prompt_is_not_waited_for():
    error = ChallengeRequiredError("captcha")
    error.sent = SentState.YES
    site = ScriptedAccounts(scripts={"default": plays(error)})

    async with fleet_of(site, challenge_wait_s=30) as fleet:
        with pytest.raises(ChallengeRequiredError):
            await ask(fleet)

    assert len(site.asked) == 1


async def test_a_turn_that_no_account_took_was_not_sent():
    site = ScriptedAccounts(scripts={"a": plays(SiteError("broken"))})

    async with fleet_of(site, stored("a")) as fleet:
        with pytest.raises(SiteError) as caught:
            await ask(fleet)

    assert caught.value.sent is SentState.NO


async def test_accounts_that_come_and_go_at_once_are_all_followed():
    site, accounts = ScriptedAccounts(), stored("a")

    async with fleet_of(site, accounts) as fleet, anyio.create_task_group() as tasks:
        await ask(fleet)
        for name in "bcd":
            await accounts.add_account("demo", AccountConfig(id=name))
            tasks.start_soon(fleet.account_pool.reload)
        await accounts.delete_account("demo", "a")
        tasks.start_soon(fleet.account_pool.reload)
        await fleet.account_pool.reload()

        assert list(states(fleet)) == ["b", "c", "d"]


async def test_an_account_that_is_being_opened_can_be_removed():
    site, accounts = ScriptedAccounts(), stored("a", "b")

    async with fleet_of(site, accounts) as fleet, anyio.create_task_group() as tasks:
        site.opening_held = anyio.Event()
        tasks.start_soon(opened_or_not, fleet)
        await anyio.wait_all_tasks_blocked()
        await accounts.delete_account("demo", "b")
        with anyio.fail_after(200):
            await fleet.account_pool.reload()

    assert site.openings == ["a"]


async def test_a_challenge_that_nobody_passes_ends_the_turn_when_its_time_is_over():
    site = ScriptedAccounts(scripts={"default": plays(ChallengeRequiredError("captcha"))})

    async with fleet_of(site, challenge_wait_s=0.05) as fleet:
        with pytest.raises(ChallengeRequiredError):
            await ask(fleet)


async def test_a_conversation_stays_with_the_account_that_has_its_chat():
    site = ScriptedAccounts()

    async with fleet_of(site, stored("a", "b", "c")) as fleet:
        chat = await chat_after(fleet)
        owners = [await ask(fleet, Prompt(HELLO.messages, chat=chat)) for _ in range(4)]

    assert owners == ["a"] * 4
    assert chat.account == "user-a"
    assert {prompt.chat for _, prompt in site.asked[1:]} == {chat}


async def test_a_conversation_goes_whole_to_another_account_when_its_own_is_gone():
    site = ScriptedAccounts()

    async with fleet_of(site, stored("a", "b")) as fleet:
        chat = await chat_after(fleet)
        site.scripts["a"] = plays(AccountBannedError("closed"))
        first = await ask(fleet, Prompt(HELLO.messages, chat=chat))

        with pytest.raises(AccountBannedError):
            await ask(fleet, Prompt(HELLO.messages, chat=chat, must_continue=True))
        with pytest.raises(ConversationGoneError):
            await ask(fleet, Prompt(HELLO.messages, chat=ChatLink("x", account="nobody"), must_continue=True))

    assert first == "b"
    assert site.asked[-1][1].chat is None


async def test_where_all_pages_are_taken_the_account_that_was_idle_longest_gives_its_own_up():
    site = ScriptedAccounts(most_open=2, pool_full=PoolFullError(0.0))

    async with fleet_of(site, stored("a", "b", "c")) as fleet:
        for _ in range(3):
            await ask(fleet)

        assert set(site.open_now) == {"b", "c"}
        assert site.openings == ["a", "b", "c"]


async def test_where_all_pages_are_taken_the_endpoint_that_was_idle_longest_gives_its_own_up():
    site, evictor = ScriptedAccounts(most_open=2, pool_full=PoolFullError(0.0)), PageEvictor()

    async with (
        fleet_of(site, stored("a"), slug="one", evictor=evictor) as one,
        fleet_of(site, stored("b"), slug="two", evictor=evictor) as two,
    ):
        await ask(two)
        await ask(one)
        async with fleet_of(site, stored("c"), slug="three", evictor=evictor) as three:
            await ask(three)
            for_three = set(site.open_now)
            await ask(two)
            for_two = set(site.open_now)

    assert for_three == {"a", "c"}
    assert for_two == {"c", "b"}


async def test_a_sign_in_gets_the_page_of_an_idle_session_and_none_that_is_in_use():
    site, evictor = ScriptedAccounts(most_open=1, pool_full=PoolFullError(0.0)), PageEvictor()

    async with (
        fleet_of(site, stored("a"), slug="one", evictor=evictor) as one,
        fleet_of(site, stored("b"), slug="two", evictor=evictor) as two,
    ):
        (member,) = two.account_pool.members
        await ask(one)
        async with one.open_turn(HELLO) as events:
            await anext(events)
            with pytest.raises(PoolFullError):
                async with AccountSignIn(two.account_pool, member).open_sign_in():
                    pass
        async with AccountSignIn(two.account_pool, member).open_sign_in() as session:
            during = set(site.open_now)
            session.cancel()

    assert during == set()


async def test_accounts_that_are_added_and_removed_are_followed():
    site, accounts = ScriptedAccounts(), stored("a")

    async with fleet_of(site, accounts) as fleet:
        await ask(fleet)
        await accounts.add_account("demo", AccountConfig(id="b"))
        await accounts.delete_account("demo", "a")
        await fleet.account_pool.reload()

        assert list(states(fleet)) == ["b"]
        assert await ask(fleet) == "b"
        assert site.let_gone == ["a"]


async def test_how_an_account_stood_is_known_after_a_restart():
    limit = AccountStatus(AccountState.RATE_LIMITED, "slow down", datetime.now(UTC) + timedelta(seconds=50))
    async with fleet_of(ScriptedAccounts(), stored("a", account_status=limit)) as fleet:
        with pytest.raises(RateLimitedError) as caught:
            await ask(fleet)
    assert 40 < caught.value.retry_after_s <= 50

    banned = AccountStatus(AccountState.BANNED, "closed")
    async with fleet_of(ScriptedAccounts(), stored("a", account_status=banned)) as fleet:
        with pytest.raises(AccountBannedError, match="closed"):
            await ask(fleet)


async def test_turns_write_nothing_about_their_account_and_a_store_that_fails_stops_none():
    site, accounts = ScriptedAccounts(), stored("a", "b")
    async with fleet_of(site, accounts) as fleet:
        await ask(fleet)
        assert accounts.writes == 0

        accounts.failure = StorageError()
        site.scripts = dict.fromkeys("ab", plays(RateLimitedError("slow", 60)))
        with pytest.raises(RateLimitedError):
            await ask(fleet)

    assert accounts.writes > 0


async def test_pages_that_nobody_used_for_long_are_closed_but_for_the_last_ones():
    site = ScriptedAccounts()
    times = Times(most_wait_s=5.0, look_every_s=0.01, idle_s=0.0)

    async with fleet_of(site, stored("a", "b"), times=times) as fleet:
        await ask(fleet)
        await ask(fleet)
        with anyio.fail_after(200):
            while len(site.open_now) > 1:
                await anyio.lowlevel.checkpoint()

        assert set(site.open_now) == {"b"}


async def test_idle_accounts_are_visited_and_one_whose_session_ran_out_is_known_before_a_request_meets_it():
    site = ScriptedAccounts(visit_failures={"a": SignInRequiredError("the session ran out")})

    async with fleet_of(site, stored("a", "b"), keep_alive_s=0.0, times=Times(look_every_s=0.01)) as fleet:
        with anyio.fail_after(200):
            while states(fleet)["a"] == "idle" or "b" not in site.visits:
                await anyio.lowlevel.checkpoint()

        assert states(fleet) == {"a": "need_login", "b": "idle"}
        assert await ask(fleet) == "b"


async def test_an_endpoint_without_a_session_is_not_visited():
    site = ScriptedAccounts()

    async with fleet_of(site, keep_alive_s=0.0, times=Times(look_every_s=0.0)):
        for _ in range(50):
            await anyio.lowlevel.checkpoint()

    assert site.visits == []


async def test_a_turn_that_is_left_early_frees_its_account():
    site = ScriptedAccounts(scripts={"a": plays(TextDelta("x"), anyio.Event(), DONE)})

    async with fleet_of(site, stored("a")) as fleet:
        async with fleet.open_turn(HELLO) as events:
            await anext(events)

        assert states(fleet) == {"a": "idle"}


async def test_a_chat_is_forgotten_by_the_account_that_has_it():
    async with fleet_of(ScriptedAccounts(), stored("a", "b")) as fleet:
        chat = await chat_after(fleet)

        assert await fleet.forget_chat(chat)
        assert not await fleet.forget_chat(ChatLink("x", account="nobody"))
