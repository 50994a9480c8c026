"""`make image-test`: builds the image, asks a chat page in it as its ordinary user, stops it by SIGTERM.

    python -m tools.image.run [--engine docker | podman | buildah]

The page is the demo's bundled one, served inside of the container beside the gateway.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from demo.bundled_site import answer_to
from demo.gateway import Gateway
from demo.processes import DIRECT, DemoError, free_port
from tools.image.base import find_base, make_base, read_dockerfile
from tools.image.commands import ROOT, EngineUnfitError, ImageTestError, quote, run_command, say
from tools.image.engines import Container, Engine, find_engines, wait_for_exit

TAG = "localhost/parley:image-test"
ENDPOINT = "page"
QUESTION = "Is there a browser in this image?"
_START_S = 90.0
_ACTIVE_S = 120.0
_CALL_S = 60.0
_GRACE_S = 10.0  # `docker stop` kills after that
_PAUSE_S = 0.2
_ENDED_IN_ORDER = (
    0,
    128 + signal.SIGTERM,
)  # a server that has closed everything ends by the signal that it was sent
_PAGE = (
    "demo/__init__.py",
    "demo/bundled_site.py",
    "demo/bundled_page.html",
    "demo/site.py",
    "demo/bundled_profile.yaml",
)
_NO_ENGINE = (
    "No container engine can be used here. Install Docker or Podman; as root on Debian or Ubuntu "
    "`apt-get install -y buildah debootstrap` will do."
)
_INSIDE = "/tmp/image-test"  # noqa: S108 - in the container, where nobody else is
_READ_PROFILE = (
    f"import json, yaml; print(json.dumps(yaml.safe_load(open('{_INSIDE}/demo/bundled_profile.yaml'))))"
)
# Of each renderer: whether it was started without the sandbox, its seccomp mode, how many namespaces of processes it is in.
_READ_RENDERERS = """
import json, pathlib
found = []
for folder in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        words = (folder / "cmdline").read_bytes().split(b"\\0")
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    except OSError:
        continue
    if b"--type=renderer" in b" ".join(words).split():
        found.append([b"--no-sandbox" in b" ".join(words).split(), status["Seccomp"].strip(), len(status["NSpid"].split())])
print(json.dumps(found))
"""


def main() -> int:
    """Build and try the image; return 0 when everything held, else 1."""
    parser = argparse.ArgumentParser(description="Build the container image and ask a page in it.")
    parser.add_argument("--engine", choices=["docker", "podman", "buildah"], default="")
    wanted = parser.parse_args().engine
    started = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the container is removed then, too
    try:
        engine = build_image(wanted)
        say(f"built after {time.monotonic() - started:.0f} s")
        try_image(engine)
    except (ImageTestError, DemoError) as exc:
        say(f"FAILED. {exc}")
        return 1
    except KeyboardInterrupt:
        say("ended")
        return 130
    say(f"passed in {time.monotonic() - started:.0f} s")
    return 0


def build_image(wanted: str) -> Engine:
    """Build the image with the engine of that name, or the first that can; return the engine.

    Raises:
        ImageTestError: It can't be built here; the message says why.
    """
    for engine in find_engines(wanted):
        say(f"building with {engine.name}")
        try:
            build_with(engine)
        except EngineUnfitError as exc:
            say(f"{engine.name} can't be used here. {exc}")
        else:
            return engine
    raise ImageTestError(_NO_ENGINE)


def build_with(engine: Engine) -> None:
    """Build the Dockerfile, on a stand-in where its base image can't be fetched.

    Raises:
        EngineUnfitError: Another engine may do it.
        ImageTestError: It can't be built here; the message says why.
    """
    base = find_base(read_dockerfile())
    failure = engine.fetch_failure(base)
    if failure is not None:
        if not engine.takes_base:
            raise EngineUnfitError(failure)
        say(failure)
        base = make_base(engine)
    engine.check(base)
    engine.build(TAG, None if failure is None else base)


def try_image(engine: Engine) -> None:
    """Run the image, ask a page in it, look at its browser's sandbox, and stop it.

    Raises:
        ImageTestError: Something did not hold; the end of the container's log is quoted.
    """
    port = free_port()
    with engine.start(TAG, f"parley-image-test-{os.getpid()}", port) as container:
        try:
            wait_until_ready(container, f"http://127.0.0.1:{port}/ready")
            say(f"ready, as user {find_user(container)}")
            ask_page(container, port)
            say(describe_sandbox(container))
            stop(container)
        except (ImageTestError, DemoError) as exc:
            log = quote(container.read_log())
            raise ImageTestError(f"{exc}\nThe end of the container's log:\n{log}") from exc


def find_user(container: Container) -> str:
    """Return the number of the user that the container's programs run as.

    Raises:
        ImageTestError: It is root's.
    """
    uid = enter(container, ["id", "-u"])
    if uid == "0":
        raise ImageTestError("The container's programs run as root.")
    return uid


def wait_until_ready(container: Container, url: str) -> None:
    """Wait until the gateway says that it is ready.

    Raises:
        ImageTestError: It ended, or ``_START_S`` seconds passed.
    """
    end = time.monotonic() + _START_S
    while not _is_ready(url):
        status = container.exit_status()
        if status is not None:
            raise ImageTestError(f"The gateway ended with status {status} instead of being ready.")
        if time.monotonic() > end:
            raise ImageTestError(f"The gateway was not ready within {_START_S:g} s.")
        time.sleep(_PAUSE_S)


def _is_ready(url: str) -> bool:
    try:
        with DIRECT.open(url, timeout=_CALL_S) as response:
            return bool(json.load(response)["status"] == "ready")
    except OSError:  # nothing listens yet, or it answers 503
        return False


def ask_page(container: Container, port: int) -> None:
    """Serve the page inside, make it an endpoint, ask it, and compare.

    Raises:
        ImageTestError: The answer is not the page's.
    """
    key = enter(container, ["cat", "/data/admin_key"])
    profile = prepare_page(container)
    gateway = Gateway(f"http://127.0.0.1:{port}", key)
    with served_page(container, free_port()) as page:
        gateway.serve_endpoint(ENDPOINT, page, profile)
        gateway.wait_until_active(ENDPOINT, _ACTIVE_S, lambda state: say(f"  endpoint is {state}"), _pause)
        asked = time.monotonic()
        answer = gateway.ask(ENDPOINT, QUESTION)
    if answer.strip() != answer_to(QUESTION).strip():
        raise ImageTestError(f"The page's answer did not arrive as it is, but: {answer!r}")
    say(f"the page's answer arrived whole, {len(answer)} characters in {time.monotonic() - asked:.1f} s")


def _pause() -> None:
    time.sleep(_PAUSE_S)


def prepare_page(container: Container) -> object:
    """Copy the page's files into the container; return the page's profile."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in _PAGE:
            archive.add(ROOT / name, name)
    enter(container, ["mkdir", _INSIDE])
    enter(container, ["tar", "-x", "--no-same-owner", "-C", _INSIDE], packed.getvalue())
    return json.loads(enter(container, ["python", "-c", _READ_PROFILE]))


