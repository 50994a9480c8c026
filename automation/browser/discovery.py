"""Finds a Chromium to start, installs one in set-up, and checks that its sandbox can work.

Order: what the operator named (``BROWSER_EXECUTABLE``), Playwright's own Chromium, Google Chrome, Chromium. What the
operator named is never replaced by another: that it can't be started is an error.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from automation.browser.start_failures import what_is_missing
from automation.child_environment import limit_environment
from automation.errors import BrowserUnavailableError

_ON_PATH = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser")
_MACOS_APPS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_DOWNLOAD_S = 900.0
_PROBE_S = 30.0

Which = Callable[[str], str | None]
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FoundBrowser:
    """A browser that can be started.

    Attributes:
        executable: Absolute path of its program.
        origin: How it was found, for people: ``BROWSER_EXECUTABLE``, ``Playwright's Chromium`` or the name on PATH.
    """

    executable: Path
    origin: str


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts that decide how a browser can be installed here."""

    platform: str
    is_root: bool
    has_apt: bool

    @classmethod
    def here(cls) -> Machine:
        """Return the facts of the machine that this runs on."""
        return cls(platform=sys.platform, is_root=is_root(), has_apt=shutil.which("apt-get") is not None)


class _CommandFailed(Exception):
    """A program of the installation ended with an error; ``str()`` is the last line that it printed."""


def is_root() -> bool:
    """Return whether this process runs as root, for whom Chromium refuses to start with its sandbox."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def find_browser(
    chosen: str | None = None,
    playwrights_own: str | None = None,
    *,
    machine: Machine | None = None,
    which: Which = shutil.which,
) -> FoundBrowser:
    """Return the browser to start.

    Args:
        chosen: Path, or name on PATH, that the operator set; empty or None when there is none.
        playwrights_own: ``BrowserType.executable_path`` of the driver in use, whether or not it exists.
        machine: The machine's facts; of this machine if None.
        which: Turns a path or a name on PATH into a program's path, or None where it can't be run.

    Raises:
        BrowserUnavailableError: There is none, or ``chosen`` can't be run; the message says what to install.
    """
    machine = machine or Machine.here()
    if chosen:
        executable = which(chosen)
        if executable is None:
            raise BrowserUnavailableError(
                f"BROWSER_EXECUTABLE names {chosen!r}, which is not a program that can be run. "
                "Correct it, or leave it empty to have a browser found."
            )
        return FoundBrowser(Path(executable), "BROWSER_EXECUTABLE")
    for name, origin in _candidates(playwrights_own, machine.platform):
        executable = which(name)
        if executable is not None:
            return FoundBrowser(Path(executable), origin)
    raise BrowserUnavailableError(f"No browser was found. {what_to_install(machine)}")


def _candidates(playwrights_own: str | None, platform: str) -> Iterator[tuple[str, str]]:
    if playwrights_own:
        yield playwrights_own, "Playwright's Chromium"
    for name in _ON_PATH:
        yield name, name
    if platform == "darwin":
        for app in _MACOS_APPS:
            yield app, Path(app).name


def what_to_install(machine: Machine) -> str:
    """Return what a person on this machine does to get a browser, in one or two sentences."""
    own = f"`{sys.executable} -m playwright install chromium`"
    setting = "or point BROWSER_EXECUTABLE at a Chrome or Chromium that is installed elsewhere"
    if machine.platform == "darwin":
        return f"Install Google Chrome, or run {own}, {setting}."
    if machine.has_apt and machine.is_root:
        return f"Run `apt-get update && apt-get install -y chromium`, or {own}, {setting}."
    if machine.has_apt:
        return (
            f"Run {own}, which needs no root, {setting}. "
            "Someone with root can run `apt-get install -y chromium` instead."
        )
    return f"Install Chromium or Google Chrome with the system's package manager, or run {own}, {setting}."


def playwrights_chromium() -> str:
    """Return where Playwright keeps its own Chromium, whether or not it is there. Starts the driver: set-up only."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only this command needs the driver

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def install_browser(
    report: Report = print,
    *,
    machine: Machine | None = None,
    run: Callable[[Sequence[str]], None] | None = None,
    find: Callable[[], FoundBrowser] | None = None,
) -> FoundBrowser:
    """Download Playwright's Chromium or, where that fails, install Debian's as root; for set-up, takes minutes.

    Args:
        report: Is told each step before it is taken, and why one failed.
        machine: The machine's facts; of this machine if None.
        run: Runs a command and raises when it fails; a real process if None.
        find: Finds a browser that starts, after a step; looks on this machine if None.

    Raises:
        BrowserUnavailableError: No way led to a browser that starts; the message says what to install by hand.
    """
    machine = machine or Machine.here()
    run = run or _run_command
    find = find or _find_startable
    for what, commands in _ways_to_install(machine):
        report(what)
        try:
            for command in commands:
                run(command)
            return find()
        except (_CommandFailed, BrowserUnavailableError) as exc:
            report(f"that did not work: {exc}")
    raise BrowserUnavailableError(f"No browser could be installed. {what_to_install(machine)}")


