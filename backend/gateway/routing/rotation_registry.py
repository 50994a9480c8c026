"""The gateway's rotations, held in memory and stored in a repository."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from backend.errors import NameTakenError, RotationNotFoundError
from backend.gateway.routing.rotations import Fallbacks, Rotation, check_fallbacks, check_rotation
from backend.providers.config import EndpointConfig


class RotationRepository(Protocol):
    """Stores rotations; every method raises ``StorageError`` when it can't."""

    async def list_rotations(self) -> list[Rotation]:
        """Return all, oldest first."""
        ...

    async def add_rotation(self, rotation: Rotation) -> None:
        """Keep a new rotation.

        Raises:
            NameTakenError: There is one of this name.
        """
        ...

    async def update_rotation(self, rotation: Rotation) -> None:
        """Replace what is kept under the rotation's name."""
        ...

    async def delete_rotation(self, name: str) -> None:
        """Forget a rotation."""
        ...


class RotationRegistry:
    """The rotations by name, oldest first. ``endpoints`` are always all endpoints' fallbacks by slug."""

    def __init__(self, repository: RotationRepository) -> None:
        self._repository = repository
        self._rotations: dict[str, Rotation] = {}

    @property
    def all(self) -> Mapping[str, Rotation]:
        """A view of all."""
        return MappingProxyType(self._rotations)

    async def load(self) -> None:
        """Read what is stored.

        Raises:
            StorageError: It can't be read.
        """
        self._rotations = {rotation.name: rotation for rotation in await self._repository.list_rotations()}

    def get(self, name: str) -> Rotation:
        """Return one.

        Raises:
            RotationNotFoundError: There is none of this name.
        """
        try:
            return self._rotations[name]
        except KeyError:
            raise RotationNotFoundError(name) from None

    async def add(self, rotation: Rotation, endpoints: Fallbacks) -> Rotation:
        """Add a rotation.

        Raises:
            NameTakenError, InvalidRequestError: It can't be used.
            StorageError: It can't be kept.
        """
        if rotation.name in self._rotations:
            raise NameTakenError(rotation.name, "rotation")
        check_rotation(rotation, self._rotations, endpoints)
        await self._repository.add_rotation(rotation)
        self._rotations[rotation.name] = rotation
        return rotation

    async def replace(self, rotation: Rotation, endpoints: Fallbacks) -> Rotation:
        """Put another rotation in the place of the one of its name.

        Raises:
            RotationNotFoundError, InvalidRequestError: It can't be used.
            StorageError: It can't be kept.
        """
        self.get(rotation.name)
        check_rotation(rotation, self._rotations, endpoints)
        await self._repository.update_rotation(rotation)
        self._rotations[rotation.name] = rotation
        return rotation

    async def delete(self, name: str) -> None:
        """Forget a rotation; where it is a fallback, it is skipped from now on.

        Raises:
            RotationNotFoundError: There is none of this name.
            StorageError: It can't be forgotten.
        """
        self.get(name)
        await self._repository.delete_rotation(name)
        self._rotations.pop(name, None)

    def check_endpoint(self, config: EndpointConfig, endpoints: Fallbacks) -> None:
        """Refuse an endpoint whose name or fallbacks conflict with the rotations.

        Raises:
            NameTakenError: A rotation has its slug.
            InvalidRequestError: Its fallbacks don't exist, or lead back to it.
        """
        if config.slug in self._rotations:
            raise NameTakenError(config.slug, "rotation")
        others = {name: rotation.fallbacks for name, rotation in self._rotations.items()}
        known = {**others, **endpoints, config.slug: ()}
        check_fallbacks(config.slug, config.fallbacks, known, is_endpoint=True)
