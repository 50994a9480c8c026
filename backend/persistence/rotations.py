"""SQL repository of rotations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.errors import NameTakenError
from backend.gateway.routing.rotations import Rotation
from backend.persistence.engine import transaction
from backend.persistence.tables import RotationRow


class SqlRotations:
    """A ``RotationRepository`` on SQLite or PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def list_rotations(self) -> list[Rotation]:
        """Return all, oldest first.

        Raises:
            StorageError: The database can't be asked.
        """
        wanted = select(RotationRow.name, RotationRow.settings).order_by(
            RotationRow.created_at, RotationRow.name
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(wanted)).all()
        return [Rotation.model_validate({**settings, "name": name}) for name, settings in rows]

    async def add_rotation(self, rotation: Rotation) -> None:
        """Keep a new rotation.

        Raises:
            NameTakenError: There is one of this name.
            StorageError: The database can't be asked.
        """
        now = datetime.now(UTC)
        values = {**_values(rotation, now), "name": rotation.name, "created_at": now}
        async with transaction(self._engine) as connection:
            try:
                await connection.execute(insert(RotationRow).values(**values))
            except IntegrityError as exc:
                raise NameTakenError(rotation.name, "rotation") from exc

    async def update_rotation(self, rotation: Rotation) -> None:
        """Replace what is kept under the rotation's name.

        Raises:
            StorageError: The database can't be asked.
        """
        changed = update(RotationRow).where(RotationRow.name == rotation.name)
        async with transaction(self._engine) as connection:
            await connection.execute(changed.values(**_values(rotation, datetime.now(UTC))))

    async def delete_rotation(self, name: str) -> None:
        """Forget a rotation.

        Raises:
            StorageError: The database can't be asked.
        """
        async with transaction(self._engine) as connection:
            await connection.execute(delete(RotationRow).where(RotationRow.name == name))


def _values(rotation: Rotation, now: datetime) -> dict[str, Any]:
    return {"settings": rotation.model_dump(mode="json", exclude={"name"}), "updated_at": now}
