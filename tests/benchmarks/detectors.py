"""Runs bot detectors on each way of running a browser, beside an undriven browser and plain Playwright."""

from __future__ import annotations

from dataclasses import dataclass

from automation.browser.pool import open_browser_pool
from automation.stealth.evasions import EVASIONS
from automation.stealth.options import BrowserConfig
from tests.fakes.detectors.modes import MODES, RECOMMENDED, Seen, look_at, look_at_undriven

UNDRIVEN = "undriven, window"
COMPARED: dict[str, BrowserConfig] = {
    "anti_detection off, headless": BrowserConfig(anti_detection=False),
    "anti_detection off, window": BrowserConfig(anti_detection=False, headless=False),
    "every evasion, window": BrowserConfig(headless=False, stealth=EVASIONS),
    **MODES,
    "patchright, window, zone+gl": RECOMMENDED,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One mode.

    Attributes:
        bot: What BotD takes it for; None is a human.
        flags: fpscanner's.
        more_than_undriven: Those that the undriven browser with a window doesn't raise.
        mismatches: Of our own self-check.
    """

    mode: str
    bot: str | None
    flags: list[str]
    more_than_undriven: list[str]
    mismatches: int


async def measure() -> list[Row]:
    """Return a row for each mode.

    Raises:
        NoDetectors: They can't be installed.
        BrowserUnavailableError: There is no browser, or no display for it.
    """
    floor = await look_at_undriven()
    rows = [_row(UNDRIVEN, floor, floor)]
    rows.append(_row("undriven, headless", await look_at_undriven(headless=True), floor))
    async with open_browser_pool(None, max_pages=2) as browsers:
        for mode, config in COMPARED.items():
            rows.append(_row(mode, await look_at(browsers, config), floor))
    return rows


def _row(mode: str, seen: Seen, floor: Seen) -> Row:
    more = seen.verdict.flags - floor.verdict.flags
    return Row(mode, seen.verdict.bot, sorted(seen.verdict.flags), sorted(more), len(seen.mismatches))
