"""Places where client libraries are installed once, outside the repository: their demands on packages contradict ours."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_INSTALL_S = 500.0


class NoClientsError(Exception):
    """They can't be installed here; the message says why."""


class _Patience:
    """What is left of the time for installing, and what has failed: each test would try it anew."""

    def __init__(self, left_s: float) -> None:
        self.left_s = left_s
        self.failures: dict[Path, str] = {}

    def run(self, command: Sequence[str]) -> None:
        began = time.monotonic()
        try:
            limit_s = max(1.0, min(_INSTALL_S, self.left_s))
            subprocess.run(command, check=True, capture_output=True, timeout=limit_s)
        finally:
            self.left_s -= time.monotonic() - began


_PATIENCE = _Patience(float(os.environ.get("TEST_INSTALL_S") or 4 * _INSTALL_S))


async def installed(place: Callable[[], Path]) -> Path:
    """Return a place once everything is there; where it can't be, the test is skipped."""
    try:
        return await asyncio.to_thread(place)
    except NoClientsError as exc:
        pytest.skip(str(exc))


def python_clients() -> Path:
    """Return the Python that has the libraries of ``python_clients/requirements.txt``.

    Raises:
        NoClientsError: They can't be installed.
    """
    source = HERE / "python_clients"
    place = _place("python", [source / "requirements.txt", source / "constraints.txt"])
    python = place / "bin" / "python"
    install = (str(python), "-m", "pip", "install", "-q", "-r", str(source / "requirements.txt"))
    _once(place, [(sys.executable, "-m", "venv", str(place)), install])
    return python


def npm_clients() -> Path:
    """Return a folder with the scripts of ``npm_clients/`` and what they import.

    Raises:
        NoClientsError: Node or npm is not there, or they can't be installed.
    """
    _, npm = _node_and_npm()
    sources = sorted((HERE / "npm_clients").iterdir())
    place = _place("npm", sources)
    place.mkdir(parents=True, exist_ok=True)
    for source in sources:
        shutil.copy(source, place / source.name)
    install = (npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(place))
    _once(place, [install])
    return place


def agent_programs() -> Path:
    """Return a folder with the commands of ``agents/package.json``.

    Raises:
        NoClientsError: Node or npm is not there, or they can't be installed.
    """
    node, npm = _node_and_npm()
    source = HERE / "agents" / "package.json"
    place = _place("agents", [source])
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, place / source.name)
    install = (npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(place))
    modules = place / "node_modules"
    # The two put their program for this machine into place; whether npm lets them is a setting of its user's.
    scripts = (modules / "@anthropic-ai/claude-code/install.cjs", modules / "opencode-ai/postinstall.mjs")
    _once(place, [install, *((node, str(script)) for script in scripts)])
    return modules / ".bin"


def llm_program() -> Path:
    """Return a folder with the command ``llm`` of ``agents/requirements.txt``.

    Raises:
        NoClientsError: It can't be installed.
    """
    source = HERE / "agents" / "requirements.txt"
    place = _place("llm", [source])
    commands = place / "bin"
    install = (str(commands / "python"), "-m", "pip", "install", "-q", "-r", str(source))
    _once(place, [(sys.executable, "-m", "venv", str(place)), install])
    return commands


def _node_and_npm() -> tuple[str, str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        msg = "node or npm is not on PATH"
        raise NoClientsError(msg)
    return node, npm


def _place(kind: str, sources: Sequence[Path]) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    stamp = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    return cache / "parley-test-clients" / f"{kind}-{stamp}"


def _once(place: Path, commands: Sequence[Sequence[str]]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    done = place / "installed"
    # Tests run in several processes, and each wants them at its start.
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return
        if failure := _PATIENCE.failures.get(place):
            raise NoClientsError(failure)
        for command in commands:
            try:
                _PATIENCE.run(command)
            except (subprocess.SubprocessError, OSError) as exc:
                msg = _PATIENCE.failures[place] = f"the clients can't be installed: {_reason(exc)}"
                raise NoClientsError(msg) from exc
        done.touch()


def _reason(exc: Exception) -> str:
    said: bytes = getattr(exc, "stderr", None) or b""
    return f"{exc} {said.decode(errors='replace').strip()[-300:]}".strip()
