"""Field types of operators' settings: URLs, headers, secrets, times. Pure."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo

STORED: Final = "is_stored"
"""Key of pydantic's context for what is read back from the database."""

_YEAR_S = 366 * 24 * 3600.0
_SPACE = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_PROXY = re.compile(r"(?:(?:https?|socks[45])://)?(?:\[[0-9A-Fa-f:.]+\]|[^\s/:@,;=\[\]\\?#]+)(?::\d{1,5})?/?")
_LOCALE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,8}")
_TIMEZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,3}")
_LONGEST_USER_AGENT = 1000
_NOT_IN_HEADERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
# How a message is framed is the client library's affair: from a second opinion, requests can be smuggled.
_FRAMING = frozenset(
    ("connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
)


def _host_problem(url: str, schemes: tuple[str, ...]) -> str | None:
    """Return why this isn't an address with a host; empty where only its looks say so."""
    if _SPACE.search(url):
        return "has white space or a control character"
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").strip(b".")
        is_usable = parts.scheme in schemes and bool(host) and parts.port != 0
    except ValueError as exc:
        return f"is not a URL: {exc}"
    return None if is_usable else ""


def _check_url(url: str) -> str:
    problem = _host_problem(url, ("http", "https"))
    if problem is not None:
        raise ValueError(problem or "must be a URL such as https://chat.example.com/")
    parts = urlsplit(url)
    if parts.username or parts.password:
        msg = "must not carry a user name or password; use username and password"
        raise ValueError(msg)
    return url


def _check_cdp_url(url: str) -> str:
    problem = _host_problem(url, ("http", "https", "ws", "wss"))
    parts = urlsplit(url) if problem is None else None
    if parts is None or parts.username or parts.password or parts.query:
        raise ValueError(
            problem
            or "must be the address of a browser's DevTools, such as http://127.0.0.1:9222, without password or query"
        )
    return url


def is_stored(info: ValidationInfo) -> bool:
    """Whether what is read was stored before: it may have been given when less was refused."""
    return bool(info.context and info.context.get(STORED))


def _check_proxy(server: str, info: ValidationInfo) -> str:
    if is_stored(info):
        return server
    if _SPACE.search(server):
        msg = "has white space or a control character"
        raise ValueError(msg)
    # The server is shown, the password never.
    if "@" in server:
        msg = "must not carry a user name or password; use username and password"
        raise ValueError(msg)
    if not _PROXY.fullmatch(server):
        msg = "must be an address such as http://proxy.example.com:3128 or socks5://127.0.0.1:1080"
        raise ValueError(msg)
    return server


def _check_locale(locale: str, info: ValidationInfo) -> str:
    if not is_stored(info) and not _LOCALE.fullmatch(locale):
        msg = "must be a language tag such as de-DE"
        raise ValueError(msg)
    return locale


def _check_timezone(name: str, info: ValidationInfo) -> str:
    if not is_stored(info) and not _TIMEZONE.fullmatch(name):
        msg = "must be a name of the time zone database such as Europe/Berlin"
        raise ValueError(msg)
    return name


def _check_user_agent(text: str, info: ValidationInfo) -> str:
    if is_stored(info):
        return text
    if not text.isascii() or len(text) > _LONGEST_USER_AGENT:
        msg = f"must be ASCII of at most {_LONGEST_USER_AGENT} characters"
        raise ValueError(msg)
    return check_header_text(text)


def _check_header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        msg = "is no name of an HTTP header"
        raise ValueError(msg)
    if name.lower() in _FRAMING:
        msg = "can't be set: it says how a message is sent, not what"
        raise ValueError(msg)
    return name


def check_header_text(text: str) -> str:
    """Return the text if it can stand in an HTTP header.

    Raises:
        ValueError: It has a line break or another control character.
    """
    if _NOT_IN_HEADERS.search(text):
        msg = "has a line break or another control character"
        raise ValueError(msg)
    return text


def _check_header_secret(secret: SecretStr) -> SecretStr:
    check_header_text(secret.get_secret_value())
    return secret


def check_key_text(text: str) -> str:
    """Return the text if it can be an API key.

    Raises:
        ValueError: It has a character that can't be sent in a header, or that no key has.
    """
    if not check_header_text(text).isascii():
        msg = "has a character that no API key has, such as the dots of a shortened one: give the whole key"
        raise ValueError(msg)
    return text


def _check_api_key(secret: SecretStr) -> SecretStr:
    check_key_text(secret.get_secret_value())
    return secret


HttpAddress = Annotated[str, AfterValidator(_check_url)]
CdpAddress = Annotated[str, AfterValidator(_check_cdp_url)]
ProxyAddress = Annotated[str, Field(min_length=1), AfterValidator(_check_proxy)]
Locale = Annotated[str, AfterValidator(_check_locale)]
Timezone = Annotated[str, AfterValidator(_check_timezone)]
UserAgent = Annotated[str, AfterValidator(_check_user_agent)]
HeaderName = Annotated[str, AfterValidator(_check_header_name)]
HeaderText = Annotated[str, AfterValidator(check_header_text)]
HeaderSecret = Annotated[SecretStr, AfterValidator(_check_header_secret)]
ApiKey = Annotated[SecretStr, AfterValidator(_check_api_key)]
Seconds = Annotated[float, Field(gt=0, le=_YEAR_S)]
"""More than nothing, at most a year."""
Count = Annotated[int, Field(gt=0, le=1_000_000_000)]
