"""Starts browsers: one driver, and one browser process for each configuration."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from playwright.async_api import Browser, Playwright, ProxySettings, async_playwright
from playwright.async_api import Error as PlaywrightError

from automation.browser.discovery import find_browser, sandbox_args, sandbox_obstacle
from automation.errors import BrowserUnavailableError
from automation.playwright_errors import first_line
from automation.stealth.options import BrowserConfig, ProxyConfig, environment, launch_arguments

log = logging.getLogger(__name__)

_LAUNCH_MS = 60_000
_CLOSE_S = 5.0
# What marks a browser as automated, and software GL that an ordinary one does not have.
_UNWANTED_DEFAULTS = ["--enable-automation", "--enable-unsafe-swiftshader"]


@asynccontextmanager
async def running_driver() -> AsyncIterator[Playwright]:
    """Run Playwright's driver process for as long as the block lasts."""
    driver = await async_playwright().start()
    try:
        yield driver
    finally:
        with anyio.move_on_after(_CLOSE_S, shield=True):
            try:
                await driver.stop()
            except PlaywrightError as exc:
                log.debug("driver_gone", extra={"reason": first_line(exc)})


async def launch(driver: Playwright, config: BrowserConfig, executable: str | None) -> Browser:
    """Start a browser process.

    Raises:
        BrowserUnavailableError: None is installed, or it does not start; the message says what to do.
    """
    found = find_browser(executable, driver.chromium.executable_path)
    obstacle = sandbox_obstacle()
    if obstacle:
        log.warning("browser_without_sandbox", extra={"reason": obstacle})
    try:
        browser = await driver.chromium.launch(
            executable_path=found.executable,
            headless=config.headless,
            args=[*launch_arguments(config), *sandbox_args()],
            ignore_default_args=_UNWANTED_DEFAULTS if config.anti_detection else None,
            # The child inherits the environment; no setting is read from it here.
            env=dict(environment(config, dict(os.environ))),  # noqa: TID251
            proxy=_proxy_settings(config.proxy),
            timeout=_LAUNCH_MS,
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )
    except PlaywrightError as exc:
        raise BrowserUnavailableError(
            f"{found.origin} ({found.executable}) does not start: {first_line(exc)}. "
            "Check it with `--version`, or set BROWSER_EXECUTABLE to another browser."
        ) from exc
    log.info(
        "browser_started",
        extra={"origin": found.origin, "version": browser.version, "headless": config.headless},
    )
    return browser


def _proxy_settings(proxy: ProxyConfig | None) -> ProxySettings | None:
    if proxy is None:
        return None
    if proxy.username is None:
        return {"server": proxy.server}
    return {"server": proxy.server, "username": proxy.username, "password": proxy.password or ""}
