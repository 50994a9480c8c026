from __future__ import annotations

import pytest

from backend.persistence.address import DatabaseAddressError, parse_database_url


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("postgresql://u:p@h/d", "postgresql+asyncpg"),
        ("postgres://u:p@h/d", "postgresql+asyncpg"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql+asyncpg"),
        ("sqlite:///x.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///x.db", "sqlite+aiosqlite"),
    ],
)
def test_every_address_is_given_its_async_driver(text, driver):
    address = parse_database_url(text)

    assert address.url.drivername == driver
    assert address.is_sqlite is driver.startswith("sqlite")
    assert address.connect_args == {}


def test_what_libpq_knows_is_said_in_asyncpgs_words():
    address = parse_database_url(
        "postgresql://h/d?sslmode=require&options=-c%20search_path%3Dx%20-cwork_mem%3D4MB"
    )

    assert address.connect_args == {
        "ssl": "require",
        "server_settings": {"search_path": "x", "work_mem": "4MB"},
    }
    assert address.url.query == {}


@pytest.mark.parametrize(
    "text", ["", "nonsense", "mysql://h/d", "postgresql+psycopg2://h/d", "postgresql://h:port/d"]
)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(text):
    with pytest.raises(DatabaseAddressError, match="DATABASE_URL"):
        parse_database_url(text)
