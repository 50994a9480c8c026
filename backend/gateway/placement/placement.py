"""Places each turn in a site's chat: continues the one that holds its history or starts one, and stores which.

Whoever uses a conversation takes its head away first, in one statement of the database. So two turns, also of two
gateways, never go on in one chat at once, and a gateway that dies in a turn leaves no head by which that chat, whose
state nobody knows, could be found again.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

import anyio
import anyio.to_thread

from automation.errors import PoolFullError, PromptRejectedError
from automation.turn import ChatLink, Message, Prompt, TurnFinished
from backend.endpoints.back_off import leading_error
from backend.errors import (
    ConversationBusyError,
    ConversationNotFoundError,
    InvalidRequestError,
    StorageError,
)
from backend.gateway.placement.history import ConversationKey, empty_head, end_of_said, hash_prefixes

logger = logging.getLogger(__name__)

_ID = re.compile(r"conv_[0-9a-f]{32}")
_NOTHING_SENT = (PromptRejectedError, PoolFullError)
_STORAGE_S = 5.0


@dataclass(frozen=True, slots=True)
class SiteConversation:
    """A conversation as it is stored: no text, only where its chat is and a hash of its history.

    Attributes:
        head: Hash of its history within its scope; None while a turn goes on in it.
        turns: How many turns were answered in it.
    """

    id: str
    scope: ConversationKey
    head: str | None
    chat: ChatLink
    turns: int
    created_at: datetime
    updated_at: datetime


class ConversationRepository(Protocol):
    """Stores conversations, the newest of each endpoint. Every method raises ``StorageError``."""

    async def take_by_head(self, head: str) -> SiteConversation | None:
        """Claim the newest conversation with this head by clearing the head, and return it as it was before."""
        ...

    async def take(self, conversation: SiteConversation) -> bool:
        """Claim this conversation by clearing its head, unless that changed meanwhile."""
        ...

    async def put_back(self, conversation: SiteConversation) -> None:
        """Release a claim: give the conversation its head back."""
        ...

    async def save(self, conversation: SiteConversation) -> None:
        """Store the conversation, and delete those too old or too many; without its endpoint nothing is stored."""
        ...

    async def get(self, conversation_id: str) -> SiteConversation | None:
        """Return one, or None."""
        ...

    async def list_newest(
        self, endpoint: str | None, limit: int, owner: str | None = None
    ) -> list[SiteConversation]:
        """Return the newest ``limit`` of one endpoint and one owner, or of all, newest first."""
        ...

    async def forget(self, conversation_id: str, head: str | None) -> bool:
        """Forget one whose head is this one still, and return whether it was."""
        ...


@dataclass(slots=True)
class Placement:
    """The chat and the conversation of one turn.

    Attributes:
        prompt: The turn's prompt, with the chat that it goes on in.
        id: The conversation's id, known before it is kept; None for a turn that belongs to none.
        end: Hash of the history up to and with the prompt.
        taken: The conversation that the turn goes on in, as it was before; None for a new one.
        was_sent: The prompt may have reached the site, so the state of its chat is not known until the turn is over.
        is_remembered: The turn is over, and the conversation is kept as it is now.
    """

    prompt: Prompt
    scope: ConversationKey
    id: str | None = None
    end: str = ""
    taken: SiteConversation | None = None
    was_sent: bool = False
    is_remembered: bool = False


class ConversationPlacer:
    """Finds and stores the conversations of all endpoints."""

    def __init__(
        self, repository: ConversationRepository, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._repository = repository
        self._now = now

    @asynccontextmanager
    async def place(self, prompt: Prompt, scope: ConversationKey, choice: str) -> AsyncIterator[Placement]:
        """Claim a conversation for a turn while it runs; ``choice`` is ``auto``, ``new`` or a conversation's id.

        A turn that is left without having been remembered has its conversation forgotten if its prompt was sent.

        Raises:
            ConversationNotFoundError, ConversationBusyError, InvalidRequestError, StorageError: The conversation that
                was asked for can't be gone on with.
        """
        placement = await self._plan(prompt, scope, choice)
        try:
            yield placement
        except Exception as exc:
            placement.was_sent &= not isinstance(leading_error(exc), _NOTHING_SENT)
            raise
        finally:
            await self._leave(placement)

    async def remember(self, placement: Placement, finished: TurnFinished, answer: str) -> None:
        """Store the conversation after a complete answer, as the client got it; failures are only logged."""
        if placement.id is None or finished.chat is None:
            return
        now, taken = self._now(), placement.taken
        if taken and not finished.is_continued:
            logger.info("conversation_replayed", extra={"conversation": taken.id})
        conversation = SiteConversation(
            placement.id,
            placement.scope,
            head=hash_prefixes(placement.end, [Message("assistant", answer)])[-1],
            chat=finished.chat,
            turns=taken.turns + 1 if taken else 1,
            created_at=taken.created_at if taken else now,
            updated_at=now,
        )
        placement.is_remembered = await _attempt("remember", self._repository.save(conversation))

    async def get(self, conversation_id: str, owner: str | None = None) -> SiteConversation:
        """Return one; with an ``owner``, only if it is theirs.

        Raises:
            ConversationNotFoundError: There is none of this id, it was forgotten, or it is somebody else's.
            StorageError: The database can't be asked.
        """
        known = _ID.fullmatch(conversation_id) and await self._repository.get(conversation_id)
        if not known or owner not in (None, known.scope.owner):
            raise ConversationNotFoundError(conversation_id)
        return known

    async def list_newest(
        self, endpoint: str | None, limit: int, owner: str | None = None
    ) -> list[SiteConversation]:
        """Return the newest ``limit`` of one endpoint and one owner, or of all, newest first.

        Raises:
            StorageError: The database can't be asked.
        """
        return await self._repository.list_newest(endpoint, limit, owner)

    async def forget(self, conversation_id: str, owner: str | None = None) -> SiteConversation:
        """Forget one and return what it was; with an ``owner``, only if it is theirs.

        Raises:
            ConversationNotFoundError: There is none of this id.
            ConversationBusyError: A turn goes on in it.
            StorageError: The database can't be asked.
        """
        conversation = await self.get(conversation_id, owner)
        is_free = conversation.head is not None
        if not (is_free and await self._repository.forget(conversation_id, conversation.head)):
            raise ConversationBusyError(conversation_id)
        return conversation

    async def _plan(self, prompt: Prompt, scope: ConversationKey, choice: str) -> Placement:
        if prompt.is_throwaway:
            return Placement(prompt, scope)
        if choice not in ("auto", "new"):
            return await self._go_on(choice, prompt, scope)
        heads = await _heads(empty_head(scope), prompt.messages)
        said = end_of_said(prompt.messages)
        taken = await self._find(heads[said]) if said and choice == "auto" else None
        if taken is None:
            return Placement(prompt, scope, f"conv_{uuid.uuid4().hex}", heads[-1])
        return Placement(replace(prompt, chat=taken.chat, said=said), scope, taken.id, heads[-1], taken)

    async def _find(self, head: str) -> SiteConversation | None:
        # Shielded, or a client that hangs up in this moment would leave a conversation taken for ever.
        with anyio.move_on_after(_STORAGE_S, shield=True):
            try:
                return await self._repository.take_by_head(head)
            except StorageError:
                logger.warning("conversation_lookup_failed", exc_info=True)
        return None

    async def _go_on(self, conversation_id: str, prompt: Prompt, scope: ConversationKey) -> Placement:
        conversation = await self.get(conversation_id)
        _check_scope(conversation, scope)
        if conversation.head is None:
            raise ConversationBusyError(conversation_id)
        placement = await _continued(conversation, conversation.head, prompt)
        await self._take(conversation)
        return placement

    async def _take(self, conversation: SiteConversation) -> None:
        taken = False
        with anyio.move_on_after(_STORAGE_S, shield=True) as limit:
            taken = await self._repository.take(conversation)
        if limit.cancelled_caught:
            raise StorageError
        if not taken:
            raise ConversationBusyError(conversation.id)

    async def _leave(self, placement: Placement) -> None:
        taken = placement.taken
        if taken is None or placement.is_remembered:
            return
        if placement.was_sent:
            await _attempt("forget", self._repository.forget(taken.id, None))
        else:
            await _attempt("put back", self._repository.put_back(taken))


async def _continued(conversation: SiteConversation, head: str, prompt: Prompt) -> Placement:
    """Return where messages stand that are all of the conversation and more, or only what is new in it.

    Raises:
        InvalidRequestError: They are neither.
    """
    heads = await _heads(empty_head(conversation.scope), prompt.messages)
    said = end_of_said(prompt.messages)
    known = max((i for i, at in enumerate(heads[:-1]) if at == head), default=0)
    if known and said <= known:
        placed, end = replace(prompt, chat=conversation.chat, said=known), heads[-1]
    elif not said:
        placed = replace(prompt, chat=conversation.chat, must_continue=True)
        end = (await _heads(head, prompt.messages))[-1]
    else:
        msg = (
            f"messages contradict conversation {conversation.id!r}: send all of it as it was, or only what is new, "
            "or leave conversation out."
        )
        raise InvalidRequestError(msg, "messages")
    return Placement(placed, conversation.scope, conversation.id, end, conversation)


def _check_scope(conversation: SiteConversation, asked: ConversationKey) -> None:
    kept = conversation.scope
    if kept.owner != asked.owner:
        raise ConversationNotFoundError(conversation.id)
    if (kept.endpoint, kept.model) != (asked.endpoint, asked.model):
        known, meant = (f"{s.endpoint}/{s.model}" if s.model else s.endpoint for s in (kept, asked))
        msg = f"Conversation {conversation.id!r} is one of model {known!r}, not of {meant!r}."
        raise InvalidRequestError(msg, "conversation")
    if kept != asked:  # the endpoint has another site or account by now
        raise ConversationNotFoundError(conversation.id)


async def _heads(start: str, messages: Sequence[Message]) -> list[str]:
    if any(message.attachments for message in messages):  # long enough to hold up other turns
        return await anyio.to_thread.run_sync(hash_prefixes, start, messages)
    return hash_prefixes(start, messages)


async def _attempt(what: str, write: Awaitable[object]) -> bool:
    """Run one write to its end, whoever hangs up, and return whether it succeeded."""
    with anyio.move_on_after(_STORAGE_S, shield=True) as limit:
        try:
            await write
        except StorageError:
            logger.warning("conversation_not_saved", extra={"step": what}, exc_info=True)
            return False
    if limit.cancelled_caught:
        logger.warning("conversation_save_timed_out", extra={"step": what})
    return not limit.cancelled_caught
