"""Which browser is found, in which order, how one is installed, and what people are told."""

import sys
from pathlib import Path

import pytest

from automation.browser import discovery
from automation.browser.discovery import FoundBrowser, Machine, browser_version, find_browser, install_browser
from automation.errors import BrowserUnavailableError

LINUX = Machine(platform="linux", is_root=False, has_apt=False)
DEBIAN = Machine(platform="linux", is_root=False, has_apt=True)
DEBIAN_ROOT = Machine(platform="linux", is_root=True, has_apt=True)
MACOS = Machine(platform="darwin", is_root=False, has_apt=False)
OWN = "/cache/ms-playwright/chromium/chrome"


def having(*names):
    """Stand in for PATH and the file system: these names can be run."""
    return {n: n if n.startswith("/") else f"/usr/bin/{n}" for n in names}.get


@pytest.mark.parametrize(
    ("present", "executable", "origin"),
    [
        ((OWN, "google-chrome", "chromium"), OWN, "Playwright's Chromium"),
        (("google-chrome", "google-chrome-stable", "chromium"), "/usr/bin/google-chrome", "google-chrome"),
        (("google-chrome-stable", "chromium"), "/usr/bin/google-chrome-stable", "google-chrome-stable"),
        (("chromium", "chromium-browser"), "/usr/bin/chromium", "chromium"),
        (("chromium-browser",), "/usr/bin/chromium-browser", "chromium-browser"),
    ],
)
def test_the_first_browser_in_the_documented_order_wins(present, executable, origin):
    found = find_browser(None, OWN, machine=LINUX, which=having(*present))

    assert found == FoundBrowser(Path(executable), origin)


def test_what_the_operator_chose_wins_over_every_other():
    found = find_browser("/opt/chrome", OWN, machine=LINUX, which=having("/opt/chrome", OWN, "chromium"))

    assert found == FoundBrowser(Path("/opt/chrome"), "BROWSER_EXECUTABLE")


def test_the_operator_may_choose_a_name_on_path():
    found = find_browser("brave", OWN, machine=LINUX, which=having("brave", OWN))

    assert found.executable == Path("/usr/bin/brave")


def test_a_chosen_browser_that_cannot_be_run_is_an_error_and_never_replaced():
    with pytest.raises(BrowserUnavailableError, match=r"BROWSER_EXECUTABLE names '/opt/gone'"):
        find_browser("/opt/gone", OWN, machine=LINUX, which=having(OWN, "chromium"))


def test_an_empty_choice_counts_as_none():
    found = find_browser("", OWN, machine=LINUX, which=having("chromium"))

    assert found.origin == "chromium"


@pytest.mark.parametrize("app", ["Google Chrome", "Chromium"])
def test_applications_are_found_on_macos(app):
    executable = f"/Applications/{app}.app/Contents/MacOS/{app}"

    found = find_browser(None, OWN, machine=MACOS, which=having(executable))

    assert found == FoundBrowser(Path(executable), app)


def test_applications_of_macos_are_not_looked_for_elsewhere():
    executable = "/Applications/Chromium.app/Contents/MacOS/Chromium"

    with pytest.raises(BrowserUnavailableError):
        find_browser(None, None, machine=LINUX, which=having(executable))


@pytest.mark.parametrize(
    ("machine", "advice", "never"),
    [
        (DEBIAN_ROOT, "apt-get update && apt-get install -y chromium", "which needs no root"),
        (DEBIAN, "which needs no root", "apt-get update"),
        (LINUX, "the system's package manager", "apt-get"),
        (MACOS, "Install Google Chrome", "apt-get"),
    ],
)
def test_without_a_browser_the_error_says_what_this_person_can_do(machine, advice, never):
    with pytest.raises(BrowserUnavailableError) as caught:
        find_browser(None, OWN, machine=machine, which=having())

    assert advice in str(caught.value)
    assert never not in str(caught.value)
    assert "playwright install chromium" in str(caught.value)
    assert "BROWSER_EXECUTABLE" in str(caught.value)


class Installation:
    """Commands that fail or succeed as told; a browser starts once one of ``working`` ran."""

    def __init__(self, working, failing=()):
        self.commands = []
        self.reports = []
        self._working = working
        self._failing = failing

    def run(self, command):
        line = " ".join(command).replace(sys.executable, "python")
        self.commands.append(line)
        if line in self._failing:
            raise discovery._CommandFailed("the download was refused")

    def find(self):
        if not set(self._working) & set(self.commands):
            raise BrowserUnavailableError("it does not start")
        return FoundBrowser(Path("/usr/bin/chromium"), "chromium")

    def install(self, machine):
        return install_browser(self.reports.append, machine=machine, run=self.run, find=self.find)


