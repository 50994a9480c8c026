"""Every error says what to do next, carries data, and stands where the one who should act looks for it."""

import inspect

import pytest

from automation import errors
from automation.errors import (
    AccountBannedError,
    AccountError,
    AttachmentRejectedError,
    AutomationError,
    BrowserUnavailableError,
    ChallengeRequiredError,
    ContentBlockedError,
    ConversationGoneError,
    FirstTokenTimeout,
    IdleTimeout,
    NoAccountError,
    PageLostError,
    PoolFullError,
    ProfileError,
    PromptRejectedError,
    PromptTooLargeError,
    RateLimitedError,
    RetryableError,
    SignInRequiredError,
    SiteChangedError,
    SiteError,
    UnreachableError,
)

CASES = [
    (SiteError("oops"), RetryableError, "The site reported: oops", {"site_message": "oops"}),
    (ContentBlockedError("no"), SiteError, "The site reported: no", {"site_message": "no"}),
    (
        RateLimitedError("slow", 12.0),
        RetryableError,
        "The site limits this account: slow",
        {"site_message": "slow", "retry_after_s": 12.0, "kind": "requests"},
    ),
    (FirstTokenTimeout(90.0), RetryableError, "No answer began within 90 s.", {"waited_s": 90.0}),
    (
        IdleTimeout(0.5),
        RetryableError,
        "The answer stalled for 0.5 s without an end.",
        {"waited_s": 0.5},
    ),
    (PageLostError("gone"), RetryableError, "gone", {}),
    (PoolFullError(120), RetryableError, "Every page stayed in use for 120 s.", {"waited_s": 120}),
    (SignInRequiredError("expired"), AccountError, "Sign-in is required: expired", {"reason": "expired"}),
    (
        ChallengeRequiredError("captcha"),
        AccountError,
        "A person must pass the site's check (captcha).",
        {"kind": "captcha"},
    ),
    (
        AccountBannedError("closed"),
        AccountError,
        "The site has closed this account: closed",
        {"site_message": "closed"},
    ),
    (NoAccountError("a: banned"), AccountError, "a: banned", {}),
    (
        SiteChangedError("input", "composing", b"png"),
        AutomationError,
        (
            "The page doesn't match its profile: nothing matches 'input' while composing. "
            "Correct 'input' in the profile and restart the endpoint."
        ),
        {"profile_key": "input", "step": "composing", "screenshot": b"png"},
    ),
    (PromptRejectedError("changed"), AutomationError, "changed", {}),
    (
        PromptTooLargeError(10, 8),
        PromptRejectedError,
        "The prompt has 10 characters; this page takes 8.",
        {"size_characters": 10, "limit_characters": 8},
    ),
    (
        AttachmentRejectedError("a.png", "messages.0.content.1", "it is too large"),
        PromptRejectedError,
        "The file 'a.png' can't be sent: it is too large.",
        {"name": "a.png", "part": "messages.0.content.1"},
    ),
    (
        ConversationGoneError(),
        AutomationError,
        (
            "This conversation's chat can't be found at the site any more. Send all of its messages with "
            '"conversation": "auto"; they begin a new chat.'
        ),
        {},
    ),
    (
        UnreachableError("http://x", "it is down"),
        AutomationError,
        "http://x can't be used: it is down",
        {"url": "http://x", "reason": "it is down"},
    ),
    (
        ProfileError("a.yaml", "wire.urls", "is missing", 7),
        AutomationError,
        "a.yaml:7: wire.urls: is missing",
        {"source": "a.yaml", "key": "wire.urls", "reason": "is missing", "line": 7},
    ),
    (BrowserUnavailableError("install one"), AutomationError, "install one", {}),
]


@pytest.mark.parametrize(
    ("error", "parent", "words", "data"), CASES, ids=[type(case[0]).__name__ for case in CASES]
)
def test_an_error_has_its_place_its_words_and_its_data(error, parent, words, data):
    carried = dict(vars(error))

    assert type(error).__base__ is parent
    assert str(error) == words
    assert carried == data


def test_an_error_of_an_inline_profile_names_no_line():
    error = ProfileError("<inline>", "input", "Field required")

    assert str(error) == "<inline>: input: Field required"
    assert error.line is None


def test_what_a_site_does_not_tell_has_a_default():
    assert RateLimitedError("slow").retry_after_s == 60.0
    assert SiteChangedError("send", "sending").screenshot is None


def test_an_error_says_what_the_page_showed_and_where_its_picture_is():
    error = FirstTokenTimeout(90.0)
    error.roles, error.picture = "input 1 visible, assistant_turn 0", "20260101T000000-acme.png"

    assert str(error) == (
        "No answer began within 90 s. At that moment the profile matched: input 1 visible, assistant_turn 0. "
        "Screenshot: 20260101T000000-acme.png."
    )


def test_a_limit_told_later_says_how_much_of_it_is_left():
    later = RateLimitedError("muted", 900.0, "mute").with_time_left(3.0)

    assert (str(later), later.retry_after_s, later.kind) == (
        "The site limits this account: muted",
        3.0,
        "mute",
    )


def test_every_error_is_drawn_in_the_tree_at_the_top_of_the_module():
    found = inspect.getmembers(errors, inspect.isclass)
    classes = [
        name
        for name, kind in found
        if kind.__module__ == errors.__name__ and issubclass(kind, AutomationError)
    ]

    assert [name for name in classes if name not in (errors.__doc__ or "")] == []
