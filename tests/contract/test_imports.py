"""Providers and rotations from files, at the start of the gateway."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from backend.app import create_app
from backend.imports.import_file import ImportFileError
from backend.providers.kinds import OpenedProviders
from backend.settings import Settings
from tests.contract.conftest import run_gateway
from tests.fakes.scripted_provider import ScriptedSite

ROOT = Path(__file__).resolve().parents[2]
PROVIDERS = {
    "openai": {"name": "OpenAI", "endpoint": "http://127.0.0.1:1/v1", "type": "openai", "models": ["gpt-4"]},
    "local": {"endpoint": "http://127.0.0.1:1", "type": "ollama", "fallbacks": ["openai", "second"]},
}
FIRST = {
    "providers": [{"provider_id": "openai", "models": [{"name": "gpt-4", "weight": 2}]}],
    "fallbacks": ["second"],
}
ROTATIONS = {"first": FIRST, "second": {"providers": [{"provider_id": "openai"}], "strategy": "cost"}}


@asynccontextmanager
async def open_apis(_settings: Settings, _stores: object):
    """Providers of APIs that play a script."""
    yield OpenedProviders({}, lambda _config: None, dict, {"rest_api": ScriptedSite().open})


def write(folder: Path, providers: Any = None, rotations: Any = None) -> None:
    if providers is not None:
        (folder / "providers.json").write_text(json.dumps({"providers": providers}))
    if rotations is not None:
        (folder / "rotations.json").write_text(json.dumps({"rotations": rotations}))


async def names(gateway, what: str) -> list[str]:
    return [one["name"] for one in (await gateway.rest.get(f"/api/{what}/")).json()]


async def test_what_lies_in_the_data_directory_is_created_and_started(tmp_path):
    write(tmp_path, PROVIDERS, ROTATIONS)

    async with run_gateway(tmp_path, providers=open_apis) as gateway:
        openai = await gateway.wait_for("openai", "active")
        local = await gateway.wait_for("local", "active")
        rotations = await names(gateway, "rotations")

    assert (openai["name"], openai["preset"], openai["default_model"]) == (
        "OpenAI",
        "openai_compatible",
        "gpt-4",
    )
    assert local["fallbacks"] == ["openai", "second"]
    assert rotations == ["second", "first"]


async def test_what_exists_stays_as_it_is(tmp_path):
    write(tmp_path, PROVIDERS, ROTATIONS)
    async with run_gateway(tmp_path, providers=open_apis) as gateway:
        await gateway.rest.patch("/api/endpoints/openai", json={"weight": 7})
        await gateway.rest.post("/api/endpoints/openai/stop")
        await gateway.rest.put("/api/rotations/first", json={**FIRST, "strategy": "least_busy"})

    async with run_gateway(tmp_path, providers=open_apis) as gateway:
        openai = (await gateway.rest.get("/api/endpoints/openai")).json()
        first = (await gateway.rest.get("/api/rotations/first")).json()

    assert (openai["weight"], openai["state"], first["strategy"]) == (7, "inactive", "least_busy")


@pytest.mark.parametrize(
    ("providers", "rotations", "where"),
    [
        (PROVIDERS, {"r": {"providers": [{"provider_id": "opnai"}]}}, "rotations.r"),
        (PROVIDERS, {"openai": {"providers": [{"provider_id": "local"}]}}, "rotations.openai"),
        ({"a": {**PROVIDERS["openai"], "name": "a", "fallbacks": ["nobody"]}}, None, "providers.a"),
        ({"a": {**PROVIDERS["openai"], "name": "a", "fallbacks": ["a"]}}, None, "providers.a"),
        ({"my_a": PROVIDERS["openai"], "my-a": PROVIDERS["openai"]}, None, "providers.my-a"),
    ],
)
async def test_where_one_thing_cannot_be_nothing_is_done_and_the_log_says_which(
    tmp_path, providers, rotations, where, caplog
):
    write(tmp_path, providers, rotations)

    async with run_gateway(tmp_path, providers=open_apis) as gateway:
        made = await names(gateway, "endpoints") + await names(gateway, "rotations")

    (problem,) = [record for record in caplog.records if record.message == "import_failed"]
    assert f".json: {where}: " in vars(problem)["reason"]
    assert made == []


def test_a_file_that_is_wrong_in_itself_ends_the_start(tmp_path):
    (tmp_path / "providers.json").write_text('{"providers":\n')

    with pytest.raises(ImportFileError, match=r"providers\.json: line 2, column 1: "):
        create_app(Settings(_env_file=None, data_dir=tmp_path))


async def test_a_rotation_of_a_file_may_have_endpoints_that_were_there_before(tmp_path):
    async with run_gateway(tmp_path) as gateway:
        await gateway.create("Demo")
    write(tmp_path, rotations={"r": {"providers": [{"provider_id": "demo"}]}})

    async with run_gateway(tmp_path) as gateway:
        assert await names(gateway, "rotations") == ["r"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--import", "{folder}/missing.json"], "missing.json: the file: No such file"),
        (["--import", "{folder}/bad.json"], "bad.json: line 1, column 2: "),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong_with_its_files(tmp_path, arguments, words):
    (tmp_path / "bad.json").write_text("{")
    given = [one.format(folder=tmp_path) for one in arguments]

    done = subprocess.run(
        [sys.executable, "-m", "backend.main", *given],
        cwd=ROOT, env={"DATA_DIR": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
