"""SQL repository of conversations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, exists, insert, literal, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from automation.turn import ChatLink
from backend.gateway.placement.history import ConversationKey
from backend.gateway.placement.placement import SiteConversation
from backend.persistence.engine import transaction
from backend.persistence.tables import ConversationRow, EndpointRow


class SqlConversations:
    """A ``ConversationRepository`` on SQLite or PostgreSQL.

    Attributes:
        most: Number of conversations kept for each endpoint.
        max_age: After how long without a turn one is forgotten; None for never.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        most: int = 1000,
        max_age: timedelta | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.most = most
        self.max_age = max_age
        self._engine = engine
        self._now = now

    async def take_by_head(self, head: str) -> SiteConversation | None:
        """Take the head of the newest conversation that has this one, and return it as it was before."""
        found = (
            select(_T.c.id)
            .where(_T.c.head == head, self._is_young())
            .order_by(_T.c.updated_at.desc())
            .limit(1)
        )
        # One that another gateway takes in this moment is passed over (PostgreSQL; SQLite has one writer at a time).
        free = found.with_for_update(skip_locked=True).scalar_subquery()
        taking = update(_T).where(_T.c.id == free, _T.c.head == head).values(head=None).returning(*_T.c)
        async with transaction(self._engine) as connection:
            if await connection.scalar(found) is None:  # the usual case, which needs no lock
                return None
            row = (await connection.execute(taking)).mappings().one_or_none()
        return _conversation({**row, "head": head}) if row else None

    async def take(self, conversation: SiteConversation) -> bool:
        """Take this one's head, unless it changed meanwhile."""
        is_it = (_T.c.id == conversation.id) & (_T.c.head == conversation.head)
        async with transaction(self._engine) as connection:
            taken = await connection.execute(update(_T).where(is_it).values(head=None))
        return bool(taken.rowcount)

    async def put_back(self, conversation: SiteConversation) -> None:
        """Give a conversation the head back that was taken from it."""
        is_it = (_T.c.id == conversation.id) & _T.c.head.is_(None)
        async with transaction(self._engine) as connection:
            await connection.execute(update(_T).where(is_it).values(head=conversation.head))

    async def save(self, conversation: SiteConversation) -> None:
        """Keep it as it is now, and forget what is too old or too much. Without its endpoint nothing is kept."""
        values = _values(conversation)
        async with transaction(self._engine) as connection:
            there = await connection.execute(update(_T).where(_T.c.id == conversation.id).values(**values))
            if not there.rowcount:
                new = select(*(literal(value, _T.c[name].type) for name, value in values.items()))
                has_endpoint = exists().where(EndpointRow.slug == conversation.scope.endpoint)
                await connection.execute(insert(_T).from_select(list(values), new.where(has_endpoint)))
                await self._prune(connection, conversation.scope.endpoint)

    async def get(self, conversation_id: str) -> SiteConversation | None:
        """Return one, or None."""
        wanted = select(_T).where(_T.c.id == conversation_id, self._is_young())
        async with transaction(self._engine) as connection:
            row = (await connection.execute(wanted)).mappings().one_or_none()
        return _conversation(row) if row else None

    async def list_newest(
        self, endpoint: str | None, limit: int, owner: str | None = None
    ) -> list[SiteConversation]:
        """Return the newest ``limit`` of one endpoint and one owner, or of all, newest first."""
        of_it = true() if endpoint is None else _T.c.endpoint_slug == endpoint
        of_them = true() if owner is None else _T.c.owner == owner
        newest = (
            select(_T)
            .where(of_it, of_them, self._is_young())
            .order_by(_T.c.updated_at.desc(), _T.c.id)
            .limit(limit)
        )
        async with transaction(self._engine) as connection:
            return [_conversation(row) for row in (await connection.execute(newest)).mappings()]

    async def forget(self, conversation_id: str, head: str | None) -> bool:
        """Forget one whose head is this one still, and return whether it was."""
        is_it = (_T.c.id == conversation_id) & _T.c.head.is_not_distinct_from(head)
        async with transaction(self._engine) as connection:
            forgotten = await connection.execute(delete(_T).where(is_it))
        return bool(forgotten.rowcount)

    async def forget_unfinished(self) -> None:
        """Forget those in which a turn went on when the gateway ended: nobody knows what their chats hold."""
        async with transaction(self._engine) as connection:
            await connection.execute(delete(_T).where(_T.c.head.is_(None)))

    async def _prune(self, connection: AsyncConnection, endpoint: str) -> None:
        newest_first = select(_T.c.id).where(_T.c.endpoint_slug == endpoint).order_by(_T.c.updated_at.desc())
        too_much = newest_first.offset(self.most).scalar_subquery()
        await connection.execute(delete(_T).where(_T.c.id.in_(too_much)))
        if self.max_age is not None:
            await connection.execute(delete(_T).where(~self._is_young()))

    def _is_young(self) -> ColumnElement[bool]:
        return true() if self.max_age is None else _T.c.updated_at >= self._now() - self.max_age


def _table() -> Table:
    table = ConversationRow.__table__
    assert isinstance(table, Table)
    return table


_T = _table()


def _values(conversation: SiteConversation) -> dict[str, Any]:
    scope, chat = conversation.scope, conversation.chat
    return {
        "id": conversation.id,
        "endpoint_slug": scope.endpoint,
        "site": scope.site,
        "account": scope.account,
        "model": scope.model,
        "owner": scope.owner,
        "head": conversation.head,
        "chat_id": chat.id,
        "chat_url": chat.url,
        "chat_fingerprint": chat.fingerprint,
        "chat_account": chat.account,
        "turns": conversation.turns,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
    }


def _conversation(row: Any) -> SiteConversation:
    scope = ConversationKey(row["endpoint_slug"], row["site"], row["account"], row["model"], row["owner"])
    chat = ChatLink(row["chat_id"], row["chat_url"], row["chat_fingerprint"], row["chat_account"])
    times = (_aware(row["created_at"]), _aware(row["updated_at"]))
    return SiteConversation(row["id"], scope, row["head"], chat, row["turns"], *times)


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)  # SQLite keeps no time zone
