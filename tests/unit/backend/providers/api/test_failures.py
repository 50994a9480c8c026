"""What a provider's HTTP errors mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.errors import ProviderConflictError, ProviderForbidsError, ProviderRefusedError
from backend.provider_errors import (
    ApiContentBlockedError,
    ApiFailedError,
    ApiOverloadedError,
    KeyLimitedError,
    KeyRefusedError,
    ModelLimitedError,
)
from backend.providers.api.dialect import Refusal
from backend.providers.api.failures import describe_body, map_http_failure, parse_retry_after

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "", ProviderRefusedError),
        (400, "content_filter", ApiContentBlockedError),
        (400, "insufficient_balance", KeyLimitedError),
        (400, "invalid_api_key", KeyRefusedError),
        (401, "", KeyRefusedError),
        (402, "", KeyLimitedError),
        (403, "", ProviderForbidsError),
        (403, "content_policy_violation", ApiContentBlockedError),
        (403, "insufficient_quota", KeyLimitedError),
        (404, "model_not_found", ProviderRefusedError),
        (408, "", ProviderConflictError),
        (409, "", ProviderConflictError),
        (451, "", ProviderForbidsError),
        (413, "", ProviderRefusedError),
        (422, "", ProviderRefusedError),
        (429, "", ModelLimitedError),
        (500, "", ApiFailedError),
        (503, "", ApiFailedError),
        (503, "engine_overloaded", ApiOverloadedError),
        (529, "overloaded_error", ApiOverloadedError),
        (529, "", ApiOverloadedError),
    ],
)
def test_each_status_means_an_error_of_ours(status, code, kind):
    error = map_http_failure(status, Refusal("words", code), None)

    assert type(error) is kind
    assert "words" in str(error)


@pytest.mark.parametrize(
    ("status", "code"), [(403, "not_allowed"), (409, "conflict"), (400, "invalid_request")]
)
def test_a_refusal_keeps_its_status_and_has_a_code_where_the_provider_gives_none(status, code):
    error = map_http_failure(status, Refusal("words"), None)

    assert isinstance(error, ProviderRefusedError)
    assert (error.status, error.code) == (status, code)


@pytest.mark.parametrize("status", [403, 409, 451])
def test_a_page_in_the_place_of_a_refusal_is_the_providers_failure(status):
    assert type(map_http_failure(status, Refusal(""), None)) is ApiFailedError


@pytest.mark.parametrize("status", [500, 502, 503, 529])
def test_when_to_try_again_is_kept(status):
    error = map_http_failure(status, Refusal("words"), 7.0)

    assert isinstance(error, ApiFailedError)
    assert error.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"temperature must be <= 1\n", "text/plain", "temperature must be <= 1"),
        ("zu groß,\nleider".encode(), "application/octet-stream", "zu groß,\nleider"),
        (b"upstream connect error", "application/json", "upstream connect error"),
        (b'{"errors":[{"code":7003,"message":"no route"}]}', "application/json", "no route"),
        (b"<html>busy</html>", "text/html", ""),
        (b"<html>busy</html>", "text/plain", ""),
        (b"busy", "text/html", ""),
        (b'{"error":{"message":"cut', "application/json", ""),
        (b"\x1f\x8b\x08\x00", "application/octet-stream", ""),
        (b"", "text/plain", ""),
    ],
)
def test_a_body_that_is_a_text_keeps_its_words(body, content_type, words):
    assert describe_body(body, content_type).message == words


def test_a_404_without_words_of_an_api_is_a_wrong_address_and_not_the_clients_fault():
    assert type(map_http_failure(404, Refusal(""), None)) is ApiFailedError


@pytest.mark.parametrize(
    ("status", "words", "url", "said"),
    [
        (
            404,
            "",
            "http://x/chat/completions",
            "HTTP 404 without words at http://x/chat/completions; is /v1 missing",
        ),
        (
            404,
            "Not Found",
            "http://x/models",
            "HTTP 404 “Not Found” at http://x/models; is /v1 missing at the end",
        ),
        (
            405,
            "Method Not Allowed",
            "http://x/",
            "HTTP 405 “Method Not Allowed” at http://x/; is /v1 missing",
        ),
        (
            404,
            "404 page not found",
            "http://x/v1/models",
            "HTTP 404 “404 page not found” at http://x/v1/models",
        ),
    ],
)
def test_an_address_that_is_not_there_is_told_with_what_may_be_missing(status, words, url, said):
    error = map_http_failure(status, Refusal(words), None, url)

    assert type(error) is ApiFailedError
    assert str(error).startswith(f"The provider reported: {said}")
    assert ("/v1 missing" in str(error)) is ("/v1/" not in url)


def test_a_model_that_is_not_there_is_the_clients_affair():
    error = map_http_failure(
        404, Refusal("model 'x' not found, try pulling it first"), None, "http://x/api/chat"
    )

    assert isinstance(error, ProviderRefusedError)
    assert "/v1" not in str(error)


@pytest.mark.parametrize(
    ("code", "kind"), [("rate_limit_exceeded", "requests"), ("insufficient_quota", "quota")]
)
def test_a_quota_rests_longer_than_a_rate(code, kind):
    error = map_http_failure(429, Refusal("words", code), None)

    assert isinstance(error, KeyLimitedError)
    assert error.kind == kind


def test_the_header_wins_over_the_body():
    error = map_http_failure(429, Refusal("words", retry_after_s=9.0), 3.0)

    assert isinstance(error, KeyLimitedError)
    assert error.retry_after_s == 3.0


@pytest.mark.parametrize(
    ("value", "milliseconds", "seconds"),
    [
        ("7", None, 7.0),
        ("7", "1500", 1.5),
        ("0", None, 0.0),
        ("Thu, 26 Nov 2026 12:00:30 GMT", None, 30.0),
        ("Thu, 26 Nov 2026 11:00:00 GMT", None, 0.0),
        ("99999999", None, 7 * 24 * 3600.0),
        ("-1", None, None),
        ("nan", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(value, milliseconds, seconds):
    assert parse_retry_after(value, milliseconds, NOW) == seconds
