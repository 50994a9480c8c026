"""A program that passes for a browser's: the one that is started is in memory."""

import pytest


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "chromium"
    path.write_text("#!/bin/sh\n", "ascii")
    path.chmod(0o755)
    return str(path)
