"""Measures what driving a page adds to a turn, beside a naive Playwright script on the same page in the same run.

Both answer the same short prompts on the chat site's fetch page, warm, one after the other. The naive script is what
people write first: ``fill``, Enter, then poll ``inner_text`` every 500 ms until it has been quiet for 2 s.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from playwright.async_api import Page, async_playwright

from automation.browser.discovery import find_browser
from demo.processes import free_port
from tests.fakes.chat_site import FakeChatSite, profile_data

ROOT = Path(__file__).resolve().parents[2]
MEASURES = ("request to page's request", "last chunk to end of response")
POLL_S, QUIET_S = 0.5, 2.0


async def measure(turns: int) -> dict[str, dict[str, list[float]]]:
    """Return, for each driver, milliseconds of every turn by measure."""
    async with FakeChatSite.open() as site:
        return {
            "this gateway": await _with_gateway(site, turns),
            "naive Playwright script": await _with_naive_script(site, turns),
        }


def _row(site: FakeChatSite, started_s: float, ended_s: float, sample: dict[str, list[float]]) -> None:
    request = site.requests[-1]
    sample[MEASURES[0]].append((request.received_s - started_s) * 1000)
    sample[MEASURES[1]].append((ended_s - request.ended_s) * 1000)


async def _with_gateway(site: FakeChatSite, turns: int) -> dict[str, list[float]]:
    sample: dict[str, list[float]] = {name: [] for name in MEASURES}
    async with open_gateway() as base_url, httpx.AsyncClient(base_url=base_url, timeout=60) as client:
        profile = {key: value for key, value in profile_data("fetch-sse").items() if key != "name"}
        body = {"name": "bench", "provider_type": "web_chat", "base_url": site.url, "profile": profile}
        (await client.post("/api/endpoints/", json=body)).raise_for_status()
        (await client.post("/api/endpoints/bench/start")).raise_for_status()
        while (await client.get("/api/endpoints/bench")).json()["state"] != "active":
            await asyncio.sleep(0.1)
        for turn in range(turns + 2):
            ask = {"model": "bench", "messages": [{"role": "user", "content": f"[[echo:answer {turn}]]"}]}
            started_s = time.monotonic()
            answer = await client.post("/v1/chat/completions", json=ask)
            ended_s = time.monotonic()
            assert answer.is_success, answer.text
            assert answer.json()["choices"][0]["message"]["content"] == f"answer {turn}"
            if turn > 1:
                _row(site, started_s, ended_s, sample)
            # A person reads before asking again; back to back, the next page would still be settling.
            await asyncio.sleep(0.5)
    return sample


@asynccontextmanager
async def open_gateway() -> AsyncIterator[str]:
    """Run the gateway of this checkout in a process of its own; yields its address."""
    with tempfile.TemporaryDirectory() as data:
        port = free_port()
        environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "DATA_DIR": data, "AUTH": "off"}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "backend.main",
            cwd=ROOT,
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with httpx.AsyncClient() as client:
                while True:
                    try:
                        await client.get(f"http://127.0.0.1:{port}/health")
                        break
                    except httpx.TransportError:
                        await asyncio.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            await process.wait()


async def _with_naive_script(site: FakeChatSite, turns: int) -> dict[str, list[float]]:
    sample: dict[str, list[float]] = {name: [] for name in MEASURES}
    async with async_playwright() as playwright:
        executable = find_browser(None, playwright.chromium.executable_path).executable
        browser = await playwright.chromium.launch(executable_path=executable)
        page = await browser.new_page()
        await page.goto(site.page("fetch-sse"))
        for turn in range(min(turns, 10)):
            started_s = time.monotonic()
            text = await _naive_turn(page, f"[[echo:answer {turn}]]")
            ended_s = time.monotonic()
            assert f"answer {turn}" in text
            _row(site, started_s, ended_s, sample)
        await browser.close()
    return sample


async def _naive_turn(page: Page, prompt: str) -> str:
    await page.locator("textarea").first.fill(prompt)
    await page.keyboard.press("Enter")
    text, quiet_s = "", 0.0
    while not text or quiet_s < QUIET_S:
        await asyncio.sleep(POLL_S)
        answers = page.locator(".assistant")
        now = await answers.last.inner_text() if await answers.count() else ""
        quiet_s = quiet_s + POLL_S if now == text else 0.0
        text = now
    return text
