"""Re-encrypts everything that an old key had encrypted, so that the old key can be thrown away."""

from __future__ import annotations

import logging

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import InstrumentedAttribute

from backend.accounts.vault import Vault, VaultError
from backend.persistence.engine import transaction
from backend.persistence.tables import AccountRow, EndpointRow, SessionRow

logger = logging.getLogger(__name__)


async def reseal(engine: AsyncEngine, vault: Vault) -> int:
    """Seal every stored secret with the present key, in one transaction; return how many an old key had sealed.

    What no key opens stays as it is: its key may be listed at the next start.

    Raises:
        StorageError: The database can't be used.
    """
    changed = 0
    async with transaction(engine) as connection:
        for kind, sealed_column, keys in _SEALED:
            named = [column.label(f"key_{number}") for number, column in enumerate(keys)]
            rows = (await connection.execute(select(sealed_column.label("sealed"), *named))).mappings().all()
            for row in rows:
                key = [row[f"key_{number}"] for number in range(len(keys))]
                sealed = _resealed(vault, row["sealed"], "/".join((kind, *key)))
                if sealed is not None:
                    changed += 1
                    is_it = and_(*(column == value for column, value in zip(keys, key, strict=True)))
                    await connection.execute(
                        update(sealed_column.class_).where(is_it).values({sealed_column: sealed})
                    )
    logger.info("secrets_resealed", extra={"changed": changed})
    return changed


# The first word of the purpose for which each is sealed, where it stands, and the key whose parts follow in the purpose.
_SEALED: tuple[tuple[str, InstrumentedAttribute[str], tuple[InstrumentedAttribute[str], ...]], ...] = (
    ("endpoint", EndpointRow.secrets, (EndpointRow.slug,)),
    ("account", AccountRow.secrets, (AccountRow.endpoint_slug, AccountRow.id)),
    ("session", SessionRow.sealed_state, (SessionRow.endpoint_slug, SessionRow.account)),
)


def _resealed(vault: Vault, sealed: str, purpose: str) -> str | None:
    try:
        return vault.resealed(sealed, purpose)
    except VaultError:
        logger.warning("stored_secret_unreadable", extra={"purpose": purpose})
        return None
