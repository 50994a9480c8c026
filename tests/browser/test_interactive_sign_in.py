"""A person's sign-in is noticed, stored, and ends in every way that it can end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from automation.account.account import Account
from automation.account.config import WebChatConfig
from automation.account.credentials import Credentials
from automation.browser.pool import BrowserPool
from automation.errors import SignInRequiredError, UnreachableError
from automation.profiles.validation import parse_profile
from automation.sign_in.interactive_sign_in import (
    InteractiveSignIn,
    SignInStatus,
    open_interactive_sign_in,
)
from automation.stealth.options import BrowserConfig
from automation.timing import Timeouts
from automation.web_provider.form_sign_in import sign_in_by_form
from tests.fakes.chat_provider import MemorySessions
from tests.fakes.chat_site import FakeChatSite, profile_data
from tests.fakes.sign_in_site import SignInSite, profile_of

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PATIENCE = Timeouts(ready_s=60, navigate_s=60)


def config_of(site: SignInSite, kind: str) -> WebChatConfig:
    return WebChatConfig(
        base_url=site.page(kind),
        login_url=None,
        profile=parse_profile(profile_of(kind)),
        credentials=None,
        browser=BrowserConfig(),
        max_pages=1,
        timeouts=PATIENCE,
        name=kind,
    )


@asynccontextmanager
async def build_account(
    browsers: BrowserPool, sessions: MemorySessions, credentials: Credentials | None = None
) -> AsyncIterator[Account]:
    account = Account(browsers, BrowserConfig(), sessions, credentials)
    try:
        yield account
    finally:
        await account.close()


@asynccontextmanager
async def opened(
    browsers: BrowserPool, kind: str, *, qr_period_s: float = 20.0, expires_s: float = 60.0
) -> AsyncIterator[tuple[SignInSite, Account, InteractiveSignIn]]:
    async with (
        SignInSite.open(qr_period_s=qr_period_s) as site,
        build_account(browsers, MemorySessions()) as account,
        open_interactive_sign_in(account, config_of(site, kind), expires_s=expires_s) as sign_in,
    ):
        yield site, account, sign_in


async def until_state(sign_in: InteractiveSignIn, state: str) -> SignInStatus:
    with anyio.fail_after(200):
        while True:
            news = sign_in.news
            if sign_in.status.state == state:
                return sign_in.status
            await news.wait()


async def test_a_scanned_qr_code_signs_in_and_the_session_is_stored(browsers: BrowserPool):
    sessions = MemorySessions()
    async with SignInSite.open() as site, build_account(browsers, sessions) as account:
        account.refusal = SignInRequiredError("the site refused before")
        async with open_interactive_sign_in(account, config_of(site, "qr")) as sign_in:
            status = await until_state(sign_in, "qrcode")
            assert status.qr is not None
            assert site.scan(status.qr.payload)
            with anyio.fail_after(200):
                await sign_in.until_over()

    assert sign_in.status.state == "signed_in"
    state = await sessions.load()
    assert state is not None
    assert [cookie["value"] in site.sessions for cookie in state["cookies"]] == [True]
    assert account.refusal is None


async def test_a_qr_code_that_the_page_renews_is_renewed(browsers: BrowserPool):
    async with opened(browsers, "qr", qr_period_s=3.0) as (site, _, sign_in):
        seen: list[str] = []
        with anyio.fail_after(200):
            while len(seen) < 3:
                news = sign_in.news
                qr = sign_in.status.qr
                if qr and qr.payload not in seen:
                    seen.append(qr.payload)
                else:
                    await news.wait()
        is_in_time = site.scan(seen[-1])

    assert is_in_time


async def test_somebody_who_is_signed_in_already_need_not_do_anything(browsers: BrowserPool):
    sessions = MemorySessions()
    async with SignInSite.open() as site, build_account(browsers, sessions) as account:
        cookie = {"name": "session", "value": "known", "url": site.url}
        site.sessions.add("known")
        await (await account.context()).add_cookies([cookie])  # type: ignore[list-item]
        async with open_interactive_sign_in(account, config_of(site, "slider")) as sign_in:
            with anyio.fail_after(200):
                await sign_in.until_over()

    assert sign_in.status.state == "signed_in"


async def test_who_says_too_early_that_they_are_done_is_told_so_and_goes_on(browsers: BrowserPool):
    async with opened(browsers, "totp") as (_site, _, sign_in):
        with pytest.raises(SignInRequiredError, match="does not show its chat yet"):
            await sign_in.complete()

        assert sign_in.status == SignInStatus("waiting")


async def test_a_sign_in_that_ended_elsewhere_is_complete_when_the_person_says_so(browsers: BrowserPool):
    async with opened(browsers, "totp") as (site, account, sign_in):
        cookie = {"name": "session", "value": "known", "url": site.url}
        site.sessions.add("known")
        await (await account.context()).add_cookies([cookie])  # type: ignore[list-item]
        await sign_in.complete()

        assert sign_in.status.state == "signed_in"


async def test_it_expires_and_tells_why(browsers: BrowserPool):
    async with opened(browsers, "totp", expires_s=0.5) as (_site, _, sign_in):
        with anyio.fail_after(200):
            await sign_in.until_over()

    assert sign_in.status.state == "expired"
    assert "start it again" in sign_in.status.reason


async def test_a_cancelled_one_stays_cancelled_and_leaves_no_page(browsers: BrowserPool):
    async with SignInSite.open() as site, build_account(browsers, MemorySessions()) as account:
        async with open_interactive_sign_in(account, config_of(site, "totp")) as sign_in:
            sign_in.cancel()
            await sign_in.until_over()
            with pytest.raises(SignInRequiredError, match="cancelled"):
                await sign_in.complete()
        pages = (await account.context()).pages

    assert sign_in.status.state == "cancelled"
    assert pages == []
    assert browsers.status()["pages"] == 0


async def test_a_page_that_closes_ends_it(browsers: BrowserPool):
    async with opened(browsers, "totp") as (_site, account, sign_in):
        page = (await account.context()).pages[0]
        await page.close()
        with anyio.fail_after(200):
            await sign_in.until_over()

    assert sign_in.status.state == "lost"


async def test_an_address_where_nothing_listens_is_told_at_once(browsers: BrowserPool):
    async with SignInSite.open() as site, build_account(browsers, MemorySessions()) as account:
        site.url = "http://127.0.0.1:1"
        with pytest.raises(UnreachableError, match="refuse this port"):
            async with open_interactive_sign_in(account, config_of(site, "totp")):
                pass


async def test_the_form_is_filled_again_when_somebody_asks_for_it(browsers: BrowserPool):
    sessions, right = MemorySessions(), Credentials("ada", "lovelace")
    async with FakeChatSite.open() as site, build_account(browsers, sessions, right) as account:
        config = WebChatConfig(
            base_url=site.url,
            login_url=None,
            profile=parse_profile(profile_data("login")),
            credentials=right,
            browser=BrowserConfig(),
            max_pages=1,
            timeouts=PATIENCE,
            name="login",
        )
        account.refusal = SignInRequiredError("the site refused before")
        await sign_in_by_form(account, config)

    assert site.sign_ins == [("ada", True)]
    assert await sessions.load() is not None
    assert account.refusal is None
