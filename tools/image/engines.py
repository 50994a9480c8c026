"""Docker, Podman and Buildah: how each builds an image, and starts, enters and ends a container of it."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from tools.image.commands import (
    EngineUnfitError,
    ImageTestError,
    install_packages,
    quote,
    run_command,
    run_shown,
    say,
    succeeds,
)

SECCOMP = "docker/seccomp.json"
INSIDE_PORT = 8000
_BUILD_S = 1800.0
_PULL_S = 600.0
_CALL_S = 60.0
_END_S = 20.0
_PAUSE_S = 0.2
_MANY = 1_048_576


class Container(Protocol):
    """A running container."""

    def enter(self, command: Sequence[str]) -> list[str]:
        """Return the command line that runs ``command`` in it, as its ordinary user and with standard input."""

    def read_log(self) -> bytes:
        """Return what its program printed."""

    def exit_status(self) -> int | None:
        """Return the status that its program ended with; None while it runs."""

    def terminate(self) -> None:
        """Send SIGTERM to its first process."""


class Engine(Protocol):
    """One program that builds images and runs containers."""

    name: str
    takes_base: bool  # whether it builds on another image than the Dockerfile names

    def has(self, tag: str) -> bool:
        """Return whether it keeps an image of that name."""

    def fetch_failure(self, base: str) -> str | None:
        """Fetch a base image unless it is here; return None, or why it can't be had."""

    def add_base(self, root: Path, tag: str) -> None:
        """Make an image of the files under ``root``."""

    def build(self, tag: str, base: str | None) -> None:
        """Build the Dockerfile; ``base`` is an image to build on in place of the one it names."""

    def check(self, tag: str) -> None:
        """Start a container of an image.

        Raises:
            EngineUnfitError: None starts here.
        """

    @contextmanager
    def start(self, tag: str, name: str, port: int) -> Iterator[Container]:
        """Run a container that answers on ``port`` of loopback for as long as the block lasts."""


class ContainerEngine:
    """Docker or Podman: real containers, with the seccomp profile that ships."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.takes_base = name != "docker"
        self._engine = [name]

    def has(self, tag: str) -> bool:
        """Return whether it keeps an image of that name."""
        return succeeds([self.name, "image", "inspect", tag], _CALL_S)

    def fetch_failure(self, base: str) -> str | None:
        """Fetch a base image unless it is here; return None, or why it can't be had."""
        return None if self.has(base) else _failure_of([self.name, "pull", "--quiet", base])

    def add_base(self, root: Path, tag: str) -> None:
        """Make an image of the files under ``root``."""
        with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as packed:
            command = [self.name, "import", "-", tag]
            done = subprocess.run(command, stdin=packed.stdout, capture_output=True, check=False)
        if done.returncode:
            raise ImageTestError(f"`{self.name} import` failed:\n{quote(done.stderr)}")

    def build(self, tag: str, base: str | None) -> None:
        """Build the Dockerfile; ``base`` is an image to build on in place of the one it names."""
        instead = ["--from", base] if base else []
        how = [*self._limits(), *self._format(), *instead]
        run_shown([*self._engine, "build", *how, "-t", tag, "."], _BUILD_S)

    def check(self, tag: str) -> None:
        """Start a container of an image, by the runtime that Podman chooses or by the other.

        Raises:
            EngineUnfitError: None starts here.
        """
        runtimes: list[list[str]] = [[]] if self.name == "docker" else [[], ["--runtime", "runc"]]
        failures = []
        for runtime in runtimes:
            self._engine = [self.name, *runtime]
            failure = _failure_of([*self._engine, "run", "--rm", *self._limits(), tag, "true"])
            if failure is None:
                return
            failures.append(failure)
        raise EngineUnfitError(failures[0])

    @contextmanager
    def start(self, tag: str, name: str, port: int) -> Iterator[_RunningContainer]:
        """Run a container that answers on ``port`` of loopback for as long as the block lasts."""
        publish = ["--publish", f"127.0.0.1:{port}:{INSIDE_PORT}"]
        security = ["--security-opt", f"seccomp={SECCOMP}"]
        how = [*self._limits(), *publish, *security]
        command = [*self._engine, "run", "--detach", "--name", name, *how, tag]
        try:
            run_command(command, _CALL_S)
            yield _RunningContainer(self.name, name)
        finally:
            with suppress(ImageTestError):  # it may not have come to be
                run_command([self.name, "rm", "--force", "--volumes", name], _CALL_S)

    def _limits(self) -> list[str]:
        """Podman raises limits of its containers, which not every root may: they get none beyond this process's.

        Where it can't raise its own, it takes the limit on files for that on processes as well.
        """
        if self.name == "docker":
            return []
        hard = {resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)}
        limit = min((each for each in hard if each != resource.RLIM_INFINITY), default=_MANY)
        return [f"--ulimit={kind}={limit}:{limit}" for kind in ("nofile", "nproc")]

    def _format(self) -> list[str]:
        return [] if self.name == "docker" else ["--format", "docker"]  # the other one has no HEALTHCHECK


