"""What bot detectors of others, and our own self-check, see of each way of running a browser."""

from __future__ import annotations

import pytest
import pytest_asyncio

from automation.browser.display import display_obstacle
from automation.browser.pool import BrowserPool
from automation.stealth.options import BrowserConfig
from tests.fakes.detectors import NoDetectors, detector_modules
from tests.fakes.detectors.modes import MODES, RECOMMENDED, Seen, look_at, look_at_undriven


def _obstacle() -> str | None:
    try:
        detector_modules()
    except NoDetectors as exc:
        return str(exc)
    return display_obstacle()


pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module", autouse=True)
def _detectors_are_there():
    obstacle = _obstacle()
    if obstacle:
        pytest.skip(obstacle)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undriven() -> Seen:
    """The same browser on the same machine, which nobody drives: whatever it fails is the floor."""
    return await look_at_undriven()


async def test_with_patchright_and_a_window_nothing_shows_that_an_undriven_browser_does_not_show(
    browsers: BrowserPool, undriven: Seen
):
    seen = await look_at(browsers, MODES["patchright, window"])

    assert undriven.verdict.bot is None
    assert seen.verdict.bot is None
    assert seen.verdict.flags <= undriven.verdict.flags
    assert seen.mismatches == []


async def test_with_playwright_and_a_window_only_its_console_listening_shows(
    browsers: BrowserPool, undriven: Seen
):
    seen = await look_at(browsers, MODES["playwright, window"])

    assert seen.verdict.bot is None
    assert seen.verdict.flags - undriven.verdict.flags == {"hasCDP"}
    assert seen.mismatches == []


@pytest.mark.soak
async def test_attached_to_a_persons_browser_it_looks_like_that_persons_browser(
    browsers: BrowserPool, undriven: Seen
):
    seen = await look_at(browsers, MODES["cdp, window"])

    assert seen.verdict.bot is None
    assert seen.verdict.flags <= undriven.verdict.flags
    assert seen.mismatches == []


@pytest.mark.parametrize("driver", ["playwright", "patchright"])
async def test_without_a_window_a_browser_says_so_the_same_way_everywhere(driver, browsers: BrowserPool):
    config = BrowserConfig(driver=driver, locale="de-DE", timezone="Europe/Berlin")

    seen = await look_at(browsers, config)

    assert seen.verdict.bot == "headless_chrome"
    assert "hasBotUserAgent" in seen.verdict.flags
    assert not {"hasWebdriver", "headlessChromeScreenResolution", "hasUTCTimezone"} & seen.verdict.flags
    # Of the language and the time zone that were asked for as well.
    assert seen.mismatches == []


@pytest.mark.soak
async def test_with_a_time_zone_language_and_software_gl_no_detector_finds_anything(browsers: BrowserPool):
    seen = await look_at(browsers, RECOMMENDED)

    assert seen.verdict.bot is None
    assert seen.verdict.flags == frozenset()
    assert seen.mismatches == []


@pytest.mark.soak
async def test_an_evasion_that_lies_is_found_by_the_self_check(browsers: BrowserPool):
    config = BrowserConfig(headless=False, stealth=("navigator_platform", "sec_ch_ua"))

    seen = await look_at(browsers, config)

    found = {(mismatch.place, mismatch.name) for mismatch in seen.mismatches}
    assert ("worker", "platform") in found
    assert ("headers of navigation", "sec-ch-ua") in found
