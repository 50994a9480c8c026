"""Set-up tells a person what is missing and installs again only when the pins change."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import bootstrap
from tools.bootstrap import Stamp, StepError

ROOT = Path(bootstrap.__file__).resolve().parents[1]


def program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def set_up_with(path):
    environment = {"PATH": f"{path}:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    command = ["/bin/sh", str(ROOT / "tools" / "setup.sh"), "run"]
    return subprocess.run(
        command, env={**environment, "PYTHON": "fake"}, capture_output=True, text=True, check=False
    )


def test_an_older_python_is_named_together_with_what_to_do(tmp_path):
    program(tmp_path / "fake", '[ "$1" = -V ] && echo "Python 3.9.2"; exit 1')

    done = set_up_with(tmp_path)

    assert done.returncode == 1
    assert "Python 3.11 or newer is needed. fake is Python 3.9.2;" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


def test_a_machine_without_python_is_told_so(tmp_path):
    done = set_up_with(tmp_path)

    assert done.returncode == 1
    assert "No Python was found." in done.stderr


def test_a_python_that_is_new_enough_runs_the_bootstrap(tmp_path):
    program(tmp_path / "fake", '[ "$1" = -c ] && exit 0; echo "started: $*"')

    done = set_up_with(tmp_path)

    assert done.stdout.strip() == "started: -u tools/bootstrap.py run"


@pytest.fixture
def house(tmp_path, monkeypatch):
    """An empty project whose one requirement file can change."""
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    (tmp_path / "requirements.txt").write_text("a==1\n")
    return tmp_path


@pytest.mark.usefixtures("house")
def test_what_was_installed_is_remembered():
    Stamp("run", ["requirements.txt"]).write()

    assert Stamp("run", ["requirements.txt"]).holds()


def test_a_changed_requirement_is_noticed(house):
    Stamp("run", ["requirements.txt"]).write()

    (house / "requirements.txt").write_text("a==2\n")

    assert not Stamp("run", ["requirements.txt"]).holds()


def test_the_larger_group_covers_the_smaller_one(house, monkeypatch):
    steps = []
    monkeypatch.setattr(bootstrap, "_step", lambda what, *_: steps.append(what))
    for name in (
        "requirements-demo.txt",
        "requirements-patchright.txt",
        "requirements-dev.txt",
        "constraints.txt",
    ):
        (house / name).write_text("")

    bootstrap.install_requirements("dev")
    bootstrap.install_requirements("run")
    bootstrap.install_requirements("demo")

    assert len(steps) == 1


@pytest.mark.usefixtures("house")
def test_a_step_that_fails_shows_the_end_of_its_output_and_the_advice(capfd):
    command = [sys.executable, "-c", "print('the index is gone'); raise SystemExit(3)"]

    with pytest.raises(StepError, match=r"installing: failed .* Try again later"):
        bootstrap._step("installing", command, "Try again later.")

    assert "the index is gone" in capfd.readouterr().err


@pytest.mark.usefixtures("house")
def test_a_step_says_what_it_does_and_how_long_it_took(capfd):
    bootstrap._step("installing", [sys.executable, "-c", ""])

    assert capfd.readouterr().out.startswith("setup: installing\nsetup:   done (")
