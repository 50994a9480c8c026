"""Agents as people run them in a terminal, at a gateway: each with a home of its own, and no way to any other machine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.tool_loop import ToolCall

FILE = "notes.txt"
LINES = ('Grüße: "quoted", \\ and $HOME', "\ta second line 🙂")
CONTENT = "".join(f"{line}\n" for line in LINES)
ERRAND = f"Write {FILE}, then read it back and tell me what it says."
# Nothing listens there, so that what an agent asks of other machines fails at once.
_NOWHERE = "http://127.0.0.1:9"
_FUNCTIONS = """
from pathlib import Path

def write_file(path: str, content: str) -> str:
    Path(path).write_text(content, "utf-8")
    return "written"

def read_file(path: str) -> str:
    return Path(path).read_text("utf-8")
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an agent ended."""

    status: int | None
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Where an agent works.

    Attributes:
        programs: The folder with the commands.
        home: The agent's home, which has nothing of the user's; it works in the folder ``work`` there.
        gateway: Where it listens; ``model`` is the name that the agent asks it for.
    """

    programs: Path
    home: Path
    gateway: str
    model: str

    @property
    def file(self) -> Path:
        """What the agent is to write."""
        return self.home / "work" / FILE

    async def claude_code(self) -> Ended:
        """Run Claude Code, which may write without asking."""
        settings = {
            "ANTHROPIC_BASE_URL": self.gateway,
            "ANTHROPIC_API_KEY": "not-needed",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        }
        allowed = ("--permission-mode", "acceptEdits")
        return await self._run("claude", "-p", ERRAND, "--model", self.model, *allowed, **settings)

    async def codex(self) -> Ended:
        """Run Codex without its sandbox, which not every machine has; the rest is as it comes."""
        provider = {
            "model_provider": "parley",
            "model_providers.parley.name": "Parley",
            "model_providers.parley.base_url": f"{self.gateway}/v1",
            "check_for_update_on_startup": "false",
            "analytics.enabled": "false",
        }
        options = [word for name, value in provider.items() for word in ("-c", f"{name}={value}")]
        free = ("--skip-git-repo-check", "--sandbox", "danger-full-access")
        return await self._run("codex", "exec", *free, *options, "-m", self.model, ERRAND)

    async def opencode(self) -> Ended:
        """Run opencode with the gateway as a provider of its configuration."""
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": f"{self.gateway}/v1", "apiKey": "not-needed"},
            "models": {self.model: {}},
        }
        settings = {
            "OPENCODE_CONFIG_CONTENT": json.dumps({"provider": {"parley": provider}, "autoupdate": False}),
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        }
        return await self._run("opencode", "run", "-m", f"parley/{self.model}", ERRAND, **settings)

    async def llm(self) -> Ended:
        """Run ``llm`` with functions of Python as tools."""
        listed = {
            "model_id": "parley",
            "model_name": self.model,
            "api_base": f"{self.gateway}/v1",
            "supports_tools": True,
        }
        (self.home / "extra-openai-models.yaml").write_text(json.dumps([listed]), "utf-8")
        settings = {"LLM_USER_PATH": str(self.home), "OPENAI_API_KEY": "not-needed"}
        return await self._run("llm", "-m", "parley", "--functions", _FUNCTIONS, ERRAND, **settings)

    async def _run(self, program: str, *arguments: str, **settings: str) -> Ended:
        self.file.parent.mkdir(exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            str(self.programs / program),
            *arguments,
            env=self._environment() | settings,
            cwd=self.file.parent,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
        try:
            out, err = await process.communicate()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # also what it has started
        return Ended(process.returncode, out.decode(), err.decode())

    def _environment(self) -> dict[str, str]:
        away = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE)
        here = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", **away, **here}


def claude_code_calls(file: Path) -> tuple[ToolCall, ...]:
    """Return the calls of Claude Code's tools that write the file and read it."""
    path = {"file_path": str(file)}
    return ToolCall("Write", {**path, "content": CONTENT}), ToolCall("Read", path)


def opencode_calls(file: Path) -> tuple[ToolCall, ...]:
    """Return the same of opencode's tools."""
    path = {"filePath": str(file)}
    return ToolCall("write", {**path, "content": CONTENT}), ToolCall("read", path)


def llm_calls(file: Path) -> tuple[ToolCall, ...]:
    """Return the same of the functions that ``llm`` is given."""
    path = {"path": str(file)}
    return ToolCall("write_file", {**path, "content": CONTENT}), ToolCall("read_file", path)


def codex_calls(_file: Path) -> tuple[ToolCall, ...]:
    """Return the same of the tools that Codex has for a model that it doesn't know: functions, and a namespace of them."""
    write = {"cmd": f"cat > {FILE} <<'END'\n{CONTENT}END"}
    nobody = {"target": "00000000-0000-0000-0000-000000000000"}
    return (
        ToolCall("exec_command", write),
        ToolCall("multi_agent_v1__close_agent", nobody),
        ToolCall("exec_command", {"cmd": f"cat {FILE}"}),
    )


def codex_patch_calls(_file: Path) -> tuple[ToolCall, ...]:
    """Return the same with a custom tool, whose input is a text of a grammar."""
    added = "".join(f"+{line}\n" for line in LINES)
    patch = f"*** Begin Patch\n*** Add File: {FILE}\n{added}*** End Patch\n"
    return ToolCall("apply_patch", {"input": patch}), ToolCall("exec_command", {"cmd": f"cat {FILE}"})


def codex_script_calls(file: Path) -> tuple[ToolCall, ...]:
    """Return the same with a custom tool in a namespace, whose input is a program that calls the others."""
    cmds = [call.arguments["cmd"] for call in codex_calls(file) if "cmd" in call.arguments]
    scripts = [f"text((await tools.exec_command({json.dumps({'cmd': cmd})})).output)" for cmd in cmds]
    first, last = (ToolCall("functions__exec", {"input": script}) for script in scripts)
    return first, ToolCall("collaboration__list_agents", {}), last
