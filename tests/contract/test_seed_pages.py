"""The documents' programs that drive pages, in a real browser: by selectors, and as a provider of a chat page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from automation import StealthBrowser, WebProviderBase
from automation.errors import AutomationError, SignInRequiredError, UnreachableError
from automation.library.interface import ProviderContext, ProviderStatus
from automation.library.stealth_browser import ElementNotFoundError
from backend.providers import CallParams, Config
from backend.providers.library.exceptions import TokenExpired
from tests.contract.test_seed_snippets import run
from tests.fakes.chat_site import MARKDOWN, FakeChatSite, profile_data

pytestmark = [pytest.mark.browser]

FORM = """<!doctype html><title>Form</title>
<input id="input"><button id="submit">Send</button><button id="late" disabled>Late</button>
<p id="response"></p>
<script>
  document.querySelector('#submit').onclick = (event) => {
    const said = document.querySelector('#input').value;
    document.querySelector('#response').textContent = `${event.isTrusted} ${navigator.webdriver} ${said}`;
  };
</script>"""


@asynccontextmanager
async def served(html: str) -> AsyncIterator[str]:
    """Serve one page on a free loopback port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = html.encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
        writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


async def test_the_stealth_browser_of_the_document_works_a_page():
    program = """
    from automation import StealthBrowser

    # Create stealth browser
    browser = StealthBrowser("my_browser", headless=True)
    await browser.initialize()

    # Navigate and interact
    await browser.navigate(url)
    await browser.type_text("#input", "Hello world")
    await browser.click_element("#submit")

    # Get response
    response = await browser.get_text("#response")
    print(response)

    await browser.cleanup()
    """

    async with served(FORM) as url:
        printed = await run(program, url=url)

    assert printed == "true false Hello world"


async def test_what_is_typed_arrives_exactly_also_where_it_is_on_no_key_or_long():
    text = "Größe 日本語 🙂 & <b>"
    async with served(FORM) as url, StealthBrowser(timeout_s=10) as browser:
        await browser.navigate(url)
        await browser.type_text("#input", text)
        await browser.type_text("#input", "x" * 5000)
        value = await browser.page.locator("#input").input_value()

    assert value == text + "x" * 5000


async def test_a_browser_tells_what_it_could_not_do():
    async with StealthBrowser(timeout_s=0.5) as browser:
        await browser.page.set_content(FORM)

        for step in (
            browser.click_element("#nothing"),
            browser.click_element("#late"),
            browser.get_text("#no"),
        ):
            with pytest.raises(ElementNotFoundError) as caught:
                await step
            assert "within 0.5 s" in str(caught.value)
        with pytest.raises(ElementNotFoundError):
            await browser.click_element("###")


async def test_the_browsers_late_page_about_a_dead_address_does_not_stand_in_the_next_ones_way():
    async with served(FORM) as url, StealthBrowser() as browser:
        for _ in range(8):
            with pytest.raises(UnreachableError):
                await browser.navigate("http://127.0.0.1:1/")
            await browser.navigate(url)

            assert browser.page.url == url


async def test_a_browser_that_is_not_open_says_what_to_call():
    browser = StealthBrowser("mine")

    with pytest.raises(AutomationError, match=r"'mine' is not open; call initialize"):
        await browser.get_text("#a")
    await browser.cleanup()


SELECTORS = {
    "chat_input": "textarea.prompt",
    "send_button": "button.send",
    "response_area": ".turn.assistant",
    "stop": "button.stop",
    "user_turn": ".turn.user",
    "answer": ".body",
    "finished": ".actions",
    "error": [".banner", ".notice"],
    "new_chat": {"click": "button.new-chat"},
    "exclude": [".code-bar", ".actions"],
}

MY_WEB = """
from automation import WebProviderBase
from backend.providers import register_provider, ProviderFactory, ProviderManager

@register_provider("my_web")
class MyWebProvider(WebProviderBase):
    def __init__(self, name, provider_type, config):
        super().__init__(name, provider_type, config)

        # Set your selectors
        self.selectors.update(SELECTORS)

    async def _authenticate(self):
        # Implement authentication
        pass

    async def _wait_for_response(self):
        # Implement response waiting
        pass

web_config = {
    "type": "web_automation",
    "base_url": url,
    "headless": True,
}
async with ProviderManager() as manager:
    await manager.add_provider(ProviderFactory.create_provider("my_web", web_config))
    response = await manager.send_message("my_web", "[[md:code]]")
    print(response.success, response.error)
    streamed = [text async for text in manager.stream_message("my_web", "[[echo:still here]]")]
    print("".join(streamed), await manager.test_provider("my_web"))
    stats = await manager.get_provider_stats()
    print(stats["my_web"]["status"], stats["my_web"]["type"])
    answer.append(response.content)
"""


