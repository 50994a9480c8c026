"""One door where the errors of Playwright and of patchright become ours: context managers, a time limit and a table."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from automation.errors import PageLostError, UnreachableError

T = TypeVar("T")


def _with_patchrights() -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    """Return every driver's errors and time-outs: patchright's classes share nothing with Playwright's."""
    try:
        from patchright.async_api import Error as PatchrightError  # noqa: PLC0415 - optional
        from patchright.async_api import TimeoutError as PatchrightTimeout  # noqa: PLC0415 - the same
    except ModuleNotFoundError:
        return (PlaywrightError,), (PlaywrightTimeout,)
    return (PlaywrightError, PatchrightError), (PlaywrightTimeout, PatchrightTimeout)


DRIVER_ERRORS, DRIVER_TIMEOUTS = _with_patchrights()

# What Chromium says when an address can't be loaded, in a person's words.
_NET_ERRORS = {
    "ERR_NAME_NOT_RESOLVED": "its host name can't be resolved",
    "ERR_CONNECTION_REFUSED": "the connection was refused: is it running?",
    "ERR_CONNECTION_RESET": "the connection was reset",
    "ERR_CONNECTION_TIMED_OUT": "the connection timed out",
    "ERR_CONNECTION_CLOSED": "the connection was closed",
    "ERR_EMPTY_RESPONSE": "the server closed the connection without an answer",
    "ERR_ADDRESS_UNREACHABLE": "its address is unreachable",
    "ERR_INTERNET_DISCONNECTED": "there is no network",
    "ERR_PROXY_CONNECTION_FAILED": "the proxy refused the connection",
    "ERR_TUNNEL_CONNECTION_FAILED": "the proxy could not reach it",
    "ERR_TOO_MANY_REDIRECTS": "it redirects in a loop",
    "ERR_UNSAFE_PORT": "browsers refuse this port",
    "ERR_INVALID_AUTH_CREDENTIALS": "the proxy refused its credentials",
    "ERR_HTTP_RESPONSE_CODE_FAILURE": "it answered with an HTTP error and no page",
    "ERR_ABORTED": "it is a download, not a page",
}


@contextmanager
def page_calls(step: str) -> Iterator[None]:
    """Map whatever a call on a living page raises to ``PageLostError``, naming the step."""
    try:
        yield
    except DRIVER_TIMEOUTS as exc:
        msg = f"The page did not react while {step}."
        raise PageLostError(msg) from exc
    except DRIVER_ERRORS as exc:
        msg = f"The page was lost while {step}: {first_line(exc)}"
        raise PageLostError(msg) from exc


async def limited_page_call(call: Awaitable[T], step: str, limit_s: float) -> T:
    """Return what a call on a living page returns; some of the driver's have no time limit of their own.

    Raises:
        PageLostError: It failed, or took longer than ``limit_s``; ``step`` is named.
    """
    try:
        with page_calls(step):
            async with asyncio.timeout(limit_s):
                return await call
    except TimeoutError as exc:
        msg = f"The page did not react within {limit_s:g} s while {step}."
        raise PageLostError(msg) from exc


@contextmanager
def navigation(url: str, timeout_s: float) -> Iterator[None]:
    """Map whatever loading an address raises to ``UnreachableError`` with the reason in plain words."""
    try:
        yield
    except DRIVER_TIMEOUTS as exc:
        raise UnreachableError(url, f"it did not load within {timeout_s:g} s") from exc
    except DRIVER_ERRORS as exc:
        reason = _net_reason(first_line(exc))
        if reason is None:
            msg = f"The page was lost while loading: {first_line(exc)}"
            raise PageLostError(msg) from exc
        raise UnreachableError(url, reason) from exc


def first_line(exc: Exception) -> str:
    """Return the driver's message without its call log, which repeats addresses and selectors."""
    return str(exc).strip().splitlines()[0][:300] if str(exc).strip() else type(exc).__name__


def _net_reason(message: str) -> str | None:
    for code, reason in _NET_ERRORS.items():
        if code in message:
            return reason
    if "ERR_CERT" in message or "ERR_SSL" in message:
        code = next(
            (word for word in message.replace("::", " ").split() if word.startswith(("ERR_CERT", "ERR_SSL"))),
            "",
        )
        return f"TLS failed ({code})"
    if "net::ERR_" in message:
        return message.split("net::", 1)[1].split(" ", 1)[0]
    return "it is not a valid address" if "invalid URL" in message else None
