"""Profiles are read strictly, and an error names the key and the line."""

from typing import Any

import pytest

from automation.errors import ProfileError
from automation.profiles.model import NewChat, SiteWords
from automation.profiles.selector import Selector
from automation.profiles.validation import parse_profile

LEAST = {"input": "textarea", "assistant_turn": ".bot"}


def test_a_field_and_a_turn_are_all_that_a_profile_needs():
    profile = parse_profile(LEAST)

    assert profile.name == "<inline>"
    assert profile.input == (Selector(css="textarea"),)
    assert (profile.send, profile.wire, profile.sign_in, profile.new_chat) == ((), None, None, NewChat())


@pytest.mark.parametrize(
    "written",
    [
        ".a",
        [".a"],
        {"css": ".a"},
        [{"css": ".a", "text": []}],
    ],
)
def test_a_selector_may_be_written_short_or_in_full(written):
    assert parse_profile({**LEAST, "send": written}).send == (Selector(css=".a"),)


def test_a_text_of_a_selector_may_be_one_or_several():
    profile = parse_profile(
        {**LEAST, "send": [{"css": "b", "text": "Go"}, {"css": "b", "text": ["Go", "Los"]}]}
    )

    assert [selector.text for selector in profile.send] == [("Go",), ("Go", "Los")]


@pytest.mark.parametrize(
    ("change", "key", "reason"),
    [
        ({"inptu": "x"}, "inptu", "is not a key of a profile"),
        ({"input": []}, "input", "Value should have at least 1 item after validation, not 0"),
        ({"input": 5}, "input", "Input should be a valid tuple"),
        ({"input": ["a", 5]}, "input.1", "Input should be a valid dictionary or instance of Selector"),
        ({"input": {"css": 5}}, "input.0.css", "Input should be a valid string"),
        ({"input": ""}, "input.0.css", "is not a CSS selector: Expected a selector at position 0"),
        ({"path": "file:///etc/passwd"}, "path", "leads to no address of the web"),
        ({"path": "FILE:/etc/passwd"}, "path", "leads to no address of the web"),
        ({"path": "data:text/html,x"}, "path", "leads to no address of the web"),
        ({"path": "javascript:alert(1)"}, "path", "leads to no address of the web"),
        ({"path": "java\nscript:alert(1)"}, "path", "leads to no address of the web"),
        ({"path": "\x01file:///etc"}, "path", "leads to no address of the web"),
        ({"path": "chrome://version"}, "path", "leads to no address of the web"),
        ({"path": "view-source:https://a.example/"}, "path", "leads to no address of the web"),
        ({"path": "blob:https://a.example/1"}, "path", "leads to no address of the web"),
        ({"path": "about:blank"}, "path", "leads to no address of the web"),
        ({"path": "ftp://a.example/"}, "path", "leads to no address of the web"),
        ({"path": "http://[::1/"}, "path", "Invalid IPv6 URL"),
        (
            {"sign_in": {"path": "file:///etc/passwd", "username": "a", "password": "b"}},
            "sign_in.path",
            "leads to no address of the web",
        ),
        ({"conversation": {"url": "("}}, "conversation.url", "is not a regular expression (RE2): missing )"),
        ({"conversation": {"url": "a(?=b)"}}, "conversation.url", "is not a regular expression (RE2)"),
        ({"conversation": {"url": "(" * 5000}}, "conversation.url", "has more than 4000 characters"),
        ({"conversation": {"url": "a" * 1001}}, "conversation.url", "has more than 1000 characters"),
        ({"site_words": {"quota": ["a{1000}{1000}"]}}, "site_words.quota.0", "is not a regular expression"),
        ({"send": ":not(" * 2000}, "send", "has more than 4000 characters"),
        ({"send": ":not(" * 700 + "a" + ")" * 400}, "send.0.css", "is nested more than 20 deep"),
        ({"send": ".a" * 5000}, "send", "has more than 4000 characters"),
        ({"send": "\ud800"}, "send", "has half a surrogate pair"),
        ({"send": ["a"] * 6000}, "<root>", "has more than 5000 values"),
        ({"name": "a" * 5000}, "name", "has more than 4000 characters"),
        ({"timeouts": {"idle_s": 1e300}}, "timeouts.idle_s", "Input should be less than or equal to"),
        ({"timeouts": {"idle_s": float("inf")}}, "timeouts.idle_s", "Input should be a finite number"),
        ({"input": "a["}, "input.0.css", "is not a CSS selector: Malformed attribute selector at position 1"),
        (
            {"send": "button:contains('x')"},
            "send.0.css",
            "is not CSS: use {css: …, text: …} to match by text",
        ),
        (
            {"send": ":-soup-contains('x')"},
            "send.0.css",
            "is not CSS: use {css: …, text: …} to match by text",
        ),
        (
            {"wire": {"decoder": "sse", "urls": "*"}},
            "wire.decoder",
            "Input should be 'openai_sse', 'vercel_ai', 'gradio_queue',",
        ),
        ({"wire": {"decoder": "chainlit"}}, "wire.urls", "Field required"),
        ({"timeouts": {"idle_s": 0}}, "timeouts.idle_s", "Input should be greater than 0"),
        ({"limits": {"prompt_characters": -1}}, "limits.prompt_characters", "Input should be greater than 0"),
        ({"site_words": {"rate_limited": ["a", "("]}}, "site_words.rate_limited.1", "is not a regular"),
        ({"sign_in": {"username": "a"}}, "sign_in.password", "Field required"),
        ({"attachments": {"input": "a"}}, "attachments.uploaded", "Field required"),
        ({"attachments": {"uploaded": "a"}}, "attachments", "the method 'input' needs the key 'input' or"),
        (
            {"attachments": {"uploaded": "a", "method": "drop"}},
            "attachments",
            "the method 'drop' needs the key 'drop_target'",
        ),
        ({"prompt_message": {"type": "ask"}}, "prompt_message", "one value must be {prompt}"),
        ({"prompt_message": {"a": "{prompt}", "b": "{prompt}"}}, "prompt_message", "one value must be"),
        ({"limits": {"over_limit": "file"}}, "limits", "over_limit 'file' needs 'attachments' that accept"),
        (
            {
                "limits": {"over_limit": "file"},
                "attachments": {"input": "a", "uploaded": "b", "accept": "image/*"},
            },
            "limits",
            "over_limit 'file' needs 'attachments' that accept text/plain",
        ),
    ],
)
def test_what_is_wrong_is_told_by_its_dotted_key(change, key, reason):
    with pytest.raises(ProfileError) as caught:
        parse_profile({**LEAST, **change})

    assert caught.value.key == key
    assert caught.value.reason.startswith(reason)
    assert str(caught.value).startswith(f"<inline>: {key}: ")


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(ProfileError) as caught:
        parse_profile({"input": "a", "nonsense": 1})

    assert str(caught.value) == (
        "<inline>: assistant_turn: Field required; also nonsense: is not a key of a profile"
    )


