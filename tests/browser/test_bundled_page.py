"""The demo's bundled page in a real browser: it is a chat page as any other."""

import pytest
from playwright.async_api import Page, async_playwright, expect

from automation.browser.discovery import find_browser
from demo.bundled_site import answer_to, serve_bundled

pytestmark = pytest.mark.browser


@pytest.fixture
async def page():
    async with async_playwright() as playwright:
        found = find_browser(None, playwright.chromium.executable_path)
        browser = await playwright.chromium.launch(executable_path=found.executable)
        yield await browser.new_page()
        await browser.close()


async def test_the_page_shows_the_whole_answer_and_offers_to_send_again(page: Page):
    with serve_bundled("127.0.0.1", 0, word_pause_s=0) as port:
        await page.goto(f"http://127.0.0.1:{port}/")

        await page.locator("#prompt").fill("two words")
        await page.keyboard.press("Enter")

        await expect(page.locator("#send")).to_be_visible()
        assert await page.locator("article[data-role=user]").text_content() == "two words"
        assert await page.locator("article[data-role=assistant]").text_content() == answer_to("two words")


async def test_the_stop_button_ends_an_answer_where_it_is(page: Page):
    with serve_bundled("127.0.0.1", 0, word_pause_s=0.2) as port:
        await page.goto(f"http://127.0.0.1:{port}/")
        await page.locator("#prompt").fill("go on")
        await page.locator("#send").click()
        await expect(page.locator("article[data-role=assistant]")).to_contain_text("This is")

        await page.locator("#stop").click()

        await expect(page.locator("#send")).to_be_visible()
        assert answer_to("go on").startswith(await page.locator("article[data-role=assistant]").inner_text())
        assert not await page.locator("#error").is_visible()


async def test_a_server_that_refuses_is_shown_as_an_error(page: Page):
    with serve_bundled("127.0.0.1", 0) as port:
        await page.goto(f"http://127.0.0.1:{port}/")
        await page.route("**/v1/chat/completions", lambda route: route.fulfill(status=503))

        await page.locator("#prompt").fill("hello")
        await page.locator("#send").click()

        error = page.locator("#error")
        await error.wait_for()
        assert await error.text_content() == "The server answered 503."
