from __future__ import annotations

import pytest

from backend.accounts.sealed_sessions import SealedSessions
from backend.accounts.vault import Vault, VaultError


def test_a_secret_comes_back_under_its_key_and_purpose():
    sealed = Vault("key").seal(b"hunter2", "endpoint/demo")

    assert Vault("key").unseal(sealed, "endpoint/demo") == b"hunter2"
    assert "hunter2" not in sealed


def test_the_same_secret_is_never_sealed_alike():
    vault = Vault("key")

    assert vault.seal(b"x", "p") != vault.seal(b"x", "p")


def _altered(sealed: str) -> str:
    return sealed[:20] + ("A" if sealed[20] != "A" else "B") + sealed[21:]


@pytest.mark.parametrize(
    "spoil",
    [_altered, lambda s: "v0:" + s[3:], lambda _: "v1:!", lambda _: "v1:", lambda _: ""],
    ids=["a letter", "version", "not base64", "no nonce", "nothing"],
)
def test_altered_text_is_refused(spoil):
    vault = Vault("key")

    with pytest.raises(VaultError):
        vault.unseal(spoil(vault.seal(b"hunter2", "p")), "p")


@pytest.mark.parametrize(("key", "purpose"), [("other", "p"), ("key", "q")])
def test_another_key_or_purpose_reads_nothing(key, purpose):
    sealed = Vault("key").seal(b"hunter2", "p")

    with pytest.raises(VaultError, match="SECRET_KEY"):
        Vault(key).unseal(sealed, purpose)


@pytest.mark.parametrize(
    "spoil",
    [lambda s: s[:-1], lambda s: s[:20], lambda s: b"v0:" + s[3:], lambda _: b"v1:", lambda _: b""],
    ids=["cut", "half", "version", "no nonce", "nothing"],
)
def test_an_altered_file_is_refused_and_another_one_comes_back(spoil):
    vault = Vault("key")
    sealed = vault.seal_bytes(b"\x00profile", "p")

    assert vault.unseal_bytes(sealed, "p") == b"\x00profile"
    with pytest.raises(VaultError):
        vault.unseal_bytes(spoil(sealed), "p")
    with pytest.raises(VaultError):
        vault.unseal_bytes(sealed, "q")


class MemorySessions:
    """A ``SessionRepository`` in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    async def load_session(self, slug, account):
        return self.kept.get((slug, account))

    async def save_session(self, slug, account, sealed):
        self.kept[slug, account] = sealed

    async def clear_session(self, slug, account):
        self.kept.pop((slug, account), None)


async def test_a_session_is_kept_sealed_until_it_is_cleared():
    repository = MemorySessions()
    sessions = SealedSessions(repository, Vault("key"), "demo", "ada")

    await sessions.save({"cookies": [{"name": "sid", "value": "secret-cookie"}], "origins": []})
    kept = repository.kept["demo", "ada"]
    loaded = await sessions.load()
    await sessions.clear()

    assert "secret-cookie" not in kept
    assert loaded == {"cookies": [{"name": "sid", "value": "secret-cookie"}], "origins": []}
    assert await sessions.load() is None


async def test_a_session_of_another_account_or_key_is_as_good_as_none():
    repository = MemorySessions()
    await SealedSessions(repository, Vault("key"), "demo", "ada").save({"cookies": []})
    repository.kept["demo", "bob"] = repository.kept["demo", "ada"]

    assert await SealedSessions(repository, Vault("key"), "demo", "bob").load() is None
    assert await SealedSessions(repository, Vault("other"), "demo", "ada").load() is None


def test_an_old_key_opens_what_it_sealed_and_seals_nothing_any_more():
    old, new = Vault("old"), Vault("new", ["older", "old"])
    sealed = old.seal(b"secret", "p")

    assert new.unseal(sealed, "p") == b"secret"
    again = new.resealed(sealed, "p")

    assert again is not None
    assert Vault("new").unseal(again, "p") == b"secret"
    assert new.resealed(again, "p") is None
    with pytest.raises(VaultError):
        old.unseal(new.seal(b"secret", "p"), "p")
    with pytest.raises(VaultError):
        new.resealed(Vault("another").seal(b"x", "p"), "p")