@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_what_is_not_a_mapping_is_no_profile(data):
    with pytest.raises(ProfileError, match=r"^<inline>:1: <root>: a profile is a mapping"):
        parse_profile(data)


def test_a_profile_can_not_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        parse_profile(LEAST).name = "other"  # type: ignore[misc]


def test_lines_are_given_for_the_nearest_key_that_has_one():
    with pytest.raises(ProfileError) as caught:
        parse_profile({"input": "a"}, "x.yaml", {"": 9, "input": 2})

    assert caught.value.line == 9


def test_site_words_that_we_ship_are_regular_expressions():
    words = SiteWords()

    assert SiteWords(**words.model_dump()) == words


def nested(depth):
    value: str | dict[str, Any] = ".a"
    for _ in range(depth):
        value = {"css": ".a", "has": value}
    return value


def test_a_selector_in_a_selector_has_a_bound():
    parse_profile({**LEAST, "send": nested(10)})

    with pytest.raises(ProfileError, match="is nested more than 40 deep"):
        parse_profile({**LEAST, "send": nested(100_000)})


@pytest.mark.parametrize(
    "path", ["/", "chat", "/c?a=b#d", "//other.example/", "https://a.example:8443/c", "#/chat", ""]
)
def test_a_path_may_lead_anywhere_on_the_web(path):
    assert parse_profile({**LEAST, "path": path}).path == path
