"""Opens the database: connects, migrates, and closes it again."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from sqlalchemy import Column, MetaData, String, Table, event, insert, inspect, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from backend.errors import StorageError
from backend.persistence.address import DatabaseAddress, parse_database_url
from backend.persistence.sqlite_file import DatabaseUnusableError, SqliteFile, find_sqlite_file
from backend.persistence.tables import Base

logger = logging.getLogger(__name__)

_FILE = "parley_file"  # the engine's option that holds its SqliteFile
_MIGRATIONS = Path(__file__).parent / "migrations"
# Alembic's own table, as Alembic makes it.
_VERSIONS = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
_MIGRATION_LOCK = 0x5041524C  # any constant, the same in every replica
_BUSY_TIMEOUT_MS = 10_000
_PING_S = 5.0
_TRANSACTION_S = 20.0  # longer than SQLite waits for another writer


@asynccontextmanager
async def open_database(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Connect to the database, migrate it to the newest version, and dispose of it at the end.

    Raises:
        DatabaseAddressError: The address can't be used.
        DatabaseUnusableError: The database can't be reached, is damaged, or can't be migrated.
    """
    address = parse_database_url(database_url)
    file = find_sqlite_file(address.url)
    with file.opened() if file is not None else nullcontext():
        engine = create_async_engine(
            address.url,
            connect_args=address.connect_args,
            pool_pre_ping=not address.is_sqlite,
            execution_options={_FILE: file},
        )
        if address.is_sqlite:
            event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        if file is not None:
            # A new connection would make the file anew, an old one write into one that nobody can find.
            for occasion in ("do_connect", "checkout"):
                event.listen(engine.sync_engine, occasion, partial(_check_file, file))
        try:
            await _open(engine, address)
            yield engine
        finally:
            await engine.dispose()


def _check_file(file: SqliteFile, *_: object) -> None:
    file.check_identity()


async def _open(engine: AsyncEngine, address: DatabaseAddress) -> None:
    try:
        await _migrate(engine, address)
    except (SQLAlchemyError, OSError) as exc:
        where = address.url.render_as_string(hide_password=True)
        raise DatabaseUnusableError(f"The database {where} can't be used: {_describe_cause(exc)}.") from exc


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Hand out a connection in a transaction, which is kept if the block ends well.

    A cancellation from outside waits for its end: SQLAlchemy gives up a connection whose work is cancelled, and
    aiosqlite then waits for a thread that has ended, for ever if the event loop is about to close.

    Raises:
        StorageError: The database can't be used, can't hold what it is given, or takes more than 20 s.
    """
    try:
        with anyio.fail_after(_TRANSACTION_S, shield=True):
            async with engine.begin() as connection:
                yield connection
    except (SQLAlchemyError, OSError, UnicodeError) as exc:
        logger.warning("storage_failed", extra={"reason": _describe_cause(exc)})
        raise StorageError from exc


async def database_problem(engine: AsyncEngine) -> str | None:
    """Return why the database can't be used, or None; one of a file is written as well as read."""
    file: SqliteFile | None = engine.get_execution_options().get(_FILE)
    if file is not None:
        return await anyio.to_thread.run_sync(file.find_problem)
    try:
        with anyio.fail_after(_PING_S):
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
    except (OSError, SQLAlchemyError) as exc:
        return type(exc).__name__
    return None


def _describe_cause(exc: Exception) -> str:
    """Return what the database said, without the statement and its values: they may be secrets."""
    said = exc.orig if isinstance(exc, DBAPIError) and exc.orig is not None else exc
    return f"{type(said).__name__}: {' '.join(str(said).split())[:200]}" if str(said) else type(said).__name__


async def _migrate(engine: AsyncEngine, address: DatabaseAddress) -> None:
    async with engine.begin() as connection:
        if not address.is_sqlite:
            # Replicas that start together migrate one after the other.
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    newest = _newest_version()
    tables = inspect(connection).get_table_names()
    if not tables:
        # An empty database is given its tables as they are now; a test holds them against what the migrations make.
        Base.metadata.create_all(connection)
        _VERSIONS.create(connection)
        connection.execute(insert(_VERSIONS).values(version_num=newest))
    elif _VERSIONS.name not in tables or connection.scalar(select(_VERSIONS.c.version_num)) != newest:
        _migrate_with_alembic(connection)


def _newest_version() -> str:
    """Return the revision of the newest migration: their files are named after it."""
    return max(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _migrate_with_alembic(connection: Connection) -> None:
    # Imported here alone: it takes 0.3 s of every start and 14 MB, and is needed once a version.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
        "synchronous=NORMAL",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
