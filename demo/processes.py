"""Starts, awaits and ends the demo's child processes, and quotes them when they fail."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_TAIL_LINES = 20
_END_S = 20.0
_PROBE_S = 5.0
_PAUSE_S = 0.1
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy


class DemoError(Exception):
    """The demo can't go on; ``str()`` says why and what to do."""


class Child:
    """A Python program of this project, running in a process group of its own, its output in a file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    def pause(self, seconds: float = _PAUSE_S) -> None:
        """Wait a moment, or less when the program ends in it.

        Raises:
            DemoError: It has ended.
        """
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise DemoError(f"The {self.name} ended with status {status}. {self.quote()}")

    def wait_until_it_answers(self, url: str, limit_s: float) -> None:
        """Wait until ``url`` answers with HTTP 200.

        Raises:
            DemoError: The program ended, or ``limit_s`` seconds passed.
        """
        end = time.monotonic() + limit_s
        while not _answers(url):
            if time.monotonic() > end:
                raise DemoError(
                    f"The {self.name} did not answer at {url} within {limit_s:g} s. {self.quote()}"
                )
            self.pause()

    def quote(self) -> str:
        """Return the end of what the program printed, for a person to read."""
        lines = self.log.read_text("utf-8", "replace").splitlines()[-_TAIL_LINES:]
        return f"The end of its log, {self.log}:\n" + "\n".join(f"  | {line}" for line in lines)

    def end(self) -> None:
        """Ask the program to end, and insist after a while."""
        if self._process.poll() is None:
            self._process.terminate()
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def running(name: str, module: Sequence[str], log: Path, settings: Mapping[str, str]) -> Iterator[Child]:
    """Run ``python -m module…`` with ``settings`` in its environment while the block runs."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **settings},
            start_new_session=True,  # Ctrl+C is ours to handle: the children end in order, not all at once
        )
    child = Child(name, process, log)
    try:
        yield child
    finally:
        child.end()


def _answers(url: str) -> bool:
    request = urllib.request.Request(
        url, headers={"Accept-Encoding": "gzip"}
    )  # llama.cpp's page knows nothing else
    try:
        with DIRECT.open(request, timeout=_PROBE_S) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port(preferred: int = 0) -> int:
    """Return ``preferred`` if it is free on loopback, else another port that is."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoError("No port is free on 127.0.0.1.")
