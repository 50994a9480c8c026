"""When the chat site refuses, breaks or logs out, the client gets the right error and the next turn works."""

from __future__ import annotations

import socket

import pytest

from automation.browser.pool import BrowserPool
from automation.errors import (
    AutomationError,
    FirstTokenTimeout,
    IdleTimeout,
    PageLostError,
    PromptRejectedError,
    PromptTooLargeError,
    RateLimitedError,
    SignInRequiredError,
    SiteChangedError,
    SiteError,
    UnreachableError,
)
from automation.timing import Timeouts
from automation.turn import TextDelta
from automation.web_provider.chat_site import ChatSite, Credentials
from tests.fakes.chat_provider import ADA, MemorySessions, ask, open_provider, prompt_of
from tests.fakes.chat_site import ERROR_WORDS, LIMIT_WORDS, WRONG_PASSWORD_WORDS, FakeChatSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

TRANSPORTS = ["fetch-sse", "eventsource", "websocket", "xhr", "worker", "dom-only"]


async def text_before_error(provider: ChatSite, text: str) -> tuple[str, AutomationError]:
    """Run a turn that must fail; return what a client had of it, and the error."""
    told = ""
    try:
        async with provider.open_turn(prompt_of(text)) as events:
            async for event in events:
                told += event.text if isinstance(event, TextDelta) else ""
    except AutomationError as error:
        return told, error
    pytest.fail(f"the turn ended without an error, having told {told!r}")


async def assert_works(provider: ChatSite) -> None:
    assert (await ask(provider, "[[echo:It works again.]]")).text == "It works again."


# -- the site says no -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", [*TRANSPORTS, "error-banner", "iframe", "shadow"])
async def test_an_error_of_the_site_is_passed_on_in_its_words(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant) as provider:
        told, error = await text_before_error(provider, "[[error]]")
        await assert_works(provider)

    assert told == ""
    assert type(error) is SiteError
    assert ERROR_WORDS in error.site_message


@pytest.mark.parametrize("variant", [*TRANSPORTS, "limit-200"])
async def test_a_rate_limit_with_status_200_is_no_empty_answer(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant) as provider:
        told, error = await text_before_error(provider, "[[limit]]")
        await assert_works(provider)

    assert told == ""
    assert type(error) is RateLimitedError
    assert LIMIT_WORDS in error.site_message


@pytest.mark.parametrize("variant", TRANSPORTS)
async def test_an_error_in_the_middle_is_never_a_whole_answer(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant) as provider:
        told, error = await text_before_error(provider, "[[count:60]][[error-mid]]")
        await assert_works(provider)

    assert site.requests[0].answer.text.startswith(told)
    assert type(error) is SiteError
    assert ERROR_WORDS in error.site_message


@pytest.mark.parametrize("variant", [*TRANSPORTS, "cut"])
async def test_a_cut_connection_is_never_a_whole_answer(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant) as provider:
        told, error = await text_before_error(provider, "[[count:60]][[cut]]")
        await assert_works(provider)

    assert site.requests[0].answer.text.startswith(told)
    assert told != site.requests[0].answer.text
    assert type(error) is SiteError


@pytest.mark.parametrize("variant", ["navigates-away", "reload-midway"])
@pytest.mark.parametrize("with_wire", [True, False])
async def test_a_page_that_leaves_in_mid_answer_is_lost(
    variant: str, with_wire: bool, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, variant, with_wire=with_wire) as provider:
        told, error = await text_before_error(provider, "[[count:400]]")
        # Few enough pieces that this page stays.
        after = await ask(provider, "[[echo:Short.]]")

    assert told != site.requests[0].answer.text
    assert isinstance(error, PageLostError)
    assert after.text == "Short."


@pytest.mark.parametrize(
    ("tags", "error"), [("[[wait:60]]", FirstTokenTimeout), ("[[count:40]][[pause:60]]", IdleTimeout)]
)
@pytest.mark.parametrize("variant", ["fetch-sse", "dom-only"])
async def test_silence_ends_in_the_error_that_names_it(
    variant: str, tags: str, error: type[AutomationError], browsers: BrowserPool, site: FakeChatSite
):
    timeouts = Timeouts(first_token_s=3.0, idle_s=3.0, lease_s=30.0)

    async with open_provider(browsers, site, variant, timeouts=timeouts) as provider:
        _, caught = await text_before_error(provider, tags)
        await assert_works(provider)

    assert type(caught) is error
    await site.wait_for(lambda s: s.requests[0].ended == "aborted")


# -- prompts that can't be sent -------------------------------------------------------------------------------------


