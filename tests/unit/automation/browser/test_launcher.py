"""How a browser is started, or attached to, and what is said where that fails."""

import pytest
from playwright.async_api import Error as PlaywrightError

from automation.browser.launcher import launch, open_context, shown_address
from automation.errors import BrowserUnavailableError
from automation.stealth.options import BrowserConfig, ProxyConfig
from tests.fakes.driver import BrowserModel, DriverModel


class Display:
    async def variables(self):
        return {"DISPLAY": ":99"}


@pytest.fixture
def driver():
    return DriverModel()


async def started(driver, program, display=None, **config):
    """Return the options that a browser of this configuration is started with."""
    await launch(driver, BrowserConfig(**config), program, display)
    return driver.started[-1]


async def test_the_program_that_was_named_is_started_and_left_to_end_by_us(driver, program):
    options = await started(driver, program)

    assert (str(options["executable_path"]), options["headless"]) == (program, True)
    assert not any(options[name] for name in ("handle_sigint", "handle_sigterm", "handle_sighup"))


@pytest.mark.parametrize(("anti_detection", "is_left_out"), [(True, True), (False, False)])
async def test_the_switch_that_gives_automation_away_is_left_out_where_that_is_wanted(
    driver, program, anti_detection, is_left_out
):
    options = await started(driver, program, anti_detection=anti_detection)

    assert ("--enable-automation" in (options["ignore_default_args"] or ())) is is_left_out


@pytest.mark.parametrize(
    ("proxy", "settings"),
    [
        (None, None),
        (ProxyConfig("http://p:1"), {"server": "http://p:1"}),
        (
            ProxyConfig("http://p:1", "ada", None),
            {"server": "http://p:1", "username": "ada", "password": ""},
        ),
    ],
)
async def test_a_proxy_is_given_with_its_credentials(driver, program, proxy, settings):
    assert (await started(driver, program, proxy=proxy))["proxy"] == settings


@pytest.mark.parametrize(
    ("headless", "own", "display"), [(False, "", ":99"), (False, ":0", ":0"), (True, "", None)]
)
async def test_a_window_is_put_on_the_virtual_display_where_the_machine_has_none(
    driver, program, monkeypatch, headless, own, display
):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", own)

    options = await started(driver, program, Display(), headless=headless)

    assert (options["env"]["DISPLAY"] or None) == display


async def test_a_browser_with_a_profile_keeps_everything_there(driver, program, tmp_path):
    browser = await launch(driver, BrowserConfig(), program, profile=tmp_path)

    assert driver.started[-1]["profile"] == tmp_path
    assert len(browser.contexts) == 1


async def test_a_browser_that_does_not_start_is_named_with_its_first_words(driver, program):
    driver.error = PlaywrightError("Failed to launch: no libnss3\nCall log: many lines")

    with pytest.raises(
        BrowserUnavailableError, match=r"does not start: Failed to launch: no libnss3\."
    ) as caught:
        await launch(driver, BrowserConfig(), program)
    assert "Call log" not in str(caught.value)


# -- a person's own ------------------------------------------------------------------------------------------------------


async def test_a_persons_browser_is_attached_to_and_nothing_is_started(driver):
    url = "ws://127.0.0.1:9222/devtools/browser/key"
    config = BrowserConfig(driver="cdp", cdp_url=url)

    browser = await launch(driver, config, None)

    assert driver.started == [{"url": url}]
    assert await open_context(browser, config, {"cookies": []}) is browser.contexts[0]


async def test_an_attached_browser_needs_an_address(driver):
    with pytest.raises(BrowserUnavailableError, match="cdp_url is missing"):
        await launch(driver, BrowserConfig(driver="cdp"), None)


async def test_where_nothing_listens_the_key_in_the_address_is_not_shown(driver):
    driver.error = PlaywrightError("ECONNREFUSED")
    config = BrowserConfig(driver="cdp", cdp_url="ws://127.0.0.1:9222/devtools/browser/secret")

    with pytest.raises(BrowserUnavailableError, match=r"at ws://127\.0\.0\.1:9222\. Start it") as caught:
        await launch(driver, config, None)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:9222", "http://127.0.0.1:9222"),
        ("ws://h:1/devtools/browser/key", "ws://h:1"),
        ("http://user:pass@h:1/", "http://h:1"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url, shown):
    assert shown_address(url) == shown


async def test_a_context_begins_with_the_session_that_is_given(driver):
    state = {"cookies": [{"name": "sid"}], "origins": []}
    browser = BrowserModel(driver, 1)

    await open_context(browser, BrowserConfig(), state)  # type: ignore[arg-type]

    assert browser.contexts[0].given == state
