"""An account has one context, whose session outlives browsers and network processes, and is stored when it was used."""

import anyio
import pytest

from automation.account.account import Account
from automation.account.credentials import Credentials
from automation.account.session_state import SessionNotKeptError
from automation.browser.pool import BrowserPool
from automation.browser.profile_folder import OpenProfile
from automation.errors import PageLostError, SessionRefusedError, SignInRequiredError
from automation.stealth.options import BrowserConfig
from tests.fakes.chat_provider import MemorySessions
from tests.fakes.driver import Drivers

ADA = Credentials("ada", "lovelace")
SID = {"name": "sid", "domain": "chat.example", "path": "/"}
SHARED = BrowserConfig()
STATE = {"cookies": [SID], "origins": []}


class Sessions(MemorySessions):
    """A store that can be full, and counts."""

    def __init__(self, state=None):
        super().__init__()
        self.state = state
        self.is_full = False
        self.saves = 0
        self.loads = 0
        self.saved = anyio.Event()

    async def load(self):
        self.loads += 1
        return await super().load()

    async def save(self, state):
        if self.is_full:
            raise SessionNotKeptError("Free some space.")
        self.saves += 1
        await super().save(state)
        self.saved.set()


class Folder:
    """A profile's folder that notes what happens to it."""

    def __init__(self, path, found="sealed"):
        self.path = path
        self.found = found
        self.log = []

    async def unseal(self):
        self.log.append("unseal")
        return OpenProfile(self.path, self.found)

    async def seal(self):
        self.log.append("seal")

    async def clear(self):
        self.log.append("clear")


@pytest.fixture
def drivers():
    return Drivers()


@pytest.fixture
async def browsers(drivers, tmp_path):
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\n", "ascii")
    program.chmod(0o755)
    pool = BrowserPool(str(program), 4, run_driver=drivers.run)
    yield pool
    await pool.close()


def account_in(browsers, sessions, credentials=None, browser=SHARED, **more):
    return Account(browsers, browser, sessions, credentials, **more)


# -- the context ---------------------------------------------------------------------------------------------------------


async def test_all_pages_share_one_context_that_begins_with_the_stored_session(browsers, drivers):
    sessions = Sessions(STATE)
    account = account_in(browsers, sessions)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(lambda: account.new_page(in_own_window=False))

    (context,) = drivers.browsers[0].contexts
    assert (context.given, len(context.pages), sessions.loads) == (STATE, 3, 1)


async def test_after_its_browser_died_the_account_goes_on_in_another_with_what_is_stored(browsers, drivers):
    account = account_in(browsers, Sessions(STATE))
    first = await account.context()
    drivers.browsers[0].die()

    second = await account.context()

    assert second is not first
    assert second.given == STATE


async def test_a_session_that_the_browser_refuses_is_begun_without_only_by_who_can_sign_in(browsers, drivers):
    drivers.refuses_sessions = True
    nobody = account_in(browsers, Sessions(STATE))

    with pytest.raises(SessionRefusedError):
        await nobody.context()
    by_credentials = await account_in(browsers, Sessions(STATE), ADA).context()
    by_a_person = await nobody.context(is_for_sign_in=True)

    assert await by_credentials.cookies() == await by_a_person.cookies() == []


# -- cookies -------------------------------------------------------------------------------------------------------------


async def test_a_replaced_network_process_gets_its_cookies_back_once(browsers, drivers):
    account = account_in(browsers, Sessions(STATE))
    context = await account.context()
    drivers.browsers[0].network = 1
    context.cookie_jar.clear()

    had_its_network = await account.is_network_process_unchanged()
    await account.restore_lost_cookies()
    await account.restore_lost_cookies()

    assert not had_its_network
    assert await account.is_network_process_unchanged()
    assert await context.cookies() == [SID]


async def test_where_the_network_process_lives_the_cookies_are_the_browsers(browsers):
    account = account_in(browsers, Sessions(STATE))
    context = await account.context()
    context.cookie_jar.clear()

    await account.restore_lost_cookies()

    assert await context.cookies() == []


async def test_cookies_that_are_gone_all_at_once_are_not_believed(browsers, drivers):
    account = account_in(browsers, Sessions(STATE))
    context = await account.context()
    context.cookie_jar.clear()
    await account.note_cookies()

    drivers.browsers[0].network = 1
    await account.restore_lost_cookies()

    assert await context.cookies() == [SID]


