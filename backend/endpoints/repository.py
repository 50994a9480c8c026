"""Repository protocol for endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backend.providers.config import EndpointConfig


@dataclass(frozen=True, slots=True)
class StoredEndpoint:
    """An endpoint as it is stored.

    Attributes:
        is_started: Whether it was started and not stopped since; such a one comes back by itself.
    """

    config: EndpointConfig
    is_started: bool
    created_at: datetime


class EndpointRepository(Protocol):
    """Stores endpoints, their secrets encrypted."""

    async def list_endpoints(self) -> list[StoredEndpoint]:
        """Return all, oldest first.

        Raises:
            VaultError: A secret can't be read.
        """
        ...

    async def add_endpoint(self, config: EndpointConfig) -> StoredEndpoint:
        """Keep a new endpoint, not started.

        Raises:
            NameTakenError: Its slug is taken.
        """
        ...

    async def update_endpoint(self, config: EndpointConfig) -> None:
        """Replace what is kept under the config's slug."""
        ...

    async def set_started(self, slug: str, *, is_started: bool) -> None:
        """Store whether the endpoint is started again with the gateway."""
        ...

    async def delete_endpoint(self, slug: str) -> None:
        """Forget the endpoint and its sessions."""
        ...
