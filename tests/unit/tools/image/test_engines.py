"""What an engine is told, read and sent."""

import json
import subprocess
import sys

import pytest

from tools.image import engines
from tools.image.commands import EngineUnfitError, ImageTestError
from tools.image.engines import ContainerEngine, find_descendants, find_engines, wait_for_exit


class Ending:
    """A container whose program has ended at the third look."""

    def __init__(self):
        self.looks = 0

    def enter(self, command):
        return list(command)

    def read_log(self):
        return b""

    def exit_status(self):
        self.looks += 1
        return 143 if self.looks >= 3 else None

    def terminate(self):
        raise AssertionError


def note_commands(monkeypatch, refuses=lambda command: False, info="overlay"):
    """Note each command line instead of running it; fail those that ``refuses`` names."""
    told = []

    def note(command, limit_s):
        if refuses(command):
            raise ImageTestError(f"`{' '.join(command[:3])}` failed")
        if command[-1] == "info":
            return json.dumps({"store": {"GraphDriverName": info}})
        told.append(command)
        return ""

    monkeypatch.setattr(engines, "run_command", note)
    monkeypatch.setattr(engines, "run_shown", note)
    return told


def runnable(monkeypatch, *names):
    """Have exactly these programs run here, and nothing be installed."""
    monkeypatch.setattr(engines, "succeeds", lambda command, limit_s: command[0] in names)
    monkeypatch.setattr(engines, "install_packages", lambda *names: False)


@pytest.mark.parametrize(
    ("here", "wanted", "found"),
    [
        (("docker", "podman", "buildah"), "", ["docker", "podman", "buildah"]),
        (("podman", "buildah"), "", ["podman", "buildah"]),
        (("docker", "podman", "buildah"), "buildah", ["buildah"]),
        (("docker", "podman"), "podman", ["podman"]),
        (("podman",), "docker", []),
        ((), "", []),
    ],
)
def test_the_engine_asked_for_is_taken_else_those_that_run(here, wanted, found, monkeypatch):
    runnable(monkeypatch, *here)

    assert [engine.name for engine in find_engines(wanted)] == found


def test_podman_takes_the_other_runtime_where_its_own_starts_nothing(monkeypatch):
    told = note_commands(monkeypatch, refuses=lambda command: "runc" not in command)
    engine = ContainerEngine("podman")

    engine.check("a-base")
    engine.build("an-image", "a-base")

    assert told[-1][:4] == ["podman", "--runtime", "runc", "build"]
    assert told[-1][told[-1].index("--from") + 1] == "a-base"


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_an_engine_that_starts_nothing_is_unfit_for_its_own_reason(name, monkeypatch):
    note_commands(monkeypatch, refuses=lambda command: True)

    with pytest.raises(EngineUnfitError, match=f"`{name} run --rm` failed"):
        ContainerEngine(name).check("a-base")


@pytest.mark.parametrize("name", ["docker", "podman", "buildah"])
def test_a_base_that_is_here_is_not_fetched(name, monkeypatch):
    told = note_commands(monkeypatch)
    runnable(monkeypatch, name)
    [engine] = find_engines(name)

    assert engine.fetch_failure("a-base") is None
    assert told == []


@pytest.mark.parametrize(("info", "layers"), [("overlay", "true"), ("vfs", "false"), (None, "false")])
def test_layers_are_kept_where_they_are_no_copies(info, layers, monkeypatch):
    told = note_commands(monkeypatch, refuses=lambda command: info is None and "info" in command, info=info)
    runnable(monkeypatch, "buildah")
    [engine] = find_engines("buildah")

    engine.build("an-image", None)

    assert f"--layers={layers}" in told[-1]
    assert (told[-1][:3] == ["buildah", "--storage-driver", "vfs"]) is (info is None)


def test_an_older_image_that_shares_nothing_goes_before_the_next(monkeypatch):
    told = note_commands(monkeypatch, info="vfs")
    runnable(monkeypatch, "buildah")
    [engine] = find_engines("buildah")

    engine.build("an-image", None)

    assert told[-2][1:] == ["rmi", "an-image"]


def test_a_container_has_the_seccomp_profile_and_answers_on_loopback_alone(monkeypatch):
    told = note_commands(monkeypatch)

    with ContainerEngine("docker").start("an-image", "a-name", 4321):
        [started] = told

    assert started[started.index("--security-opt") + 1] == "seccomp=docker/seccomp.json"
    assert started[started.index("--publish") + 1] == "127.0.0.1:4321:8000"
    assert told[-1][:3] == ["docker", "rm", "--force"]


def test_the_programs_that_a_process_started_are_found():
    nested = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen(
        [sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()

        found = find_descendants(process.pid)
        process.stdin.close()

    assert len(found) == 1
    assert process.pid not in found


def test_the_end_of_a_container_is_waited_for(monkeypatch):
    monkeypatch.setattr(engines, "_PAUSE_S", 0)

    assert wait_for_exit(Ending(), 30) == 143
    assert wait_for_exit(Ending(), 0) is None