# -- storing -------------------------------------------------------------------------------------------------------------


async def test_an_unused_session_is_not_stored_and_a_used_one_is(browsers):
    sessions = Sessions(STATE)
    account = account_in(browsers, sessions)
    context = await account.context()
    await account.close()
    unused = sessions.saves

    context = await account.context()
    account.mark_active()
    await account.close()

    assert (unused, sessions.saves) == (0, 1)
    assert context.is_closed


async def test_of_an_account_that_is_nobody_nothing_is_stored(browsers):
    sessions = Sessions()
    account = account_in(browsers, sessions)
    await account.context()
    account.mark_active()

    await account.close()

    assert sessions.saves == 0


async def test_while_it_is_used_the_session_is_stored_now_and_then(browsers):
    sessions = Sessions(STATE)
    account = account_in(browsers, sessions)
    await account.context()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(account.keep_saved, 0.001)
        account.mark_active()
        await sessions.saved.wait()
        tasks.cancel_scope.cancel()

    assert sessions.state == STATE


async def test_what_was_stored_stays_where_the_network_process_dies_while_it_is_read(browsers, drivers):
    sessions = Sessions(STATE)
    account = account_in(browsers, sessions)
    context = await account.context()

    def die():
        drivers.browsers[0].network = 1
        context.cookie_jar.clear()

    context.reading = die

    with pytest.raises(PageLostError, match="network process"):
        await account.save()
    assert (sessions.saves, sessions.state) == (0, STATE)


async def test_a_session_that_can_not_be_stored_is_logged_and_goes_into_the_next_context(
    browsers, drivers, caplog
):
    sessions = Sessions(STATE)
    account = account_in(browsers, sessions)
    context = await account.context()
    context.cookie_jar.append({**SID, "name": "new"})
    sessions.is_full = True

    await account.try_save()
    drivers.browsers[0].die()
    again = await account.context()

    assert "session_not_saved" in caplog.text
    assert [cookie["name"] for cookie in await again.cookies()] == ["sid", "new"]
    assert sessions.state == STATE


async def test_a_sign_in_ends_the_refusal_and_is_stored(browsers):
    sessions = Sessions()
    account = account_in(browsers, sessions)
    await account.context()
    account.refusal = SignInRequiredError("the site refused the credentials")

    await account.signed_in()

    assert (account.refusal, sessions.saves) == (None, 1)


async def test_a_new_session_replaces_the_open_one(browsers):
    sessions = Sessions()
    account = account_in(browsers, sessions)
    before = await account.context()
    account.refusal = SignInRequiredError("no credentials")

    await account.replace_session(STATE)
    after = await account.context()

    assert before.is_closed
    assert (sessions.state, account.refusal, after.given) == (STATE, None, STATE)


async def test_a_session_is_what_is_stored_until_it_is_open_and_then_what_it_is_now(browsers):
    account = account_in(browsers, Sessions(STATE))
    stored = await account.state()
    context = await account.context()
    context.cookie_jar.append({**SID, "name": "new"})

    now = await account.state()

    assert stored == STATE
    assert now is not None
    assert len(now["cookies"]) == 2


# -- browsers of one's own -----------------------------------------------------------------------------------------------


async def test_a_persons_own_browser_is_neither_stored_nor_closed(browsers, drivers):
    sessions = Sessions()
    attached = BrowserConfig(driver="cdp", cdp_url="http://127.0.0.1:9222")
    account = account_in(browsers, sessions, ADA, browser=attached)
    context = await account.context()

    await account.signed_in()
    await account.close()

    assert sessions.saves == 0
    assert not context.is_closed


async def test_a_profile_is_unsealed_for_its_browser_and_sealed_when_that_has_ended(
    browsers, drivers, tmp_path
):
    folder = Folder(tmp_path)
    account = account_in(browsers, Sessions(STATE), profile=folder)
    context = await account.context()

    await account.close()

    assert folder.log == ["unseal", "seal"]
    assert context.cookie_jar == [SID]
    assert not drivers.browsers[0].is_alive


async def test_half_a_session_is_none(browsers, drivers, tmp_path):
    folder = Folder(tmp_path, found="new")

    drivers.refuses_sessions = True

    with pytest.raises(SessionRefusedError):
        await account_in(browsers, Sessions(STATE), profile=folder).context()
    assert folder.log == ["unseal", "clear"]
    assert not drivers.browsers[0].is_alive
