"""A browser's profile is sealed at rest, unpacked while it is used, and no one else's."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.browser import profile_folder
from automation.errors import BrowserUnavailableError
from backend.accounts import browser_profiles
from backend.accounts.browser_profiles import BrowserProfiles
from backend.accounts.vault import Vault

VAULT = Vault("key")


async def fill(profiles: BrowserProfiles, account: str = "ada") -> Path:
    """Let a browser have run on an account's profile, and return the plain directory."""
    opened = await profiles.profile("demo", account).unseal()
    for name in ("Default/Cookies", "Default/Cache/big", "Local State", "Default/IndexedDB/x.leveldb/LOCK"):
        (opened.path / name).parent.mkdir(parents=True, exist_ok=True)
        (opened.path / name).write_bytes(f"secret of {account}".encode())
    (opened.path / "SingletonSocket").symlink_to("/nowhere")
    return opened.path


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_what_was_sealed_comes_back_without_caches_and_is_unreadable_meanwhile(tmp_path: Path):
    profiles = BrowserProfiles(tmp_path, VAULT)
    await fill(profiles)
    await profiles.profile("demo", "ada").seal()
    asleep = files_in(tmp_path)
    sealed = (tmp_path / "demo" / "ada.sealed").read_bytes()
    opened = await profiles.profile("demo", "ada").unseal()

    assert asleep == ["demo/ada.sealed"]
    assert b"secret" not in sealed
    assert opened.found == "sealed"
    assert files_in(opened.path) == ["Default/Cookies", "Default/IndexedDB/x.leveldb/LOCK", "Local State"]
    assert (opened.path / "Default" / "Cookies").read_bytes() == b"secret of ada"


async def test_only_its_user_reads_it_sealed_or_not(tmp_path: Path):
    profiles = BrowserProfiles(tmp_path / "profiles", VAULT)
    plain = await fill(profiles)
    modes = [path.stat().st_mode & 0o777 for path in (plain, plain.parent, plain.parent.parent)]
    await profiles.profile("demo", "ada").seal()

    assert modes == [0o700] * 3
    assert (plain.parent / "ada.sealed").stat().st_mode & 0o777 == 0o600


async def test_what_a_killed_gateway_left_is_gone_on_with_rather_than_what_was_sealed_before(tmp_path: Path):
    profiles = BrowserProfiles(tmp_path, VAULT)
    plain = await fill(profiles)
    await profiles.profile("demo", "ada").seal()
    await profiles.profile("demo", "ada").unseal()
    (plain / "Default" / "Cookies").write_bytes(b"newer")
    opened = await BrowserProfiles(tmp_path, VAULT).profile("demo", "ada").unseal()

    assert opened.found == "left"
    assert (opened.path / "Default" / "Cookies").read_bytes() == b"newer"


async def test_the_next_start_seals_what_was_left_and_removes_what_was_half_unpacked(tmp_path: Path):
    await fill(BrowserProfiles(tmp_path, VAULT))
    (tmp_path / "demo" / "bob.part").mkdir()
    await BrowserProfiles(tmp_path, VAULT).seal_left()

    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["ada.sealed"]


async def test_a_profile_that_no_key_opens_is_begun_anew_and_one_of_an_old_key_is_sealed_anew(tmp_path: Path):
    await fill(BrowserProfiles(tmp_path, VAULT))
    await BrowserProfiles(tmp_path, VAULT).seal_left()

    assert (await BrowserProfiles(tmp_path, Vault("other")).profile("demo", "ada").unseal()).found == "new"
    (tmp_path / "demo" / "ada").rmdir()
    await BrowserProfiles(tmp_path, Vault("new key", ["key"])).seal_left()
    assert (
        await BrowserProfiles(tmp_path, Vault("new key")).profile("demo", "ada").unseal()
    ).found == "sealed"


async def test_a_profile_in_another_accounts_place_is_not_opened(tmp_path: Path):
    await fill(BrowserProfiles(tmp_path, VAULT))
    await BrowserProfiles(tmp_path, VAULT).seal_left()
    (tmp_path / "demo" / "ada.sealed").rename(tmp_path / "demo" / "bob.sealed")

    assert (await BrowserProfiles(tmp_path, VAULT).profile("demo", "bob").unseal()).found == "new"


@pytest.mark.parametrize("is_sealed", [True, False])
async def test_what_is_forgotten_is_gone(is_sealed: bool, tmp_path: Path):
    profiles = BrowserProfiles(tmp_path, VAULT)
    for account in ("ada", "bob"):
        await fill(profiles, account)
        if is_sealed:
            await profiles.profile("demo", account).seal()
    await profiles.profile("demo", "ada").clear()
    left = {path.name.partition(".")[0] for path in (tmp_path / "demo").iterdir()}
    await profiles.forget("demo")

    assert left == {"bob"}
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize(
    "account", ["../../etc", "..", "a/b", "ada@example.com", "a%2Eb", "x" * 300, "ada.sealed"]
)
async def test_no_name_of_an_account_leads_out_of_the_folder_or_to_another_account(
    account: str, tmp_path: Path
):
    profiles = BrowserProfiles(tmp_path, VAULT)
    opened = await profiles.profile("demo", account).unseal()
    other = await profiles.profile("demo", account.replace("%2E", ".") + "!").unseal()

    assert opened.path.parent == tmp_path / "demo"
    assert opened.path != other.path


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that says that it uses ada's profile, until its input ends."""
    profile = f"--user-data-dir={tmp_path / 'demo' / 'ada'}"
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", profile]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process


async def test_a_profile_that_a_browser_still_uses_stays_as_it_is(
    browser: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(browser_profiles, "_CLOSES_S", 0.1)
    monkeypatch.setattr(profile_folder, "end_own", lambda _: False)  # as if somebody else had started it
    profiles = BrowserProfiles(tmp_path, VAULT)
    plain = await fill(profiles)
    (plain / "SingletonLock").symlink_to(f"{socket.gethostname()}-{browser.pid}")
    await profiles.profile("demo", "ada").seal()
    used = files_in(tmp_path)
    browser.communicate()
    await profiles.profile("demo", "ada").seal()

    assert "demo/ada.sealed" not in used
    assert files_in(tmp_path) == ["demo/ada.sealed"]


@pytest.mark.parametrize(
    "lock",
    [f"{socket.gethostname()}-{os.getpid()}", "elsewhere-1", "nonsense"],
    ids=["another process has the number now", "another host", "no lock of Chromium's"],
)
async def test_a_lock_that_no_browser_holds_any_more_is_removed(lock: str, tmp_path: Path):
    profiles = BrowserProfiles(tmp_path, VAULT)
    plain = await fill(profiles)
    (plain / "SingletonLock").symlink_to(lock)

    assert await profile_folder.until_unlocked(plain, 0.0)
    assert not (plain / "SingletonLock").is_symlink()


async def test_a_profile_that_can_not_be_written_is_an_error_that_says_where(tmp_path: Path):
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(BrowserUnavailableError, match="file"):
        await BrowserProfiles(tmp_path / "file", VAULT).profile("demo", "ada").unseal()