@contextmanager
def served_page(container: Container, port: int) -> Iterator[str]:
    """Serve the page on the container's loopback while the block runs; give its address as seen from there."""
    command = ["env", f"PYTHONPATH={_INSIDE}", "python", "-m", "demo.site", "bundled", "--port", str(port)]
    # It ends by itself when its standard input does.
    with subprocess.Popen(container.enter(command), stdin=subprocess.PIPE) as page:
        try:
            url = f"http://127.0.0.1:{port}/"
            _wait_for_page(container, url)
            yield url
        finally:
            assert page.stdin is not None
            page.stdin.close()
            page.wait(_CALL_S)


def _wait_for_page(container: Container, url: str) -> None:
    probe = f"""
import time, urllib.request
end = time.monotonic() + {_CALL_S}
while True:
    try:
        urllib.request.urlopen("{url}", timeout=5).close()
        break
    except OSError:
        if time.monotonic() > end:
            raise
        time.sleep({_PAUSE_S})
"""
    enter(container, ["python", "-c", probe])


def describe_sandbox(container: Container) -> str:
    """Return what became of Chromium's sandbox.

    Raises:
        ImageTestError: The browser runs without it, or with half of it, and the log says nothing.
    """
    warnings = find_events(container.read_log(), "browser_without_sandbox")
    renderers = json.loads(enter(container, ["python", "-c", _READ_RENDERERS]))
    if not renderers:
        raise ImageTestError("The endpoint's browser has no renderer.")
    if warnings:
        why = warnings[0]
        return f"Chromium's sandbox: off, and the log says so: {why['reason']}. Remedy: {why['remedy']}"
    if not all(not unsafe and seccomp == "2" and spaces > 1 for unsafe, seccomp, spaces in renderers):
        raise ImageTestError(f"The browser is not in its sandbox, and no warning says so: {renderers}")
    return f"Chromium's sandbox: on ({len(renderers)} renderers, each in namespaces of its own behind a seccomp filter)"


def find_events(log: bytes, event: str) -> list[dict[str, str]]:
    """Return the lines of a JSON log that tell of one event."""
    found = []
    for line in log.decode("utf-8", "replace").splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue  # the key is printed as text
        if isinstance(told, dict) and told.get("message") == event:
            found.append(told)
    return found


def stop(container: Container) -> None:
    """Send SIGTERM and wait for the end.

    Raises:
        ImageTestError: It went on for longer than its grace, or ended with an error.
    """
    started = time.monotonic()
    container.terminate()
    status = wait_for_exit(container, _GRACE_S)
    if status is None:
        raise ImageTestError(f"SIGTERM did not end it within {_GRACE_S:g} s.")
    if status not in _ENDED_IN_ORDER:
        raise ImageTestError(f"SIGTERM ended it with status {status}, which is an error's.")
    say(f"ended by SIGTERM with status {status} after {time.monotonic() - started:.1f} s")


def enter(container: Container, command: Sequence[str], given: bytes = b"") -> str:
    """Run a command in the container, as its ordinary user; return what it printed."""
    return run_command(container.enter(command), _CALL_S, given)


if __name__ == "__main__":
    sys.exit(main())
