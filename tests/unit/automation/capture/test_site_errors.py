"""What a site says when it fails becomes the error that tells who should act."""

import json

import pytest

from automation.capture.decoders.protocol import WireError
from automation.capture.site_errors import (
    error_of_status,
    error_of_wire,
    error_of_words,
    find_refusal,
    message_in,
)
from automation.errors import (
    AccountBannedError,
    ChallengeRequiredError,
    ContentBlockedError,
    RateLimitedError,
    SignInRequiredError,
    SiteError,
)
from automation.profiles.model import SiteWords

WORDS = SiteWords()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Rate limit reached for gpt", RateLimitedError),
        ("TOO MANY REQUESTS", RateLimitedError),
        ("You exceeded your quota", RateLimitedError),
        ("Please slow down", RateLimitedError),
        ("You have been muted until 5 pm", RateLimitedError),
        ("Your account has been banned.", AccountBannedError),
        ("FRONTEND_CAPTCHA_REQUIRED", ChallengeRequiredError),
        ("Your session has expired", SignInRequiredError),
        ("Please log in again", SignInRequiredError),
        ("This violates our content policy", ContentBlockedError),
        ("I can't assist with that", ContentBlockedError),
        ("Something went wrong", SiteError),
        ("", SiteError),
    ],
)
def test_words_tell_the_kind_of_an_error(text, kind):
    error = error_of_words(text, WORDS)

    assert type(error) is kind


def test_a_profile_may_have_words_of_its_own():
    words = SiteWords(rate_limited=("zu viele Anfragen",))

    assert type(error_of_words("Zu viele Anfragen!", words)) is RateLimitedError
    assert type(error_of_words("Too many requests", words)) is SiteError


@pytest.mark.parametrize(("told_s", "retry_after_s"), [(None, 60.0), (7.0, 7.0)])
def test_a_rate_limit_says_when_to_try_again(told_s, retry_after_s):
    by_words = error_of_words("rate limit", WORDS, told_s)
    by_kind = error_of_wire(WireError("wait", "rate_limited", told_s), WORDS)

    assert isinstance(by_words, RateLimitedError)
    assert isinstance(by_kind, RateLimitedError)
    assert by_words.retry_after_s == by_kind.retry_after_s == retry_after_s


@pytest.mark.parametrize(
    ("text", "kind", "rest_s"),
    [
        ("Too many requests", "requests", 60.0),
        ("Your daily limit is reached", "quota", 3600.0),
        ("You are muted", "mute", 900.0),
    ],
)
def test_each_kind_of_limit_has_its_own_rest_where_the_site_tells_no_time(text, kind, rest_s):
    errors = [error_of_words(text, WORDS), error_of_wire(WireError(text, "rate_limited"), WORDS)]

    assert all(isinstance(e, RateLimitedError) for e in errors)
    assert [(e.kind, e.retry_after_s) for e in errors if isinstance(e, RateLimitedError)] == [
        (kind, rest_s)
    ] * 2


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (WireError("no", "content_blocked"), ContentBlockedError),
        (WireError("no", "sign_in_required"), SignInRequiredError),
        (WireError("no", "challenge_required"), ChallengeRequiredError),
        (WireError("no"), SiteError),
        (WireError("rate limit"), RateLimitedError),
    ],
)
def test_the_kind_that_the_decoder_told_wins_over_the_words(error, kind):
    assert type(error_of_wire(error, WORDS)) is kind


def test_long_words_are_cut_and_spaces_are_folded():
    error = error_of_words("a \n\t b" + "x" * 600, WORDS)

    assert isinstance(error, SiteError)
    assert error.site_message == "a b" + "x" * 496 + "…"


@pytest.mark.parametrize(
    ("status", "body", "retry_after", "error"),
    [
        (429, b"", None, WireError("HTTP 429", "rate_limited")),
        (429, b'{"error": {"message": "Wait"}}', "30", WireError("Wait", "rate_limited", 30.0)),
        (429, b"", "Wed, 21 Oct 2026 07:28:00 GMT", WireError("HTTP 429", "rate_limited")),
        (429, b"", "²", WireError("HTTP 429", "rate_limited")),
        (401, b'{"detail": "Not authenticated"}', None, WireError("Not authenticated", "sign_in_required")),
        (403, b"<html>Forbidden</html>", None, WireError("HTTP 403", "sign_in_required")),
        (500, b"Internal Server Error", None, WireError("Internal Server Error (HTTP 500)")),
        (502, b"<h1>Bad Gateway</h1>", None, WireError("HTTP 502")),
        (503, b'{"message": "Overloaded"}', "5", WireError("Overloaded (HTTP 503)", "error", 5.0)),
    ],
)
def test_an_http_error_is_told_with_the_sites_words(status, body, retry_after, error):
    assert error_of_status(status, body, retry_after) == error


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'"just text"', "just text"),
        (b'{"error": {"type": "x", "message": "deep"}}', "deep"),
        (b'{"error": "flat"}', "flat"),
        (b'{"message": "", "title": "Title"}', "Title"),
        (b'{"msg": "m"}', "m"),
        (b'{"other": 1}', ""),
        (b'{"message": 5}', ""),
        (b"[1, 2]", ""),
        (b"plain\n words", "plain words"),
        (b"<!doctype html>", ""),
        (b"\xff\xfe", ""),
        (b"", ""),
        (b"[" * 65536, ""),
    ],
    ids=range(13),
)
def test_an_error_body_gives_its_message_and_nothing_else(body, words):
    assert message_in(body).strip("\ufffd") == words


def test_words_of_just_the_length_that_is_kept_are_whole():
    error = error_of_words("x" * 500, WORDS)

    assert isinstance(error, SiteError)
    assert error.site_message == "x" * 500


def test_the_message_of_an_error_body_is_short():
    assert len(message_in(json.dumps({"message": "x" * 9999}).encode())) == 500


SAID = "The protest took place in the capital.\n\nSeveral thousand people came."
NO = "I can't help with that."


@pytest.mark.parametrize(
    ("shown", "final", "refusal"),
    [
        (SAID, NO, NO),
        (SAID, f"The protest took place in the capital.\n\n{NO}", NO),
        (SAID, "I cannot say more about it.", None),
        (SAID, f"{SAID}\n\n{NO}", None),
        ("", NO, None),
        ("Searching the web", NO, None),
        (NO, f"## {NO}", None),
        ("I can't help with", f"**{NO}**", None),
        (SAID, SAID, None),
        (SAID, "", None),
    ],
)
def test_a_refusal_takes_back_what_was_shown_in_its_place(shown, final, refusal):
    assert find_refusal(shown, final, SiteWords()) == refusal


@pytest.mark.parametrize(
    ("final", "refusal"),
    [
        ("Let us change the subject.", "Let us change the subject."),
        ("", "it took its answer back"),
        (SAID, None),
    ],
)
def test_what_a_filter_put_in_the_place_of_text_is_a_refusal_whatever_its_words(final, refusal):
    assert find_refusal(SAID, final, SiteWords(), is_filtered=True) == refusal
