"""Account repository in memory for library users, with signed-in sessions in encrypted files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from anyio.to_thread import run_sync

from backend.accounts.account_config import AccountConfig, AccountStatus, StoredAccount
from backend.errors import StorageError


class MemoryAccounts:
    """Accounts of a configuration (an ``AccountRepository``); their status lasts as long as the program."""

    def __init__(self, accounts: Mapping[str, Sequence[AccountConfig]]) -> None:
        began = datetime.now(UTC)
        self._kept = {
            slug: {config.id: StoredAccount(config, AccountStatus(), began) for config in configs}
            for slug, configs in accounts.items()
        }

    async def list_accounts(self, slug: str) -> list[StoredAccount]:
        """Return a provider's accounts, in their order."""
        return list(self._kept.get(slug, {}).values())

    async def add_account(self, slug: str, config: AccountConfig) -> StoredAccount:
        """Keep a new account."""
        stored = StoredAccount(config, AccountStatus(), datetime.now(UTC))
        self._kept.setdefault(slug, {})[config.id] = stored
        return stored

    async def update_account(self, slug: str, config: AccountConfig, account_status: AccountStatus) -> None:
        """Replace what is kept of an account."""
        kept = self._kept[slug]
        kept[config.id] = replace(kept[config.id], config=config, account_status=account_status)

    async def save_status(self, slug: str, account_id: str, account_status: AccountStatus) -> None:
        """Store an account's status."""
        kept = self._kept[slug]
        kept[account_id] = replace(kept[account_id], account_status=account_status)

    async def delete_account(self, slug: str, account_id: str) -> None:
        """Forget an account."""
        self._kept[slug].pop(account_id, None)


class SessionFiles:
    """Keeps sealed sessions as files that only their user reads (a ``SessionRepository``)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def load_session(self, slug: str, account: str) -> str | None:
        """Return what was saved, or None.

        Raises:
            StorageError: It is there and can't be read.
        """
        return await run_sync(_read, self._place(slug, account))

    async def save_session(self, slug: str, account: str, sealed: str) -> None:
        """Replace what was saved.

        Raises:
            StorageError: It can't be written; what was saved before stays.
        """
        await run_sync(_write, self._place(slug, account), sealed)

    async def clear_session(self, slug: str, account: str) -> None:
        """Forget what was saved.

        Raises:
            StorageError: It can't be removed.
        """
        await run_sync(_remove, self._place(slug, account))

    def _place(self, slug: str, account: str) -> Path:
        # A name of somebody's choice is no name of a file.
        digest = sha256(f"{slug}\n{account}".encode()).hexdigest()
        return self._folder / f"{digest[:32]}.session"


def _read(place: Path) -> str | None:
    try:
        return place.read_text("ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise StorageError from exc


def _remove(place: Path) -> None:
    try:
        place.unlink(missing_ok=True)
    except OSError as exc:
        raise StorageError from exc


def _write(place: Path, text: str) -> None:
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made with mode 0600, and seen under its name only when it is whole.
        with NamedTemporaryFile("w", dir=place.parent, delete=False, encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(place)
    except OSError as exc:
        raise StorageError from exc
