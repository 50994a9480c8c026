"""A program's sessions survive it, each under its own name, in files that only their user reads."""

from __future__ import annotations

import pytest

from backend.accounts.account_config import AccountConfig, AccountStatus
from backend.accounts.states import AccountState
from backend.errors import StorageError
from backend.providers.library.stored_sessions import MemoryAccounts, SessionFiles


async def test_sessions_are_kept_apart_by_provider_and_account(tmp_path):
    files = SessionFiles(tmp_path / "sessions")

    await files.save_session("a", "b", "one")
    await files.save_session("a", "../../b", "two")
    await files.save_session("a", "b", "three")

    again = SessionFiles(tmp_path / "sessions")
    assert await again.load_session("a", "b") == "three"
    assert await again.load_session("a", "../../b") == "two"
    assert await again.load_session("b", "a") is None
    places = list((tmp_path / "sessions").iterdir())
    assert [place.stat().st_mode & 0o777 for place in places] == [0o600, 0o600]


async def test_a_session_that_is_forgotten_is_gone(tmp_path):
    files = SessionFiles(tmp_path)
    await files.save_session("a", "b", "one")

    await files.clear_session("a", "b")
    await files.clear_session("a", "b")

    assert await files.load_session("a", "b") is None


async def test_what_cannot_be_written_or_read_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    files = SessionFiles(tmp_path / "file")

    with pytest.raises(StorageError):
        await files.save_session("a", "b", "one")
    with pytest.raises(StorageError):
        await files.load_session("a", "b")
    with pytest.raises(StorageError):
        await files.clear_session("a", "b")
    assert (tmp_path / "file").read_text() == ""


async def test_accounts_are_kept_in_their_order_with_their_standing():
    one, two = AccountConfig(id="one"), AccountConfig(id="two")
    accounts = MemoryAccounts({"p": [one, two]})

    await accounts.save_status("p", "one", AccountStatus(AccountState.BANNED, "gone"))
    await accounts.add_account("p", AccountConfig(id="three"))
    await accounts.update_account("p", AccountConfig(id="two", username="u"), AccountStatus())
    await accounts.delete_account("p", "three")

    kept = await accounts.list_accounts("p")
    assert [(one.config.id, one.config.username, one.account_status.state) for one in kept] == [
        ("one", None, "banned"),
        ("two", "u", "idle"),
    ]
    assert await accounts.list_accounts("q") == []
