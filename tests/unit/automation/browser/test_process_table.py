"""What the operating system tells of a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from automation.browser.process_table import cpu_seconds, end_own, resident_bytes, waits_for_cpu

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
NOBODY = 2**22 + 1  # above the most that Linux gives


def test_this_process_holds_some_megabytes_and_is_running():
    held = resident_bytes(os.getpid())

    assert held is not None
    assert 1024**2 < held < 64 * 1024**3
    assert waits_for_cpu(os.getpid())


def test_of_a_process_that_is_gone_nothing_is_known():
    assert resident_bytes(NOBODY) is None
    assert not waits_for_cpu(NOBODY)


def test_the_cpu_time_of_a_child_grows_and_that_of_others_is_not_told():
    busy = "import sys, time\nwhile time.process_time() < 0.3: pass\nprint(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        used_s = cpu_seconds(child.pid)
        child.communicate()

    assert used_s is not None
    assert used_s >= 0.25
    assert cpu_seconds(os.getppid()) is None
    assert cpu_seconds(NOBODY) is None


def test_a_child_is_ended_and_a_process_of_somebody_else_never():
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)

    assert end_own(child.pid)
    assert child.wait(10) == -9
    assert child.stdin is not None
    child.stdin.close()
    assert not end_own(1)
    assert not end_own(os.getppid())
    assert not end_own(NOBODY)
