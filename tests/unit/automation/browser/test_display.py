"""When a virtual display is needed, and that it goes as it came."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import anyio
import pytest

from automation.browser.display import display_obstacle, has_display, open_display
from automation.errors import BrowserUnavailableError

needs_xvfb = pytest.mark.skipif(display_obstacle() is not None, reason=display_obstacle() or "")


@pytest.mark.parametrize(
    ("environment", "platform", "is_there"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_a_display_is_known_by_its_variable(environment, platform, is_there):
    assert has_display(environment, platform) is is_there


async def test_without_xvfb_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")

    async with open_display() as display:
        with pytest.raises(BrowserUnavailableError, match="apt-get install -y xvfb"):
            await display.variables()


@needs_xvfb
async def test_the_display_runs_once_and_ends_with_its_block():
    async with open_display() as display:
        first = await display.variables()
        second = await display.variables()
        process = display.process
        key = Path(first["XAUTHORITY"])
        mode = stat.S_IMODE(key.stat().st_mode)

    assert first == second
    assert mode == 0o600
    assert process is not None
    assert process.returncode is not None
    assert not key.exists()


@needs_xvfb
async def test_a_display_that_died_is_started_anew():
    async with open_display() as display:
        await display.variables()
        first = display.process
        assert first is not None
        first.kill()
        await first.wait()

        await display.variables()

        assert display.process is not None
        assert display.process.pid != first.pid


@needs_xvfb
@pytest.mark.skipif(not Path("/usr/bin/xdpyinfo").exists(), reason="xdpyinfo is not installed")
async def test_whoever_lacks_the_key_cannot_look_at_the_display():
    async with open_display() as display:
        variables = await display.variables()
        with_key = await anyio.run_process(["xdpyinfo"], env=os.environ | variables, check=False)
        without = os.environ | {"DISPLAY": variables["DISPLAY"], "XAUTHORITY": "/dev/null"}
        without_key = await anyio.run_process(["xdpyinfo"], env=without, check=False)

    assert with_key.returncode == 0
    assert without_key.returncode != 0
