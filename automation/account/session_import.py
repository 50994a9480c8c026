"""Parses an imported session: Playwright's ``storage_state``, or cookies as browsers' extensions export them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from automation.account.session_state import StorageState

_SAME_SITE = {"strict": "Strict", "lax": "Lax", "none": "None", "no_restriction": "None"}


class SessionImportError(ValueError):
    """The imported value is no session for this site.

    Attributes:
        field: Dotted name of the field at fault, such as ``cookies.0.domain``.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class _Lenient(BaseModel):
    # Exports carry more than is needed: storeId, session, hostOnly, partitionKey.
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


def _check_text(text: str) -> str:
    if any(ord(c) < 32 or ord(c) == 127 or c == ";" or 0xD800 <= ord(c) < 0xE000 for c in text):
        msg = "has a character that no cookie may have"
        raise ValueError(msg)
    return text


def _check_name(name: str) -> str:
    if any(c in name for c in " ,="):
        msg = "has a character that no cookie's name may have"
        raise ValueError(msg)
    return _check_text(name)


CookieText = Annotated[str, AfterValidator(_check_text)]


class Cookie(_Lenient):
    """One cookie.

    Attributes:
        expires: Unix time in seconds; -1 for a session cookie.
    """

    name: Annotated[str, Field(min_length=1), AfterValidator(_check_name)]
    value: CookieText
    domain: Annotated[CookieText, Field(min_length=1)]
    path: Annotated[CookieText, Field(pattern="^/")] = "/"
    expires: Annotated[
        float, Field(allow_inf_nan=False, validation_alias=AliasChoices("expires", "expirationDate"))
    ] = -1
    httpOnly: bool = False  # noqa: N815  Playwright's name
    secure: bool = False
    sameSite: Literal["Strict", "Lax", "None"] = "Lax"  # noqa: N815  Playwright's name

    @field_validator("expires")
    @classmethod
    def _is_a_time(cls, value: float) -> float:
        if value <= 0 and value != -1:
            msg = "must be a time in seconds, or -1 for a session cookie"
            raise ValueError(msg)
        return value

    @field_validator("sameSite", mode="before")
    @classmethod
    def _named_otherwise(cls, value: object) -> object:
        if value is None or value == "unspecified":
            return "Lax"
        return _SAME_SITE.get(value.lower(), value) if isinstance(value, str) else value


class _Stored(_Lenient):
    name: str
    value: str


def _check_origin(origin: str) -> str:
    try:
        host = urlsplit(origin).hostname
    except ValueError as exc:
        msg = f"is no origin: {exc}"
        raise ValueError(msg) from exc
    if not host:
        msg = "is no origin, such as https://chat.example.com"
        raise ValueError(msg)
    return origin


class _Origin(BaseModel):
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)  # indexedDB, as Playwright writes it

    origin: Annotated[str, Field(pattern=r"^https?://"), AfterValidator(_check_origin)]
    localStorage: list[_Stored] = []  # noqa: N815  Playwright's name


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    cookies: list[Cookie] = []
    origins: list[_Origin] = []


def parse_session(value: object, site_urls: Sequence[str]) -> StorageState:
    """Return the session as a ``storage_state``; a bare list is taken for cookies.

    Args:
        value: The imported JSON value.
        site_urls: The site's addresses: something of the session must belong to one of their hosts.

    Raises:
        SessionImportError: It is not one, is empty, or is another site's.
    """
    state = _parse_state({"cookies": value} if isinstance(value, list) else value)
    if not state.cookies and not state.origins:
        raise SessionImportError("cookies", "there is neither a cookie nor stored data of an origin")
    hosts = {urlsplit(url).hostname or "" for url in site_urls}
    domains = [cookie.domain.lstrip(".").lower() for cookie in state.cookies]
    domains += [urlsplit(origin.origin).hostname or "" for origin in state.origins]
    if not any(_belongs(host, domain) for host in hosts for domain in domains):
        field = "cookies.0.domain" if state.cookies else "origins.0.origin"
        reason = f"{domains[0]} is another site's; this endpoint is at {', '.join(sorted(hosts))}"
        raise SessionImportError(field, reason)
    return state.model_dump(mode="json", by_alias=False)


def find_session(credentials: Mapping[str, Any], base_url: str) -> StorageState | None:
    """Return the session that a program's ``credentials`` bring as ``storage_state`` or ``cookies``; None if they bring none.

    It may be empty or another site's, such as that of a common sign-in. A cookie that names no domain is the page's own.

    Raises:
        SessionImportError: It is neither Playwright's ``storage_state`` nor a list of cookies with names and values.
    """
    if (given := credentials.get("storage_state")) is not None:
        if not isinstance(given, Mapping) or not isinstance(given.get("cookies"), list):
            raise SessionImportError("storage_state", "must be Playwright's, with its list of cookies")
        _parse_state(given)
        return {"origins": [], **given}  # with all that Playwright keeps of a cookie
    if (cookies := credentials.get("cookies")) is None:
        return None
    listed = cookies if isinstance(cookies, list) else [cookies]
    state = _parse_state({"cookies": [_of_page(cookie, base_url) for cookie in listed]})
    return state.model_dump(mode="json", by_alias=False)


def _of_page(cookie: object, base_url: str) -> object:
    parts = urlsplit(base_url)
    own = {"domain": parts.hostname, "secure": parts.scheme == "https"}
    return {**own, **cookie} if isinstance(cookie, Mapping) else cookie


def _parse_state(data: object) -> _State:
    try:
        state = _State.model_validate(data)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "session"
        raise SessionImportError(where, str(first["msg"]).removeprefix("Value error, ")) from None
    try:
        state.model_dump_json()
    except ValueError:
        raise SessionImportError("session", "it has text that is not Unicode") from None
    return state


def _belongs(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}") or domain.endswith(f".{host}")
