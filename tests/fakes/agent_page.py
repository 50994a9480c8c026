"""A page of a test's own HTML with our agent in it, in a real Chromium."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from automation.browser.discovery import find_browser
from automation.page.agent import agent_profile, build_agent_script
from automation.profiles.validation import parse_profile

# A custom element with what is given it inside its open shadow root.
_SHADOW = """globalThis.inShadow = (host, html) => {
  const root = host.shadowRoot || host.attachShadow({ mode: "open" });
  root.innerHTML = html;
  return root;
};
true"""


class AgentPage:
    """Asks the agent of one page.

    Attributes:
        page: Playwright's.
        heard: What the agent pushed, oldest first.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.heard: list[dict[str, Any]] = []

    async def show(self, html: str, profile: dict[str, Any]) -> None:
        """Show this document, and put the agent of the profile into it."""
        await self.page.set_content(f"<!doctype html><body>{html}</body>")
        await self.page.evaluate(_SHADOW)
        self.heard.clear()
        told = json.dumps(
            agent_profile(parse_profile({"input": "textarea", "assistant_turn": ".bot"} | profile))
        )
        await self.page.evaluate(build_agent_script(told, "(text) => globalThis.parleyHear(text)"))

    async def call(self, name: str, *args: object) -> Any:
        """Call one of the agent's functions."""
        return await self.page.evaluate(
            "([name, args]) => globalThis.agent[name](...args)", [name, list(args)]
        )

    async def run(self, script: str) -> Any:
        """Evaluate JavaScript in the page."""
        return await self.page.evaluate(script)

    def hear(self, text: str) -> None:
        """Take what the agent pushes."""
        self.heard.append(json.loads(text))


@asynccontextmanager
async def open_agent_page() -> AsyncIterator[AgentPage]:
    """Open a browser with one page."""
    async with async_playwright() as playwright:
        found = find_browser(None, playwright.chromium.executable_path)
        browser: Browser = await playwright.chromium.launch(executable_path=found.executable)
        page = await browser.new_page()
        shown = AgentPage(page)
        await page.expose_function("parleyHear", shown.hear)
        yield shown
        await browser.close()
