from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from backend.providers.config import EndpointDraft
from backend.providers.fields import (
    CdpAddress,
    Count,
    HeaderName,
    HeaderSecret,
    HttpAddress,
    ProxyAddress,
    Seconds,
)

KINDS: dict[str, Any] = {
    "address": HttpAddress,
    "cdp": CdpAddress,
    "proxy": ProxyAddress,
    "header name": HeaderName,
    "header secret": HeaderSecret,
    "seconds": Seconds,
    "count": Count,
}


def read(kind: str, value: object) -> Any:
    return TypeAdapter(KINDS[kind]).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("address", "https://chat.example.com/a?b=c#d"),
        ("address", "http://[::1]:8080/"),
        ("address", "http://localhost."),
        ("address", "http://münchen.example/ü"),
        ("cdp", "ws://127.0.0.1:9222/devtools"),
        ("proxy", "socks5://127.0.0.1:1080"),
        ("header name", "OpenAI-Organization"),
        ("seconds", 0.001),
        ("count", 1),
    ],
    ids=repr,
)
def test_what_can_be_used_stays_as_it_is(kind, value):
    assert read(kind, value) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("address", "http://a b/"),
        ("address", "http://a\r\nb/"),
        ("address", "http://a/\t"),
        ("address", "http://a/\x00"),
        ("address", "http://.../"),
        ("address", "http://a..b/"),
        ("address", "http://" + "a" * 64 + ".example/"),
        ("address", "http://x@y/"),
        ("address", "javascript:alert(1)"),
        ("cdp", "http://127.0.0.1:9222/?token=x"),
        ("cdp", "http://a b/"),
        ("proxy", "http://user:password@proxy:1"),
        ("proxy", "http://proxy:1\r\n"),
        ("proxy", ""),
        ("header name", ""),
        ("header name", "a b"),
        ("header name", "a:"),
        ("header name", "ü"),
        ("header name", "a\n"),
        ("header name", "Content-Length"),
        ("header name", "TRANSFER-ENCODING"),
        ("header secret", "a\nb"),
        ("header secret", "a\r"),
        ("header secret", "a\x00"),
        ("header secret", "\ud800"),
        ("seconds", 0),
        ("seconds", float("inf")),
        ("seconds", float("nan")),
        ("seconds", 1e300),
        ("count", 0),
        ("count", 10**30),
    ],
    ids=repr,
)
def test_what_cannot_be_used_is_refused(kind, value):
    with pytest.raises(ValidationError):
        read(kind, value)


def test_a_secret_is_not_told_by_the_error_about_it():
    with pytest.raises(ValidationError, match="line break") as refused:
        EndpointDraft.model_validate(
            {
                "name": "x",
                "provider_type": "rest_api",
                "base_url": "http://h/",
                "api_key": "hunter2\n",
                "headers": {"x-key": "hunter3\r"},
            }
        )

    assert "hunter" not in str(refused.value)