async def test_a_single_line_input_refuses_line_ends_before_sending(
    browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "single-line") as provider:
        _, error = await text_before_error(provider, "two\nlines")
        await assert_works(provider)

    assert isinstance(error, PromptRejectedError)
    assert len(site.requests) == 1


async def test_a_single_line_input_joins_lines_where_the_profile_says_so(
    browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "single-line", single_line_input="flatten") as provider:
        await ask(provider, "two\nlines")

    assert site.requests[0].prompt == "two lines"


async def test_a_prompt_that_the_page_cuts_silently_is_not_sent(browsers: BrowserPool, site: FakeChatSite):
    async with open_provider(browsers, site, "max-length") as provider:
        _, error = await text_before_error(provider, "x" * 3000)
        await assert_works(provider)

    assert isinstance(error, PromptTooLargeError)
    assert (error.size_characters, error.limit_characters) == (3000, 2000)
    assert len(site.requests) == 1


# -- pages that are no chat -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["not-html", "http-500", "unheard-of"])
async def test_an_address_without_a_page_is_unreachable(page: str, browsers: BrowserPool, site: FakeChatSite):
    with pytest.raises(UnreachableError):
        async with open_provider(browsers, site, "fetch-sse", path=f"/v/{page}"):
            pass


async def test_a_closed_port_is_unreachable(browsers: BrowserPool, site: FakeChatSite):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(UnreachableError):
        async with open_provider(browsers, site, "fetch-sse", path=f"http://127.0.0.1:{port}/"):
            pass


async def test_a_page_without_a_prompt_field_names_the_key(browsers: BrowserPool, site: FakeChatSite):
    with pytest.raises(SiteChangedError) as caught:
        async with open_provider(browsers, site, "not-chat", timeouts=Timeouts(ready_s=1.0)):
            pass

    assert caught.value.profile_key == "input"
    assert caught.value.screenshot is not None


# -- signing in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["login", "login-two-step"])
async def test_the_form_is_filled_and_the_session_is_used_again_later(
    variant: str, browsers: BrowserPool, site: FakeChatSite
):
    sessions = MemorySessions()

    async with open_provider(browsers, site, variant, credentials=ADA, sessions=sessions) as provider:
        await assert_works(provider)
    async with open_provider(browsers, site, variant, sessions=sessions) as provider:
        await assert_works(provider)

    assert site.sign_ins == [("ada", True)]
    assert len(site.requests) == 2


async def test_pages_at_once_sign_in_once(browsers: BrowserPool, site: FakeChatSite):
    async with (
        open_provider(browsers, site, "login", credentials=ADA, max_pages=3) as provider,
        provider.open_turn(prompt_of("[[gate]]")),
        provider.open_turn(prompt_of("[[gate]]")),
    ):
        await site.wait_for(lambda s: sum(r.is_at_gate for r in s.requests) == 2, timeout_s=60)

    assert site.sign_ins == [("ada", True)]


async def test_a_refused_password_is_told_in_the_sites_words_and_tried_once(
    browsers: BrowserPool, site: FakeChatSite
):
    wrong = Credentials("ada", "byron")

    with pytest.raises(SignInRequiredError) as caught:
        async with open_provider(browsers, site, "login", credentials=wrong):
            pass

    assert WRONG_PASSWORD_WORDS in caught.value.reason
    assert site.sign_ins == [("ada", False)]


async def test_without_credentials_a_sign_in_form_needs_a_person(browsers: BrowserPool, site: FakeChatSite):
    with pytest.raises(SignInRequiredError):
        async with open_provider(browsers, site, "login"):
            pass

    assert site.sign_ins == []


@pytest.mark.parametrize("with_wire", [True, False])
async def test_after_a_log_out_in_mid_use_the_account_signs_in_again_and_is_asked(
    with_wire: bool, browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "login", with_wire=with_wire, credentials=ADA) as provider:
        await assert_works(provider)
        site.log_out_everyone()
        told = await ask(provider, "[[echo:Still here.]]")

    assert told.text == "Still here."
    assert [one.prompt for one in site.requests].count("[[echo:Still here.]]") == 1
    assert site.sign_ins == [("ada", True), ("ada", True)]


async def test_after_a_log_out_a_stored_session_alone_needs_a_person(
    browsers: BrowserPool, site: FakeChatSite
):
    sessions = MemorySessions()
    async with open_provider(browsers, site, "login", credentials=ADA, sessions=sessions) as provider:
        await assert_works(provider)

    async with open_provider(browsers, site, "login", sessions=sessions) as provider:
        site.log_out_everyone()
        _, error = await text_before_error(provider, "[[echo:Lost.]]")

    assert isinstance(error, SignInRequiredError)
