"""Conversations that are kept for as long as a test lasts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import anyio

from backend.errors import StorageError
from backend.gateway.placement.placement import SiteConversation


@dataclass
class MemoryConversations:
    """A ``ConversationRepository`` in memory.

    Attributes:
        held: What a call waits for before it does anything.
        failing: Names of the calls that fail.
    """

    kept: dict[str, SiteConversation] = field(default_factory=dict)
    held: anyio.Event | None = None
    called: anyio.Event = field(default_factory=anyio.Event)
    failing: set[str] = field(default_factory=set)

    async def _begin(self, name: str) -> None:
        self.called.set()
        if self.held is not None:
            await self.held.wait()
        if name in self.failing:
            raise StorageError

    async def take_by_head(self, head: str) -> SiteConversation | None:
        await self._begin("take_by_head")
        found = next((c for c in self.kept.values() if c.head == head), None)
        if found:
            self.kept[found.id] = replace(found, head=None)
        return found

    async def take(self, conversation: SiteConversation) -> bool:
        await self._begin("take")
        is_it = self.kept.get(conversation.id) == conversation
        if is_it:
            self.kept[conversation.id] = replace(conversation, head=None)
        return is_it

    async def put_back(self, conversation: SiteConversation) -> None:
        await self._begin("put_back")
        self.kept[conversation.id] = conversation

    async def save(self, conversation: SiteConversation) -> None:
        await self._begin("save")
        self.kept[conversation.id] = conversation

    async def get(self, conversation_id: str) -> SiteConversation | None:
        found = self.kept.get(conversation_id)
        await self._begin("get")
        return found

    async def list_newest(
        self, endpoint: str | None, limit: int, owner: str | None = None
    ) -> list[SiteConversation]:
        found = [
            c
            for c in self.kept.values()
            if endpoint in (None, c.scope.endpoint) and owner in (None, c.scope.owner)
        ]
        return sorted(found, key=lambda c: c.updated_at, reverse=True)[:limit]

    async def forget(self, conversation_id: str, head: str | None) -> bool:
        await self._begin("forget")
        is_it = conversation_id in self.kept and self.kept[conversation_id].head == head
        if is_it:
            del self.kept[conversation_id]
        return is_it
