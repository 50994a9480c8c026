"""SQL repository of accounts, with their secrets encrypted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import SecretStr
from sqlalchemy import ColumnElement, Table, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.accounts.account_config import AccountConfig, AccountStatus, StoredAccount
from backend.accounts.states import AccountState
from backend.accounts.vault import Vault
from backend.persistence.engine import transaction
from backend.persistence.tables import AccountRow

_SECRETS = ("password", "totp_secret")


class SqlAccounts:
    """An ``AccountRepository`` on SQLite or PostgreSQL."""

    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    async def list_accounts(self, slug: str) -> list[StoredAccount]:
        """Return an endpoint's accounts, oldest first.

        Raises:
            StorageError: The database can't be asked.
            VaultError: A secret can't be read.
        """
        wanted = select(_T).where(_T.c.endpoint_slug == slug).order_by(_T.c.created_at, _T.c.id)
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(wanted)).mappings().all()
        return [self._stored(row) for row in rows]

    async def add_account(self, slug: str, config: AccountConfig) -> StoredAccount:
        """Keep a new account."""
        now = datetime.now(UTC)
        values = {"endpoint_slug": slug, "id": config.id, "created_at": now}
        async with transaction(self._engine) as connection:
            await connection.execute(
                insert(_T).values(**values, **self._values(slug, config), **_account_status(AccountStatus()))
            )
        return StoredAccount(config, AccountStatus(), now)

    async def update_account(self, slug: str, config: AccountConfig, account_status: AccountStatus) -> None:
        """Replace what is kept of an account."""
        values = {**self._values(slug, config), **_account_status(account_status)}
        async with transaction(self._engine) as connection:
            await connection.execute(update(_T).where(_key(slug, config.id)).values(**values))

    async def save_status(self, slug: str, account_id: str, account_status: AccountStatus) -> None:
        """Store an account's status."""
        async with transaction(self._engine) as connection:
            await connection.execute(
                update(_T).where(_key(slug, account_id)).values(**_account_status(account_status))
            )

    async def delete_account(self, slug: str, account_id: str) -> None:
        """Forget an account."""
        async with transaction(self._engine) as connection:
            await connection.execute(delete(_T).where(_key(slug, account_id)))

    def _values(self, slug: str, config: AccountConfig) -> dict[str, Any]:
        secrets = {name: _reveal(getattr(config, name)) for name in _SECRETS}
        return {
            "settings": config.model_dump(mode="json", exclude={"id", *_SECRETS}),
            "secrets": self._vault.seal(orjson.dumps(secrets), _purpose(slug, config.id)),
        }

    def _stored(self, row: Any) -> StoredAccount:
        secrets = orjson.loads(self._vault.unseal(row["secrets"], _purpose(row["endpoint_slug"], row["id"])))
        config = AccountConfig.model_validate({**row["settings"], **secrets, "id": row["id"]})
        account_status = AccountStatus(
            AccountState(row["state"]), row["state_reason"], _utc(row["state_until"])
        )
        return StoredAccount(config, account_status, _utc(row["created_at"]) or datetime.now(UTC))


def _table() -> Table:
    table = AccountRow.__table__
    assert isinstance(table, Table)
    return table


_T = _table()


def _key(slug: str, account_id: str) -> ColumnElement[bool]:
    return (_T.c.endpoint_slug == slug) & (_T.c.id == account_id)


def _purpose(slug: str, account_id: str) -> str:
    return f"account/{slug}/{account_id}"


def _account_status(account_status: AccountStatus) -> dict[str, Any]:
    return {
        "state": str(account_status.state),
        "state_reason": account_status.reason,
        "state_until": account_status.until,
    }


def _utc(at: datetime | None) -> datetime | None:
    """SQLite keeps no time zone."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _reveal(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None
