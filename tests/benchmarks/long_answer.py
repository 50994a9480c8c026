"""Measures a long answer on pages that render it anew at each token, beside what the page needs without the gateway.

In one run each page is asked once by plain Playwright, which sends the prompt and waits for the page's stop control to come
and go, and once through the gateway, read from the wire and from the page. The client's longest wait for anything, a
ping or a piece, is told with it. Pages: the chat site's own, and the real ones whose folders ``RIGS_DIR`` names.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import httpx
import yaml
from playwright.async_api import Browser, Page, async_playwright

from automation.browser.discovery import find_browser
from demo.processes import free_port
from tests.benchmarks.turn_overhead import ROOT, open_gateway
from tests.browser.test_real_uis import running, until_it_answers
from tests.fakes.chat_site import FakeChatSite, answer_to, profile_data

BAR = 1.2
"""The most that a turn may take, in times of what the page alone needs."""

CHARACTERS = 30_000
RIGS = ("gradio", "deep-chat")
_INSTALL_S = 1500.0
_PATIENCE_MS = 600_000

Route = Literal["wire", "dom"]


@dataclass(frozen=True, slots=True)
class LongPage:
    """A page, and a prompt whose answer is long."""

    name: str
    url: str
    profile: dict[str, Any]
    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds of one answer; ``silence_s`` is the longest that the client heard nothing after the first byte."""

    page: str
    route: Route
    characters: int
    alone_s: float
    through_s: float
    silence_s: float
    is_exact: bool
    error: str

    @property
    def ratio(self) -> float:
        """How many times as long the turn takes as the page alone."""
        return self.through_s / self.alone_s


async def measure(characters: int = CHARACTERS) -> AsyncIterator[Row]:
    """Yield a row for each page and route, as soon as it is measured."""
    async with open_gateway() as gateway, _open_browser() as browser:
        async with FakeChatSite.open() as site:
            async for row in _measure_page(gateway, browser, _page_of_site(site, characters)):
                yield row
        for name in RIGS if os.environ.get("RIGS_DIR") else ():
            async with _open_rig(name) as page:
                async for row in _measure_page(gateway, browser, page):
                    yield row


def _page_of_site(site: FakeChatSite, characters: int) -> LongPage:
    profile = {key: value for key, value in profile_data("rerender").items() if key != "name"}
    prompt = f"[[long:{characters}]][[chunk:20]][[slow:10]]"
    return LongPage("the chat site's, all anew", site.url, profile, prompt, answer_to(prompt).text)


@asynccontextmanager
async def _open_rig(name: str) -> AsyncIterator[LongPage]:
    rigs = Path(os.environ["RIGS_DIR"])
    upstream, port = free_port(), free_port()
    mock = [sys.executable, str(rigs / "mock_llm.py"), "--port", str(upstream)]
    rig = ["bash", str(rigs / name / "start.sh"), str(port), f"http://127.0.0.1:{upstream}"]
    url = f"http://127.0.0.1:{port}/"
    log = Path(os.devnull)
    with running(mock, log), running(rig, log):
        await until_it_answers(url, _INSTALL_S)
        profile = yaml.safe_load((ROOT / "selectors" / f"{name}.yaml").read_text("utf-8"))
        answer = (rigs / "corpus" / "long.md").read_text("utf-8")
        yield LongPage(name, url, profile, "[[case:long]][[chunk:8]]", answer)


async def _measure_page(gateway: str, browser: Browser, page: LongPage) -> AsyncIterator[Row]:
    alone_s = await _time_alone(browser, page)
    async with httpx.AsyncClient(base_url=gateway, timeout=600) as client:
        for route in get_args(Route):
            yield await _time_through(client, page, route, alone_s)


# -- the page alone ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _open_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        executable = find_browser(None, playwright.chromium.executable_path).executable
        browser = await playwright.chromium.launch(executable_path=executable)
        yield browser
        await browser.close()


async def _time_alone(browser: Browser, page: LongPage) -> float:
    """Return the seconds from the send until the page's stop control is gone."""
    context = await browser.new_context(viewport={"width": 1366, "height": 900})
    tab = await context.new_page()
    tab.set_default_timeout(_PATIENCE_MS)
    await tab.goto(page.url.rstrip("/") + page.profile.get("path", "/"))
    await tab.locator(_css_of(page, "input")).first.click()
    await tab.keyboard.insert_text(page.prompt)
    started_s = time.monotonic()
    await tab.locator(_css_of(page, "send")).first.click()
    await _until_answered(tab, _css_of(page, "stop"))
    took_s = time.monotonic() - started_s
    await context.close()
    return took_s


async def _until_answered(tab: Page, stop: str) -> None:
    await tab.locator(stop).first.wait_for(state="visible")
    await tab.locator(stop).first.wait_for(state="hidden")


def _css_of(page: LongPage, role: str) -> str:
    """Return CSS for the first selector of a role; Playwright's looks through open shadow roots, too."""
    selectors = page.profile[role]
    first = selectors[0] if isinstance(selectors, list) else selectors
    if isinstance(first, str):
        return first
    text = first["text"] if isinstance(first["text"], str) else first["text"][0]
    return f'{first["css"]}:has-text("{text}")'


# -- through the gateway -----------------------------------------------------------------------------------------------


async def _time_through(client: httpx.AsyncClient, page: LongPage, route: Route, alone_s: float) -> Row:
    body = {
        "name": f"long {page.name} {route}",
        "provider_type": "web_chat",
        "base_url": page.url,
        "profile": {key: value for key, value in page.profile.items() if route == "wire" or key != "wire"},
    }
    slug = (await client.post("/api/endpoints/", json=body)).raise_for_status().json()["slug"]
    await client.post(f"/api/endpoints/{slug}/start")
    while (await client.get(f"/api/endpoints/{slug}")).json()["state"] != "active":
        await asyncio.sleep(0.1)
    # The page that waits for a prompt is loaded by now, as the one of plain Playwright is.
    heard = await _ask(client, slug, page.prompt)
    (await client.delete(f"/api/endpoints/{slug}")).raise_for_status()
    is_exact = not heard.error and heard.text.strip() == page.answer.strip()
    return Row(
        page.name, route, len(page.answer), alone_s, heard.took_s, heard.silence_s, is_exact, heard.error
    )


@dataclass(slots=True)
class _Heard:
    text: str = ""
    error: str = ""
    took_s: float = 0.0
    silence_s: float = 0.0


async def _ask(client: httpx.AsyncClient, slug: str, prompt: str) -> _Heard:
    heard = _Heard()
    ask = {"model": slug, "messages": [{"role": "user", "content": prompt}], "stream": True}
    started_s = time.monotonic()
    async with client.stream("POST", "/v1/chat/completions", json=ask) as response:
        last_s = time.monotonic()
        async for line in response.aiter_lines():
            heard.silence_s = max(heard.silence_s, time.monotonic() - last_s)
            last_s = time.monotonic()
            if line.startswith("data: {"):
                _take(heard, json.loads(line.removeprefix("data: ")))
    heard.took_s = time.monotonic() - started_s
    return heard


def _take(heard: _Heard, chunk: dict[str, Any]) -> None:
    if "error" in chunk:
        heard.error = f"{chunk['error']['code']}: {chunk['error']['message']}"
    heard.text += "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", ()))
