"""What counts as a browser that contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest

from automation.stealth.options import BrowserConfig
from automation.stealth.self_check import Sighting, advice, mismatches

PAGE: dict[str, Any] = {
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0 Safari/537.36",
    "languages": ["de-DE", "de", "en-US", "en"],
    "platform": "Linux x86_64",
    "cores": 2,
    "memory_gb": 8,
    "timezone": "Europe/Berlin",
    "utc_offset_min": 60,
    "brands": ["Not:A-Brand 8", "Chromium 156"],
    "client_platform": "Linux",
    "client_details": {"fullVersionList": ["Chromium 156.0.8078.108"]},
    "webgl_vendor": None,
    "webgl_renderer": None,
}
HEADERS = {
    "user-agent": PAGE["user_agent"],
    "accept-language": "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7",
    "sec-ch-ua": '"Not:A-Brand";v="8", "Chromium";v="156"',
    "sec-ch-ua-platform": '"Linux"',
}
WITHOUT_HINTS = {name: HEADERS[name] for name in ("user-agent", "accept-language")}


def sighting(
    page: dict[str, Any] | None = None,
    worker: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    worker_headers: dict[str, str] | None = None,
    silent: dict[str, str] | None = None,
    *,
    webdriver: bool = False,
) -> Sighting:
    seen_by_page = {**PAGE, **(page or {})}
    return Sighting(
        seen={"page": seen_by_page, "worker": {**seen_by_page, **(worker or {})}},
        silent=silent or {},
        only={"webdriver": webdriver, "screen": [1920, 1080], "window": [1366, 900], "viewport": [1366, 813]},
        headers={
            "navigation": {**HEADERS, **(headers or {})},
            "worker": {**WITHOUT_HINTS, **(worker_headers or {})},
        },
    )


def names(seen: Sighting, config: BrowserConfig = BrowserConfig()) -> list[tuple[str, str]]:  # noqa: B008
    return [(mismatch.place, mismatch.name) for mismatch in mismatches(seen, config)]


def test_a_browser_that_says_the_same_everywhere_has_no_mismatch():
    assert names(sighting(), BrowserConfig(locale="de-DE", timezone="Europe/Berlin")) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"worker": {"platform": "Win32"}}, [("worker", "platform")]),
        ({"worker": {"timezone": "UTC", "utc_offset_min": 0}}, [("worker", "timezone"), ("worker", "utc_offset_min")]),
        ({"worker": {"brands": []}}, [("worker", "brands")]),
        ({"headers": {"user-agent": "curl"}}, [("headers of navigation", "user-agent")]),
        ({"headers": {"accept-language": "de-DE"}}, [("headers of navigation", "accept-language")]),
        ({"headers": {"sec-ch-ua": '"Chrome";v="156"'}}, [("headers of navigation", "sec-ch-ua")]),
        ({"headers": {"sec-ch-ua": ""}}, [("headers of navigation", "sec-ch-ua")]),
        ({"headers": {"sec-ch-ua-platform": '"Windows"'}}, [("headers of navigation", "sec-ch-ua-platform")]),
        (
            {"worker_headers": {"sec-ch-ua": '"Chrome";v="1"', "sec-ch-ua-platform": '"Linux"'}},
            [("headers of worker", "sec-ch-ua")],
        ),
        ({"silent": {"shared worker": "it did not answer"}}, [("shared worker", "answer")]),
        ({"page": {"client_details": {"fullVersionList": []}}}, [("page", "userAgentData.fullVersionList")]),
    ],
)  # fmt: skip
def test_each_contradiction_is_named_with_its_place(changes, found):
    assert names(sighting(**changes)) == found


def test_a_user_agent_of_another_version_than_the_brands_is_a_mismatch():
    other = PAGE["user_agent"].replace("156", "120")

    found = names(
        sighting(
            page={"user_agent": other}, headers={"user-agent": other}, worker_headers={"user-agent": other}
        )
    )

    assert found == [("page", "userAgentData.brands")]


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (BrowserConfig(timezone="Asia/Tokyo"), [("configuration", "timezone")]),
        (BrowserConfig(locale="fr"), [("configuration", "languages")]),
        (BrowserConfig(timezone="Asia/Tokyo", driver="cdp"), []),
    ],
)
def test_what_was_configured_and_did_not_arrive_is_a_mismatch(config, found):
    assert names(sighting(), config) == found


def test_a_browser_without_client_hints_is_not_asked_for_them():
    page = {"brands": None, "client_platform": None, "client_details": None}

    assert names(sighting(page=page, headers={"sec-ch-ua": "", "sec-ch-ua-platform": ""})) == []


@pytest.mark.parametrize(
    ("changes", "config", "words"),
    [
        ({"webdriver": True}, BrowserConfig(), "anti_detection"),
        ({"webdriver": True}, BrowserConfig(driver="cdp"), "fixed --remote-debugging-port"),
        ({"page": {"user_agent": "HeadlessChrome/156"}}, BrowserConfig(), "HEADLESS=false"),
        ({"page": {"webgl_renderer": "ANGLE (SwiftShader)"}}, BrowserConfig(), "llvmpipe"),
        ({"page": {"timezone": "UTC"}}, BrowserConfig(), "browser_config.timezone"),
        ({}, BrowserConfig(user_agent="x"), "leave it unset"),
        ({}, BrowserConfig(stealth=("hairline",)), "leave all of it off"),
        ({}, BrowserConfig(), "patchright"),
    ],
)
def test_what_gives_a_browser_away_is_said_with_what_to_change(changes, config, words):
    assert any(words in sentence for sentence in advice(sighting(**changes), config, "playwright"))


def test_there_is_nothing_to_advise_where_nothing_gives_it_away():
    assert advice(sighting(), BrowserConfig(driver="patchright", headless=False), "patchright") == []
