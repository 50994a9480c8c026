"""The connections to APIs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

# Some gateways put a request's whole accounting into one header of the response.
_LONGEST_HEADER = 64 * 1024
_MOST_HEADERS = 500

_was_kept: ContextVar[bool] = ContextVar("was_kept", default=False)
_wants_new: ContextVar[bool] = ContextVar("wants_new", default=False)


@asynccontextmanager
async def open_api_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Hold connections to any number of APIs, without a limit of ours and without cookies.

    How many requests go to an API at once is what its endpoint says; a cookie of one provider is nobody else's.
    """
    async with aiohttp.ClientSession(
        connector=_Connector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=_LONGEST_HEADER,
        max_field_size=_LONGEST_HEADER,
        max_headers=_MOST_HEADERS,
    ) as session:
        yield session


def was_stale(exc: aiohttp.ClientError) -> bool:
    """Whether a request failed because the other side had closed the kept connection that it was sent on.

    Then no byte of a response came, and to send it once more is safe (RFC 9112, 9.3.1); aiohttp does so only where a method
    is idempotent. Of a response that had begun, the error holds the beginning.
    """
    has_begun = isinstance(exc, aiohttp.ServerDisconnectedError) and not isinstance(exc.message, str)
    return _was_kept.get() and not has_begun


@contextmanager
def new_connection() -> Iterator[None]:
    """Send the requests of this context on connections that were not used before: others that are kept may be stale too."""
    token = _wants_new.set(True)
    try:
        yield
    finally:
        _wants_new.reset(token)


class _Connector(aiohttp.TCPConnector):
    """Tells whether the connection of a request had been used before."""

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        kept = None if _wants_new.get() else await super()._get(key, traces)
        _was_kept.set(kept is not None)
        return kept
