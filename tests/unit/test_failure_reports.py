"""Whatever goes wrong while a failure is reported: the run goes on, and the failing test is named."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "tests.failure_reports", "-q"]
FAILING = """
import asyncio
import sys
import time
import types

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st


@settings(database=None)
@given(st.integers())
def test_hypothesis(number):
    assert number < 5


@settings(database=None)
@given(st.integers())
def test_two_failures(number):
    assert number < 5
    assert number > -10


@settings(database=None)
@given(st.integers())
async def test_async(number):
    assert number < 5


@settings(database=None)
@given(st.text())
def test_surrogate(text):
    note("\\ud800")
    assert not text


def test_no_line_number():
    frame = sys._getframe()
    all_of_it = (types.TracebackType(None, frame, at, -1) for at in range(0, 2 * 10**4, 2))
    raise ValueError("here").with_traceback(next(each for each in all_of_it if each.tb_lineno is None))


class Slow(Exception):
    def __str__(self):
        time.sleep(30)


@pytest.mark.timeout(1)
def test_the_limit_passes_while_the_report_is_made():
    raise Slow


@pytest.mark.timeout(1)
async def test_the_limit_is_swallowed_by_a_callback():
    asyncio.get_running_loop().call_soon(time.sleep, 2)
    await asyncio.sleep(0.1)
    await asyncio.Event().wait()


def test_passes():
    pass
"""
FAILED = {
    "test_hypothesis",
    "test_two_failures",
    "test_async",
    "test_surrogate",
    "test_no_line_number",
    "test_the_limit_passes_while_the_report_is_made",
    "test_the_limit_is_swallowed_by_a_callback",
}


@pytest.mark.parametrize("workers", [("-p", "no:xdist"), ("-n", "2")], ids=["alone", "by workers"])
def test_every_failure_is_named_and_the_run_goes_on(tmp_path: Path, workers: tuple[str, ...]):
    (tmp_path / "test_failing.py").write_text(FAILING)
    (tmp_path / "sooner.py").write_text("import tests.failure_reports as f\nf.AGAIN_S = 1.0\n")
    run = subprocess.run(
        [*RUN, *workers, "-p", "sooner", f"--rootdir={tmp_path}", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "INTERNALERROR" not in run.stdout
    assert set(re.findall(r"^FAILED .*::(\w+)", run.stdout, re.MULTILINE)) == FAILED, run.stdout + run.stderr
    assert f"{len(FAILED)} failed, 1 passed" in run.stdout
