"""What the operating system tells of a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from automation.browser.process_table import end_own, resident_bytes, waits_for_cpu

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


def test_a_child_is_ended_and_a_process_of_somebody_else_never():
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)

    assert end_own(child.pid)
    assert child.wait(10) == -9
    assert child.stdin is not None
    child.stdin.close()
    assert not end_own(1)
    assert not end_own(os.getppid())
    assert not end_own(NOBODY)