class _RunningContainer:
    def __init__(self, engine: str, name: str) -> None:
        self._engine = engine
        self._name = name

    def enter(self, command: Sequence[str]) -> list[str]:
        return [self._engine, "exec", "--interactive", self._name, *command]

    def read_log(self) -> bytes:
        done = subprocess.run(
            [self._engine, "logs", self._name],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_CALL_S,
        )
        return done.stdout

    def exit_status(self) -> int | None:
        [told] = json.loads(run_command([self._engine, "container", "inspect", self._name], _CALL_S))
        state = told["State"]
        return None if state["Status"] in {"created", "running", "stopping"} else int(state["ExitCode"])

    def terminate(self) -> None:
        run_command([self._engine, "kill", "--signal", "TERM", self._name], _CALL_S)


class BuildahEngine:
    """Buildah, which needs neither a daemon nor more than root: its programs run in a chroot, on the host's network."""

    name = "buildah"
    takes_base = True

    def __init__(self) -> None:
        chosen = find_storage_driver()
        self._buildah = ["buildah", *([] if chosen else ["--storage-driver", "vfs"])]
        self._keeps_layers = chosen not in {None, "vfs"}  # of vfs each is a copy of all the files below it

    def has(self, tag: str) -> bool:
        """Return whether it keeps an image of that name."""
        return succeeds([*self._buildah, "inspect", "--type", "image", tag], _CALL_S)

    def fetch_failure(self, base: str) -> str | None:
        """Fetch a base image unless it is here; return None, or why it can't be had."""
        return None if self.has(base) else _failure_of([*self._buildah, "pull", "--quiet", base])

    def add_base(self, root: Path, tag: str) -> None:
        """Make an image of the files under ``root``."""
        made = run_command([*self._buildah, "from", "scratch"], _CALL_S)
        run_command([*self._buildah, "add", "--quiet", made, str(root), "/"], _PULL_S)
        run_command([*self._buildah, "commit", "--quiet", "--rm", made, tag], _PULL_S)

    def build(self, tag: str, base: str | None) -> None:
        """Build the Dockerfile; ``base`` is an image to build on in place of the one it names."""
        if not self._keeps_layers and self.has(tag):
            run_command([*self._buildah, "rmi", tag], _CALL_S)  # nothing of it is used again, and it is large
        how = ["--isolation", "chroot", f"--layers={str(self._keeps_layers).lower()}", "--format", "docker"]
        instead = ["--from", base] if base else []
        run_shown([*self._buildah, "build", *how, *instead, "-t", tag, "."], _BUILD_S)

    def check(self, tag: str) -> None:
        """Do nothing: what it builds, it can run."""

    @contextmanager
    def start(self, tag: str, name: str, port: int) -> Iterator[_ChrootProgram]:
        """Run the image's program so that it answers on ``port`` for as long as the block lasts."""
        program = self._read_program(tag)
        run_command([*self._buildah, "from", "--pull-never", "--name", name, tag], _PULL_S)
        run = [*self._buildah, "run", "--isolation", "chroot"]
        try:
            with tempfile.NamedTemporaryFile() as log:
                command = [*run, "--env", f"PORT={port}", name, "--", *program]
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
                )
                running = _ChrootProgram(process, Path(log.name), [*run, name, "--"], program)
                try:
                    yield running
                finally:
                    running.end()
        finally:
            run_command([*self._buildah, "rm", name], _PULL_S)

    def _read_program(self, tag: str) -> list[str]:
        """Return the command line that the image starts with, which ``buildah run`` leaves to its caller."""
        told = json.loads(run_command([*self._buildah, "inspect", "--type", "image", tag], _CALL_S))
        config = told["Docker"]["config"]
        return [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]


