"""The file of a SQLite database: its user's alone, watched for being gone or replaced, and asked whether it can be used."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

logger = logging.getLogger(__name__)

_WAIT_S = 2.0
_MOST_CHECKED_BYTES = 256 * 1024 * 1024
_CHECK_EVERY_S = 600.0
_HEAD = b"SQLite format 3\0"
_COMPANIONS = ("", "-wal", "-shm", "-journal")
# Whatever is in it, it stays as it is: that it can be written is the question.
_TRY_WRITING = "UPDATE alembic_version SET version_num = version_num"


class DatabaseUnusableError(OSError):
    """The database can't be opened; ``str()`` says why in one line, and what to do."""


class DatabaseGoneError(SQLAlchemyError):
    """The database's file was deleted or replaced while it was open: what is written now would be lost."""


class SqliteFile:
    """One database's file; it is there within ``opened``."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._held = -1
        self._checked_at = -_CHECK_EVERY_S
        self._has_told = False

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Make the file where it isn't there, leave it to its user alone, see that it is whole, and watch it meanwhile.

        Raises:
            DatabaseUnusableError: It is no SQLite database, is damaged, or can't be opened.
        """
        try:
            # Held open, so that no other file gets its number. Its locks go with no descriptor of this kind.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._held = os.open(self._path, getattr(os, "O_PATH", os.O_RDONLY))
        except OSError as exc:
            raise self._unusable(exc) from exc
        try:
            self._prepare()
            yield
        finally:
            os.close(self._held)

    def _prepare(self) -> None:
        try:
            for name in _COMPANIONS:
                self._restrict(self._path.with_name(self._path.name + name))
            size = self._path.stat().st_size
            with self._path.open("rb") as file:
                head = file.read(len(_HEAD))
            if size and head != _HEAD:
                msg = "it is no SQLite database"
                raise sqlite3.DatabaseError(msg)
            if size:
                self._look(is_whole=size <= _MOST_CHECKED_BYTES)
        except (OSError, sqlite3.Error) as exc:
            raise self._unusable(exc) from exc

    def _unusable(self, exc: Exception) -> DatabaseUnusableError:
        return DatabaseUnusableError(
            f"The database {self._path} can't be used: {exc}. Put it right, or move it away to begin anew."
        )

    def check_identity(self) -> None:
        """See that the path still leads to the file that was opened.

        Raises:
            DatabaseGoneError: It doesn't.
        """
        try:
            found = self._path.stat()
        except OSError:
            problem = "was deleted"
        else:
            held = os.fstat(self._held)
            if (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino):
                return
            problem = "was replaced"
        msg = f"The database {self._path} {problem} while it was open. Restart the gateway."
        if not self._has_told:
            self._has_told = True
            logger.error("database_gone", extra={"reason": msg})
        raise DatabaseGoneError(msg)

    def find_problem(self) -> str | None:
        """Return why the database can't be read and written now, or None; takes at most a few seconds."""
        try:
            self.check_identity()
            self._look(is_whole=False)
            with closing(self._connect()) as connection, connection:
                connection.execute(_TRY_WRITING)
            now = self._clock()
            if now - self._checked_at >= _CHECK_EVERY_S and self._path.stat().st_size <= _MOST_CHECKED_BYTES:
                self._look(is_whole=True)
                self._checked_at = now
        except (OSError, sqlite3.Error, DatabaseGoneError) as exc:
            return str(exc)
        return None

    def _look(self, *, is_whole: bool) -> None:
        with closing(self._connect()) as connection:
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            ).fetchall():
                connection.execute(f'SELECT * FROM "{name}" LIMIT 1').fetchone()  # noqa: S608  its own tables
            if is_whole and (said := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                msg = f"it is damaged: {' '.join(str(said).split())}"
                raise sqlite3.DatabaseError(msg)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, timeout=_WAIT_S)

    @staticmethod
    def _restrict(path: Path) -> None:
        if path.exists() and path.stat().st_mode & 0o077:
            path.chmod(0o600)


def find_sqlite_file(url: URL) -> SqliteFile | None:
    """Return the file of a database's address; None where it has none, as in memory."""
    name = url.database
    if url.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return None
    return SqliteFile(Path(name))
