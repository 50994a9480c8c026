"""The drivers that can control a browser: Playwright, and patchright, its fork that pages don't notice.

patchright is optional. Its objects have Playwright's interface, and code here knows them by Playwright's types.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import cast

import anyio
from playwright.async_api import Playwright, async_playwright

from automation.browser.process_table import end_own, own_children, read_arguments
from automation.browser.start_failures import find_own_words, what_is_missing
from automation.child_environment import limit_environment
from automation.errors import BrowserUnavailableError
from automation.playwright_errors import DRIVER_ERRORS, first_line
from automation.stealth.options import BrowserConfig, DriverKind

logger = logging.getLogger(__name__)

_CLOSE_S = 5.0
_ANSWERS_S = 5.0
_START_S = 60.0
_DRIVER_COMMAND = "run-driver"
# Where the drivers' libraries make the environment of their process, in this and the version before.
_TRANSPORTS = ("transport", "_transport")
_LIMITED = "is_limited_by_us"
_NOT_STARTED: tuple[type[Exception], ...] = (*DRIVER_ERRORS, OSError, subprocess.SubprocessError)


def driver_kind(config: BrowserConfig) -> DriverKind:
    """Return which driver's process serves this configuration.

    ``cdp`` is a way to a browser, not a driver: patchright goes it unnoticed where it is installed.
    """
    if config.is_attached:
        return "patchright" if _has_patchright() else "playwright"
    return "patchright" if config.driver == "patchright" else "playwright"


def _has_patchright() -> bool:
    return find_spec("patchright") is not None


def driver_obstacle(config: BrowserConfig) -> str | None:
    """Return why the driver can't be used, with what to do about it, or None."""
    if config.driver == "patchright" and not _has_patchright():
        return (
            "The driver `patchright` is not installed. Run `pip install -r requirements-patchright.txt` in the "
            "gateway's environment, or set the driver to `playwright`."
        )
    return None


@asynccontextmanager
async def running_driver(kind: DriverKind = "playwright") -> AsyncIterator[Playwright]:
    """Run the driver's process for as long as the block lasts.

    Raises:
        BrowserUnavailableError: It isn't installed, or does not start; the message says what to do.
    """
    driver = await _start(kind)
    try:
        yield driver
    finally:
        with anyio.move_on_after(_CLOSE_S, shield=True):
            try:
                await driver.stop()
            except DRIVER_ERRORS as exc:
                logger.debug("driver_gone", extra={"reason": first_line(exc)})


async def driver_answers(driver: Playwright) -> bool:
    """Return whether a driver's process lives, by creating and dropping an object in it; needs no browser."""
    with anyio.move_on_after(_ANSWERS_S):
        try:
            await (await driver.request.new_context()).dispose()
        except DRIVER_ERRORS:
            return False
        return True
    return False


async def _start(kind: DriverKind) -> Playwright:
    obstacle = driver_obstacle(BrowserConfig(driver=kind))
    if obstacle:
        raise BrowserUnavailableError(obstacle)
    _limit_environment(kind)
    before = own_children()
    try:
        with anyio.fail_after(_START_S):
            return await _begin(kind)
    except TimeoutError as exc:
        # Nobody holds its process any more.
        for pid in own_children() - before:
            if _DRIVER_COMMAND in read_arguments(pid):
                end_own(pid)
        msg = f"The driver `{kind}` does not start within {_START_S:g} s."
        raise BrowserUnavailableError(msg) from exc
    except Exception as exc:  # a bare one where the driver's process ends, which tells nothing
        # What its process said went to our standard error, if anything: it is asked once more.
        said = await anyio.to_thread.run_sync(_ask_driver, kind) or first_line(exc)
        remedy = what_is_missing(said) or f"Install it anew: `pip install --force-reinstall {kind}`."
        msg = f"The driver `{kind}` does not start: {find_own_words(said).rstrip('.')}. {remedy}"
        raise BrowserUnavailableError(msg) from exc


async def _begin(kind: DriverKind) -> Playwright:
    if kind == "playwright":
        return await async_playwright().start()
    from patchright.async_api import async_playwright as async_patchright  # noqa: PLC0415 - optional

    return cast("Playwright", await async_patchright().start())


def _limit_environment(kind: DriverKind) -> None:
    """Have the driver's process given only what it needs: no secret of this process.

    The driver's library takes no environment; where its transport makes one is replaced, once.
    """
    import_module(f"{kind}.async_api")
    for module in _TRANSPORTS:
        transport = sys.modules.get(f"{kind}._impl.{module}")
        make = getattr(transport, "get_driver_env", None)
        if make is not None and not hasattr(make, _LIMITED):

            def limited(make: Callable[[], dict[str, str]] = make) -> dict[str, str]:
                return limit_environment(make())

            setattr(limited, _LIMITED, True)
            setattr(transport, "get_driver_env", limited)  # noqa: B010 - of a module that mypy knows nothing of


def _ask_driver(kind: DriverKind) -> str:
    """Start the driver's program far enough to say its version, and return what it says; empty where it starts."""
    driver = import_module(f"{kind}._impl._driver")
    try:
        program, *_ = driver.compute_driver_executable()
        done = subprocess.run(  # noqa: S603 - the driver's own program
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_ANSWERS_S,
            check=False,
            env=limit_environment(os.environ),  # noqa: TID251 - no setting is read
        )
    except _NOT_STARTED as exc:
        return str(exc)
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode else ""
