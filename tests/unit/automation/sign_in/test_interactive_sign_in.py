"""A sign-in by a person is over when the page shows its chat, when somebody says so, or when nobody came in time."""

import anyio
import pytest
from anyio.lowlevel import checkpoint

from automation.errors import PageLostError, SignInRequiredError
from automation.sign_in.interactive_sign_in import InteractiveSignIn
from automation.sign_in.qr_code import QrCode
from tests.fakes.page_model import PageModel, chat_config

FORM = {"sign_in": {"path": "/login", "username": "#u", "password": "#p", "signed_out": ".out"}}
CHAT = "https://chat.example/"


class Person:
    """A person's page, its window and the account in one. What the page shows next is in ``later``, look by look."""

    def __init__(self, **shown):
        self.page = PageModel(**shown)
        self.front = self
        self.depth = 1
        self.lost_reason = ""
        self.changed = anyio.Event()
        self.is_open = True
        self.loaded: list[str] = []
        self.later: list[dict[str, bool] | Exception] = []
        self.saved = 0
        self.may_save = anyio.Event()
        self.may_save.set()

    # -- Playwright's page

    def is_closed(self):
        return not self.is_open

    async def goto(self, url, wait_until, timeout):
        self.loaded.append(url)

    # -- the agent

    async def call(self, name, *args, timeout_s=5.0):
        await checkpoint()
        if name == "first" and self.later:
            step = self.later.pop(0)
            if isinstance(step, Exception):
                raise step
            self.page.change(**step)
        return await self.page.call(name, *args, timeout_s=timeout_s)

    def forget(self):
        pass

    # -- the account

    async def signed_in(self):
        await self.may_save.wait()
        self.saved += 1


SIGNED_OUT = {"input": False, "input_ready": False, "username": True, "signed_out": True}
SIGNED_IN = {"input": True, "input_ready": True, "username": False, "signed_out": False}


def sign_in_of(person, *, expects_check=False, **profile):
    config = chat_config(**{**FORM, **profile})
    return InteractiveSignIn(person, config, person, person, person, expects_check=expects_check)


async def watched(sign_in):
    with anyio.fail_after(200):
        await sign_in.watch()
    return sign_in.status


async def test_the_page_on_which_one_signs_in_is_loaded_first():
    person = Person()
    await sign_in_of(person).start()
    await sign_in_of(person, sign_in={"username": "#u", "password": "#p"}).start()

    assert person.loaded == [f"{CHAT}login", CHAT]


async def test_it_is_over_once_the_page_shows_its_chat_and_the_session_is_stored():
    person = Person(**SIGNED_OUT)
    person.later = [{}, {}, SIGNED_IN]

    status = await watched(sign_in_of(person))

    assert (status.state, person.saved) == ("signed_in", 1)


async def test_a_chat_that_shows_for_a_moment_before_the_form_is_no_sign_in():
    person = Person(**SIGNED_IN)
    # The second look, after a moment, finds the form in its place.
    person.later = [{}, SIGNED_OUT, {}, SIGNED_IN]

    status = await watched(sign_in_of(person))

    assert (status.state, person.later) == ("signed_in", [])


async def test_a_page_that_is_loading_or_hangs_is_looked_at_again_when_it_changes():
    person = Person(**SIGNED_OUT)
    person.later = [PageLostError("It is loading."), SIGNED_IN]
    person.changed.set()

    assert (await watched(sign_in_of(person))).state == "signed_in"


@pytest.mark.parametrize(
    ("reason", "told"), [("The page's renderer crashed.",) * 2, ("", "The page was closed.")]
)
async def test_a_page_that_is_gone_ends_it_with_the_reason(reason, told):
    person = Person(**SIGNED_OUT)
    person.is_open, person.lost_reason = False, reason

    status = await watched(sign_in_of(person))

    assert (status.state, status.reason) == ("lost", told)


# -- a check -------------------------------------------------------------------------------------------------------------


async def test_where_a_check_is_expected_a_chat_that_shows_from_the_start_proves_nothing():
    person = Person(**SIGNED_IN)
    sign_in = sign_in_of(person, expects_check=True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sign_in.watch)
        for _ in range(50):
            await checkpoint()
        early = sign_in.status.state
        await sign_in.complete()

    assert (early, sign_in.status.state, person.saved) == ("waiting", "signed_in", 1)


async def test_a_check_that_was_seen_and_passed_is_enough():
    person = Person(**SIGNED_IN)
    person.later = [{"captcha": True, "input_ready": False}, {"captcha": False, "input_ready": True}]

    assert (await watched(sign_in_of(person, expects_check=True))).state == "signed_in"


# -- what a person says --------------------------------------------------------------------------------------------------


async def test_who_says_to_be_signed_in_is_believed_by_the_chat_alone():
    person = Person(**SIGNED_OUT)
    sign_in = sign_in_of(person)

    with pytest.raises(SignInRequiredError, match="does not show its chat yet"):
        await sign_in.complete()
    went_on = sign_in.status.state
    person.page.change(**SIGNED_IN)
    await sign_in.complete()
    await sign_in.complete()

    assert (went_on, sign_in.status.state, person.saved) == ("waiting", "signed_in", 1)
    assert person.loaded == [CHAT, CHAT]


async def test_a_sign_in_that_was_cancelled_can_not_be_completed():
    sign_in = sign_in_of(Person(**SIGNED_IN))

    sign_in.cancel()

    with pytest.raises(SignInRequiredError, match="was cancelled"):
        await sign_in.complete()


async def test_the_session_is_stored_once_although_page_and_person_tell_at_the_same_time():
    person = Person(**SIGNED_IN)
    person.may_save = anyio.Event()
    sign_in = sign_in_of(person)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sign_in.watch)
        tasks.start_soon(sign_in.complete)
        await anyio.wait_all_tasks_blocked()
        person.may_save.set()

    assert (person.saved, sign_in.status.state) == (1, "signed_in")


# -- the end -------------------------------------------------------------------------------------------------------------


async def test_nobody_came_in_time():
    sign_in = sign_in_of(Person())

    await sign_in.expire(0.001)

    assert (sign_in.status.state, sign_in.status.is_over) == ("expired", True)


async def test_what_has_ended_ends_only_once():
    sign_in = sign_in_of(Person())

    sign_in.cancel()
    await sign_in.expire(0)

    assert sign_in.status.state == "cancelled"


async def test_every_change_is_news_to_whoever_waits():
    sign_in = sign_in_of(Person())
    ends = []

    async def wait():
        await sign_in.until_over()
        ends.append(sign_in.status.state)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        first = sign_in.news
        sign_in.show_qr_code(QrCode("https://chat.example/qr", b"png"))
        shown = sign_in.status
        await anyio.wait_all_tasks_blocked()
        early = list(ends)
        sign_in.cancel()
        sign_in.show_qr_code(None)

    assert (first.is_set(), shown.state, early, ends) == (True, "qrcode", [], ["cancelled"])
