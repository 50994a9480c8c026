"""Which driver serves which configuration, and what is said where it isn't installed."""

from __future__ import annotations

import pytest

from automation.browser import drivers
from automation.browser.drivers import driver_kind, driver_obstacle, running_driver
from automation.errors import BrowserUnavailableError
from automation.stealth.options import BrowserConfig

ATTACHED = BrowserConfig(driver="cdp", cdp_url="http://127.0.0.1:9222")


@pytest.fixture
def _without_patchright(monkeypatch):
    monkeypatch.setattr(drivers, "find_spec", lambda name: None)


def test_a_persons_browser_is_attached_to_by_the_driver_that_pages_do_not_notice():
    assert driver_kind(ATTACHED) == "patchright"
    assert driver_kind(BrowserConfig()) == "playwright"
    assert driver_kind(BrowserConfig(driver="patchright")) == "patchright"


@pytest.mark.usefixtures("_without_patchright")
def test_where_patchright_is_missing_playwright_attaches():
    assert driver_kind(ATTACHED) == "playwright"
    assert driver_obstacle(ATTACHED) is None


@pytest.mark.usefixtures("_without_patchright")
async def test_where_patchright_is_asked_for_and_missing_the_error_says_how_to_install_it():
    with pytest.raises(BrowserUnavailableError, match=r"pip install -r requirements-patchright\.txt"):
        async with running_driver("patchright"):
            pass
