"""Database addresses as people write them, turned into what the async drivers take. It reads, and opens nothing."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

_DRIVERS = {
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
}


class DatabaseAddressError(Exception):
    """``DATABASE_URL`` is not an address that the gateway can use."""


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """URL of the database, and its driver's connection arguments."""

    url: URL
    connect_args: dict[str, Any]

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this machine."""
        return self.url.get_backend_name() == "sqlite"


def parse_database_url(text: str) -> DatabaseAddress:
    """Return the address with its async driver.

    libpq's ``sslmode`` and ``options=-c name=value`` are given to asyncpg in its own way.

    Raises:
        DatabaseAddressError: It is malformed, or neither SQLite nor PostgreSQL.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as exc:
        msg = "DATABASE_URL is not an address such as postgresql://user:password@host/name"
        raise DatabaseAddressError(msg) from exc
    name = _DRIVERS.get(url.drivername, url.drivername)
    if name not in _DRIVERS.values():
        msg = f"DATABASE_URL names {url.drivername!r}; use sqlite:///… or postgresql://…"
        raise DatabaseAddressError(msg)
    if name == "sqlite+aiosqlite":
        return DatabaseAddress(url.set(drivername=name), {})
    return _postgresql(url.set(drivername=name))


def _postgresql(url: URL) -> DatabaseAddress:
    query = dict(url.query)
    connect_args: dict[str, Any] = {}
    if sslmode := query.pop("sslmode", None):
        connect_args["ssl"] = str(sslmode)
    if options := query.pop("options", None):
        connect_args["server_settings"] = _server_settings(str(options))
    return DatabaseAddress(url.set(query=query), connect_args)


def _server_settings(options: str) -> dict[str, str]:
    settings = {}
    words = shlex.split(options.replace("-c", "-c "))
    for word in words:
        if word != "-c":
            name, _, value = word.partition("=")
            settings[name] = value
    return settings
