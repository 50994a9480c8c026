"""Nothing but the web is loaded, whoever asks for it."""

from __future__ import annotations

from typing import Any

import pytest

from automation.errors import UnreachableError
from automation.navigation import go_to


class Page:
    """Notes where it is sent."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    async def goto(self, url: str, **_options: Any) -> None:
        self.loaded.append(url)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        " file:///etc/passwd",
        "fi\nle:///etc/passwd",
        "data:text/html,<p>x",
        "javascript:alert(1)",
        "java\tscript:alert(1)",
        "about:blank",
        "chrome://settings",
        "view-source:http://a.example/",
        "blob:http://a.example/1",
        "filesystem:http://a.example/x",
        "ftp://a.example/",
        "//a.example/",
        "/c/7",
        "",
        "http://",
        "http:///etc",
        "http://a.example/ x",
        "http://a.example/\x00",
        "http://[::1/",
    ],
)
async def test_an_address_that_is_not_of_the_web_is_never_loaded(url):
    page: Any = Page()

    with pytest.raises(UnreachableError):
        await go_to(page, url, "commit", 5)

    assert page.loaded == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/", "HTTPS://münchen.example/ü?a=b#c", "http://[::1]:80/x"]
)
async def test_an_address_of_the_web_is(url):
    page: Any = Page()

    await go_to(page, url, "commit", 5)

    assert page.loaded == [url]
