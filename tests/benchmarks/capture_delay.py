"""Measures the delay of an answer's pieces from the server's write to our delta, on one, four and eight pages at once.

Every page streams 50 pieces a second in a browser context of its own, on the chat site's fetch page. Our two routes are
measured beside what people write first: a script that polls ``inner_text`` every 200 ms. The page's route tells a word
when the next one begins, which is in its delay.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import anyio
from playwright.async_api import Browser, async_playwright

from automation.browser.discovery import find_browser
from automation.browser.pool import BrowserPool, open_browser_pool
from automation.timing import Timeouts
from automation.turn import TextDelta, TurnEvent
from tests.fakes.chat_provider import open_provider, prompt_of
from tests.fakes.chat_site import FakeChatSite, SiteRequest

PAGES = (1, 4, 8)
POLL_S = 0.2
PIECE_MS = 20
PATIENCE = Timeouts(first_token_s=60, lease_s=60)


@dataclass(slots=True)
class Row:
    """Milliseconds of every piece, how many answers were not exact, and the pieces a second that the server wrote."""

    delays_ms: list[float] = field(default_factory=list)
    wrong: int = 0
    pieces_a_second: float = 0.0


def as_data(rows: dict[str, dict[int, Row]]) -> dict[str, dict[str, dict[str, float]]]:
    """Return what is worth keeping: percentiles in milliseconds, by route and pages."""
    return {
        route: {str(pages): _join_event_data(row) for pages, row in by_pages.items()}
        for route, by_pages in rows.items()
    }


def _join_event_data(row: Row) -> dict[str, float]:
    percentiles = statistics.quantiles(row.delays_ms, n=100)
    return {
        "pieces": len(row.delays_ms),
        "pieces_a_second": round(row.pieces_a_second, 1),
        "wrong": row.wrong,
        "p50_ms": round(percentiles[49], 1),
        "p95_ms": round(percentiles[94], 1),
    }


async def measure(seconds: float) -> dict[str, dict[int, Row]]:
    """Stream for about ``seconds`` on each number of pages; return the rows by route and pages."""
    words = max(10, int(seconds * 1000 / PIECE_MS * 5 / 8))
    prompt = f"[[count:{words}]][[slow:{PIECE_MS}]]"
    rows: dict[str, dict[int, Row]] = {"wire": {}, "page": {}, "polling inner_text": {}}
    async with open_browser_pool(None, max_pages=max(PAGES) + 2) as browsers:
        for pages in PAGES:
            rows["wire"][pages] = await _ours(browsers, pages, prompt, with_wire=True)
            rows["page"][pages] = await _ours(browsers, pages, prompt, with_wire=False)
    for pages in PAGES:
        rows["polling inner_text"][pages] = await _polling(pages, prompt)
    return rows


async def _ours(browsers: BrowserPool, pages: int, prompt: str, *, with_wire: bool) -> Row:
    row = Row()
    async with FakeChatSite.open() as site, AsyncExitStack() as stack:
        providers = [
            await stack.enter_async_context(
                open_provider(browsers, site, "fetch-sse", with_wire=with_wire, timeouts=PATIENCE)
            )
            for _ in range(pages)
        ]

        async def run(number: int) -> None:
            asked = f"{prompt} page {number}"
            async with providers[number].open_turn(prompt_of(asked)) as events:
                told, arrivals = await _arrivals(events)
            _note(row, _request(site, asked), told, arrivals)

        await _at_once(pages, run)
        row.pieces_a_second = _rate(site)
    return row


async def _arrivals(events: AsyncIterator[TurnEvent]) -> tuple[str, list[tuple[int, float]]]:
    """Return the text and, for each delta, how long the text was then, and when."""
    told, arrivals = "", []
    async for event in events:
        if isinstance(event, TextDelta):
            told += event.text
            arrivals.append((len(told), time.monotonic()))
    return told, arrivals


async def _polling(pages: int, prompt: str) -> Row:
    row = Row()
    async with FakeChatSite.open() as site, async_playwright() as playwright:
        executable = find_browser(None, playwright.chromium.executable_path).executable
        browser = await playwright.chromium.launch(executable_path=executable)

        async def run(number: int) -> None:
            asked = f"{prompt} page {number}"
            arrivals = await _poll(browser, site, asked)
            request = _request(site, asked)
            _note(row, request, request.answer.text, arrivals)

        await _at_once(pages, run)
        row.pieces_a_second = _rate(site)
        await browser.close()
    return row


async def _poll(browser: Browser, site: FakeChatSite, asked: str) -> list[tuple[int, float]]:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(site.page("fetch-sse"))
    await page.locator("textarea").first.fill(asked)
    await page.keyboard.press("Enter")
    await page.locator(".assistant .body").wait_for(state="attached")
    await site.wait_for(lambda _: any(request.prompt == asked for request in site.requests))
    request = _request(site, asked)
    arrivals: list[tuple[int, float]] = []
    while not arrivals or arrivals[-1][0] < len(request.answer.text):
        await anyio.sleep(POLL_S)
        shown = await page.locator(".assistant .body").last.inner_text()
        arrivals.append((len(shown), time.monotonic()))
    await context.close()
    return arrivals


async def _at_once(pages: int, run: Callable[[int], Coroutine[None, None, None]]) -> None:
    async with anyio.create_task_group() as tasks:
        for number in range(pages):
            tasks.start_soon(run, number)


def _request(site: FakeChatSite, asked: str) -> SiteRequest:
    return next(request for request in site.requests if request.prompt == asked)


def _note(row: Row, request: SiteRequest, told: str, arrivals: list[tuple[int, float]]) -> None:
    row.wrong += told != request.answer.text
    waiting = iter(request.written)
    piece = next(waiting, None)
    for length, at_s in arrivals:
        while piece is not None and piece[0] <= length:
            row.delays_ms.append((at_s - piece[1]) * 1000)
            piece = next(waiting, None)


def _rate(site: FakeChatSite) -> float:
    """Pieces a second and page that the server really wrote: a busy machine can't keep up."""
    pieces = sum(len(request.written) for request in site.requests)
    seconds = sum(request.written[-1][1] - request.written[0][1] for request in site.requests)
    return pieces / seconds
