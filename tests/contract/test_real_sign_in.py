"""The whole way of a sign-in: a request that needs a person, the page its error names, the live view, the answer."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from automation.browser.pool import open_browser_pool
from automation.stealth.options import BrowserConfig
from backend.providers.registry import open_providers
from tests.contract.conftest import run_gateway
from tests.fakes.chat_site import FakeChatSite, profile_data

# Milliseconds; it only guards against hanging.
expect.set_options(timeout=200_000)

pytestmark = [pytest.mark.browser]


async def test_a_request_that_needs_a_sign_in_leads_a_person_to_it_and_is_answered_after(tmp_path):
    async with (
        FakeChatSite.open() as site,
        run_gateway(tmp_path, providers=open_providers) as gateway,
        open_browser_pool(None, max_pages=5) as browsers,
    ):
        await gateway.create(base_url=site.url, profile=profile_data("login"), max_concurrent_requests=1)
        await gateway.rest.post("/api/endpoints/demo/start")
        await gateway.wait_for("demo", "authentication_required")
        refused = await gateway.ask()
        action_url = refused.json()["error"]["action_url"]

        context = await browsers.new_context(BrowserConfig(), None)
        page = await context.new_page()
        await page.goto(f"{gateway.url}{action_url}")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("#frame")).not_to_have_attribute("width", "640")
        # The person sees the form's first field in focus after one Tab, and types as anywhere.
        await page.click("canvas", position={"x": 400, "y": 300})
        for key in ("Tab", "a", "d", "a", "Tab", *"lovelace", "Enter"):
            await page.keyboard.press(key)
        await expect(page.locator("#status")).to_contain_text("igned in")
        await context.close()
        await gateway.wait_for("demo", "active")
        answered = await gateway.ask("[[echo:let in]]")

    assert refused.status_code == 503
    assert answered.json()["choices"][0]["message"]["content"] == "let in"
    assert site.sign_ins == [("ada", True)]


async def test_requests_wait_for_the_person_who_passes_a_check_and_are_answered_by_themselves(tmp_path):
    async with (
        FakeChatSite.open() as site,
        run_gateway(tmp_path, providers=open_providers) as gateway,
        open_browser_pool(None, max_pages=5) as browsers,
    ):
        await gateway.create(base_url=site.url, profile=profile_data("challenge-response"))
        await gateway.rest.post("/api/endpoints/demo/start")
        await gateway.wait_for("demo", "authentication_required")
        refused = await gateway.ask()
        [account] = (await gateway.rest.get("/api/endpoints/demo/accounts")).json()

        context = await browsers.new_context(BrowserConfig(), None)
        page = await context.new_page()
        await page.goto(f"{gateway.url}{refused.json()['error']['action_url']}")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("#frame")).not_to_have_attribute("width", "640")
        asking = asyncio.create_task(gateway.ask("[[echo:waited for]]"))
        # The check is a coloured box at the top left of the site's page.
        await page.click("#frame", position={"x": 100, "y": 110})
        await expect(page.locator("#status")).to_contain_text("igned in")
        answered = await asking
        await context.close()

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "challenge_required")
    assert account["state"] == "need_captcha"
    assert answered.json()["choices"][0]["message"]["content"] == "waited for"
