"""A check that wants a person is told from a page that is broken, and from a check that passes by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.account.credentials import Credentials
from automation.browser.pool import BrowserPool
from automation.errors import ChallengeRequiredError
from tests.fakes.chat_provider import PATIENCE, MemorySessions, Talk, ask, open_provider
from tests.fakes.chat_site import FakeChatSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize(
    "variant", ["challenge-response", "challenge-widget", "challenge-frame", "challenge-around"]
)
async def test_a_check_that_stays_needs_a_person(variant: str, browsers: BrowserPool, site: FakeChatSite):
    # A chat's frame that never comes is waited for as long; a page that is slow shows its check all the same.
    timeouts = replace(PATIENCE, ready_s=5.0)

    with pytest.raises(ChallengeRequiredError) as caught:
        async with open_provider(browsers, site, variant, timeouts=timeouts):
            pass

    assert caught.value.kind == "captcha"


@pytest.mark.parametrize("variant", ["challenge-response-passes", "challenge-widget-passes"])
async def test_a_check_that_passes_by_itself_disturbs_nobody(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant) as provider:
        reply = await ask(provider, "[[echo:passed]]")

    assert reply.text == "passed"


async def test_a_check_that_comes_over_the_frame_of_a_chat_needs_a_person(
    browsers: BrowserPool, site: FakeChatSite
):
    check = "document.body.insertAdjacentHTML('beforeend', `<div class=geetest_box style='position: fixed; inset: 0'>Slide</div>`)"
    timeouts = replace(PATIENCE, send_confirm_s=5.0)
    async with open_provider(browsers, site, "iframe-port", with_wire=False, timeouts=timeouts) as provider:
        talk = Talk(provider)
        await talk.say("[[echo:before]]")
        await talk.until_kept()
        (page,) = provider.pool.pages
        await page.connection.page.evaluate(check)
        with pytest.raises(ChallengeRequiredError):
            await talk.say("[[echo:covered]]")


@pytest.mark.parametrize("with_wire", [True, False])
async def test_a_check_after_the_prompt_was_sent_needs_a_person(
    with_wire: bool, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "challenge-on-send", with_wire=with_wire) as provider:
        with pytest.raises(ChallengeRequiredError):
            await ask(provider, "Hello")


async def test_a_page_whose_profile_knows_its_qr_code_wants_a_phone(
    browsers: BrowserPool, site: FakeChatSite
):
    challenge = {"qrcode": "h1", "captcha": []}

    with pytest.raises(ChallengeRequiredError) as caught:
        async with open_provider(browsers, site, "not-chat", challenge=challenge, input="textarea.prompt"):
            pass

    assert caught.value.kind == "qrcode"


async def test_a_visit_signs_in_again_where_the_session_ran_out(browsers: BrowserPool, site: FakeChatSite):
    ada = Credentials("ada", "lovelace")

    async with open_provider(browsers, site, "login", credentials=ada) as provider:
        site.log_out_everyone()
        await provider.visit()
        assert (await ask(provider, "[[echo:still here]]")).text == "still here"

    assert site.sign_ins == [("ada", True), ("ada", True)]
    assert [request.ended for request in site.requests] == ["done"]


async def test_a_form_that_asks_for_a_one_time_password_gets_it(browsers: BrowserPool, site: FakeChatSite):
    sessions = MemorySessions()
    ada = Credentials("ada", "lovelace", site.totp_secret)

    async with open_provider(browsers, site, "login-totp", credentials=ada, sessions=sessions) as provider:
        assert (await ask(provider, "[[echo:in]]")).text == "in"

    assert site.sign_ins == [("ada", True)]
    assert sessions.state is not None
