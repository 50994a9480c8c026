"""A page is brought to its chat: what the site answers and shows decides, and its form is filled at most once."""

import time
from email.utils import formatdate

import anyio
import pytest
from anyio.lowlevel import checkpoint

from automation.account.credentials import Credentials, one_time_password
from automation.errors import (
    ChallengeRequiredError,
    SignInRequiredError,
    SiteChangedError,
    UnreachableError,
)
from automation.web_provider.chat_loader import ChatLoader
from tests.fakes.page_model import PageModel, chat_config

ADA = Credentials("ada", "lovelace")
CHAT = "https://chat.example/"
FORM = {
    "sign_in": {"path": "/login", "username": "#u", "password": "#p", "submit": "#s", "signed_out": ".out"}
}


class Response:
    def __init__(self, status=200, **headers):
        self.status = status
        self.headers = {"content-type": "text/html; charset=utf-8", **headers}


class Site(PageModel):
    """A site, its account and its page in one. Its form lets in who knows the password."""

    def __init__(self, *, signed_in=True, credentials=None):
        super().__init__()
        self.credentials = credentials
        self.refusal: Exception | None = None
        self.sign_in_lock = anyio.Lock()
        self.response: Response | None = Response()
        self.is_signed_in = signed_in
        self.keeps_network = True
        self.loaded: list[str] = []
        self.fields: dict[str, str] = {}
        self.asks_code = False
        self.saved = 0
        self.sockets_made = self.sockets_ready = 0
        self.on_click["submit"] = self.submit

    # -- Playwright's page

    async def goto(self, url, wait_until, timeout):
        self.loaded.append(url)
        await checkpoint()
        shows_form = not self.is_signed_in
        self.change(
            input=not shows_form,
            input_ready=not shows_form,
            username=shows_form,
            password=shows_form,
            submit=shows_form,
            code=shows_form and self.asks_code,
        )
        return self.response

    # -- the form

    async def call(self, name, *args, timeout_s=5.0):
        match name:
            case "focus":
                self.focused = args[0]
                return {"kind": "line"}
            case "field":
                return {"text": self.fields.get(args[0])}
            case "labels":
                return "Wrong password."
        return await super().call(name, *args, timeout_s=timeout_s)

    async def insert(self, text, step):
        self.fields[self.focused] = text

    def submit(self):
        self.is_signed_in = self.fields.get("password") == ADA.password
        self.change(
            **dict.fromkeys(("password", "code", "username"), not self.is_signed_in),
            input=self.is_signed_in,
            sign_in_error=not self.is_signed_in,
        )

    # -- the account

    async def restore_lost_cookies(self):
        self.log.append("mend")

    async def is_network_process_unchanged(self):
        return self.keeps_network

    async def signed_in(self):
        self.saved += 1

    # -- the traffic

    async def until_socket_ready(self, after, timeout_s):
        self.log.append(f"socket after {after}")
        return True


def loader_at(site, **profile):
    config = chat_config(credentials=site.credentials, **profile)
    return ChatLoader(site, site, config, site, site, site)


# -- loading -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (Response(404), "HTTP 404"),
        (Response(503), "HTTP 503"),
        (Response(**{"content-type": "application/json"}), "serves application/json, not a page"),
    ],
)
async def test_an_address_that_leads_to_no_page_says_why(response, reason):
    site = Site()
    site.response = response

    with pytest.raises(UnreachableError, match=reason):
        await loader_at(site).load(CHAT)


async def test_a_page_that_was_loaded_is_asked_anew_and_another_fragment_is_no_load():
    site = Site()
    site.response = None

    await loader_at(site).load(f"{CHAT}#there")

    assert (site.loaded, site.log) == ([f"{CHAT}#there"], ["forget"])


@pytest.mark.parametrize("passes", [True, False])
async def test_a_check_in_the_pages_place_may_pass_by_itself(passes):
    site = Site(signed_in=passes)
    site.response = Response(403, **{"cf-mitigated": "challenge"})

    if passes:
        await loader_at(site).load(CHAT)
    else:
        with pytest.raises(ChallengeRequiredError):
            await loader_at(site).load(CHAT)


# -- what the page shows -------------------------------------------------------------------------------------------------


async def test_a_page_that_shows_its_chat_is_ready_once_its_dialogs_are_closed():
    site = Site()

    await loader_at(site).ensure_ready()

    assert site.log == ["dismiss"]


async def test_a_chat_that_is_sent_through_a_socket_is_ready_with_it():
    site = Site()
    loader = loader_at(site, wire={"decoder": "open_webui", "urls": "*", "ready_message": "^40"})
    site.sockets_made = 3

    await loader.load(CHAT)
    await loader.ensure_ready()

    assert "socket after 3" in site.log


@pytest.mark.parametrize("kind", ["captcha", "qrcode"])
async def test_a_check_needs_a_person(kind):
    site = Site()
    site.change(input_ready=False, **{kind: True})

    with pytest.raises(ChallengeRequiredError) as caught:
        await loader_at(site).ensure_ready()
    assert caught.value.kind == kind


async def test_a_check_over_the_chats_frame_needs_a_person_although_the_chat_shows():
    site = Site()
    site.check_around = True

    with pytest.raises(ChallengeRequiredError):
        await loader_at(site).ensure_ready()


