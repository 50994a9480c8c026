"""SQL repository of endpoints, with their secrets encrypted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import SecretStr
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.accounts.vault import Vault
from backend.endpoints.repository import StoredEndpoint
from backend.errors import NameTakenError
from backend.persistence.engine import transaction
from backend.persistence.tables import EndpointRow
from backend.providers.config import EndpointConfig
from backend.providers.fields import STORED

_SECRETS = ("password", "api_key")


class SqlEndpoints:
    """An ``EndpointRepository`` on SQLite or PostgreSQL; every method raises ``StorageError`` when the database can't be used."""

    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    async def list_endpoints(self) -> list[StoredEndpoint]:
        """Return all, oldest first.

        Raises:
            VaultError: A secret can't be read.
        """
        table = EndpointRow.__table__
        async with transaction(self._engine) as connection:
            rows = await connection.execute(select(table).order_by(table.c.created_at, table.c.slug))
        return [self._stored(row._mapping) for row in rows]  # noqa: SLF001  SQLAlchemy's documented name

    async def add_endpoint(self, config: EndpointConfig) -> StoredEndpoint:
        """Keep a new endpoint, not started.

        Raises:
            NameTakenError: Its slug is taken.
        """
        now = datetime.now(UTC)
        values = {**self._values(config), "slug": config.slug, "is_started": False, "created_at": now}
        async with transaction(self._engine) as connection:
            try:
                await connection.execute(insert(EndpointRow).values(**values))
            except IntegrityError as exc:
                raise NameTakenError(config.slug) from exc
        return StoredEndpoint(config, is_started=False, created_at=now)

    async def update_endpoint(self, config: EndpointConfig) -> None:
        """Replace what is kept under the config's slug."""
        await self._update(config.slug, self._values(config))

    async def set_started(self, slug: str, *, is_started: bool) -> None:
        """Remember whether the endpoint is to come back by itself."""
        await self._update(slug, {"is_started": is_started, "updated_at": datetime.now(UTC)})

    async def delete_endpoint(self, slug: str) -> None:
        """Forget the endpoint and its sessions."""
        async with transaction(self._engine) as connection:
            await connection.execute(delete(EndpointRow).where(EndpointRow.slug == slug))

    async def _update(self, slug: str, values: dict[str, Any]) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(update(EndpointRow).where(EndpointRow.slug == slug).values(**values))

    def _values(self, config: EndpointConfig) -> dict[str, Any]:
        settings = config.model_dump(mode="json", exclude={"slug", "headers", *_SECRETS})
        secrets: dict[str, Any] = {name: _reveal(getattr(config, name)) for name in _SECRETS}
        secrets["headers"] = {name: value.get_secret_value() for name, value in config.headers.items()}
        if config.browser_config.proxy is not None:
            settings["browser_config"]["proxy"]["password"] = None
            secrets["proxy_password"] = _reveal(config.browser_config.proxy.password)
        return {
            "name": config.name,
            "provider_type": config.provider_type,
            "settings": settings,
            "secrets": self._vault.seal(orjson.dumps(secrets), _purpose(config.slug)),
            "updated_at": datetime.now(UTC),
        }

    def _stored(self, row: Any) -> StoredEndpoint:
        secrets = orjson.loads(self._vault.unseal(row["secrets"], _purpose(row["slug"])))
        settings = {**row["settings"], "slug": row["slug"], **{name: secrets[name] for name in _SECRETS}}
        settings["headers"] = secrets.get("headers", {})
        if settings["browser_config"]["proxy"] is not None:
            settings["browser_config"]["proxy"]["password"] = secrets["proxy_password"]
        created_at = row["created_at"]
        if created_at.tzinfo is None:  # SQLite keeps no time zone
            created_at = created_at.replace(tzinfo=UTC)
        return StoredEndpoint(
            EndpointConfig.model_validate(settings, context={STORED: True}), row["is_started"], created_at
        )


def _purpose(slug: str) -> str:
    return f"endpoint/{slug}"


def _reveal(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None
