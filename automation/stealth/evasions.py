"""Applies playwright-stealth's evasions to a context, each of which can be switched off.

All are off unless an operator turns one on: in a Chromium that is started as ``options`` says there is nothing left for
them to mend, and each that changes anything can be detected by pages (docs/browser.md).
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from playwright.async_api import Browser, BrowserContext
from playwright_stealth import Stealth

from automation.stealth.options import BrowserConfig, accept_language

Evasion = Literal[
    "chrome_app",
    "chrome_csi",
    "chrome_load_times",
    "chrome_runtime",
    "error_prototype",
    "hairline",
    "iframe_content_window",
    "media_codecs",
    "navigator_hardware_concurrency",
    "navigator_languages",
    "navigator_permissions",
    "navigator_platform",
    "navigator_plugins",
    "navigator_user_agent",
    "navigator_user_agent_data",
    "navigator_vendor",
    "navigator_webdriver",
    "sec_ch_ua",
    "webgl_vendor",
]
EVASIONS: tuple[Evasion, ...] = get_args(Evasion)
_PLATFORM = "Win32"  # playwright-stealth's own


def evasion_script(config: BrowserConfig) -> str:
    """Return the script of the evasions that are on, to run before a page's own; empty where none has one."""
    if not config.stealth:
        return ""
    changes: dict[str, Any] = {name: name in config.stealth for name in EVASIONS}
    languages = tuple(accept_language(config.locale or "en-US").split(","))
    # It warns of values that it was given for evasions that are off.
    changes["navigator_languages_override"] = languages if changes["navigator_languages"] else None
    changes["navigator_platform_override"] = _PLATFORM if changes["navigator_platform"] else None
    return str(Stealth(**changes).script_payload)


async def context_options(browser: Browser, config: BrowserConfig) -> dict[str, Any]:
    """Return what the evasions that are no scripts add to a new context: user agent and ``Sec-CH-UA``.

    Raises:
        playwright.async_api.Error: The browser is gone.
    """
    if not {"navigator_user_agent", "sec_ch_ua"} & set(config.stealth):
        return {}
    session = await browser.new_browser_cdp_session()
    own = str((await session.send("Browser.getVersion"))["userAgent"])
    await session.detach()
    ordinary = (config.user_agent or own).replace("HeadlessChrome", "Chrome")
    options: dict[str, Any] = {}
    if "navigator_user_agent" in config.stealth:
        options["user_agent"] = ordinary
    if "sec_ch_ua" in config.stealth:
        # playwright-stealth makes the header from the user agent that it is given.
        header = Stealth(navigator_user_agent_override=ordinary).sec_ch_ua_override
        options["extra_http_headers"] = {"sec-ch-ua": header}
    return options


async def evade(context: BrowserContext, config: BrowserConfig) -> None:
    """Put the scripts of the evasions that are on into every page of the context.

    Raises:
        playwright.async_api.Error: The browser is gone.
    """
    script = evasion_script(config)
    if script:
        await context.add_init_script(script)
