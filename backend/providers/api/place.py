"""Address, authorization and time limits of one API. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL

# Shorter ones are words as well, such as a header that says "true".
_SHORTEST_SECRET = 6


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

    def without_secrets(self, words: str) -> str:
        """Return an API's words without the secrets of its authorization: some repeat the key that they refuse."""
        for value in self.headers.values():
            for secret in (value, value.rpartition(" ")[2]):
                if len(secret) >= _SHORTEST_SECRET:
                    words = words.replace(secret, "…")
        return words
