"""SQL repository of kept responses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property

from sqlalchemy import Delete, Insert, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend.gateway.kept_responses import SealedResponse
from backend.persistence.engine import transaction
from backend.persistence.tables import Base, ResponseItemRow, ResponseRow

_PRUNINGS = 10  # while as many are added as are kept


class SqlResponses:
    """A ``ResponseRepository`` on SQLite or PostgreSQL.

    Args:
        most: Number of responses kept for each owner.
        max_age: After how long one is forgotten.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        most: int,
        max_age: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._added: dict[str, int] = {}
        self._most = most
        self._max_age = max_age
        self._now = now

    async def add_response(self, response: SealedResponse) -> None:
        """Store one, and now and then delete those too old or too many: a tenth more than ``most`` may be there."""
        owner = response.owner
        row = {"owner": owner, "id": response.id, "sealed": response.sealed, "created_at": self._now()}
        items = [
            {"owner": owner, "item_id": one, "response_id": response.id}
            for one in dict.fromkeys(response.item_ids)
        ]
        async with transaction(self._engine) as connection:
            await connection.execute(self._put_response, row)
            if items:
                await connection.execute(self._put_item, items)
            # At the first after a start too: what was added before isn't counted.
            added = self._added.get(owner, self._most) + 1
            is_due = added * _PRUNINGS >= self._most
            if is_due:
                await self._prune(connection, owner)
        self._added[owner] = 0 if is_due else added

    @cached_property
    def _put_response(self) -> Insert:
        """Insertion; an id that an upstream gives again means the newest then."""
        put = self._insert(ResponseRow)
        new = put.excluded
        return put.on_conflict_do_update(
            index_elements=["owner", "id"], set_={"sealed": new.sealed, "created_at": new.created_at}
        )

    @cached_property
    def _put_item(self) -> Insert:
        put = self._insert(ResponseItemRow)
        return put.on_conflict_do_update(
            index_elements=["owner", "item_id"], set_={"response_id": put.excluded.response_id}
        )

    def _insert(self, kind: type[Base]) -> sqlite.Insert | postgresql.Insert:
        is_sqlite = self._engine.dialect.name == "sqlite"
        return sqlite.insert(kind) if is_sqlite else postgresql.insert(kind)

    async def find_response(self, owner: str, response_id: str) -> SealedResponse | None:
        """Return one of the owner's, or None."""
        wanted = select(ResponseRow.sealed).where(
            ResponseRow.owner == owner,
            ResponseRow.id == response_id,
            ResponseRow.created_at >= self._oldest(),
        )
        async with transaction(self._engine) as connection:
            sealed = await connection.scalar(wanted)
        return None if sealed is None else SealedResponse(owner, response_id, (), sealed)

    async def find_responses_of(self, owner: str, item_ids: Sequence[str]) -> list[SealedResponse]:
        """Return the owner's responses that gave these items, the newest first."""
        is_it = (ResponseItemRow.owner == owner) & ResponseItemRow.item_id.in_(item_ids)
        async with transaction(self._engine) as connection:
            of_items = (
                await connection.execute(
                    select(ResponseItemRow.response_id, ResponseItemRow.item_id).where(is_it)
                )
            ).all()
            given: dict[str, list[str]] = defaultdict(list)
            for response_id, item_id in of_items:
                given[response_id].append(item_id)
            responses = (
                select(ResponseRow.id, ResponseRow.sealed)
                .where(
                    ResponseRow.owner == owner,
                    ResponseRow.id.in_(given),
                    ResponseRow.created_at >= self._oldest(),
                )
                .order_by(ResponseRow.created_at.desc(), ResponseRow.id)
            )
            rows = (await connection.execute(responses)).all()
        return [SealedResponse(owner, row.id, given[row.id], row.sealed) for row in rows]

    async def _prune(self, connection: AsyncConnection, owner: str) -> None:
        newest_first = (
            select(ResponseRow.id)
            .where(ResponseRow.owner == owner)
            .order_by(ResponseRow.created_at.desc(), ResponseRow.id)
        )
        too_many = list(await connection.scalars(newest_first.offset(self._most)))
        if too_many:
            await connection.execute(_of(owner, too_many))
        await connection.execute(delete(ResponseRow).where(ResponseRow.created_at < self._oldest()))

    def _oldest(self) -> datetime:
        return self._now() - self._max_age


def _of(owner: str, ids: Sequence[str]) -> Delete:
    return delete(ResponseRow).where(ResponseRow.owner == owner, ResponseRow.id.in_(ids))
