"""Endpoints and sessions, on SQLite and on PostgreSQL."""

from __future__ import annotations

import logging

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from backend.accounts.vault import Vault, VaultError
from backend.errors import NameTakenError
from backend.persistence.endpoints import SqlEndpoints
from backend.persistence.engine import (
    _MIGRATIONS,
    _migrate_with_alembic,
    database_problem,
    open_database,
)
from backend.persistence.sessions import SqlSessions
from backend.persistence.tables import Base
from backend.providers.config import EndpointConfig


def config(slug: str = "demo", **fields: object) -> EndpointConfig:
    values = {
        "slug": slug,
        "name": slug,
        "provider_type": "web_chat",
        "base_url": "http://x/",
        "profile": "p",
    }
    return EndpointConfig.model_validate({**values, **fields})


FULL = config(
    login_url="http://x/login",
    username="ada",
    password="hunter2",
    api_key="sk-1",
    profile={"input": "textarea", "assistant_turn": ".a"},
    model_mapping={"gpt-4": "m"},
    timeout_seconds=3.5,
    browser_config={
        "viewport": {"width": 1, "height": 2},
        "proxy": {"server": "s", "password": "proxy-secret"},
    },
)


@pytest.fixture
async def engine(database_url):
    async with open_database(database_url) as opened:
        yield opened


@pytest.fixture
async def endpoints(engine) -> SqlEndpoints:
    return SqlEndpoints(engine, Vault("key"))


async def test_an_endpoint_comes_back_whole_with_its_secrets(endpoints):
    added = await endpoints.add_endpoint(FULL)

    (stored,) = await endpoints.list_endpoints()

    assert stored == added
    assert stored.config == FULL
    assert stored.config.browser_config.proxy.password.get_secret_value() == "proxy-secret"
    assert not stored.is_started


async def test_secrets_are_sealed_in_the_table(endpoints, engine):
    await endpoints.add_endpoint(FULL)

    async with engine.connect() as connection:
        rows = str((await connection.execute(text("SELECT * FROM endpoints"))).all())

    assert "ada" in rows
    for secret in ("hunter2", "sk-1", "proxy-secret"):
        assert secret not in rows


async def test_endpoints_are_listed_in_the_order_of_their_creation(endpoints):
    for slug in ("c", "a", "b"):
        await endpoints.add_endpoint(config(slug))

    assert [stored.config.slug for stored in await endpoints.list_endpoints()] == ["c", "a", "b"]


async def test_a_slug_is_taken_once(endpoints):
    await endpoints.add_endpoint(config())

    with pytest.raises(NameTakenError):
        await endpoints.add_endpoint(config(name="other"))


async def test_an_update_changes_that_endpoint_alone(endpoints):
    await endpoints.add_endpoint(config("a"))
    await endpoints.add_endpoint(config("b"))

    await endpoints.update_endpoint(config("a", name="A", password="new"))
    await endpoints.set_started("a", is_started=True)

    a, b = await endpoints.list_endpoints()
    assert (a.config.name, a.config.password.get_secret_value(), a.is_started) == ("A", "new", True)
    assert (b.config, b.is_started) == (config("b"), False)


async def test_another_key_reads_no_endpoint(endpoints, engine):
    await endpoints.add_endpoint(FULL)

    with pytest.raises(VaultError):
        await SqlEndpoints(engine, Vault("other")).list_endpoints()


async def test_sessions_are_kept_by_endpoint_and_account(endpoints, engine):
    await endpoints.add_endpoint(config("a"))
    sessions = SqlSessions(engine)

    await sessions.save_session("a", "ada", "one")
    await sessions.save_session("a", "ada", "two")
    await sessions.save_session("a", "bob", "three")

    assert await sessions.load_session("a", "ada") == "two"
    assert await sessions.load_session("a", "bob") == "three"
    assert await sessions.load_session("b", "ada") is None


async def test_a_cleared_session_is_gone(endpoints, engine):
    await endpoints.add_endpoint(config("a"))
    sessions = SqlSessions(engine)
    await sessions.save_session("a", "ada", "one")

    await sessions.clear_session("a", "ada")

    assert await sessions.load_session("a", "ada") is None


async def test_sessions_go_with_their_endpoint_and_are_not_kept_without_one(endpoints, engine):
    await endpoints.add_endpoint(config("a"))
    sessions = SqlSessions(engine)
    await sessions.save_session("a", "ada", "one")

    await endpoints.delete_endpoint("a")
    await sessions.save_session("a", "ada", "late")

    assert await sessions.load_session("a", "ada") is None
    assert await endpoints.list_endpoints() == []


async def test_a_new_database_has_the_tables_that_the_code_describes(engine):
    assert await _differences(engine) == []


async def test_the_migrations_make_the_tables_that_the_code_describes(engine):
    async with engine.begin() as connection:
        await connection.run_sync(_drop_all)
        await connection.run_sync(_migrate_with_alembic)

    assert await _differences(engine) == []


async def test_a_new_database_counts_as_migrated(engine):
    async with engine.connect() as connection:
        newest = await connection.run_sync(
            lambda c: ScriptDirectory.from_config(_alembic_config()).get_current_head()
        )
        kept = await connection.scalar(text("SELECT version_num FROM alembic_version"))

    assert kept == newest


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _drop_all(connection):
    Base.metadata.drop_all(connection)
    connection.execute(text("DROP TABLE alembic_version"))


async def _differences(engine):
    async with engine.connect() as connection:
        return await connection.run_sync(
            lambda c: compare_metadata(MigrationContext.configure(c), Base.metadata)
        )


async def test_opening_a_database_again_keeps_what_is_in_it(database_url):
    async with open_database(database_url) as engine:
        await SqlEndpoints(engine, Vault("key")).add_endpoint(config())

    async with open_database(database_url) as engine:
        assert len(await SqlEndpoints(engine, Vault("key")).list_endpoints()) == 1


async def test_migrating_leaves_the_logging_alone(database_url):
    before = (logging.getLogger().level, list(logging.getLogger().handlers))

    async with open_database(database_url):
        pass

    assert (logging.getLogger().level, list(logging.getLogger().handlers)) == before


async def test_a_database_that_answers_has_no_problem(engine):
    assert await database_problem(engine) is None


async def test_sqlite_waits_for_locks_and_keeps_foreign_keys(tmp_path):
    async with open_database(f"sqlite:///{tmp_path / 'x.db'}") as engine, engine.connect() as connection:
        found = {
            name: await connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "busy_timeout", "foreign_keys")
        }

    assert found == {"journal_mode": "wal", "busy_timeout": 10_000, "foreign_keys": 1}
