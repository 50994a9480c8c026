"""Structured logs: constant messages, facts in ``extra``, the request id on every line."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TextIO

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

_BATCH_S = 0.05
_MOST_WAITING = 1_000


class RequestIdFilter(logging.Filter):
    """Gives every record the id of the request that its task works for."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add ``request_id``; never drop a record."""
        record.request_id = request_id.get()
        return True


class Line(NamedTuple):
    """Contents of one log line.

    Attributes:
        created: Unix time in seconds.
        who: The id of the request; ``-`` for none.
        exception: Its traceback; empty for none.
    """

    created: float
    level: str
    logger: str
    message: str
    who: str
    facts: Mapping[str, Any]
    exception: str = ""


class LineFormatter(logging.Formatter, ABC):
    """Formats a record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        facts = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        who = getattr(record, "request_id", "-")
        exception = self.formatException(record.exc_info) if record.exc_info else ""
        return self.line(
            Line(record.created, record.levelname, record.name, record.getMessage(), who, facts, exception)
        )

    @abstractmethod
    def line(self, said: Line) -> str:
        """Return the line, without its end."""


class JsonFormatter(LineFormatter):
    """One JSON object a line."""

    def line(self, said: Line) -> str:
        """Return it as JSON; values that JSON can't carry become text."""
        entry: dict[str, Any] = {
            "time": _timestamp(said.created),
            "level": said.level,
            "logger": said.logger,
            "message": said.message,
            "request_id": said.who,
            **said.facts,
        }
        if said.exception:
            entry["exception"] = said.exception
        try:
            return orjson.dumps(entry, default=str).decode()
        except orjson.JSONEncodeError:
            # Half a surrogate pair, or a number that is too large: both come from outside.
            return json.dumps(entry, default=str)


class TextFormatter(LineFormatter):
    """One line for people: time, level, logger, message, facts."""

    def line(self, said: Line) -> str:
        """Return it as text, with its traceback below."""
        facts = "".join([f" {key}={_on_one_line(value)}" for key, value in said.facts.items()])
        request = f" request_id={said.who}" if said.who != "-" else ""
        line = f"{_timestamp(said.created)} {said.level:<7} {said.logger}: {said.message}{facts}{request}"
        return f"{line}\n{said.exception}" if said.exception else line


class BatchedHandler(logging.StreamHandler[TextIO]):
    """Writes lines a moment later and together where an event loop runs, which takes a quarter of the time.

    A warning, and whatever is logged where no loop runs, goes out at once, after all that waits. A gateway that is
    killed loses what it logged below a warning in its last 50 ms; one that is stopped loses nothing.
    """

    def __init__(self, stream: TextIO, formatter: LineFormatter) -> None:
        super().__init__(stream)
        self.setFormatter(formatter)
        self._lines = formatter
        self._waiting: list[logging.LogRecord | Line] = []
        self._loop: asyncio.AbstractEventLoop | None = None  # where the next writing is due

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record; the caller holds the handler's lock."""
        self._waiting.append(record)
        if record.levelno >= logging.WARNING:
            self.flush()
        else:
            self._write_soon()

    def take(self, line: Line) -> None:
        """Take what is to be said below a warning, without a record of it."""
        with self.lock or nullcontext():
            self._waiting.append(line)
            self._write_soon()

    def _write_soon(self) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self.flush()
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        if loop is not self._loop:
            self._loop = loop
            loop.call_later(_BATCH_S, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        with self.lock or nullcontext():
            waiting, self._waiting, self._loop = self._waiting, [], None
            self.stream.write("".join(map(self._line, waiting)))
            self.stream.flush()

    def _line(self, said: logging.LogRecord | Line) -> str:
        if isinstance(said, Line):
            return self._lines.line(said) + self.terminator
        try:
            return self._lines.format(said) + self.terminator
        except Exception:  # noqa: BLE001  as in every handler: a line that can't be written breaks nothing else
            self.handleError(said)
            return ""


def log_often(logger: logging.Logger, message: str, facts: Mapping[str, Any]) -> None:
    """Log at INFO what is logged with every request, bypassing ``logging`` where only our handler is installed.

    A record and its way through ``logging`` take a tenth of the time of a request to an API.
    """
    if not logger.isEnabledFor(logging.INFO):
        return
    listeners = logging.root.handlers
    if len(listeners) == 1 and isinstance(listeners[0], BatchedHandler):
        listeners[0].take(Line(time.time(), "INFO", logger.name, message, request_id.get(), facts))
    else:
        logger.info(message, extra=dict(facts))


def configure_logging(level: str, log_format: Literal["text", "json"]) -> None:
    """Send all logs to standard error in one format; replaces what was configured before."""
    handler = BatchedHandler(sys.stderr, JsonFormatter() if log_format == "json" else TextFormatter())
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


def _timestamp(created: float) -> str:
    second, milliseconds = divmod(int(created * 1000), 1000)
    return f"{_second(second)}.{milliseconds:03}+00:00"


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    """Return the time but for its fraction: it costs ten times as much as the rest of a line."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
