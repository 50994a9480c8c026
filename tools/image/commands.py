"""Runs the command lines of container engines and says what went wrong in their own words."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_QUOTED_LINES = 20
_INSTALL_S = 600.0


class ImageTestError(Exception):
    """The image can't be built or tried here; ``str()`` says why and what to do."""


class EngineUnfitError(ImageTestError):
    """This engine can't build or run the image here; another may."""


def run_command(command: Sequence[str], limit_s: float, given: bytes = b"") -> str:
    """Run a command with ``given`` on its standard input; return what it printed on standard output.

    Raises:
        ImageTestError: It failed, is not installed, or took longer than ``limit_s`` seconds.
    """
    what = " ".join(command[:3])
    try:
        done = subprocess.run(
            command, cwd=ROOT, check=False, input=given, capture_output=True, timeout=limit_s
        )
    except subprocess.TimeoutExpired as exc:
        raise ImageTestError(f"`{what}` took longer than {limit_s:g} s.") from exc
    except OSError as exc:
        raise ImageTestError(f"`{what}` can't be run: {exc}") from exc
    if done.returncode:
        raise ImageTestError(
            f"`{what}` failed with status {done.returncode}:\n{quote(done.stderr or done.stdout)}"
        )
    return done.stdout.decode("utf-8", "replace").strip()


def run_shown(command: Sequence[str], limit_s: float) -> None:
    """Run a command whose output is for the person to watch.

    Raises:
        ImageTestError: It failed, is not installed, or took longer than ``limit_s`` seconds.
    """
    what = " ".join(command[:3])
    try:
        subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL, timeout=limit_s)
    except (subprocess.SubprocessError, OSError) as exc:
        raise ImageTestError(f"`{what}` failed; its own words are above. ({exc})") from exc


def succeeds(command: Sequence[str], limit_s: float) -> bool:
    """Return whether a command is installed and ends well."""
    try:
        run_command(command, limit_s)
    except ImageTestError:
        return False
    return True


def install_packages(*names: str) -> bool:
    """Install packages of Debian or Ubuntu; return False where that can't be done here."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    say(f"installing {', '.join(names)}, which this machine lacks")
    commands = (
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-q", "-y", "--no-install-recommends", *names],
    )
    return all(succeeds(command, _INSTALL_S) for command in commands)


def quote(output: bytes) -> str:
    """Return the end of a program's output, for a person to read."""
    lines = output.decode("utf-8", "replace").strip().splitlines()[-_QUOTED_LINES:]
    return "\n".join(f"  | {line}" for line in lines)


def say(text: str) -> None:
    """Print one step."""
    print(f"image: {text}", flush=True)
