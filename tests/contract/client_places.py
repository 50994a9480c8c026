"""Places where client libraries are installed once, outside the repository: their demands on packages contradict ours."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
_INSTALL_S = 500


class NoClientsError(Exception):
    """They can't be installed here; the message says why."""


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
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        msg = "node or npm is not on PATH"
        raise NoClientsError(msg)
    sources = sorted((HERE / "npm_clients").iterdir())
    place = _place("npm", sources)
    place.mkdir(parents=True, exist_ok=True)
    for source in sources:
        shutil.copy(source, place / source.name)
    install = (npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(place))
    _once(place, [install])
    return place


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
        for command in commands:
            try:
                subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_S)
            except (subprocess.SubprocessError, OSError) as exc:
                msg = f"the client libraries can't be installed: {exc}"
                raise NoClientsError(msg) from exc
        done.touch()
