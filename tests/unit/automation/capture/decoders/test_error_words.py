"""What kind of error a site's object or words report."""

import pytest

from automation.capture.decoders.error_words import error_from_object, error_from_words
from automation.capture.decoders.protocol import WireError

OBJECTS = [
    ({"error": {"message": "Slow down", "code": 429}}, WireError("Slow down", "rate_limited")),
    ({"error": {"message": "m", "type": "rate_limit_error"}}, WireError("m", "rate_limited")),
    ({"error": {"message": "Rate limit reached"}}, WireError("Rate limit reached", "rate_limited")),
    ({"error": {"message": "m", "code": 429, "retry_after": 7}}, WireError("m", "rate_limited", 7.0)),
    (
        {"error": {"message": "m", "code": 429, "retry_after": True}, "retry_after_s": 2.5},
        WireError("m", "rate_limited", 2.5),
    ),
    ({"error": {"message": "m", "code": 500, "retry_after": 7}}, WireError("m")),
    ({"error": {"message": "m", "code": "content_filter"}}, WireError("m", "content_blocked")),
    ({"error": {"message": "m", "code": 401}}, WireError("m", "sign_in_required")),
    ({"error": "Too many requests"}, WireError("Too many requests", "rate_limited")),
    ({"error": {"content": "mock error 500"}}, WireError("mock error 500")),
    ({"error": {"reason": 4}}, WireError("{'reason': 4}")),
    ({"detail": "Not authenticated"}, WireError("Not authenticated", "sign_in_required")),
    ({"detail": [{"msg": "field required"}, {"msg": "too long"}]}, WireError("field required; too long")),
    ({"object": "error", "message": "m", "code": 404}, WireError("m")),
    ({"choices": [], "detail": "of a chunk"}, None),
    ({"error": None, "choices": []}, None),
    ({}, None),
    ([], None),
]


@pytest.mark.parametrize(("value", "expected"), OBJECTS)
def test_an_object_reports_this_error(value, expected):
    error = error_from_object(value)

    assert error == expected


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Error code: 429 - mock error 429", "rate_limited"),
        ("Error code: 500 - mock error 500", "error"),
        ("You exceeded your current quota", "rate_limited"),
        ("Blocked by our content policy", "content_blocked"),
        ("Your session has expired", "sign_in_required"),
        ("Line 429 is wrong", "error"),
    ],
)
def test_words_alone_tell_the_kind(words, kind):
    error = error_from_words(words)

    assert error == WireError(words, kind)