class _ChrootProgram:
    def __init__(
        self, process: subprocess.Popen[bytes], log: Path, run: Sequence[str], program: Sequence[str]
    ) -> None:
        self._process = process
        self._program = [Path(program[0]).name, *program[1:]]
        self._log = log
        self._run = run

    def enter(self, command: Sequence[str]) -> list[str]:
        return [*self._run, *command]

    def read_log(self) -> bytes:
        return self._log.read_bytes()

    def exit_status(self) -> int | None:
        return self._process.poll()

    def terminate(self) -> None:
        """Find the program itself: Buildah, when it is sent SIGTERM, kills what it runs."""
        for pid in find_descendants(self._process.pid):
            with suppress(OSError):  # ended in between
                first, *further = Path(f"/proc/{pid}/cmdline").read_text("utf-8").split("\0")[:-1] or [""]
                if [Path(first).name, *further] == self._program:  # found on the image's PATH
                    os.kill(pid, signal.SIGTERM)
                    return
        raise ImageTestError("The image's program is not among Buildah's processes.")

    def end(self) -> None:
        """Have it end by SIGTERM, and insist after a while."""
        if self._process.poll() is None:
            with suppress(ImageTestError):  # ended in between
                self.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def find_storage_driver() -> str | None:
    """Return how Buildah stores images here; None where what it chooses does not work."""
    try:
        told = json.loads(run_command(["buildah", "info"], _CALL_S))
    except ImageTestError:
        return None
    return str(told["store"]["GraphDriverName"])


def find_descendants(ancestor: int) -> list[int]:
    """Return the processes that a process started, and those that they started, by their numbers."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name in brackets may hold anything; the parent is the second word after it.
            parent = int(status.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(status.parent.name))
    found = [ancestor]
    for process in found:
        found += children.get(process, [])
    return found[1:]


def wait_for_exit(container: Container, limit_s: float) -> int | None:
    """Return the status that a container's program ended with; None where it runs on after ``limit_s`` seconds."""
    end = time.monotonic() + limit_s
    while (status := container.exit_status()) is None and time.monotonic() < end:
        time.sleep(_PAUSE_S)
    return status


def find_engines(wanted: str) -> Iterator[Engine]:
    """Yield the engine of that name, or those that are here: Docker, Podman, Buildah, which is installed if it can be."""
    for name in (wanted,) if wanted else ("docker", "podman", "buildah"):
        engine = _open_engine(name)
        if engine is None:
            say(f"{name} does not run here")
        else:
            yield engine


def _open_engine(name: str) -> Engine | None:
    if name == "buildah":
        is_here = succeeds(["buildah", "--version"], _CALL_S) or install_packages("buildah", "debootstrap")
        return BuildahEngine() if is_here else None
    return ContainerEngine(name) if succeeds([name, "info"], _CALL_S) else None


def _failure_of(command: Sequence[str]) -> str | None:
    try:
        run_command(command, _PULL_S)
    except ImageTestError as exc:
        return str(exc)
    return None
