"""What is said at the start where the settings want a browser that can't be had here."""

from __future__ import annotations

import shutil

import pytest

from automation.browser import display, drivers
from backend.providers.web_chat.pages import start_obstacles
from backend.settings import Settings


@pytest.fixture
def _bare_machine(monkeypatch):
    monkeypatch.setattr(drivers, "find_spec", lambda name: None)
    monkeypatch.setattr(display, "has_display", lambda environment: False)
    monkeypatch.setattr(shutil, "which", lambda name: None)


@pytest.mark.usefixtures("_bare_machine")
@pytest.mark.parametrize(
    ("headless", "driver", "words"),
    [
        (True, "playwright", []),
        (False, "playwright", ["apt-get install -y xvfb"]),
        (True, "patchright", ["requirements-patchright.txt"]),
        (False, "patchright", ["requirements-patchright.txt", "apt-get install -y xvfb"]),
        (False, "cdp", []),
    ],
)
def test_what_a_bare_machine_lacks_is_said_with_what_to_install(headless, driver, words):
    obstacles = start_obstacles(Settings(headless=headless, browser_driver=driver))

    assert len(obstacles) == len(words)
    assert all(word in obstacle for word, obstacle in zip(words, obstacles, strict=True))
