"""Structured logs: constant messages, facts in ``extra``, the request id on every line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, TextIO

import orjson

from backend.observability.request_id import request_id

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "request_id",
    "color_message",
    "taskName",
}
_QUIET = ("uvicorn.access", "aiosqlite", "asyncio", "httpx", "httpcore", "alembic")
# At DEBUG it writes down every WebSocket message: what a person types into a live view, passwords too.
_NEVER_DEBUG = ("uvicorn.error", "websockets")


class RequestIdFilter(logging.Filter):
    """Gives every record the id of the request that its task works for."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add ``request_id``; never drop a record."""
        record.request_id = request_id.get()
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; values that JSON can't carry become text."""
        entry: dict[str, Any] = {
            "time": _timestamp(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", "-"),
            **dict(_facts(record)),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(entry, default=str).decode()
        except orjson.JSONEncodeError:
            # Half a surrogate pair, or a number that is too large: both come from outside.
            return json.dumps(entry, default=str)


class TextFormatter(logging.Formatter):
    """One line for people: time, level, logger, message, facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text, with its traceback below."""
        facts = "".join([f" {key}={_on_one_line(value)}" for key, value in _facts(record)])
        who = getattr(record, "request_id", "-")
        request = f" request_id={who}" if who != "-" else ""
        line = (
            f"{_timestamp(record)} {record.levelname:<7} {record.name}: {record.getMessage()}{facts}{request}"
        )
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _LineHandler(logging.StreamHandler[TextIO]):
    """Writes each line at once: standard error is flushed at a line's end, and needs no second word for it."""

    def flush(self) -> None:
        """Do nothing."""


def configure_logging(level: str, log_format: Literal["text", "json"]) -> None:
    """Send all logs to standard error in one format; replaces what was configured before."""
    handler = _LineHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    handler.addFilter(RequestIdFilter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # None of it is in our lines, and looking it up is a third of what a line costs (the logging HOWTO's "Optimization").
    logging._srcfile = None  # noqa: SLF001  as documented there
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    quiet_libraries()


def quiet_libraries() -> None:
    """Keep libraries from logging what is noise, and what is nobody's business, at whatever level we log."""
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _NEVER_DEBUG:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))


def _on_one_line(value: Any) -> str:
    """Return a fact that can't begin a line of its own: paths and names come from clients."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _timestamp(record: logging.LogRecord) -> str:
    second, milliseconds = divmod(int(record.created * 1000), 1000)
    return f"{_second(second)}.{milliseconds:03}+00:00"


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    """Return the time but for its fraction: it costs ten times as much as the rest of a line."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _facts(record: logging.LogRecord) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in vars(record).items() if key not in _STANDARD]
