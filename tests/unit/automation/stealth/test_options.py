"""How a configuration becomes a command line and an environment."""

import re
from pathlib import Path

import playwright
import pytest

from automation.stealth.options import (
    QUIET,
    BrowserConfig,
    ProxyConfig,
    accept_language,
    environment,
    launch_arguments,
)

UNMARKED = "--disable-blink-features=AutomationControlled"


def test_a_browser_without_wishes_is_quiet_unmarked_and_of_an_ordinary_size():
    assert launch_arguments(BrowserConfig()) == [
        *QUIET,
        "--window-size=1366,900",
        "--screen-info={1920x1080}",
        UNMARKED,
    ]


def test_every_wish_is_one_argument():
    config = BrowserConfig(
        headless=False,
        user_agent="Mozilla/5.0 (X11)",
        viewport=(800, 600),
        anti_detection=False,
        locale="de-DE",
        gl="llvmpipe",
    )

    arguments = launch_arguments(config)

    assert arguments == [
        *QUIET,
        "--window-size=800,600",
        "--use-angle=gl",
        "--ignore-gpu-blocklist",
        "--user-agent=Mozilla/5.0 (X11)",
        "--accept-lang=de-DE,de,en-US,en",
    ]


def test_a_screen_without_a_display_is_never_smaller_than_its_window():
    assert "--screen-info={2560x1440}" in launch_arguments(BrowserConfig(viewport=(2560, 1440)))


def test_nothing_on_the_command_line_weakens_the_sandbox():
    assert not [argument for argument in launch_arguments(BrowserConfig()) if "sandbox" in argument]


@pytest.mark.parametrize(
    ("locale", "languages"),
    [
        ("de-DE", "de-DE,de,en-US,en"),
        ("fr", "fr,en-US,en"),
        ("en-US", "en-US,en"),
        ("en-GB", "en-GB,en,en-US"),
        ("zh-Hant-TW", "zh-Hant-TW,zh,en-US,en"),
    ],
)
def test_languages_are_listed_as_a_desktop_browser_lists_them(locale, languages):
    assert accept_language(locale) == languages


def test_the_environment_is_inherited_with_the_time_zone_that_was_asked_for():
    inherited = {"HOME": "/h", "TZ": "UTC"}

    changed = environment(BrowserConfig(timezone="Europe/Berlin"), inherited)
    unchanged = environment(BrowserConfig(), inherited)

    assert changed == {"HOME": "/h", "TZ": "Europe/Berlin"}
    assert unchanged == inherited == {"HOME": "/h", "TZ": "UTC"}
    assert unchanged is not inherited


def test_equal_configurations_share_a_browser_and_a_password_is_never_shown():
    one = BrowserConfig(proxy=ProxyConfig("http://p:1", "u", "hidden-word"))
    same = BrowserConfig(proxy=ProxyConfig("http://p:1", "u", "hidden-word"))

    assert {one: 1}[same] == 1
    assert "hidden-word" not in repr(one)


def test_what_the_driver_turns_off_stays_off_beside_our_own_switch():
    bundle = Path(playwright.__file__).parent / "driver/package/lib/coreBundle.js"
    found = re.search(r"disabledFeatures = \[(.*?)\]", bundle.read_text("utf-8"), re.DOTALL)
    assert found is not None
    theirs = set(re.findall(r'"(\w+)"', found[1]))

    [ours] = [argument for argument in QUIET if argument.startswith("--disable-features=")]

    assert theirs
    assert theirs <= set(ours.partition("=")[2].split(","))
