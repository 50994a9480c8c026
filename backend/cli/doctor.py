"""Examines this machine's browser as a site would, and says what to change: ``python -m backend.cli doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

from automation.browser.discovery import (
    browser_version,
    find_browser,
    playwrights_chromium,
    sandbox_obstacle,
)
from automation.browser.display import can_show_windows, display_in_words
from automation.browser.drivers import driver_kind, driver_obstacle
from automation.browser.examine import examine
from automation.browser.pool import open_browser_pool
from automation.errors import AutomationError, BrowserUnavailableError
from automation.stealth.options import BrowserConfig, Driver
from automation.stealth.self_check import Mismatch, Sighting, advice, mismatches
from backend.assembly import open_vault
from backend.persistence.endpoints import SqlEndpoints
from backend.persistence.engine import open_database
from backend.providers.config import BrowserSettings
from backend.providers.web_chat.opener import build_browser_config
from backend.settings import Settings

Row = tuple[str, str]


@dataclass(slots=True)
class Report:
    """What was found, to be printed.

    Attributes:
        rows: Name and fact, one a line.
        mismatches: What doesn't agree.
        advice: What to change, one sentence or two each.
        problem: Why no site could look at the browser, or None.
    """

    rows: list[Row] = field(default_factory=list)
    mismatches: list[Mismatch] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    problem: str | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether there is a browser, and it tells the same story everywhere."""
        return self.problem is None and not self.mismatches

    def lines(self) -> Iterator[str]:
        """Yield the report as text."""
        for name, fact in self.rows:
            yield f"{name:24}{fact}"
        if self.problem:
            yield f"\nProblem: {self.problem}"
            return
        yield f"\nMismatches: {len(self.mismatches) or 'none'}"
        yield from (f"  {mismatch}" for mismatch in self.mismatches)
        if self.advice:
            yield "\nAdvice:"
            yield from (f"  {sentence}" for sentence in self.advice)


async def stored_browser(settings: Settings, slug: str) -> BrowserConfig | None:
    """Return the browser of a stored endpoint, or None where there is no such endpoint.

    Raises:
        VaultError: Its secrets can't be read.
        OSError, ValueError: The data directory or its key can't be used.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with open_database(settings.effective_database_url) as engine:
        endpoints = await SqlEndpoints(engine, open_vault(settings)).list_endpoints()
    found = (e.config.browser_config for e in endpoints if e.config.slug == slug)
    browser = next(found, None)
    return None if browser is None else _in_words_of_automation(settings, browser)


def default_browser(settings: Settings) -> BrowserConfig:
    """Return the browser of an endpoint that says nothing about it."""
    return _in_words_of_automation(settings, BrowserSettings())


def _in_words_of_automation(settings: Settings, browser: BrowserSettings) -> BrowserConfig:
    return build_browser_config(browser, headless=settings.headless, driver=settings.browser_driver)


def machine_rows(settings: Settings, config: BrowserConfig) -> list[Row]:
    """Return what this machine has: browser, driver, display, sandbox, and which modes can run.

    Starts the browser and the driver for their versions, so it must not run inside an event loop.

    Raises:
        BrowserUnavailableError: There is no browser; the message says what to install.
    """
    rows = []
    if not config.is_attached:
        found = find_browser(settings.browser_executable, playwrights_chromium())
        origin = "" if found.origin in str(found.executable) else f" ({found.origin})"
        # Debian's start script may complain before the program says anything.
        told = browser_version(found.executable).splitlines()[-1]
        rows.append(("browser", f"{told}, {found.executable}{origin}"))
        rows.append(("sandbox", f"off: {obstacle}" if (obstacle := sandbox_obstacle()) else "on"))
    kind = driver_kind(config)
    is_missing = driver_obstacle(config) is not None
    driver = f"{kind}, not installed" if is_missing else f"{kind} {version(kind)}"
    rows.append(("driver", f"{driver}{', attached by cdp' if config.is_attached else ''}"))
    rows.append(("display", display_in_words()))
    rows.append(("modes that can run here", ", ".join(_modes())))
    return rows


def _modes() -> Iterator[str]:
    drivers: tuple[Driver, ...] = ("playwright", "patchright")
    has_windows = can_show_windows()
    for driver in drivers:
        if driver_obstacle(BrowserConfig(driver=driver)) is None:
            yield f"{driver} headless"
            if has_windows:
                yield f"{driver} with a window"
    yield "cdp"


def site_rows(sighting: Sighting) -> list[Row]:
    """Return what a site sees."""
    page, only = sighting.seen["page"], sighting.only
    hints = ", ".join(page["brands"]) if page["brands"] else "none"
    width, height = only["screen"]
    inner_width, inner_height = only["viewport"]
    return [
        ("user agent", page["user_agent"]),
        ("client hints", f"{hints}; {page['client_platform']}"),
        ("languages", ", ".join(page["languages"])),
        ("time zone", page["timezone"]),
        ("platform", page["platform"]),
        ("navigator.webdriver", str(only["webdriver"]).lower()),
        ("screen, page", f"{width} x {height}, {inner_width} x {inner_height}"),
        ("WebGL", page["webgl_renderer"] or "none"),
        ("places looked at", f"{', '.join(sighting.seen)}; headers of {', '.join(sighting.headers)}"),
    ]


async def inspect_browser(settings: Settings, config: BrowserConfig, report: Report) -> None:
    """Open the browser on a page of our own, and add what that page sees to the report."""
    async with open_browser_pool(settings.browser_executable, max_pages=1) as pool:
        try:
            sighting = await examine(pool, config)
        except AutomationError as exc:
            report.problem = str(exc)
            return
    report.rows += site_rows(sighting)
    report.mismatches = mismatches(sighting, config)
    report.advice = advice(sighting, config, driver_kind(config))


def start_report(settings: Settings, config: BrowserConfig) -> Report:
    """Start a report with the machine's facts; its ``problem`` says so where there is no browser."""
    report = Report()
    try:
        report.rows = machine_rows(settings, config)
    except BrowserUnavailableError as exc:
        report.problem = str(exc)
    return report
