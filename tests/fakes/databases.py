"""Databases for tests: a file for SQLite, a schema of its own for each test on PostgreSQL."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

KINDS = ("sqlite", "postgresql")


@asynccontextmanager
async def open_test_database(kind: str, folder: Path) -> AsyncIterator[str]:
    """Hand out the address of an empty database; PostgreSQL needs ``TEST_DATABASE_URL`` and is skipped without."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{folder / 'test.db'}"
        return
    base = os.environ.get("TEST_DATABASE_URL")
    if not base:
        pytest.skip("TEST_DATABASE_URL is not set")
    schema = f"test_{uuid.uuid4().hex}"
    await _execute(base, f"CREATE SCHEMA {schema}")
    try:
        joint = "&" if "?" in base else "?"
        yield f"{base}{joint}options={quote(f'-c search_path={schema}')}"
    finally:
        await _execute(base, f"DROP SCHEMA {schema} CASCADE")


async def _execute(address: str, statement: str) -> None:
    try:
        connection = await asyncpg.connect(address.replace("+asyncpg", ""), timeout=60)
    except (OSError, TimeoutError) as exc:
        pytest.skip(f"TEST_DATABASE_URL does not answer: {type(exc).__name__}")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
