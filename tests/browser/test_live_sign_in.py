"""A person in a browser of their own, who only sees frames and sends events, signs in to sites of every kind."""

from __future__ import annotations

import base64

import anyio
import anyio.lowlevel
import pytest
from playwright.async_api import FilePayload

from automation.browser.pool import BrowserPool
from automation.sign_in.qr_code import find_qr_code
from tests.fakes.live_gateway import PATH, open_live_gateway, person_before
from tests.fakes.sign_in_site import CYAN, FILE_KEY, GREEN, MAGENTA, ORANGE, PASSWORD, USERNAME, SignInSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_a_form_and_a_one_time_code_are_typed_into_the_live_view(browsers: BrowserPool):
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "totp") as gateway,
        person_before(browsers, await gateway.link()) as person,
    ):
        await person.click(MAGENTA)
        await person.type(USERNAME)
        await person.click(CYAN)
        await person.type(PASSWORD)
        await person.click(ORANGE)
        await person.until_gone(CYAN)
        await person.click(MAGENTA)
        await person.type(site.totp.now())
        await person.page.keyboard.press("Enter")
        await gateway.until_state("signed_in")

    assert site.refused == []
    assert site.signed_in == ["totp"]
    assert await gateway.sessions.load() is not None


async def test_a_wrong_code_is_shown_by_the_site_and_can_be_corrected(browsers: BrowserPool):
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "totp") as gateway,
        person_before(browsers, await gateway.link()) as person,
    ):
        await person.click(MAGENTA)
        await person.type(USERNAME)
        await person.page.keyboard.press("Tab")
        await person.type(PASSWORD)
        await person.page.keyboard.press("Enter")
        await person.until_gone(CYAN)
        for code in ("000000", site.totp.now()):
            await person.click(MAGENTA)
            await person.type(code)
            await person.click(ORANGE)
            with anyio.fail_after(200):
                while not (site.refused or site.signed_in):
                    await anyio.lowlevel.checkpoint()
        await gateway.until_state("signed_in")

    assert site.refused == ["code"]


async def test_a_qr_code_that_rotates_is_scanned_from_what_the_live_view_shows(browsers: BrowserPool):
    async with (
        SignInSite.open(qr_period_s=4.0) as site,
        open_live_gateway(browsers, site, "qr") as gateway,
        person_before(browsers, await gateway.link()) as person,
    ):
        first = await gateway.until_state("qrcode")
        with anyio.fail_after(200):
            while (second := (await gateway.rest.get(PATH)).json())["qr"] in (None, first["qr"]):
                await anyio.lowlevel.checkpoint()
            # A phone before the person's screen sees the picture, not our document.
            while True:
                seen = await find_qr_code(await person.page.screenshot())
                if seen is not None and site.scan(seen.payload):
                    break
        await gateway.until_state("signed_in")

    offered = await find_qr_code(base64.b64decode(second["qr"]["png"].split(",")[1]))
    assert offered is not None
    assert offered.payload == second["qr"]["payload"] != first["qr"]["payload"]
    assert site.signed_in == ["qr"]


async def test_a_slider_is_dragged_in_the_live_view(browsers: BrowserPool):
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "slider") as gateway,
        person_before(browsers, await gateway.link()) as person,
    ):
        await person.drag(ORANGE, onto=CYAN)
        await gateway.until_state("signed_in")

    assert (site.signed_in, site.refused) == (["slider"], [])


async def test_a_checkbox_in_a_frame_of_another_site_is_clicked_in_the_live_view(browsers: BrowserPool):
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "checkbox") as gateway,
        person_before(browsers, await gateway.link()) as person,
    ):
        await person.click(ORANGE)
        await gateway.until_state("signed_in")

    assert site.signed_in == ["checkbox"]


async def test_the_live_view_ends_with_clear_words_when_the_site_shows_its_chat(browsers: BrowserPool):
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "slider") as gateway,
        person_before(browsers, await gateway.link()) as person,
    ):
        await person.drag(ORANGE, onto=CYAN)
        await person.find(GREEN)
        await gateway.until_state("signed_in")
        await person.page.get_by_text("Signed in. You can close this page.").wait_for()

    assert site.signed_in == ["slider"]


async def test_a_list_a_file_and_a_dialog_are_answered_through_the_live_views_own_page(browsers: BrowserPool):
    key_file = FilePayload(name="key.txt", mimeType="text/plain", buffer=FILE_KEY.encode())
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "choices") as gateway,
        person_before(browsers, await gateway.link()) as person,
    ):
        await person.click(MAGENTA)
        await person.page.get_by_role("option", name="member").click()
        await person.click(CYAN)
        await person.page.get_by_text("The page asks for a file.").wait_for()
        await person.page.locator("#chosen").set_input_files(key_file)
        await person.page.get_by_role("button", name="Give").click()
        await person.page.locator("#files").wait_for(state="hidden")
        await person.click(ORANGE)
        await person.page.get_by_text("Is this right?").wait_for()
        await person.page.get_by_role("button", name="OK").click()
        await gateway.until_state("signed_in")

    assert (site.signed_in, site.refused) == (["choices"], [])


async def test_a_window_that_the_site_opens_is_followed_and_its_closing_too(browsers: BrowserPool):
    async with (
        SignInSite.open() as site,
        open_live_gateway(browsers, site, "popup") as gateway,
        person_before(browsers, await gateway.link()) as person,
    ):
        await person.click(ORANGE)
        await person.click(MAGENTA)
        await gateway.until_state("signed_in")

    assert site.signed_in == ["popup"]
