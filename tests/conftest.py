"""What tests of several kinds share."""

from __future__ import annotations

import logging

import pytest

pytest_plugins = ["tests.failure_reports"]


@pytest.fixture
def own_logging(monkeypatch):
    """Undo what a command sets up for its own process: handlers on a standard error that ends with the test."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    level = root.level
    yield
    root.setLevel(level)
