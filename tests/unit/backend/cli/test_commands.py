from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.cli import commands as cli
from backend.settings import Settings

pytestmark = pytest.mark.usefixtures("own_logging")


class Gateway(BaseHTTPRequestHandler):
    """Answers the list of endpoints to whoever has the key."""

    def do_GET(self) -> None:
        is_known = self.headers["authorization"] == "Bearer right"
        listed: list[dict[str, object]] = [
            {"id": "demo", "state": "error", "base_url": "http://x/", "state_reason": "gone"}
        ]
        listed.append({"id": "fine", "state": "active", "base_url": "http://y/", "state_reason": None})
        self.send_response(200 if is_known else 401)
        self.end_headers()
        self.wfile.write(json.dumps(listed if is_known else {"error": {}}).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def address():
    server = HTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(*arguments: str):
    return CliRunner().invoke(cli.app, arguments)


def test_endpoints_are_listed_with_state_and_reason(address):
    result = run("endpoints", "--url", address, "--key", "right")

    assert result.exit_code == 0
    first, second = result.output.splitlines()
    assert first.split() == ["demo", "error", "http://x/", "(gone)"]
    assert second.split() == ["fine", "active", "http://y/"]


def test_a_wrong_key_a_wrong_address_and_no_gateway_are_said(address):
    assert "401" in run("endpoints", "--url", address).output
    assert "not an http address" in run("endpoints", "--url", "file:///etc/passwd").output
    assert "No gateway answers" in run("endpoints", "--url", "http://127.0.0.1:1").output


def test_the_gateway_of_the_same_settings_is_asked_with_the_key_that_it_made(address, monkeypatch, tmp_path):
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("PORT", address.rpartition(":")[2])
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    (tmp_path / "admin_key").write_text("right\n", "utf-8")

    own = run("endpoints")
    elsewhere = run("endpoints", "--url", address)

    assert own.exit_code == 0, own.output
    assert own.output.startswith("demo ")
    assert "401" in elsewhere.output  # the key is not given to whoever listens at another address


def test_without_a_key_of_its_own_the_gateway_is_asked_without_one(address, monkeypatch, tmp_path):
    monkeypatch.setenv("PORT", address.rpartition(":")[2])
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    assert "401" in run("endpoints").output


@pytest.mark.parametrize("command", [["endpoints"], ["doctor"], ["try", "http://x/", "--profile", "gradio"]])
def test_settings_that_cannot_be_used_are_said_in_a_line(command, monkeypatch, tmp_path):
    monkeypatch.setenv("SELECTORS_DIR", str(tmp_path / "nowhere"))

    result = run(*command)

    assert result.exit_code == 2
    assert result.output.startswith("Settings can't be used: SELECTORS_DIR: ")
    assert len(result.output.splitlines()) == 1


def test_what_is_given_to_serve_wins_over_the_settings(monkeypatch):
    served: list[Settings] = []
    monkeypatch.setenv("HOST", "127.0.0.9")
    monkeypatch.setattr(cli, "serve_with", served.append)

    result = run("serve", "--port", "1234")

    assert result.exit_code == 0
    assert (served[0].host, served[0].port) == ("127.0.0.9", 1234)


def test_the_schema_beside_the_profiles_is_the_one_that_is_printed():
    kept = Path(__file__).resolve().parents[4] / "selectors" / "profile.schema.json"

    result = run("profile-schema")

    assert result.exit_code == 0
    assert kept.read_text("utf-8") == result.output, (
        "run `python -m backend.cli profile-schema > selectors/profile.schema.json` to renew it"
    )
