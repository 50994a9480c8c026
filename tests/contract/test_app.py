"""The app as a whole: health, unknown routes, documentation, start and stop of the real program."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from backend.main import main
from tests.contract.conftest import run_gateway

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/v1/messages", "/v1/messages"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("//v1/models", "/v1/models"),
    ],
)
async def test_a_path_that_is_nearly_right_is_told_with_the_right_one(gateway, path, meant):
    got = await gateway.rest.post(f"{gateway.url}{path}", json={})

    assert got.status_code == 404
    message = got.json()["error"]["message"]
    assert f"Did you mean {meant}?" in message
    assert ("Take /v1 out of the client's base URL." in message) is path.startswith("/v1/v1")


@pytest.mark.parametrize("kind", ["", "application/x-www-form-urlencoded", "text/plain"])
async def test_a_body_that_does_not_say_that_it_is_json_is_told_what_to_say(gateway, kind):
    headers = {"content-type": kind} if kind else {}

    got = await gateway.rest.post("/api/endpoints/", content=b'{"name": "a"}', headers=headers)

    error = got.json()["error"]
    assert (got.status_code, error["code"]) == (400, "invalid_request")
    assert "content-type: application/json" in error["message"]


async def test_health_tells_version_and_uptime(gateway):
    document = (await gateway.rest.get("/health")).json()

    assert set(document) == {"status", "version", "uptime_s"}
    assert document["status"] == "ok"


async def test_ready_tells_database_browser_and_endpoints(gateway):
    await gateway.started()

    got = await gateway.rest.get("/ready")

    assert got.status_code == 200
    assert got.json() == {
        "status": "ready",
        "database": {"status": "ok"},
        "browser": {"status": "scripted"},
        "endpoints": {"demo": {"state": "active", "state_reason": None}},
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing-here", 404, "not_found"),
        ("PUT", "/v1/models", 405, "method_not_allowed"),
        ("POST", "/api/endpoints/x/dance", 404, "not_found"),
    ],
)
async def test_what_is_not_there_is_an_error_in_openais_shape(gateway, method, path, status, code):
    got = await gateway.rest.request(method, path)

    assert (got.status_code, got.json()["error"]["code"]) == (status, code)
    assert set(got.json()["error"]) == {"message", "type", "param", "code"}


async def test_the_routes_are_documented(gateway):
    paths = (await gateway.rest.get("/openapi.json")).json()["paths"]

    page = await gateway.rest.get("/docs")

    assert page.status_code == 200
    assert "/api/endpoints/{slug}/start" in page.text
    # Nothing runs, and nothing is loaded from anywhere: not even a script of ours.
    assert (
        re.findall(r"<(?:script|link|img|iframe)|src=|href=\"?(?:https?:|//)|@import|url\(", page.text) == []
    )
    assert "script-src" not in page.headers["content-security-policy"]
    assert {"/v1/chat/completions", "/v1/models", "/api/endpoints/{slug}/start", "/ready"} <= set(paths)


async def test_the_data_directory_is_its_users_alone(tmp_path, site):
    async with run_gateway(tmp_path / "data", site):
        pass

    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o777 == 0o600


def _start(data_dir: Path, **settings: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "DATA_DIR": str(data_dir), **settings}
    return subprocess.Popen(
        [sys.executable, "-m", "backend.main"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_the_program_starts_answers_and_ends_at_sigterm(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    program = _start(tmp_path, PORT=str(port), LOG_FORMAT="json")
    try:
        assert program.stdout is not None
        log = b""
        while b"Application startup complete" not in log:
            line = program.stdout.readline()
            assert line, log.decode()
            log += line
        for _ in range(50):
            try:
                status = httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code
                break
            except httpx.ConnectError:  # it says so a moment before it listens
                continue
        asked_at = time.monotonic()
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=200)
        took = time.monotonic() - asked_at
    finally:
        program.kill()
        program.wait()

    assert status == 200
    assert took < 45
    assert program.returncode in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PORT": "many"}, "PORT"),
        ({"AUTH": "maybe"}, "AUTH"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL"),
    ],
)
def test_settings_that_cannot_be_used_are_named(tmp_path, monkeypatch, capsys, settings, words):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # what it configures must not outlive the test
    monkeypatch.chdir(tmp_path)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert words in capsys.readouterr().err