def _ways_to_install(machine: Machine) -> Iterator[tuple[str, Sequence[Sequence[str]]]]:
    playwright = (sys.executable, "-m", "playwright")
    yield "downloading Playwright's Chromium", [(*playwright, "install", "chromium")]
    if machine.has_apt and machine.is_root:
        yield (
            "installing Debian's chromium (apt-get)",
            [("apt-get", "update", "-q"), ("apt-get", "install", "-q", "-y", "chromium")],
        )
        # Reached when a browser is there but does not start: its shared libraries are missing.
        yield (
            "installing the libraries that Chromium needs (apt-get)",
            [(*playwright, "install-deps", "chromium")],
        )


def _find_startable() -> FoundBrowser:
    found = find_browser(None, playwrights_chromium())
    browser_version(found.executable)
    return found


def browser_version(executable: Path) -> str:
    """Start the browser far enough to say its version, such as ``Chromium 156.0.7204.49``.

    Raises:
        BrowserUnavailableError: It doesn't start, for example because a shared library is missing.
    """
    try:
        return _read_output((str(executable), "--version"), _PROBE_S, is_browser=True)
    except _CommandFailed as exc:
        remedy = what_is_missing(str(exc))
        raise BrowserUnavailableError(
            f"{executable} does not start: {exc}{f'. {remedy}' if remedy else ''}"
        ) from exc


def _run_command(command: Sequence[str]) -> None:
    _read_output(command, _DOWNLOAD_S)


def _read_output(command: Sequence[str], limit_s: float, *, is_browser: bool = False) -> str:
    """Return what the command printed, stripped.

    Raises:
        _CommandFailed: It can't be started, exits with an error, or takes longer than ``limit_s``.
    """
    try:
        done = subprocess.run(  # noqa: S603 - fixed programs and a path that discovery itself found
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit_s,
            check=True,
            env=limit_environment(os.environ) if is_browser else None,  # noqa: TID251 - no setting is read
        )
    except subprocess.TimeoutExpired as exc:
        raise _CommandFailed(f"it took longer than {limit_s:g} s") from exc
    except subprocess.CalledProcessError as exc:
        raise _CommandFailed(_reason_in(exc.stdout) or f"exit status {exc.returncode}") from exc
    except OSError as exc:
        raise _CommandFailed(str(exc)) from exc
    return done.stdout.decode("utf-8", "replace").strip()


def _reason_in(output: bytes) -> str:
    """Return the last line that says "error", else the last line: a stack trace may follow the reason."""
    lines = output.decode("utf-8", "replace").strip().splitlines()
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or [""])[-1].strip()


@functools.cache
def sandbox_obstacle() -> str | None:
    """Return why Chromium's sandbox can't work for this process, in words for a warning, or None when it can."""
    if is_root():
        return "it runs as root"
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return None
    try:
        # What the sandbox does as well: a namespace of users, and in it others. Containers forbid that as a rule.
        _read_output(("unshare", "--user", "--map-root-user", "--pid", "--net", "--fork", "true"), _PROBE_S)
    except _CommandFailed:
        return "this system lets it make no user namespaces"
    return None


def sandbox_remedy() -> str:
    """Return what a person does to have Chromium's sandbox."""
    if is_root():
        return "run the gateway as another user than root"
    return (
        "allow user namespaces: in a container by --security-opt seccomp=docker/seccomp.json, on Ubuntu by "
        "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`; see docs/security.md"
    )
