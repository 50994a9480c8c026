"""Whose word counts for a wait: the browser's, the profile's, the endpoint's."""

from dataclasses import replace

from automation.account.config import WebChatConfig, effective_timeouts, reading_profile
from automation.profiles.validation import parse_profile
from automation.stealth.options import BrowserConfig
from automation.timing import Timeouts

PAGE = {"input": "textarea", "assistant_turn": ".bot"}


def config(timeouts=None, browser=None, profile=None):
    return WebChatConfig(
        base_url="http://x",
        login_url=None,
        profile=parse_profile({**PAGE, "timeouts": profile or {}}),
        credentials=None,
        browser=browser or BrowserConfig(),
        max_pages=2,
        timeouts=timeouts or Timeouts(),
        name="x",
    )


def test_the_endpoints_timeouts_count_where_nobody_else_has_any():
    own = Timeouts(first_token_s=7.0, navigate_s=8.0, idle_s=None)

    assert effective_timeouts(config(own)) == own


def test_a_profiles_timeouts_win():
    timeouts = effective_timeouts(config(profile={"first_token_s": 1, "idle_s": 2, "ready_s": 3}))

    assert timeouts == replace(Timeouts(), first_token_s=1.0, idle_s=2.0, ready_s=3.0)


def test_a_browsers_timeout_is_that_of_loading_a_page():
    timeouts = effective_timeouts(config(browser=BrowserConfig(timeout_ms=1500)))

    assert timeouts == replace(Timeouts(), navigate_s=1.5)


def test_where_only_the_page_is_read_the_profile_has_no_wire():
    wired = config()
    wired = replace(wired, profile=parse_profile({**PAGE, "wire": {"decoder": "openai_sse", "urls": "*"}}))

    by_page = reading_profile(replace(wired, capture="dom"))

    assert reading_profile(wired) is wired.profile
    assert by_page == wired.profile.model_copy(update={"wire": None})
