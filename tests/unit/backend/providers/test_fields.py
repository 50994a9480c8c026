from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from backend.providers.fields import (
    CdpAddress,
    Count,
    HeaderName,
    HeaderSecret,
    HttpAddress,
    ProxyAddress,
    Seconds,
)


def read(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (HttpAddress, "https://chat.example.com/a?b=c#d"),
        (HttpAddress, "http://[::1]:8080/"),
        (HttpAddress, "http://localhost."),
        (HttpAddress, "http://münchen.example/ü"),
        (CdpAddress, "ws://127.0.0.1:9222/devtools"),
        (ProxyAddress, "socks5://127.0.0.1:1080"),
        (HeaderName, "OpenAI-Organization"),
        (Seconds, 0.001),
        (Count, 1),
    ],
)
def test_what_can_be_used_stays_as_it_is(kind, value):
    assert read(kind, value) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (HttpAddress, "http://a b/"),
        (HttpAddress, "http://a\r\nb/"),
        (HttpAddress, "http://a/\t"),
        (HttpAddress, "http://a/\x00"),
        (HttpAddress, "http://.../"),
        (HttpAddress, "http://a..b/"),
        (HttpAddress, "http://" + "a" * 64 + ".example/"),
        (HttpAddress, "http://x@y/"),
        (HttpAddress, "javascript:alert(1)"),
        (CdpAddress, "http://127.0.0.1:9222/?token=x"),
        (CdpAddress, "http://a b/"),
        (ProxyAddress, "http://user:password@proxy:1"),
        (ProxyAddress, "http://proxy:1\r\n"),
        (ProxyAddress, ""),
        (HeaderName, ""),
        (HeaderName, "a b"),
        (HeaderName, "a:"),
        (HeaderName, "ü"),
        (HeaderName, "a\n"),
        (HeaderName, "Content-Length"),
        (HeaderName, "TRANSFER-ENCODING"),
        (HeaderSecret, "a\nb"),
        (HeaderSecret, "a\r"),
        (HeaderSecret, "a\x00"),
        (HeaderSecret, "\ud800"),
        (Seconds, 0),
        (Seconds, float("inf")),
        (Seconds, float("nan")),
        (Seconds, 1e300),
        (Count, 0),
        (Count, 10**30),
    ],
)
def test_what_cannot_be_used_is_refused(kind, value):
    with pytest.raises(ValidationError):
        read(kind, value)


def test_a_secret_is_not_told_by_the_error_about_it():
    with pytest.raises(ValidationError) as refused:
        read(HeaderSecret, "hunter2\n")

    assert "hunter2" not in str(refused.value)
