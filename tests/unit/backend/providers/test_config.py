from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from automation.errors import ProfileError
from automation.stealth.options import BrowserConfig, ProxyConfig
from backend.api.admin.endpoint_documents import change_config
from backend.providers.config import EndpointConfig, EndpointDraft
from backend.providers.web_chat.opener import web_chat_config
from backend.providers.web_chat.profile_source import read_profile

BASE = {"name": "Demo", "provider_type": "web_chat", "base_url": "https://chat.example/"}
PROFILE = {"input": "textarea", "assistant_turn": ".a"}


def config(**fields: object) -> EndpointConfig:
    return EndpointConfig.of("demo", EndpointDraft.model_validate({**BASE, "profile": PROFILE, **fields}))


@pytest.mark.parametrize(
    "url",
    ["", "chat.example", "ftp://x/", "http://", "http://u:p@x/", "http://[x/", "http://x:0/", "http://x:y/"],
)
def test_an_address_that_cannot_be_opened_is_refused(url):
    with pytest.raises(ValidationError, match="base_url"):
        config(base_url=url)


@pytest.mark.parametrize("key", ["sk-…", "sk-12\n34", "sk-é", "sk-\x00"])
def test_a_key_that_cannot_be_one_is_refused_by_its_field_and_not_repeated(key):
    with pytest.raises(ValidationError) as caught:
        config(provider_type="api_token", preset="openai", api_key=key)

    (error,) = caught.value.errors()
    assert error["loc"] == ("api_key",)
    assert key not in str(caught.value)


@pytest.mark.parametrize("preset", [{"name": "openai"}, ["openai"], 7, "nobody"])
def test_a_preset_that_is_none_is_refused_by_its_field_whatever_type_it_has(preset):
    with pytest.raises(ValidationError) as caught:
        config(provider_type="api_token", preset=preset)

    assert caught.value.errors()[0]["loc"] == ("preset",)


def test_secrets_are_not_shown():
    shown = repr(
        config(
            password="hunter2",
            api_key="hunter3",
            browser_config={"proxy": {"server": "s", "password": "hunter4"}},
        )
    )

    assert "hunter" not in shown


def test_an_endpoint_is_said_in_the_words_of_automation(tmp_path):
    full = config(
        login_url="https://chat.example/in",
        username="ada",
        password="hunter2",
        timeout_seconds=9,
        max_concurrent_requests=3,
        browser_config={
            "headless": False,
            "user_agent": "ua",
            "viewport": {"width": 800, "height": 600},
            "timeout": 5000,
            "anti_detection": False,
            "proxy": {"server": "http://p:1", "username": "u", "password": "pp"},
            "locale": "de-DE",
            "timezone": "Europe/Berlin",
            "driver": "patchright",
            "gl": "llvmpipe",
            "stealth": {"webgl_vendor": True, "hairline": True},
            "human_input": "typed",
        },
    )

    web = web_chat_config(full, [tmp_path], headless=True)

    assert (web.base_url, web.login_url, web.name, web.max_pages) == (
        full.base_url,
        full.login_url,
        "demo",
        3,
    )
    assert web.credentials is not None
    assert (web.credentials.username, web.credentials.password) == ("ada", "hunter2")
    assert web.timeouts.turn_s == 9
    assert web.human_input == "typed"
    assert web.browser == BrowserConfig(
        headless=False,
        user_agent="ua",
        viewport=(800, 600),
        timeout_ms=5000,
        anti_detection=False,
        proxy=ProxyConfig("http://p:1", "u", "pp"),
        locale="de-DE",
        timezone="Europe/Berlin",
        driver="patchright",
        gl="llvmpipe",
        stealth=("hairline", "webgl_vendor"),
    )


@pytest.mark.parametrize(
    ("fields", "headless", "proxy"),
    [({}, True, None), ({"browser_config": {"proxy": {"server": "s"}}}, False, ProxyConfig("s", None, None))],
)
def test_what_is_not_said_is_left_as_it_is(tmp_path, fields, headless, proxy):
    web = web_chat_config(config(**fields, username="ada"), [tmp_path], headless=headless)

    assert web.credentials is None
    assert (web.browser.headless, web.browser.proxy, web.browser.viewport) == (headless, proxy, None)


