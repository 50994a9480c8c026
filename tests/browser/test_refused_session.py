"""A stored session that Chromium does not take is its account's trouble, and a person can sign in all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.account.account import Account
from automation.account.session_state import StorageState
from automation.browser.pool import BrowserPool
from automation.browser.profile_folder import ProfileFolder
from automation.errors import SessionRefusedError, SignInRequiredError
from automation.stealth.options import BrowserConfig
from backend.accounts.browser_profiles import BrowserProfiles
from backend.accounts.vault import Vault
from tests.fakes.chat_provider import ADA, MemorySessions, ask, open_provider
from tests.fakes.chat_site import FakeChatSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

# Chromium takes no secure cookie of this name without a path of "/" (RFC 6265bis, "__Host-").
REFUSED: StorageState = {
    "cookies": [
        {
            "name": "__Host-session",
            "value": "v",
            "domain": ".example.com",
            "path": "/chat",
            "expires": -1,
            "httpOnly": True,
            "secure": False,
            "sameSite": "Lax",
        }
    ],
    "origins": [],
}


def folder(isolation: str, tmp_path: Path) -> ProfileFolder | None:
    return BrowserProfiles(tmp_path, Vault("key")).profile("demo", "ada") if isolation == "profile" else None


def kept() -> MemorySessions:
    sessions = MemorySessions()
    sessions.state = REFUSED
    return sessions


@pytest.mark.parametrize("isolation", ["shared", "profile"])
async def test_without_credentials_the_account_needs_a_sign_in(
    isolation: str, browsers: BrowserPool, site: FakeChatSite, tmp_path: Path
):
    opened = open_provider(
        browsers, site, "login", sessions=kept(), profile_folder=folder(isolation, tmp_path)
    )

    with pytest.raises(SignInRequiredError) as caught:
        async with opened:
            pass

    assert isinstance(caught.value, SessionRefusedError)
    assert list(tmp_path.rglob("*.sealed")) == []
    assert browsers.ends == {}


@pytest.mark.parametrize("isolation", ["shared", "profile"])
async def test_with_credentials_the_account_signs_in_anew(
    isolation: str, browsers: BrowserPool, site: FakeChatSite, tmp_path: Path
):
    sessions = kept()
    opened = open_provider(
        browsers,
        site,
        "login",
        credentials=ADA,
        sessions=sessions,
        profile_folder=folder(isolation, tmp_path),
    )

    async with opened as provider:
        assert (await ask(provider, "[[echo:in]]")).text == "in"

    assert site.sign_ins == [("ada", True)]
    assert sessions.state is not None
    assert "__Host-session" not in str(sessions.state)


async def test_a_person_who_signs_in_gets_a_page_without_it(browsers: BrowserPool):
    account = Account(browsers, BrowserConfig(), kept(), None)

    with pytest.raises(SessionRefusedError):
        await account.new_page(in_own_window=True)
    page = await account.new_page(in_own_window=True, is_for_sign_in=True)

    assert await page.context.cookies() == []
    await account.close()
