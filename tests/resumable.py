"""A run that was interrupted goes on where it stopped: ``pytest -p tests.resumable`` leaves out what has passed already.

What passed is noted after every test in pytest's cache, for the commit that was tested. A run that came to its end, well or
not, takes the notes away, and so does ``--cache-clear``.
"""

from __future__ import annotations

import subprocess

import pytest

_KEY = "resumable/passed"
_ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Notes(config), "notes of a resumable run")


class _Notes:
    def __init__(self, config: pytest.Config) -> None:
        assert config.cache is not None
        self._cache = config.cache
        self._commit = _commit_of(config)
        kept = self._cache.get(_KEY, {})
        self._passed: list[str] = kept.get("passed", []) if kept.get("commit") == self._commit else []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        passed = set(self._passed)
        left_out = [item for item in items if item.nodeid in passed]
        items[:] = [item for item in items if item.nodeid not in passed]
        if left_out:
            config.hook.pytest_deselected(items=left_out)

    def pytest_report_collectionfinish(self) -> str:
        return f"{len(self._passed)} passed before the run was interrupted" if self._passed else ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._passed.append(report.nodeid)
        elif report.failed and report.nodeid in self._passed:
            self._passed.remove(report.nodeid)
        self._cache.set(_KEY, {"commit": self._commit, "passed": self._passed})

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._passed:
            # It was interrupted after its last test.
            session.exitstatus = exitstatus = pytest.ExitCode.OK
        if exitstatus in _ENDED:
            self._cache.set(_KEY, {})


def _commit_of(config: pytest.Config) -> str:
    asked = ["git", "rev-parse", "HEAD"]
    return subprocess.run(
        asked, cwd=config.rootpath, capture_output=True, text=True, check=False
    ).stdout.strip()
