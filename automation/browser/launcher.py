"""Starts browsers, or attaches to one that a person started; opens contexts in them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Playwright, ProxySettings

from automation.browser.discovery import FoundBrowser, find_browser, sandbox_obstacle, sandbox_remedy
from automation.browser.display import VirtualDisplay, has_display
from automation.browser.start_failures import find_own_words, is_about_sandbox, what_is_missing
from automation.child_environment import limit_environment
from automation.errors import BrowserUnavailableError
from automation.playwright_errors import DRIVER_ERRORS
from automation.stealth.evasions import context_options, evade
from automation.stealth.options import BrowserConfig, ProxyConfig, environment, launch_arguments

logger = logging.getLogger(__name__)

_LAUNCH_MS = 60_000
_ATTACH_MS = 10_000
# What marks a browser as automated, and software GL that an ordinary one does not have.
_UNWANTED_DEFAULTS = ("--enable-automation", "--enable-unsafe-swiftshader")
# Without it a page opens as many windows as it likes.
_ALWAYS_UNWANTED = ("--disable-popup-blocking",)

_Start = Callable[[dict[str, Any]], Coroutine[Any, Any, Browser]]


async def launch(
    driver: Playwright,
    config: BrowserConfig,
    executable: str | None,
    display: VirtualDisplay | None = None,
    profile: Path | None = None,
) -> Browser:
    """Start a browser process, or attach to the one that the configuration names.

    A browser with a window is put on ``display`` where the machine has no display of its own. With a ``profile`` it keeps
    everything there, and its first context is the one that lives in it; without, it forgets everything.

    Raises:
        BrowserUnavailableError: None is installed, or it does not start; the message says what to do.
    """
    if config.is_attached:
        return await _attach(driver, config)
    # No setting is read from it here.
    variables = environment(config, limit_environment(os.environ))  # noqa: TID251
    if display is not None and not config.headless and not has_display(variables):
        variables |= await display.variables()
    found = find_browser(executable, driver.chromium.executable_path)
    start = partial(_start, driver, config, profile)
    options = _launch_options(config, found.executable, variables)
    try:
        browser = await _start_in_sandbox(start, options)
    except DRIVER_ERRORS as exc:
        raise BrowserUnavailableError(_describe_failure(found, str(exc))) from exc
    logger.info(
        "browser_started",
        extra={"origin": found.origin, "version": browser.version, "headless": config.headless},
    )
    return browser


def _launch_options(config: BrowserConfig, executable: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    return {
        "executable_path": executable,
        "headless": config.headless,
        "args": launch_arguments(config),
        "ignore_default_args": [*_ALWAYS_UNWANTED, *(_UNWANTED_DEFAULTS if config.anti_detection else ())],
        "env": dict(variables),
        "proxy": _proxy_settings(config.proxy),
        "timeout": _LAUNCH_MS,
        "handle_sigint": False,
        "handle_sigterm": False,
        "handle_sighup": False,
    }


async def _start_in_sandbox(start: _Start, options: dict[str, Any]) -> Browser:
    """Start a browser with Chromium's sandbox wherever that works; without it only where the system refuses it."""
    obstacle = sandbox_obstacle()
    if obstacle is None:
        try:
            return await start({**options, "chromium_sandbox": True})
        except DRIVER_ERRORS as exc:
            if not is_about_sandbox(str(exc)):
                raise
            obstacle = find_own_words(str(exc))
    facts = {"reason": obstacle, "remedy": sandbox_remedy()}
    logger.warning("browser_without_sandbox", extra=facts)
    return await start({**options, "chromium_sandbox": False})


async def _start(
    driver: Playwright, config: BrowserConfig, profile: Path | None, options: dict[str, Any]
) -> Browser:
    if profile is None:
        return await driver.chromium.launch(**options)
    context = await driver.chromium.launch_persistent_context(
        profile, no_viewport=True, accept_downloads=False, **options
    )
    await evade(context, config)
    assert context.browser is not None
    return context.browser


def _describe_failure(found: FoundBrowser, said: str) -> str:
    remedy = (
        what_is_missing(said) or "Check it with `--version`, or set BROWSER_EXECUTABLE to another browser."
    )
    words = find_own_words(said).rstrip(".")
    return f"{found.origin} ({found.executable}) does not start: {words}. {remedy}"


async def _attach(driver: Playwright, config: BrowserConfig) -> Browser:
    if not config.cdp_url:
        raise BrowserUnavailableError(
            "browser_config.cdp_url is missing: the driver `cdp` attaches to a browser that you started, such as with "
            "`chromium --remote-debugging-port=9222`. Set it to that browser's address, such as http://127.0.0.1:9222."
        )
    place = shown_address(config.cdp_url)
    try:
        browser = await driver.chromium.connect_over_cdp(config.cdp_url, timeout=_ATTACH_MS, no_defaults=True)
    except DRIVER_ERRORS as exc:
        raise BrowserUnavailableError(
            f"browser_config.cdp_url: no browser can be attached to at {place}. Start it with "
            "--remote-debugging-port and --user-data-dir, or correct the address."
        ) from exc
    logger.info("browser_attached", extra={"address": place, "version": browser.version})
    return browser


def shown_address(cdp_url: str) -> str:
    """Return the address without its path, which in a ``ws`` address is the key to the browser."""
    parts = urlsplit(cdp_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


async def open_context(
    browser: Browser, config: BrowserConfig, storage_state: dict[str, Any] | None
) -> BrowserContext:
    """Open a context of its own cookies and storage; in a person's browser, return the person's own.

    Raises:
        playwright.async_api.Error: The browser is gone.
    """
    if config.is_attached:
        return browser.contexts[0]
    options = await context_options(browser, config)
    context = await browser.new_context(
        storage_state=storage_state,  # type: ignore[arg-type]
        no_viewport=True,
        accept_downloads=False,  # a page would fill the disk
        **options,
    )
    await evade(context, config)
    return context


def _proxy_settings(proxy: ProxyConfig | None) -> ProxySettings | None:
    if proxy is None:
        return None
    if proxy.username is None:
        return {"server": proxy.server}
    return {"server": proxy.server, "username": proxy.username, "password": proxy.password or ""}
