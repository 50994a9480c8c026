"""Address, authorization and time limits of one API. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL


@dataclass(frozen=True, slots=True)
class ApiTimeouts:
    """Seconds each wait may take; None means without limit.

    ``first_token_s`` counts from the request to the first delta of a streamed answer, or to the whole of another one,
    ``idle_s`` between two pieces after that.
    """

    connect_s: float = 10.0
    first_token_s: float | None = 600.0
    idle_s: float | None = 120.0


@dataclass(frozen=True, slots=True)
class ApiPlace:
    """Address and authorization of an API.

    Attributes:
        base_url: Without a slash at its end.
        headers: With every request; the authorization is among them, so they are never shown.
        models: The operator's own list; empty for the provider's.
        proxy: With the user name and the password that it asks for.
    """

    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    models: tuple[str, ...] = ()
    timeouts: ApiTimeouts = ApiTimeouts()
    proxy: URL | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be in an error: the values of the headers, also without "Bearer", and the proxy's password."""
        found = [part for value in self.headers.values() for part in (value, *_parts(value))]
        password = self.proxy.password if self.proxy is not None else None
        return (*found, *([password] if password else []))


def _parts(value: str) -> tuple[str, ...]:
    """Return a header's last word, and what it says where it is a name and a password in base64 (RFC 7617)."""
    scheme, _, last = value.rpartition(" ")
    if scheme.lower() != "basic":
        return (last,)
    try:
        decoded = base64.b64decode(last, validate=True).decode()
    except ValueError:
        return (last,)
    return (last, decoded, decoded.partition(":")[2])