async def test_a_page_that_shows_neither_chat_nor_form_has_changed():
    site = Site()
    site.change(input=False, input_ready=False)

    with pytest.raises(SiteChangedError) as caught:
        await loader_at(site, **FORM).ensure_ready()
    assert (caught.value.profile_key, caught.value.screenshot) == ("input", b"picture")


# -- signing in ----------------------------------------------------------------------------------------------------------


async def arrive(site, **profile):
    loader = loader_at(site, **{**FORM, **profile})
    await loader.load(CHAT)
    await loader.ensure_ready()
    return loader


async def test_the_form_is_filled_where_it_shows_and_the_session_stored():
    site = Site(signed_in=False, credentials=ADA)

    await arrive(site)

    assert site.fields == {"username": "ada", "password": "lovelace"}
    assert site.loaded == [CHAT, CHAT, f"{CHAT}login", CHAT]
    assert site.saved == 1


async def test_without_credentials_a_form_needs_a_person():
    site = Site(signed_in=False)

    with pytest.raises(SignInRequiredError, match="no credentials are stored"):
        await arrive(site)
    assert site.fields == {}


async def test_credentials_that_were_refused_are_not_entered_twice():
    site = Site(signed_in=False, credentials=Credentials("ada", "wrong"))
    for _ in range(2):
        with pytest.raises(SignInRequiredError, match=r"Wrong password\."):
            await arrive(site)

    assert site.loaded.count(f"{CHAT}login") == 1


async def test_who_finds_itself_signed_in_after_all_does_not_touch_the_form():
    site = Site(signed_in=False, credentials=ADA)
    loader = loader_at(site, **FORM)
    await loader.load(CHAT)
    # Another page of the account signs in meanwhile.
    site.is_signed_in = True

    await loader.ensure_ready()

    assert (site.fields, site.saved) == ({}, 0)


async def test_while_the_network_process_dies_the_chat_is_loaded_again_but_not_for_ever():
    site = Site(signed_in=False, credentials=ADA)
    site.keeps_network = False

    await arrive(site)

    # Once to arrive, three times in the hope for the cookies, once after the form.
    assert (site.loaded.count(CHAT), site.log.count("mend")) == (5, 3)


async def test_one_page_signs_in_while_the_others_wait():
    site = Site(signed_in=False, credentials=ADA)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(arrive, site)

    assert site.loaded.count(f"{CHAT}login") == 1


@pytest.mark.parametrize("ahead_s", [0, 3600])
async def test_a_one_time_password_goes_by_the_sites_clock(ahead_s):
    secret = "JBSWY3DPEHPK3PXP"
    site = Site(signed_in=False, credentials=Credentials("ada", "lovelace", secret))
    site.asks_code = True
    now = time.time() + ahead_s
    site.response = Response(date=formatdate(now, usegmt=True))

    await arrive(site, sign_in={**FORM["sign_in"], "code": "#c"})

    # It may have changed since.
    assert site.fields["code"] in {one_time_password(secret, now), one_time_password(secret, now + 30)}


# -- what opens the chat ---------------------------------------------------------------------------------------------------


class Widget(Site):
    """A chat behind a bubble and a card; each shows from the start, or once the one before it was clicked."""

    def __init__(self, *, swallows=0):
        super().__init__()
        self.swallows = swallows
        self.on_click["open_0"] = self.open_card
        self.on_click["open_1"] = lambda: self.change(input=True, input_ready=True)

    async def goto(self, url, wait_until, timeout):
        response = await super().goto(url, wait_until, timeout)
        self.show(open_0=True, open_1=False)
        self.change(input=False, input_ready=False)
        return response

    def show(self, **roles):
        for role, is_there in roles.items():
            self.change(**{role: is_there, f"still:{role}": is_there})

    def open_card(self):
        if self.swallows:
            self.swallows -= 1
            return
        self.show(open_1=True)


OPEN = {"open": [".bubble", {"css": "button", "text": "Start"}]}


def clicks(site):
    return [done for done in site.log if done.startswith("click")]


async def test_what_hides_the_chat_is_clicked_in_order_and_each_once():
    site = Widget()
    loader = loader_at(site, **OPEN)

    await loader.load(CHAT)
    await loader.ensure_ready()

    assert clicks(site) == ["click open_0", "click open_1"]


async def test_of_several_that_show_the_one_that_leads_furthest_is_clicked():
    site = Widget()
    loader = loader_at(site, **OPEN)
    await loader.load(CHAT)
    site.show(open_1=True)

    await loader.ensure_ready()

    assert clicks(site) == ["click open_1"]


async def test_a_chat_that_shows_is_not_opened():
    site = Widget()
    loader = loader_at(site, **OPEN)
    await loader.load(CHAT)
    site.change(input=True, input_ready=True)

    await loader.ensure_ready()
    await loader.open_chat()

    assert clicks(site) == []


@pytest.mark.parametrize(("swallows", "times", "opens"), [(1, 2, True), (9, 3, False)])
async def test_a_click_that_came_too_early_is_made_again_a_few_times(swallows, times, opens):
    site = Widget(swallows=swallows)
    loader = loader_at(site, **OPEN)
    await loader.load(CHAT)

    await loader.open_chat()

    assert clicks(site).count("click open_0") == times
    assert site.shown["input"] is opens
