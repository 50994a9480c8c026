"""Endpoints, rotations and usage records that are kept for as long as a test lasts, and configurations for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from backend.endpoints.repository import StoredEndpoint
from backend.errors import NameTakenError, StorageError
from backend.gateway.routing.rotations import Rotation
from backend.ledger.usage_log import UsageRecord, UsageTotal
from backend.providers.config import EndpointConfig, EndpointDraft


def draft_of(name: str = "demo", **fields: object) -> EndpointDraft:
    """Return a chat page's endpoint as an operator describes it."""
    values = {"name": name, "provider_type": "web_chat", "base_url": "http://127.0.0.1:1/", **fields}
    return EndpointDraft.model_validate(values)


def config_of(slug: str = "demo", **fields: object) -> EndpointConfig:
    """Return a chat page's endpoint."""
    return EndpointConfig.of(slug, draft_of(slug, **fields))


@dataclass
class MemoryEndpoints:
    """An ``EndpointRepository``.

    Attributes:
        failure: Raised by every write.
    """

    stored: dict[str, StoredEndpoint] = field(default_factory=dict)
    failure: StorageError | None = None

    def keep(self, config: EndpointConfig, *, is_started: bool = False) -> None:
        """Have an endpoint stored from the beginning."""
        self.stored[config.slug] = StoredEndpoint(config, is_started, datetime.now(UTC))

    async def list_endpoints(self) -> list[StoredEndpoint]:
        return list(self.stored.values())

    async def add_endpoint(self, config: EndpointConfig) -> StoredEndpoint:
        self._may_write()
        if config.slug in self.stored:
            raise NameTakenError(config.slug)
        self.keep(config)
        return self.stored[config.slug]

    async def update_endpoint(self, config: EndpointConfig) -> None:
        self._may_write()
        self.keep(config, is_started=self.stored[config.slug].is_started)

    async def set_started(self, slug: str, *, is_started: bool) -> None:
        self._may_write()
        self.keep(self.stored[slug].config, is_started=is_started)

    async def delete_endpoint(self, slug: str) -> None:
        self._may_write()
        del self.stored[slug]

    def _may_write(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass
class MemoryRotations:
    """A ``RotationRepository``."""

    stored: dict[str, Rotation] = field(default_factory=dict)

    async def list_rotations(self) -> list[Rotation]:
        return list(self.stored.values())

    async def add_rotation(self, rotation: Rotation) -> None:
        self.stored[rotation.name] = rotation

    async def update_rotation(self, rotation: Rotation) -> None:
        self.stored[rotation.name] = rotation

    async def delete_rotation(self, name: str) -> None:
        del self.stored[name]


@dataclass
class MemoryUsage:
    """A ``UsageRepository``."""

    records: list[UsageRecord] = field(default_factory=list)

    async def add_records(self, records: Sequence[UsageRecord]) -> None:
        self.records += records

    async def totals(
        self, since: datetime | None, endpoint: str | None, owner: str | None
    ) -> list[UsageTotal]:
        return []
