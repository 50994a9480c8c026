"""An account with a browser of its own keeps all that is in its profile: sealed at rest, and also when it was killed."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from automation.account.account import Account
from automation.browser.display import display_obstacle
from automation.browser.drivers import driver_obstacle
from automation.browser.pool import BrowserPool, open_browser_pool
from automation.stealth.options import BrowserConfig, DriverKind
from automation.web_provider.chat_site import ChatSite
from backend.accounts.browser_profiles import BrowserProfiles, SealedProfile
from backend.accounts.vault import Vault
from tests.browser.process_kills import below
from tests.fakes.chat_provider import ADA, MemorySessions, ask, open_provider
from tests.fakes.chat_site import FakeChatSite

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds its victims in Linux's /proc"),
]

VAULT = Vault("key")
# A key that no script can read out, and no storage_state holds: sites bind sessions to such keys.
MAKE_KEY = """async () => {
  const { privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const opened = await new Promise((resolve, reject) => {
    const asked = indexedDB.open("device", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("keys");
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  await new Promise((resolve) => {
    const change = opened.transaction("keys", "readwrite", { durability: "strict" });
    change.objectStore("keys").put(privateKey, "own");
    change.oncomplete = resolve;
  });
  opened.close();
}"""
HAS_KEY = """async () => {
  const opened = await new Promise((resolve) => {
    const asked = indexedDB.open("device", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("keys");
    asked.onsuccess = () => resolve(asked.result);
  });
  const key = await new Promise((resolve) => {
    const asked = opened.transaction("keys").objectStore("keys").get("own");
    asked.onsuccess = () => resolve(asked.result);
  });
  opened.close();
  return key instanceof CryptoKey && !key.extractable;
}"""


@pytest.fixture
async def site() -> AsyncIterator[FakeChatSite]:
    async with FakeChatSite.open() as running:
        yield running


@asynccontextmanager
async def signed_in(
    pool: BrowserPool,
    site: FakeChatSite,
    profile: SealedProfile,
    sessions: MemorySessions,
    driver: DriverKind = "playwright",
) -> AsyncIterator[ChatSite]:
    """Open the site for an account with a browser of its own."""
    async with open_provider(
        pool,
        site,
        "login",
        credentials=ADA,
        sessions=sessions,
        browser=BrowserConfig(driver=driver),
        profile_folder=profile,
    ) as provider:
        yield provider


@asynccontextmanager
async def open_account_on(
    pool: BrowserPool, config: BrowserConfig, profile: SealedProfile
) -> AsyncIterator[Account]:
    account = Account(pool, config, MemorySessions(), None, profile=profile)
    try:
        yield account
    finally:
        await account.close()


async def in_page(account: Account, script: str) -> object:
    return await (await account.context()).pages[0].evaluate(script)


def browser_processes() -> set[int]:
    """Return the ids of this worker's browsers: other tests' one may run."""
    return {process.pid for process in below(os.getpid()) if process.kind == "browser"}


@pytest.mark.parametrize("driver", ["playwright", "patchright"])
async def test_what_a_session_snapshot_loses_is_there_after_a_sleep(
    driver: DriverKind, site: FakeChatSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    if driver_obstacle(BrowserConfig(driver=driver)):
        pytest.skip("patchright is not installed")
    profile, sessions = BrowserProfiles(tmp_path, VAULT).profile("demo", "ada"), MemorySessions()
    others = browser_processes()
    async with open_browser_pool(None, max_pages=4) as pool:
        async with signed_in(pool, site, profile, sessions, driver) as provider:
            assert (await ask(provider, "[[echo:one]]")).text == "one"
            await in_page(provider.account, MAKE_KEY)
            modes = [stat.S_IMODE((tmp_path / "demo" / part).stat().st_mode) for part in (".", "ada")]
        asleep = sorted(path.name for path in (tmp_path / "demo").iterdir())
        async with signed_in(pool, site, profile, sessions, driver) as provider:
            has_key = await in_page(provider.account, HAS_KEY)
            assert (await ask(provider, "[[echo:two]]")).text == "two"
            browsers = browser_processes() - others

    with capsys.disabled():
        print(f"\n  {driver}: {profile.size_bytes() / 1e6:.2f} MB sealed")
    assert has_key
    assert modes == [0o700, 0o700]
    assert asleep == ["ada.sealed"]
    assert len(browsers) == 1
    assert profile.size_bytes() < 5e6
    assert site.sign_ins == [("ada", True)]
    assert sessions.state is not None
    assert pool.ends == {}


@pytest.mark.parametrize("victim", ["browser", "driver"])
async def test_a_browser_that_was_killed_is_replaced_with_all_that_it_had(
    victim: str, site: FakeChatSite, tmp_path: Path
):
    profile, sessions = BrowserProfiles(tmp_path, VAULT).profile("demo", "ada"), MemorySessions()
    async with (
        open_browser_pool(None, max_pages=4) as pool,
        signed_in(pool, site, profile, sessions) as provider,
    ):
        await in_page(provider.account, MAKE_KEY)
        for process in below(os.getpid()):
            if process.kind == victim:
                os.kill(process.pid, signal.SIGKILL)
        with anyio.fail_after(200):
            while not pool.ends[f"{victim}_gone"]:
                await anyio.sleep(0.01)
        assert (await ask(provider, "[[echo:again]]")).text == "again"
        has_key = await in_page(provider.account, HAS_KEY)

    assert has_key
    assert site.sign_ins == [("ada", True)]


@pytest.mark.skipif(display_obstacle() is not None, reason=display_obstacle() or "")
async def test_a_browser_with_a_window_outlives_its_pages(site: FakeChatSite, tmp_path: Path):
    profile = BrowserProfiles(tmp_path, VAULT).profile("demo", "ada")
    config = BrowserConfig(headless=False)
    async with (
        open_browser_pool(None, max_pages=4) as pool,
        open_account_on(pool, config, profile) as account,
    ):
        page = await account.new_page(in_own_window=True)
        await page.goto(site.page("fetch-sse"))
        await page.close()
        again = await account.new_page(in_own_window=True)

        assert await again.evaluate("document.visibilityState") == "visible"

    assert pool.ends == {}


async def test_a_new_browser_begins_with_the_session_that_is_stored(site: FakeChatSite, tmp_path: Path):
    profiles, sessions = BrowserProfiles(tmp_path, VAULT), MemorySessions()
    async with open_browser_pool(None, max_pages=4) as pool:
        async with signed_in(pool, site, profiles.profile("demo", "ada"), sessions):
            pass
        async with signed_in(pool, site, profiles.profile("demo", "elsewhere"), sessions) as provider:
            assert (await ask(provider, "[[echo:there]]")).text == "there"

    assert site.sign_ins == [("ada", True)]


async def test_another_session_is_gone_on_with_and_nothing_of_the_one_before(
    site: FakeChatSite, tmp_path: Path
):
    profile, sessions = BrowserProfiles(tmp_path, VAULT).profile("demo", "ada"), MemorySessions()
    async with open_browser_pool(None, max_pages=4) as pool:
        async with signed_in(pool, site, profile, sessions) as provider:
            account = provider.account
            await in_page(account, MAKE_KEY)
            state = await account.state()
        assert state is not None
        await account.replace_session(state)
        async with signed_in(pool, site, profile, sessions) as provider:
            has_key = await in_page(provider.account, HAS_KEY)
            assert (await ask(provider, "[[echo:new]]")).text == "new"

    assert not has_key
    assert site.sign_ins == [("ada", True)]
