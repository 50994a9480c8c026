"""Each way of running a browser, looked at by the detectors and by our own self-check."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import anyio

from automation.browser.display import open_display
from automation.browser.examine import examine
from automation.browser.pool import BrowserPool
from automation.capture.network_tap import NetworkTap
from automation.owned_tasks import owned_tasks
from automation.page.agent import PageAgent
from automation.page.cdp import PageChannel, TargetTree
from automation.page.hands import PageInput
from automation.profiles.validation import parse_profile
from automation.stealth.check_site import open_check_site
from automation.stealth.options import BrowserConfig
from automation.stealth.self_check import Mismatch, mismatches
from tests.fakes.chromium import open_chromium
from tests.fakes.detectors import DetectorSite, Verdict

_PROFILE = parse_profile({"input": "#run", "send": "#run", "assistant_turn": ".none"})

MODES: dict[str, BrowserConfig] = {
    "playwright, headless": BrowserConfig(),
    "playwright, window": BrowserConfig(headless=False),
    "patchright, headless": BrowserConfig(driver="patchright"),
    "patchright, window": BrowserConfig(driver="patchright", headless=False),
    "cdp, window": BrowserConfig(driver="cdp", headless=False),
}
RECOMMENDED = BrowserConfig(
    driver="patchright", headless=False, timezone="Europe/Berlin", locale="de-DE", gl="llvmpipe"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one mode."""

    verdict: Verdict
    mismatches: list[Mismatch]


async def look_at(browsers: BrowserPool, config: BrowserConfig) -> Seen:
    """Have a browser of this configuration looked at; for ``cdp``, one that is started for it."""
    async with _attachable(config) as running, DetectorSite.open() as site:
        await _open_driven(browsers, running, site.url)
        verdict = await site.verdict()
        return Seen(verdict, mismatches(await examine(browsers, running), running))


async def look_at_undriven(*, headless: bool = False) -> Seen:
    """Have a browser looked at that nobody drives: its address was on the command line."""
    async with open_display() as display, DetectorSite.open() as site, open_check_site() as check:
        url = f"{site.url}?auto&next={quote(check.url, safe='')}"
        async with open_chromium(url, display, headless=headless):
            verdict = await site.verdict()
            with anyio.fail_after(200):
                sighting = await check.sighting()
    return Seen(verdict, mismatches(sighting, BrowserConfig(driver="cdp")))


@asynccontextmanager
async def _attachable(config: BrowserConfig) -> AsyncIterator[BrowserConfig]:
    if not config.is_attached:
        yield config
        return
    async with (
        open_display() as display,
        open_chromium("about:blank", display, attachable=True, headless=config.headless) as chromium,
    ):
        yield replace(config, cdp_url=chromium.cdp_url)


async def _open_driven(browsers: BrowserPool, config: BrowserConfig, url: str) -> None:
    """Open the page with all that a chat page gets, its agent and taps, and click on it."""
    context = await browsers.new_context(config, None)
    page = await context.new_page()
    try:
        async with owned_tasks() as tasks:

            def spawn(task: Coroutine[Any, Any, None]) -> None:
                tasks.start_soon(lambda: task)

            network = NetworkTap(("/result",), ("POST",), sockets=False, spawn=spawn)
            session = await context.new_cdp_session(page)

            async def prepare(channel: Any, kind: str) -> None:
                await network.attach(channel)
                await dom.attach(channel, kind)

            targets = TargetTree(PageChannel(session), prepare, spawn)
            dom = PageAgent(targets, _PROFILE)
            await targets.start()
            await page.goto(url)
            await dom.call("until", {"send_enabled": True}, 10_000, timeout_s=15)
            async with page.expect_response("**/result", timeout=60_000):
                await PageInput(page, dom).click("send", "starting the detectors")
    finally:
        await (page if config.is_attached else context).close()
