"""Which driver serves which configuration, and what is said where it isn't installed."""

from __future__ import annotations

import asyncio
import gc

import pytest

from automation.browser import drivers
from automation.browser.drivers import driver_kind, driver_obstacle, running_driver
from automation.browser.process_table import own_children
from automation.errors import BrowserUnavailableError
from automation.stealth.options import BrowserConfig

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ATTACHED = BrowserConfig(driver="cdp", cdp_url="http://127.0.0.1:9222")


@pytest.fixture(autouse=True)
def _collected():
    """The library leaves the pipes of a driver that does not start to the collector: not in another test's time."""
    yield
    gc.collect()


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


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Have the driver run this script in the place of Node.js."""

    def use(script: str) -> None:
        path = tmp_path / "node"
        path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        path.chmod(0o755)
        monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", str(path))

    return use


@pytest.mark.parametrize("kind", ["playwright", "patchright"])
async def test_a_driver_that_lacks_a_library_says_so_and_what_to_install(kind, node):
    node("echo 'node: error while loading shared libraries: libatomic.so.1: cannot open' >&2; exit 127")

    with pytest.raises(BrowserUnavailableError) as caught:
        async with running_driver(kind):
            pass

    assert "error while loading shared libraries: libatomic.so.1" in str(caught.value)
    assert "apt-get install -y libatomic1" in str(caught.value)


async def test_a_driver_whose_program_is_not_there_says_so(monkeypatch):
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", "/nonexistent/node")

    with pytest.raises(BrowserUnavailableError, match="/nonexistent/node"):
        async with running_driver():
            pass


async def test_a_driver_that_only_hangs_is_given_up_and_ended(node, monkeypatch):
    monkeypatch.setattr(drivers, "_START_S", 0.5)
    node("while true; do sleep 0.1; done")
    before = own_children()

    with pytest.raises(BrowserUnavailableError, match="does not start within"):
        async with running_driver():
            pass

    async with asyncio.timeout(60):
        while own_children() - before:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("kind", ["playwright", "patchright"])
async def test_a_driver_sees_no_secret_of_this_process(kind, node, monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    monkeypatch.setenv("HOME", "/needed")
    node(f"env >> {tmp_path}/seen; exit 1")

    with pytest.raises(BrowserUnavailableError):
        async with running_driver(kind):
            pass

    seen = (tmp_path / "seen").read_text("utf-8")
    assert "hunter2" not in seen
    assert "HOME=/needed" in seen
