"""A running browser for the tests of a file, and a chat site of its own for each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import expect

from automation.browser.pool import BrowserPool, open_browser_pool
from tests.fakes.chat_site import FakeChatSite

# Milliseconds; it only guards against hanging.
expect.set_options(timeout=200_000)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browsers() -> AsyncIterator[BrowserPool]:
    opened: asyncio.Future[BrowserPool] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def hold() -> None:
        # In a task of its own: a fixture is set up and torn down by different ones.
        async with open_browser_pool(None, max_pages=10) as pool:
            opened.set_result(pool)
            await done.wait()

    holder = asyncio.create_task(hold())
    yield await opened
    done.set()
    await holder


@pytest_asyncio.fixture(loop_scope="module")
async def site() -> AsyncIterator[FakeChatSite]:
    async with FakeChatSite.open() as running:
        running.first_token_wait_s = 1.0
        yield running
