"""Opens a page of our own in a configured browser, and reports what a site can see of that browser."""

from __future__ import annotations

import anyio

from automation.browser.pool import BrowserPool
from automation.errors import PageLostError
from automation.navigation import go_to
from automation.playwright_errors import DRIVER_ERRORS, first_line, page_calls
from automation.stealth.check_site import open_check_site
from automation.stealth.options import BrowserConfig
from automation.stealth.self_check import Sighting

_LOAD_S = 30.0
# Five places, each of which may take ten seconds to say that it doesn't answer.
_REPORT_S = 60.0
_CLOSE_S = 5.0


async def examine(browsers: BrowserPool, config: BrowserConfig) -> Sighting:
    """Return what a site sees of this browser.

    Raises:
        BrowserUnavailableError: It doesn't start, or the person's own isn't there.
        UnreachableError: It doesn't load a page from loopback, for example because its proxy refuses to.
        PageLostError: The page was lost or reported nothing.
    """
    async with open_check_site() as site:
        context = await browsers.new_context(config, None)
        with page_calls("opening a page"):
            page = await context.new_page()
        try:
            await go_to(page, site.url, "load", _LOAD_S)
            with anyio.move_on_after(_REPORT_S):
                return await site.sighting()
            raise PageLostError(f"The page did not report within {_REPORT_S:g} s.")
        finally:
            with anyio.move_on_after(_CLOSE_S, shield=True):
                try:
                    await (page if config.is_attached else context).close()
                except DRIVER_ERRORS as exc:
                    raise PageLostError(f"The page was lost: {first_line(exc)}") from exc