@pytest.mark.parametrize(
    ("browser", "gateways", "driver"),
    [
        ({}, "playwright", "playwright"),
        ({}, "patchright", "patchright"),
        ({"driver": "playwright"}, "patchright", "playwright"),
        ({"cdp_url": "http://127.0.0.1:9222"}, "patchright", "cdp"),
        ({"cdp_url": "wss://chrome.lan/devtools/browser/1", "driver": "cdp"}, "playwright", "cdp"),
    ],
)
def test_the_endpoints_driver_wins_over_the_gateways(tmp_path, browser, gateways, driver):
    web = web_chat_config(config(browser_config=browser), [tmp_path], headless=True, driver=gateways)

    assert web.browser.driver == driver
    assert web.browser.cdp_url == browser.get("cdp_url")


@pytest.mark.parametrize(
    ("browser", "words"),
    [
        ({"driver": "selenium"}, "browser_config.driver"),
        ({"driver": "cdp"}, "cdp_url is missing"),
        ({"driver": "playwright", "cdp_url": "http://127.0.0.1:9222"}, 'cdp_url needs the driver "cdp"'),
        ({"cdp_url": "127.0.0.1:9222"}, "browser_config.cdp_url"),
        ({"cdp_url": "file:///tmp/x"}, "browser_config.cdp_url"),
        ({"cdp_url": "http://u:p@127.0.0.1:9222"}, "browser_config.cdp_url"),
        ({"cdp_url": "ws://h/?token=t"}, "browser_config.cdp_url"),
        (
            {"cdp_url": "http://h:1", "locale": "de", "stealth": {"hairline": True}},
            "locale, stealth.hairline",
        ),
        ({"stealth": {"webgl": True}}, "browser_config.stealth.webgl"),
        ({"stealth": True}, "browser_config.stealth"),
        ({"human_input": "fast"}, "browser_config.human_input"),
        ({"gl": "angle"}, "browser_config.gl"),
        ({"isolation": "none"}, "browser_config.isolation"),
        ({"cdp_url": "http://h:1", "isolation": "profile"}, "can't be set: isolation"),
        ({"isolation": "profile", "stealth": {"sec_ch_ua": True}}, "can't be set: stealth.sec_ch_ua"),
    ],
)
def test_a_browser_that_cannot_be_had_is_refused_by_the_fields_name(browser, words):
    with pytest.raises(ValidationError, match=re.escape(words)):
        config(browser_config=browser)


def test_a_profile_is_found_by_name_or_given(tmp_path):
    (tmp_path / "mine.yaml").write_text("input: textarea\nassistant_turn: .b\n")

    assert read_profile(config(profile="mine"), [tmp_path]).assistant_turn[0].css == ".b"
    assert read_profile(config(), [tmp_path]).assistant_turn[0].css == ".a"


@pytest.mark.parametrize("profile", [None, "auto", "missing", {"input": 5}])
def test_a_profile_that_cannot_be_used_is_refused(tmp_path, profile):
    with pytest.raises(ProfileError):
        read_profile(config(profile=profile), [tmp_path])


def test_a_change_merges_the_browser_and_replaces_the_rest():
    old = config(
        model_mapping={"a": "b"},
        weight=3,
        password="hunter2",
        browser_config={"locale": "de", "timezone": "UTC"},
    )

    new = change_config(
        old, {"model_mapping": {"c": "d"}, "weight": None, "browser_config": {"timezone": None}}
    )

    assert new.model_mapping == {"c": "d"}
    assert new.weight == 1.0
    assert new.password is not None
    assert new.password.get_secret_value() == "hunter2"
    assert (new.browser_config.locale, new.browser_config.timezone) == ("de", None)


def test_a_change_may_take_the_browsers_settings_back():
    new = change_config(config(browser_config={"locale": "de"}), {"browser_config": None})

    assert new.browser_config.locale is None


@pytest.mark.parametrize("changes", [{"name": None}, {"nonsense": 1}, {"nonsense": None}])
def test_a_change_that_makes_no_draft_is_refused(changes):
    with pytest.raises(ValidationError):
        change_config(config(), changes)
