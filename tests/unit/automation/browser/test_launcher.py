"""How a browser is started, or attached to, and what is said where that fails."""

import pytest
from playwright.async_api import Error as PlaywrightError

from automation.browser import launcher
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


async def test_a_browser_sees_no_secret_of_this_process_and_finds_what_it_needs(driver, program, monkeypatch):
    for name in ("SECRET_KEY", "OPENAI_API_KEY", "CODEGEN_TOKEN", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, "secret")
    for name in ("HOME", "LC_ALL", "XDG_RUNTIME_DIR", "FONTCONFIG_FILE", "https_proxy"):
        monkeypatch.setenv(name, "needed")

    options = await started(driver, program, timezone="Europe/Berlin")

    assert "secret" not in options["env"].values()
    assert list(options["env"].values()).count("needed") == 5
    assert options["env"]["TZ"] == "Europe/Berlin"


async def test_no_browser_takes_downloads_or_lets_pages_open_windows(driver, program, tmp_path):
    shared = await started(driver, program)
    context = await open_context(driver.browsers[-1], BrowserConfig(), None)
    await launch(driver, BrowserConfig(), program, profile=tmp_path)

    assert context.options["accept_downloads"] is False  # type: ignore[attr-defined]
    assert driver.started[-1]["accept_downloads"] is False
    for options in (shared, driver.started[-1]):
        assert "--disable-popup-blocking" in options["ignore_default_args"]


# -- the sandbox ---------------------------------------------------------------------------------------------------------


async def test_the_sandbox_is_on_where_the_system_lets_it_work(driver, program, monkeypatch, caplog):
    monkeypatch.setattr(launcher, "sandbox_obstacle", lambda: None)

    options = await started(driver, program)

    assert options["chromium_sandbox"] is True
    assert "browser_without_sandbox" not in caplog.text


async def test_where_it_can_not_work_it_is_off_and_the_log_says_why_and_what_to_do(
    driver, program, monkeypatch, caplog
):
    monkeypatch.setattr(launcher, "sandbox_obstacle", lambda: "it runs as root")

    options = await started(driver, program)

    [told] = [record for record in caplog.records if record.message == "browser_without_sandbox"]
    assert options["chromium_sandbox"] is False
    assert told.__dict__["reason"] == "it runs as root"
    assert told.__dict__["remedy"]


async def test_a_system_that_refuses_it_only_when_it_is_tried_gets_a_browser_without(
    driver, program, monkeypatch, caplog
):
    monkeypatch.setattr(launcher, "sandbox_obstacle", lambda: None)
    said = "Failed\nBrowser logs:\n[pid=7][err] [7:7:FATAL:zygote_host_impl.cc(128)] No usable sandbox! Update your kernel"
    driver.errors = [PlaywrightError(said)]

    options = await started(driver, program)

    [told] = [record for record in caplog.records if record.message == "browser_without_sandbox"]
    assert options["chromium_sandbox"] is False
    assert "No usable sandbox" in told.__dict__["reason"]


async def test_another_failure_is_no_reason_to_leave_it_out(driver, program, monkeypatch):
    monkeypatch.setattr(launcher, "sandbox_obstacle", lambda: None)
    driver.errors = [PlaywrightError("no libnss3")]

    with pytest.raises(BrowserUnavailableError):
        await launch(driver, BrowserConfig(), program)

    assert driver.started == []


async def test_a_browser_that_lacks_a_library_is_told_with_its_own_words_and_the_package(driver, program):
    driver.error = PlaywrightError(
        "BrowserType.launch: Target page, context or browser has been closed\nBrowser logs:\n\n"
        "<launching> /usr/bin/chromium --headless\n<launched> pid=7\n"
        "[pid=7][err] /usr/bin/chromium: error while loading shared libraries: libgbm.so.1: cannot open\n"
        "[pid=7] <process did exit: exitCode=127, signal=null>"
    )

    with pytest.raises(BrowserUnavailableError) as caught:
        await launch(driver, BrowserConfig(), program)

    assert "error while loading shared libraries: libgbm.so.1" in str(caught.value)
    assert "apt-get install -y libgbm1" in str(caught.value)


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
