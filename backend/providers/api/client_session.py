"""The connections to APIs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp


@asynccontextmanager
async def open_api_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Hold connections to any number of APIs, without a limit of ours and without cookies.

    How many requests go to an API at once is what its endpoint says; a cookie of one provider is nobody else's.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield session
