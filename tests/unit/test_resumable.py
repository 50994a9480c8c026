"""A long run that was interrupted goes on where it stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
THREE = """
import os
from pathlib import Path

RAN = Path(__file__).with_name("ran")


def note(name):
    with RAN.open("a") as file:
        file.write(name + " ")


def test_first():
    note("first")


def test_second():
    note("second")
    if RAN.read_text().count("second") == 1:
        os._exit(1)


def test_third():
    note("third")
"""


def run(folder: Path, *more: str) -> int:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        str(ROOT / "pyproject.toml"),
        f"--rootdir={folder}",
    ]
    alone = ["-p", "no:xdist", "-p", "tests.resumable", "-o", f"cache_dir={folder / 'cache'}"]
    done = subprocess.run(
        [*command, *alone, *more, "test_three.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    return done.returncode


def test_a_run_that_was_killed_goes_on_where_it_stopped_and_a_whole_one_begins_anew(tmp_path: Path):
    (tmp_path / "test_three.py").write_text(THREE)
    ran = tmp_path / "ran"

    assert run(tmp_path) == 1
    assert ran.read_text().split() == ["first", "second"]
    assert run(tmp_path) == 0
    assert ran.read_text().split() == ["first", "second", "second", "third"]
    assert run(tmp_path) == 0
    assert ran.read_text().split()[4:] == ["first", "second", "third"]


def test_a_cleared_cache_begins_anew(tmp_path: Path):
    (tmp_path / "test_three.py").write_text(THREE)
    assert run(tmp_path) == 1

    assert run(tmp_path, "--cache-clear") == 0
    assert (tmp_path / "ran").read_text().split()[2:] == ["first", "second", "third"]