DOWNLOAD = "python -m playwright install chromium"
APT_UPDATE = "apt-get update -q"
APT_INSTALL = "apt-get install -q -y chromium"
LIBRARIES = "python -m playwright install-deps chromium"


def test_a_download_that_works_is_all_that_is_done():
    installation = Installation(working=[DOWNLOAD])

    installation.install(DEBIAN_ROOT)

    assert installation.commands == [DOWNLOAD]


def test_as_root_on_debian_a_refused_download_falls_back_to_the_distribution():
    installation = Installation(working=[APT_INSTALL], failing=[DOWNLOAD])

    found = installation.install(DEBIAN_ROOT)

    assert found.executable == Path("/usr/bin/chromium")
    assert installation.commands == [DOWNLOAD, APT_UPDATE, APT_INSTALL]
    assert "that did not work: the download was refused" in installation.reports


def test_libraries_are_installed_where_a_browser_is_there_but_does_not_start():
    installation = Installation(working=[LIBRARIES])

    installation.install(DEBIAN_ROOT)

    assert installation.commands[-1] == LIBRARIES


def test_without_root_nothing_but_the_download_is_tried_and_the_person_is_told_what_to_do():
    installation = Installation(working=[], failing=[DOWNLOAD])

    with pytest.raises(BrowserUnavailableError, match="Someone with root can run"):
        installation.install(DEBIAN)

    assert installation.commands == [DOWNLOAD]


def program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_browser_that_starts_says_its_version(tmp_path):
    executable = program(tmp_path / "chrome", 'echo "Chromium 1.2.3 "')

    version = browser_version(executable)

    assert version == "Chromium 1.2.3"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo libnss3.so: cannot open shared object file; exit 127", "libnss3.so: cannot open"),
        ("exit 3", "exit status 3"),
        ("echo Error: it was refused; echo '    at ChildProcess.emit'; exit 1", "Error: it was refused"),
    ],
)
def test_a_browser_that_does_not_start_is_an_error_with_its_own_words(tmp_path, script, reason):
    executable = program(tmp_path / "chrome", script)

    with pytest.raises(BrowserUnavailableError, match=reason):
        browser_version(executable)


def test_a_library_that_is_missing_is_named_with_its_package(tmp_path):
    script = "echo 'x: error while loading shared libraries: libnss3.so: cannot open shared object file' >&2; exit 127"

    with pytest.raises(BrowserUnavailableError, match="apt-get install -y libnss3"):
        browser_version(program(tmp_path / "browser", script))


def test_a_browser_sees_no_secret_of_this_process(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "secret")

    assert "secret" not in browser_version(program(tmp_path / "browser", "env"))


def test_a_browser_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(discovery, "_PROBE_S", 0.2)
    executable = program(tmp_path / "chrome", "exec sleep 60")

    with pytest.raises(BrowserUnavailableError, match=r"longer than 0\.2 s"):
        browser_version(executable)


def test_a_program_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(BrowserUnavailableError, match="No such file"):
        browser_version(tmp_path / "gone")


@pytest.fixture
def fresh_sandbox_probe():
    discovery.sandbox_obstacle.cache_clear()
    yield
    discovery.sandbox_obstacle.cache_clear()


@pytest.mark.usefixtures("fresh_sandbox_probe")
def test_as_root_the_sandbox_is_left_out(monkeypatch):
    monkeypatch.setattr(discovery, "is_root", lambda: True)

    assert discovery.sandbox_obstacle() == "it runs as root"
    assert "another user than root" in discovery.sandbox_remedy()


@pytest.mark.usefixtures("fresh_sandbox_probe")
@pytest.mark.parametrize(
    ("script", "obstacle"), [("exit 0", None), ("exit 1", "this system lets it make no user namespaces")]
)
def test_without_root_the_sandbox_is_left_out_only_where_user_namespaces_are_forbidden(
    monkeypatch, tmp_path, script, obstacle
):
    monkeypatch.setattr(discovery, "is_root", lambda: False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path / "unshare", script)

    assert discovery.sandbox_obstacle() == obstacle
    assert "seccomp" in discovery.sandbox_remedy()


@pytest.mark.usefixtures("fresh_sandbox_probe")
def test_on_macos_the_sandbox_works(monkeypatch):
    monkeypatch.setattr(discovery, "is_root", lambda: False)
    monkeypatch.setattr(sys, "platform", "darwin")

    assert discovery.sandbox_obstacle() is None


@pytest.mark.browser
def test_the_browser_of_this_machine_is_found_and_starts():
    found = find_browser(None, discovery.playwrights_chromium())

    assert "Chrom" in browser_version(found.executable)
