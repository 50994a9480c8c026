"""The book of sign-ins, before rooms that do what the test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
import pytest

from automation.errors import SignInRequiredError, UnreachableError
from automation.sign_in.live_view import LiveView
from automation.sign_in.status import SignInStatus
from backend.accounts import sign_ins as sign_ins_module
from backend.accounts.sign_ins import SignIn, open_sign_ins
from backend.errors import (
    EndpointNotFoundError,
    InvalidRequestError,
    LiveTokenExpiredError,
    SignInNotFoundError,
    SignInRunningError,
)


class ScriptedSession:
    """A sign-in that ends when the test says so."""

    def __init__(self) -> None:
        self.status = SignInStatus("waiting")
        self.news = anyio.Event()
        self.views = 0
        self.most_views = 0

    @asynccontextmanager
    async def view(self) -> AsyncIterator[LiveView]:
        self.views += 1
        self.most_views = max(self.views, self.most_views)
        try:
            yield None  # type: ignore[misc]
        finally:
            self.views -= 1

    async def until_over(self) -> None:
        while not self.status.is_over:
            await self.news.wait()

    async def complete(self) -> None:
        self.end("signed_in")

    def cancel(self) -> None:
        self.end("cancelled")

    def end(self, state) -> None:
        self.status = SignInStatus(state)
        news, self.news = self.news, anyio.Event()
        news.set()


class ScriptedRooms:
    """Rooms of any account but of endpoint ``none``."""

    def __init__(self) -> None:
        self.session = ScriptedSession()
        self.opening_fails: Exception | None = None
        self.closing_fails: Exception | None = None
        self.form_fails: Exception | None = None
        self.opening_held: anyio.Event | None = None
        self.open = 0

    async def find_sign_in_host(self, slug: str, account_id: str) -> ScriptedRooms:
        if slug == "none":
            raise EndpointNotFoundError(slug)
        return self

    def open_sign_in(self) -> AbstractAsyncContextManager[ScriptedSession]:
        return self._opened()

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[ScriptedSession]:
        if self.opening_held:
            await self.opening_held.wait()
        if self.opening_fails:
            raise self.opening_fails
        self.open += 1
        try:
            yield self.session
        finally:
            self.open -= 1
        if self.closing_fails:
            raise self.closing_fails

    async def sign_in_by_form(self) -> None:
        if self.form_fails:
            raise self.form_fails


async def until_over(sign_in: SignIn) -> SignInStatus:
    assert sign_in.session is not None
    with anyio.fail_after(200):
        await sign_in.session.until_over()
        await anyio.wait_all_tasks_blocked()
    return sign_in.status


async def test_one_account_has_one_sign_in_at_a_time_and_another_one_its_own():
    rooms = ScriptedRooms()
    async with open_sign_ins(rooms) as sign_ins:
        first = await sign_ins.start("demo", "ada", "interactive")
        with pytest.raises(SignInRunningError, match="goes on already"):
            await sign_ins.start("demo", "ada", "interactive")
        await sign_ins.start("demo", "bob", "interactive")

        assert sign_ins.get("demo", "ada") is first
        assert rooms.open == 2
    assert rooms.open == 0


async def test_after_its_end_another_one_can_be_started_and_its_outcome_is_known_until_then():
    rooms = ScriptedRooms()
    async with open_sign_ins(rooms) as sign_ins:
        first = await sign_ins.start("demo", "ada", "interactive")
        rooms.session.end("signed_in")
        await until_over(first)
        assert sign_ins.get("demo", "ada").status.state == "signed_in"
        assert rooms.open == 0

        rooms.session = ScriptedSession()
        second = await sign_ins.start("demo", "ada", "interactive")

        assert sign_ins.get("demo", "ada") is second


async def test_of_sign_ins_that_ended_the_latest_are_known_and_those_that_go_on(monkeypatch):
    monkeypatch.setattr(sign_ins_module, "MOST_ENDED", 2)
    rooms = ScriptedRooms()
    async with open_sign_ins(rooms) as sign_ins:
        running = await sign_ins.start("demo", "running", "interactive")
        for account in ("first", "second", "third", "fourth"):
            rooms.session = ScriptedSession()
            started = await sign_ins.start("demo", account, "interactive")
            rooms.session.end("signed_in")
            await until_over(started)

        with pytest.raises(SignInNotFoundError):
            sign_ins.get("demo", "first")
        assert sign_ins.get("demo", "fourth").status.state == "signed_in"
        assert sign_ins.get("demo", "running") is running


async def test_who_asks_for_a_sign_in_that_was_not_started_is_told_how_to_start_one():
    async with open_sign_ins(ScriptedRooms()) as sign_ins:
        with pytest.raises(SignInNotFoundError, match="POST /api/endpoints/demo/accounts/ada/sign-in"):
            sign_ins.get("demo", "ada")


@pytest.mark.parametrize("slug", ["none", "demo"])
async def test_one_that_can_not_be_opened_is_an_error_and_leaves_nothing(slug):
    rooms = ScriptedRooms()
    rooms.opening_fails = UnreachableError("http://site/", "it is down")
    async with open_sign_ins(rooms) as sign_ins:
        with pytest.raises((EndpointNotFoundError, UnreachableError)):
            await sign_ins.start(slug, "ada", "interactive")
        with pytest.raises(SignInNotFoundError):
            sign_ins.get(slug, "ada")

        rooms.opening_fails = None
        await sign_ins.start("demo", "ada", "interactive")


async def test_one_that_breaks_does_not_end_the_others():
    rooms = ScriptedRooms()
    async with open_sign_ins(rooms) as sign_ins:
        broken = await sign_ins.start("demo", "ada", "interactive")
        rooms.closing_fails, ended = OSError("no space left"), rooms.session
        rooms.session = ScriptedSession()
        other = await sign_ins.start("demo", "bob", "interactive")
        ended.end("signed_in")
        await until_over(broken)

        assert broken.status.state == "signed_in"
        assert other.status.state == "waiting"
        rooms.closing_fails = None


async def test_its_links_are_void_when_it_is_over():
    rooms = ScriptedRooms()
    async with open_sign_ins(rooms) as sign_ins:
        sign_in = await sign_ins.start("demo", "ada", "interactive")
        token = sign_ins.tokens.issue(sign_in)
        rooms.session.cancel()
        await until_over(sign_in)

        with pytest.raises(LiveTokenExpiredError):
            sign_ins.tokens.redeem(token)


@pytest.mark.parametrize(
    ("failure", "state", "reason"),
    [
        (None, "signed_in", ""),
        (SignInRequiredError("the site refused the credentials: wrong"), "refused", "wrong"),
        (UnreachableError("http://site/", "it is down"), "lost", "it is down"),
    ],
)
async def test_a_form_ends_as_the_site_says(failure, state, reason):
    rooms = ScriptedRooms()
    rooms.form_fails = failure
    async with open_sign_ins(rooms) as sign_ins:
        sign_in = await sign_ins.start("demo", "ada", "form")
        status = await until_over(sign_in)

    assert status.state == state
    assert reason in status.reason


async def test_a_form_has_no_live_view():
    async with open_sign_ins(ScriptedRooms()) as sign_ins:
        sign_in = await sign_ins.start("demo", "ada", "form")
        with pytest.raises(InvalidRequestError, match="no live view"):
            async with sign_in.seat():
                pass


async def test_whoever_comes_later_takes_over_once_the_one_before_has_left():
    rooms = ScriptedRooms()
    async with open_sign_ins(rooms) as sign_ins, anyio.create_task_group() as tasks:
        sign_in = await sign_ins.start("demo", "ada", "interactive")
        seated: list[str] = []

        async def sit(name: str) -> None:
            async with sign_in.seat() as seat:
                seated.append(name)
                await seat.taken.wait()

        for name in ("first", "second", "third"):
            tasks.start_soon(sit, name)
            await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert seated == ["first", "second", "third"]
    assert rooms.session.most_views == 1


async def test_one_that_is_cancelled_while_its_page_is_being_opened_ends():
    rooms = ScriptedRooms()
    rooms.opening_held = anyio.Event()
    states: list[str] = []
    async with open_sign_ins(rooms) as sign_ins, anyio.create_task_group() as tasks:

        async def start() -> None:
            states.append((await sign_ins.start("demo", "ada", "interactive")).status.state)

        tasks.start_soon(start)
        await anyio.wait_all_tasks_blocked()
        sign_ins.get("demo", "ada").cancel()
        await anyio.wait_all_tasks_blocked()
        rooms.opening_held = None
        again = await sign_ins.start("demo", "ada", "interactive")

        assert again.status.state == "waiting"
    assert states == ["cancelled"]


async def test_a_start_that_fails_leaves_the_outcome_of_the_one_before():
    rooms = ScriptedRooms()
    async with open_sign_ins(rooms) as sign_ins:
        first = await sign_ins.start("demo", "ada", "interactive")
        rooms.session.end("signed_in")
        await until_over(first)
        rooms.opening_fails = EndpointNotFoundError("demo")
        with pytest.raises(EndpointNotFoundError):
            await sign_ins.start("demo", "ada", "interactive")

        assert sign_ins.get("demo", "ada") is first
