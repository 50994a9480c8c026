"""Libraries that people build on, as clients of the gateway, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.contract.client_places import installed, npm_clients, python_clients
from tests.contract.conftest import RunningGateway
from tests.fakes.obliging_api import ObligingApi, obliging_api

SCRIPTS = Path(__file__).parent / "python_clients"
WORDS = "One two three four five six seven eight nine ten."
BASEL = {"name": "Basel", "people": 170000}

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]  # the first run installs them


@pytest.fixture
async def api():
    async with obliging_api() as running:
        running.models = ("m", "other")
        yield running


@pytest.fixture
async def client_of(gateway: RunningGateway, api: ObligingApi):
    """Run a command as a client of the gateway, and return its status and what it printed."""
    await gateway.started_api("api", api.url, model_mapping={"other": "other"})
    places = {
        "GATEWAY_URL": f"{gateway.url}/v1",
        "GATEWAY_MODEL": "api/m",
        "GATEWAY_OTHER_MODEL": "other",
        "NO_PROXY": "127.0.0.1",
    }

    async def run(*command: str) -> tuple[int | None, str, str]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **places}, stdout=pipe, stderr=pipe
        )
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return process.returncode, out.decode(), err.decode()

    return run


async def told(client_of: Any, script: str) -> dict[str, Any]:
    python = await installed(python_clients)
    status, out, err = await client_of(str(python), str(SCRIPTS / script))
    assert status == 0, err
    document: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return document


async def test_langchains_own_suite_finds_nothing_wrong(client_of):
    python = await installed(python_clients)
    loops = (
        "asyncio_mode=auto",
        "asyncio_default_test_loop_scope=session",
        "asyncio_default_fixture_loop_scope=session",
    )
    options = ("-q", "--noconftest", "-p", "no:cacheprovider", "-c", os.devnull, "--tb=short")

    status, out, _ = await client_of(
        str(python),
        "-m",
        "pytest",
        *options,
        *(f"-o{loop}" for loop in loops),
        str(SCRIPTS / "langchain_suite.py"),
    )

    passed = re.search(r"(\d+) passed", out)
    assert status == 0, out
    assert passed is not None
    assert int(passed[1]) >= 43


async def test_litellm_gets_text_calls_usage_and_errors(client_of):
    got = await told(client_of, "litellm_client.py")

    call = ["tool_calls", "get_weather", {"city": "Zürich"}]
    assert got["whole"] == got["built"] == got["later"] == WORDS
    assert got["tokens"] == got["built_tokens"] > 0
    assert got["calls"] == [call, call]
    assert "no-such-model" in got["refused"]


async def test_openais_agents_call_tools_stream_and_answer_by_a_schema(client_of):
    got = await told(client_of, "agents_client.py")

    assert got["text"] == WORDS
    assert got["called"] == ["Zürich", "Bern"]
    assert got["weather"] == "You said: rain in Zürich"
    assert got["streamed"] == "You said: rain in Bern"
    assert got["has_deltas"]
    assert got["city"] == BASEL


async def test_pydantic_ai_calls_tools_streams_and_answers_by_a_schema(client_of):
    got = await told(client_of, "pydantic_ai_client.py")

    assert got["text"] == "".join(got["pieces"]) == WORDS
    assert len(got["pieces"]) > 3
    assert got["tokens"] > 0
    assert (got["called"], got["weather"]) == (["Zürich"], "You said: rain in Zürich")
    assert got["cities"] == [BASEL, BASEL]


@pytest.mark.parametrize("script", ["openai_client.mjs", "ai_sdk_client.mjs"])
async def test_the_libraries_of_npm_get_text_calls_usage_and_errors(client_of, script):
    place = await installed(npm_clients)

    status, out, err = await client_of(shutil.which("node") or "node", str(place / script))

    assert status == 0, err
    got = json.loads(out)
    assert got["whole"] == "".join(got["pieces"]) == WORDS
    assert len(got["pieces"]) > 3
    assert got["tokens"] > 0
    assert got["calls"] == [{"name": "get_weather", "arguments": {"city": "Zürich"}}] * 2
    assert got["city"] == BASEL
    assert got["refused"] == 404
