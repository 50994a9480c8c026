"""What a site says beside its answer is kept, also when it is gone again."""

import pytest

from automation.capture.heard_words import HeardWords
from automation.errors import RateLimitedError, SiteError
from automation.profiles.model import SiteWords

LIMIT = "You have reached your message limit."


def heard(*, banner=(), said=(), noticed=()):
    words = HeardWords(SiteWords())
    for one in said:
        words.hear(one)
    for one in noticed:
        words.notice(one)
    for shown in banner:
        words.see_banner(shown)
    return words


def test_nothing_said_is_no_error():
    words = heard(banner=(None,))

    assert (words.words, words.limit, words.known_error()) == (None, None, None)


@pytest.mark.parametrize(
    ("banner", "is_past", "rest_s"),
    [
        ((LIMIT,), False, 0.0),
        ((LIMIT, None), True, 0.0),
        (("Oops",), False, 0.0),
        (("Oops", None), True, 20.0),
    ],
)
def test_words_that_went_again_are_kept_and_those_of_no_known_kind_must_wait(banner, is_past, rest_s):
    words = heard(banner=banner)

    assert (words.words, words.is_past, words.rest_s) == (banner[0], is_past, rest_s)


def test_the_last_words_count():
    words = heard(said=("Oops", LIMIT))

    assert isinstance(words.limit, RateLimitedError)
    assert words.error() is words.limit


def test_empty_words_say_nothing():
    assert heard(said=(" ",)).words is None


@pytest.mark.parametrize(
    ("said", "noticed", "kind"),
    [
        ((LIMIT,), (), RateLimitedError),
        ((), (LIMIT,), RateLimitedError),
        (("Oops",), ("Saved", LIMIT), RateLimitedError),
        (("Oops",), ("Saved",), type(None)),
    ],
)
def test_what_the_page_announces_elsewhere_explains_only_by_words_that_are_known(said, noticed, kind):
    words = heard(said=said, noticed=noticed)

    assert isinstance(words.known_error(), kind)
    assert (words.limit is not None) is (LIMIT in said)
    assert not said or isinstance(words.error(), SiteError | RateLimitedError)
