"""A database that can't be used is a 503 that says so, readiness knows, and a start says in a line what is wrong."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.persistence import sqlite_file
from tests.contract.conftest import PROFILE, RunningGateway, run_gateway

ROOT = Path(__file__).resolve().parents[2]
PAGE = {"provider_type": "web_chat", "base_url": "http://127.0.0.1:1/", "profile": PROFILE}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(sqlite_file, "_WAIT_S", 0.05)
    monkeypatch.setattr("backend.persistence.engine._BUSY_TIMEOUT_MS", 50)
    monkeypatch.setattr("backend.persistence.database._FRESH_S", 0.0)


def lock(data: Path) -> Callable[[], None]:
    other = sqlite3.connect(data / "parley.db")
    other.execute("BEGIN EXCLUSIVE")
    return other.close


def remove(data: Path) -> Callable[[], None]:
    (data / "parley.db").unlink()
    return lambda: None


CALLS = {
    "create an endpoint": ("POST", "/api/endpoints/", {"name": "other", **PAGE}),
    "change one": ("PATCH", "/api/endpoints/demo", {"weight": 2}),
    "start one": ("POST", "/api/endpoints/demo/start", None),
    "delete one": ("DELETE", "/api/endpoints/demo", None),
    "create a rotation": (
        "POST",
        "/api/rotations/",
        {"name": "both", "providers": [{"provider_id": "demo", "models": [{"name": "m", "weight": 1}]}]},
    ),
}
READS = {"usage": ("GET", "/api/usage/", None), "conversations": ("GET", "/api/conversations", None)}


async def ready(gateway: RunningGateway) -> tuple[int, str]:
    got = await gateway.rest.get("/ready")
    return got.status_code, str(got.json().get("database"))


@pytest.mark.parametrize(
    ("act", "word", "call"),
    [
        *((lock, "locked", call) for call in CALLS),
        *((remove, "deleted", call) for call in {**CALLS, **READS}),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
async def test_whatever_needs_the_database_is_a_503_while_it_can_not_be_used(
    tmp_path, site, caplog, act, word, call
):
    method, path, body = {**CALLS, **READS}[call]
    async with run_gateway(tmp_path, site) as gateway:
        await gateway.create()
        before = await ready(gateway)
        undo = act(tmp_path)
        got = await gateway.rest.request(method, path, json=body)
        meanwhile = await ready(gateway)
        undo()
        after = await ready(gateway)

    assert (got.status_code, got.json()["error"]["code"]) == (503, "storage_unavailable")
    assert before[0] == 200
    assert meanwhile[0] == 503
    assert word in meanwhile[1]
    assert after[0] == (200 if act is lock else 503)
    assert "Traceback" not in caplog.text


async def test_strangers_learn_from_readiness_only_that_it_is_not(tmp_path, site):
    async with run_gateway(tmp_path, site, auth="on") as gateway:
        undo = lock(tmp_path)
        got = await gateway.rest.get("/ready")
        undo()

    assert (got.status_code, got.json()) == (503, {"status": "unavailable"})


# -- at the start --------------------------------------------------------------------------------------------------------


def started(data: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "DATA_DIR": str(data), "PORT": "0", **settings}
    command = [sys.executable, "-m", "backend.main"]
    return subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=200, check=False
    )


def corrupt(data: Path) -> None:
    (data / "parley.db").write_bytes(b"this is no database " * 500)


def half_a_database(data: Path) -> None:
    (data / "parley.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)


def a_folder(data: Path) -> None:
    (data / "parley.db").mkdir()


def an_empty_key(data: Path) -> None:
    (data / "secret_key").touch()


@pytest.mark.parametrize("spoil", [corrupt, half_a_database, a_folder, an_empty_key])
def test_what_keeps_it_from_starting_is_told_in_one_line(tmp_path, spoil):
    spoil(tmp_path)

    done = started(tmp_path)

    told = [line for line in done.stderr.splitlines() if "ERROR" in line or "refused" in line]
    told = [line for line in told if "parley.db" in line or "secret_key" in line]
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    assert len(told) == 1


def test_a_database_server_that_does_not_answer_is_told_in_one_line_without_its_password(tmp_path):
    done = started(tmp_path, DATABASE_URL="postgresql://ada:hunter2@127.0.0.1:1/parley")

    told = [line for line in done.stderr.splitlines() if "start_failed" in line]
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    assert len(told) == 1
    assert "hunter2" not in done.stderr


async def test_a_database_that_was_removed_is_not_begun_anew_without_a_word(tmp_path, site, caplog):
    for is_first in (True, False):
        async with run_gateway(tmp_path, site):
            pass
        told = [record.message for record in caplog.records].count("database_begun_anew")
        assert told == (0 if is_first else 1)
        for path in tmp_path.glob("parley.db*"):
            path.unlink()


# -- modes ---------------------------------------------------------------------------------------------------------------


def modes(data: Path) -> dict[str, int]:
    return {str(path.relative_to(data)): stat.S_IMODE(path.stat().st_mode) for path in data.rglob("*")}


async def test_what_is_kept_is_its_users_alone_also_where_it_was_open_to_others(tmp_path, site):
    data = tmp_path / "data"
    async with run_gateway(data, site, auth="on") as gateway:
        await gateway.rest.get("/health")
    (data / "screenshots").mkdir()
    (data / "screenshots" / "old.png").touch()
    (data / "profiles" / "demo").mkdir(parents=True)
    (data / "profiles" / "demo" / "ada.sealed").touch()
    (data / "providers.json").write_text('{"providers": {}}')
    for path in [data, *data.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)

    async with run_gateway(data, site, auth="on") as gateway:
        await gateway.rest.get("/health")
        found = modes(data)

    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {name for name, mode in found.items() if mode & 0o077} == set()
    assert {"parley.db", "secret_key", "admin_key", "providers.json", "screenshots/old.png"} <= set(found)
