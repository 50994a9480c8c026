"""A database that is locked, gone, replaced, damaged or on a full disk is noticed, told in a line, and refused."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from backend.errors import StorageError
from backend.persistence import sqlite_file
from backend.persistence.engine import database_problem, open_database, transaction
from backend.persistence.sqlite_file import DatabaseUnusableError, SqliteFile, find_sqlite_file


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(sqlite_file, "_WAIT_S", 0.05)
    monkeypatch.setattr("backend.persistence.engine._BUSY_TIMEOUT_MS", 50)


def address(path: Path) -> str:
    return f"sqlite:///{path}"


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "rest").open("wb", buffering=0) as file:
        while file.write(b"a" * 4096):
            pass


async def write(engine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = version_num"))


def damage(path: Path) -> None:
    """Write over the inside of every page but the first; the file stays the same one."""
    with path.open("r+b") as file:
        for at in range(4096, path.stat().st_size, 4096):
            file.seek(at)
            file.write(b"\xa5" * 400)


async def test_a_database_that_can_be_used_has_no_problem(tmp_path):
    async with open_database(address(tmp_path / "a.db")) as engine:
        await write(engine)

        assert await database_problem(engine) is None


@pytest.mark.parametrize("before", [None, 0o644, 0o666])
async def test_a_databases_files_are_their_users_alone_also_where_they_were_not(tmp_path, before):
    path = tmp_path / "a.db"
    if before is not None:
        async with open_database(address(path)):
            pass
        path.chmod(before)

    async with open_database(address(path)) as engine:
        await write(engine)
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}

    assert set(modes) >= {"a.db", "a.db-wal"}
    assert set(modes.values()) == {0o600}


async def test_a_database_that_somebody_else_locks_is_refused_and_usable_again_afterwards(tmp_path, caplog):
    async with open_database(address(tmp_path / "a.db")) as engine:
        other = sqlite3.connect(tmp_path / "a.db")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError):
            await write(engine)
        problem = await database_problem(engine)
        other.close()
        again = await database_problem(engine)

    assert "locked" in str(problem)
    assert again is None
    assert [r.__dict__["reason"] for r in caplog.records if r.message == "storage_failed"] == [
        "OperationalError: database is locked"
    ]


@pytest.mark.parametrize(("act", "word"), [("delete", "deleted"), ("replace", "replaced")])
async def test_a_database_whose_file_is_gone_is_refused_until_the_next_start(tmp_path, caplog, act, word):
    path = tmp_path / "a.db"
    async with open_database(address(path)) as engine:
        path.unlink()
        if act == "replace":
            sqlite3.connect(path).close()
            path.touch()
        for _ in range(2):
            with pytest.raises(StorageError):
                await write(engine)
        problem = await database_problem(engine)

    assert word in str(problem)
    assert [r.message for r in caplog.records].count("database_gone") == 1


@pytest.mark.parametrize(
    "content",
    [b"this is no database at all, but some text " * 200, b"SQLite format 3\0" + b"\xff" * 8000, b"x"],
)
async def test_what_is_no_database_is_told_in_one_line_at_the_start(tmp_path, content):
    (tmp_path / "a.db").write_bytes(content)

    with pytest.raises(DatabaseUnusableError) as caught:
        async with open_database(address(tmp_path / "a.db")):
            pass

    assert "a.db can't be used" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "a.db").read_bytes() == content


async def test_a_damaged_database_is_told_at_the_start(tmp_path):
    path = tmp_path / "a.db"
    async with open_database(address(path)) as engine, transaction(engine) as connection:
        await connection.execute(text("CREATE TABLE more (t TEXT)"))
        for _ in range(200):
            await connection.execute(text("INSERT INTO more VALUES (:t)"), {"t": "a" * 900})
    damage(path)

    with pytest.raises(DatabaseUnusableError, match=r"malformed|damaged"):
        async with open_database(address(path)):
            pass


async def test_a_database_that_is_damaged_while_it_is_open_is_noticed(tmp_path):
    path = tmp_path / "a.db"
    async with open_database(address(path)) as engine:
        async with transaction(engine) as connection:
            await connection.execute(text("CREATE TABLE more (t TEXT)"))
            for _ in range(200):
                await connection.execute(text("INSERT INTO more VALUES (:t)"), {"t": "a" * 900})
        async with engine.connect() as connection:
            await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        damage(path)
        problem = await database_problem(engine)

    assert problem is not None


async def test_a_folder_that_is_not_there_is_told_at_the_start(tmp_path):
    with pytest.raises(DatabaseUnusableError, match="No such file or directory"):
        async with open_database(address(tmp_path / "nowhere" / "a.db")):
            pass


@pytest.fixture
def full_disk(tmp_path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


async def test_on_a_full_disk_writing_is_refused_and_known(full_disk):
    async with open_database(address(full_disk / "a.db")) as engine:
        before = await database_problem(engine)
        fill(full_disk)
        with pytest.raises(StorageError):
            await _write_much(engine)
        problem = await database_problem(engine)
        (full_disk / "rest").unlink()
        after = await database_problem(engine)

    assert (before, after) == (None, None)
    assert "full" in str(problem)


async def _write_much(engine) -> None:
    for _ in range(100):
        await write(engine)


async def test_a_full_disk_at_the_start_is_told_in_a_line(full_disk):
    fill(full_disk)

    with pytest.raises(DatabaseUnusableError, match=r"full|No space") as caught:
        async with open_database(address(full_disk / "a.db")):
            pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:", "postgresql+asyncpg://h/d"]
)
def test_a_database_without_a_file_has_none(url):
    assert find_sqlite_file(make_url(url)) is None


def test_an_open_database_is_looked_at_as_a_whole_now_and_then(tmp_path, monkeypatch):
    looks: list[bool] = []
    now = [0.0]
    file = SqliteFile(tmp_path / "a.db", clock=lambda: now[0])
    monkeypatch.setattr(file, "_look", lambda *, is_whole: looks.append(is_whole))

    with file.opened():
        with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        for seconds in (0.0, 1.0, 600.0, 601.0):
            now[0] = seconds
            assert file.find_problem() is None

    assert looks.count(True) == 2