async def test_a_web_provider_of_the_document_answers_through_a_chat_page():
    answer: list[str] = []
    async with FakeChatSite.open() as site:
        url = f"{site.url}/v/fetch-sse"
        printed = await run(MY_WEB, url=url, SELECTORS=SELECTORS, answer=answer)

    assert printed == "True None\nstill here True\nactive web_automation"
    assert answer == [MARKDOWN["code"]]


class SignsIn(WebProviderBase):
    """Signs in by its own hand, as a subclass may."""

    password = "lovelace"

    async def _authenticate(self) -> bool | None:
        assert self.browser is not None
        await self.browser.type_text("form.login input[name='username']", "ada")
        await self.browser.type_text("form.login input[name='password']", self.password)
        await self.browser.click_element("form.login button[type='submit']")
        if self.password != "lovelace":
            return "session" in {cookie["name"] for cookie in await self.browser.page.context.cookies()}
        await self.browser.get_text(".new-chat")
        return None


async def test_a_subclass_signs_in_with_the_browser_that_it_is_given():
    async with FakeChatSite.open() as site:
        config = {
            "base_url": f"{site.url}/v/login",
            "login_url": f"{site.url}/login/login",
            "selectors": SELECTORS,
        }
        async with SignsIn("mine", config=config) as provider:
            await provider.initialize(ProviderContext("mine"))
            response = await provider.send_message("[[echo:in]]")
            state = provider.status

        assert (response.content, state) == ("in", ProviderStatus.ACTIVE)
        assert site.sign_ins == [("ada", True)]


async def test_a_sign_in_that_does_not_work_is_told_and_closes_everything():
    class Refused(SignsIn):
        password = "wrong"

    async with FakeChatSite.open() as site:
        config = {
            "base_url": f"{site.url}/v/login",
            "login_url": f"{site.url}/login/login",
            "selectors": SELECTORS,
        }
        provider = Refused("mine", config=config)

        with pytest.raises(SignInRequiredError, match="_authenticate"):
            await provider.initialize(ProviderContext("mine"))

    assert provider.status is ProviderStatus.AUTHENTICATION_REQUIRED
    assert await provider.health_check() is False


async def test_a_page_of_a_config_signs_its_account_in_and_keeps_the_session_sealed(tmp_path):
    async with FakeChatSite.open() as site:
        entry = {
            "base_url": site.url,
            "profile": profile_data("login"),
            "accounts": [{"email": "ada", "password": "lovelace"}],
            "rate_limit": {"max_requests_per_period": 10, "period_seconds": 60.0},
        }
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"providers": {"deepseek": entry}}))
        params = CallParams([{"role": "user", "content": "[[echo:hello]]"}], enable_search=True)

        async with Config(path) as config:
            provider = await config.create_provider("deepseek")
            result = await provider.call(params)
            accounts = provider.accounts
        async with Config(path) as config:
            again = await (await config.create_provider("deepseek")).call(params)

        assert (result.content, again.content) == ("hello", "hello")
        assert result.metadata["ignored"] == ["enable_search"]
        assert [(one.id, one.status) for one in accounts] == [("account-1", "idle")]
        assert site.sign_ins == [("ada", True)]
        kept = b"".join(file.read_bytes() for file in (tmp_path / "data" / "sessions").iterdir())
        assert kept
        assert all(session.encode() not in kept for session in site.sessions)


async def test_a_page_whose_account_is_refused_is_a_token_that_expired(tmp_path):
    async with FakeChatSite.open() as site:
        entry = {
            "base_url": site.url,
            "profile": profile_data("login"),
            "accounts": [{"email": "ada", "password": "wrong"}],
        }
        document = {"providers": {"deepseek": entry}, "data_dir": str(tmp_path)}

        async with Config(document) as config:
            provider = await config.create_provider("deepseek")
            with pytest.raises(TokenExpired):
                await provider.call(CallParams([{"role": "user", "content": "Hi"}]))
            assert provider.accounts[0].status == "need_login"
