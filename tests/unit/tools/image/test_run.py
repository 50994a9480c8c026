"""What is read from a container's log and said of its browser's sandbox."""

import json

import pytest

from tools.image import run
from tools.image.commands import ImageTestError

WARNING = {"message": "browser_without_sandbox", "reason": "it runs as root", "remedy": "be somebody else"}


class Logged:
    """A container that printed these lines."""

    def __init__(self, *lines):
        self._log = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()

    def enter(self, command):
        return list(command)

    def read_log(self):
        return self._log

    def exit_status(self):
        return None

    def terminate(self):
        raise AssertionError


def renderers(monkeypatch, *found):
    monkeypatch.setattr(run, "enter", lambda container, command: json.dumps(found))


def test_an_event_is_found_among_lines_that_are_none():
    log = Logged("API key: abc", '"text"', "{cut off", {"message": "other"}, WARNING).read_log()

    assert run.find_events(log, "browser_without_sandbox") == [WARNING]


def test_a_browser_in_its_sandbox_is_said_to_be(monkeypatch):
    renderers(monkeypatch, [False, "2", 2], [False, "2", 3])

    assert "sandbox: on (2 renderers" in run.describe_sandbox(Logged())


def test_a_browser_without_it_is_told_with_the_logs_reason_and_remedy(monkeypatch):
    renderers(monkeypatch, [True, "0", 1])

    told = run.describe_sandbox(Logged(WARNING))

    assert "off" in told
    assert "it runs as root" in told
    assert "be somebody else" in told


@pytest.mark.parametrize("renderer", [[True, "2", 2], [False, "0", 2], [False, "2", 1]])
def test_a_sandbox_that_is_off_or_half_of_one_without_a_warning_fails(renderer, monkeypatch):
    renderers(monkeypatch, [False, "2", 2], renderer)

    with pytest.raises(ImageTestError, match="no warning says so"):
        run.describe_sandbox(Logged())


def test_a_browser_that_shows_no_page_fails(monkeypatch):
    renderers(monkeypatch)

    with pytest.raises(ImageTestError, match="no renderer"):
        run.describe_sandbox(Logged(WARNING))
