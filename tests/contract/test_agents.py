"""Coding agents as npm and PyPI have them: each creates a file by a tool and reads it back, at an API and at a chat page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from backend.providers.registry import open_providers
from tests.contract.client_places import agent_programs, installed, llm_program
from tests.contract.conftest import run_gateway
from tests.fakes import coding_agents as agents
from tests.fakes.chat_site import FakeChatSite, profile_data
from tests.fakes.coding_agents import CONTENT, ERRAND, LINES, Desk, Ended
from tests.fakes.tool_loop import ToolCall, ToolLoop, tool_loop_api

WORDS = "It greets, quotes and has a second line."

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]  # the first run installs them


class Agent(NamedTuple):
    """An agent, the model that it is told to ask for, and the calls that do the errand with its tools."""

    run: Callable[[Desk], Awaitable[Ended]]
    calls: Callable[[Path], tuple[ToolCall, ...]]
    model: str = "api/m"
    place: Callable[[], Path] = agent_programs


CLAUDE_CODE = Agent(Desk.claude_code, agents.claude_code_calls)
OPENCODE = Agent(Desk.opencode, agents.opencode_calls)
# Codex has other tools for models that it knows by their names.
AGENTS = {
    "Claude Code": CLAUDE_CODE,
    "Codex": Agent(Desk.codex, agents.codex_calls),
    "Codex with custom tools": Agent(Desk.codex, agents.codex_patch_calls, "gpt-5.5"),
    "Codex with custom tools in namespaces": Agent(Desk.codex, agents.codex_script_calls, "gpt-6.2-sol"),
    "opencode": OPENCODE,
    "llm": Agent(Desk.llm, agents.llm_calls, place=llm_program),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", AGENTS)
async def test_an_agent_creates_a_file_and_reads_it_back_at_an_api(name, gateway, home):
    agent = AGENTS[name]
    desk = Desk(await installed(agent.place), home, gateway.url, agent.model)
    async with tool_loop_api() as api:
        api.loop = ToolLoop(agent.calls(desk.file), WORDS)
        await gateway.started_api("api", api.url, model_mapping={agent.model: "m"})

        ended = await agent.run(desk)

    assert (ended.status, ended.out.strip()) == (0, WORDS), ended
    assert desk.file.read_text("utf-8") == CONTENT
    assert len(api.results) == len(api.loop.calls)
    assert all(line in api.results[-1] for line in LINES)


@pytest.mark.parametrize(
    ("agent", "path", "preset", "native"),
    [
        (CLAUDE_CODE, "/v1/messages", "anthropic", "messages"),
        (AGENTS["Codex with custom tools in namespaces"], "/v1/responses", "openai", "responses"),
    ],
    ids=["Claude Code", "Codex"],
)
async def test_an_agent_does_the_same_at_an_api_that_speaks_its_own(
    agent, path, preset, native, gateway, tmp_path, home, caplog
):
    caplog.set_level("INFO")
    desk = Desk(await installed(agent.place), home, gateway.url, agent.model)
    # What translates for it is another gateway: to this one it is an API of Anthropic's, or OpenAI's.
    async with tool_loop_api() as api, run_gateway(tmp_path / "far") as far:
        api.loop = ToolLoop(agent.calls(desk.file), WORDS)
        await far.started_api("api", api.url, model_mapping={"far": "m"})
        fields: Any = {"preset": preset, "native_apis": [native], "model_mapping": {agent.model: "far"}}
        await gateway.started_api("near", f"{far.url}/v1", **fields)
        caplog.clear()

        ended = await agent.run(desk)

    assert (ended.status, ended.out.strip()) == (0, WORDS), ended
    assert desk.file.read_text("utf-8") == CONTENT
    assert all(line in api.results[-1] for line in LINES)
    asked = [getattr(record, "path", "") for record in caplog.records]
    assert asked.count(path) == 2 * (len(api.loop.calls) + 1)
    assert "/v1/chat/completions" not in asked


@pytest.mark.browser
@pytest.mark.parametrize("agent", [CLAUDE_CODE, OPENCODE], ids=["Claude Code", "opencode"])
async def test_an_agent_does_the_same_at_a_chat_page(agent, tmp_path, home, caplog):
    programs = await installed(agent.place)
    async with (
        FakeChatSite.open() as page,
        run_gateway(tmp_path / "data", providers=open_providers) as gateway,
    ):
        desk = Desk(programs, home, gateway.url, "demo")
        page.answering = ToolLoop(agent.calls(desk.file), WORDS).page()
        await gateway.started(base_url=page.url, profile=profile_data("fetch-sse"))

        ended = await agent.run(desk)

    assert (ended.status, ended.out.strip()) == (0, WORDS), ended
    assert desk.file.read_text("utf-8") == CONTENT
    first, *results = page.requests[-3:]  # before them some ask for a title
    assert [ERRAND in request.prompt for request in (first, *results)] == [True, False, False]
    assert {request.conversation for request in results} == {first.conversation}
    assert all(line in results[-1].prompt for line in LINES)
    assert "decoder_broken" not in caplog.messages
