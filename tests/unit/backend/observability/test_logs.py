from __future__ import annotations

import asyncio
import io
import json
import logging
import sys

import pytest

from backend.observability.logs import (
    BatchedHandler,
    JsonFormatter,
    RequestIdFilter,
    TextFormatter,
    configure_logging,
    log_often,
    quiet_libraries,
)
from backend.observability.request_id import choose_request_id, request_id
from backend.observability.request_scope import RequestScope, shown_path


def record(message: str = "turn_failed", **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord(
        {"name": "a.b", "levelname": "INFO", "msg": message, "created": 0.0, **extra}
    )
    RequestIdFilter().filter(made)
    return made


def failure():
    try:
        raise ValueError("boom")
    except ValueError:
        return sys.exc_info()


def test_json_lines_carry_facts_and_the_request_id():
    token = request_id.set("req_1")

    line = json.loads(JsonFormatter().format(record(endpoint="demo", path=object)))
    request_id.reset(token)

    assert line["time"] == "1970-01-01T00:00:00.000+00:00"
    assert (line["message"], line["endpoint"], line["request_id"]) == ("turn_failed", "demo", "req_1")
    assert "object" in line["path"]


def test_json_lines_carry_the_traceback():
    assert "boom" in json.loads(JsonFormatter().format(record(exc_info=failure())))["exception"]


def test_text_lines_carry_facts_and_the_request_id_if_there_is_one():
    token = request_id.set("req_1")
    inside = TextFormatter().format(record(endpoint="demo"))
    request_id.reset(token)

    outside = TextFormatter().format(record())

    assert inside.endswith("INFO    a.b: turn_failed endpoint=demo request_id=req_1")
    assert "request_id" not in outside


@pytest.mark.parametrize("path", ["/a\n2026 ERROR forged", "/a\r\x1b[2J", "/a\u2028b", "/\ud800"])
def test_a_fact_cannot_begin_a_line_of_its_own(path):
    text, document = (formatter.format(record(path=path)) for formatter in (TextFormatter(), JsonFormatter()))

    assert text.isprintable()
    assert len(document.split("\n")) == 1
    assert json.loads(document)["path"] == path


def test_text_lines_carry_the_traceback():
    assert "ValueError: boom" in TextFormatter().format(record(exc_info=failure()))


@pytest.mark.parametrize(("log_format", "formatter"), [("json", JsonFormatter), ("text", TextFormatter)])
def test_all_logs_go_to_standard_error_in_one_format(monkeypatch, log_format, formatter):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    level = root.level

    configure_logging("WARNING", log_format)
    handlers, set_level = root.handlers, root.level
    root.setLevel(level)

    assert [type(h.formatter) for h in handlers] == [formatter]
    assert set_level == logging.WARNING


@pytest.fixture
def written(monkeypatch):
    """What our handler writes as the only one, at INFO."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = BatchedHandler(stream, TextFormatter())
    handler.addFilter(RequestIdFilter())
    monkeypatch.setattr(root, "handlers", [handler])
    monkeypatch.setattr(root, "level", logging.INFO)
    # Loggers remember what they were asked before; the level of another one is set anew, which makes them forget.
    logging.getLogger("x.y").setLevel(logging.NOTSET)
    return stream


def lines(written: io.StringIO) -> list[str]:
    return [line.split(" ", 1)[1] for line in written.getvalue().splitlines()]


def test_where_no_loop_runs_a_line_goes_out_at_once(written):
    logging.getLogger("x.y").info("begun")

    assert lines(written) == ["INFO    x.y: begun"]


async def test_in_a_loop_lines_go_out_together_a_moment_later(written):
    logging.getLogger("x.y").info("one")
    log_often(logging.getLogger("x.y"), "two", {"status": 200})
    before = written.getvalue()
    async with asyncio.timeout(60):
        while not written.getvalue():
            await asyncio.sleep(0.01)

    assert before == ""
    assert lines(written) == ["INFO    x.y: one", "INFO    x.y: two status=200"]


async def test_a_warning_goes_out_at_once_and_after_what_waited(written):
    logging.getLogger("x.y").info("one")
    logging.getLogger("x.y").warning("two")

    assert lines(written) == ["INFO    x.y: one", "WARNING x.y: two"]


async def test_no_more_lines_wait_than_memory_has_room_for(written):
    for number in range(1_000):
        log_often(logging.getLogger("x.y"), "said", {"number": number})

    assert lines(written)[-1] == "INFO    x.y: said number=999"


async def test_a_line_that_cannot_be_written_takes_no_other_with_it(written, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger("x.y").info("%d", "not a number")
    logging.getLogger("x.y").warning("two")

    assert lines(written) == ["WARNING x.y: two"]


def test_what_is_logged_often_says_the_same_by_either_way(written):
    logger = logging.getLogger("x.y")
    token = request_id.set("req_1")

    log_often(logger, "request_finished", {"status": 200})
    logger.info("request_finished", extra={"status": 200})
    request_id.reset(token)

    assert (
        lines(written)[0] == lines(written)[1] == "INFO    x.y: request_finished status=200 request_id=req_1"
    )


def test_what_is_logged_often_reaches_other_listeners_as_a_record(caplog):
    caplog.set_level(logging.INFO)

    log_often(logging.getLogger("x.y"), "request_finished", {"status": 200})

    assert [(r.getMessage(), r.status) for r in caplog.records] == [("request_finished", 200)]


def test_what_is_logged_often_keeps_to_the_level(written):
    logger = logging.getLogger("x.z")
    logger.setLevel(logging.WARNING)

    log_often(logger, "request_finished", {})

    assert written.getvalue() == ""


@pytest.mark.parametrize(
    ("level", "server_level"), [(logging.DEBUG, logging.INFO), (logging.WARNING, logging.WARNING)]
)
def test_the_server_never_logs_what_goes_over_websockets(monkeypatch, level, server_level):
    monkeypatch.setattr(logging.getLogger(), "level", level)
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "level", logging.NOTSET)

    quiet_libraries()

    assert logging.getLogger("uvicorn.error").level == server_level


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/live/secret", "/live/…"),
        ("/live/a/b", "/live/…"),
        ("/api/endpoints/live/x", "/api/endpoints/live/x"),
    ],
)
def test_what_follows_live_is_a_secret_of_its_own(path, shown):
    assert shown_path(path) == shown


@pytest.mark.parametrize("offered", [None, "", "a b", "x" * 129, "line\nbreak", "ü"])
def test_an_unusable_request_id_is_replaced(offered):
    assert choose_request_id(offered).startswith("req_")


def test_a_plain_request_id_is_kept():
    assert choose_request_id("abc-1.2:3_4") == "abc-1.2:3_4"


async def test_only_http_requests_get_an_id():
    seen: list[str] = []

    async def app(_scope, _receive, _send):
        seen.append(request_id.get())

    async def receive():
        return {}

    async def send(_message):
        pass

    await RequestScope(app)({"type": "lifespan"}, receive, send)
    await RequestScope(app)({"type": "http", "headers": [], "method": "GET", "path": "/"}, receive, send)

    assert seen[0] == "-"
    assert seen[1].startswith("req_")
    assert request_id.get() == "-"
