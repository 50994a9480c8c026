from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from backend.server.descriptors import count_connections_for

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(("descriptors", "connections"), [(1024, 448), (65_536, 32_704), (100, 16)])
def test_descriptors_for_everything_else_are_left_over(descriptors, connections):
    assert count_connections_for(descriptors) == connections


@pytest.mark.parametrize(("soft", "hard", "raised"), [(256, 512, 512), (512, 512, 512)])
def test_the_limit_is_raised_as_far_as_it_may_be(soft, hard, raised):
    code = (
        "import resource; from backend.server.descriptors import raise_descriptor_limit as raise_it\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        "print(raise_it(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == [str(raised), str(raised), str(hard)]
