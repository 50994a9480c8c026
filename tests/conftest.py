"""What tests of several kinds share."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest

pytest_plugins = ["tests.failure_reports"]


@pytest.fixture
def little_cpu_time() -> Iterator[None]:
    """Fail what computes for more than ten seconds, whatever else the machine does meanwhile."""
    before_s = time.thread_time()
    yield
    assert time.thread_time() - before_s < 10.0


@pytest.fixture
def own_logging(monkeypatch):
    """Undo what a command sets up for its own process: handlers on a standard error that ends with the test."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    level = root.level
    yield
    root.setLevel(level)
