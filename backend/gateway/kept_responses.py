"""Keeps the last responses of each caller, sealed, so that requests can go on from them or refer to their items."""

from __future__ import annotations

import logging
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, TypeVarTuple

import anyio.to_thread

from backend.accounts.vault import Vault, VaultError
from backend.errors import PreviousResponseNotFoundError, StorageError
from backend.wire.answers.exact_json import parse_exactly
from backend.wire.chat_response import to_json
from backend.wire.responses.kept_items import find_previous, find_references, list_items, unfold

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

logger = logging.getLogger(__name__)

# An upstream's ids may be anything; these are what a column holds.
_ID = re.compile(r"[\x21-\x7e]{1,200}")
_LARGE_BYTES = 64 * 1024  # above, others would notice the wait


class SealedResponse(NamedTuple):
    """One response as it is stored.

    Attributes:
        item_ids: Of its own output, by which requests refer to single items.
        sealed: The items of the conversation up to and with this response.
    """

    owner: str
    id: str
    item_ids: Sequence[str]
    sealed: str


class ResponseRepository(Protocol):
    """Stores responses by owner, the newest ones for a while. Every method raises ``StorageError``."""

    async def add_response(self, response: SealedResponse) -> None:
        """Store one, and delete those too old or too many."""
        ...

    async def find_response(self, owner: str, response_id: str) -> SealedResponse | None:
        """Return one of the owner's, or None."""
        ...

    async def find_responses_of(self, owner: str, item_ids: Sequence[str]) -> list[SealedResponse]:
        """Return the owner's responses that gave these items, the newest first."""
        ...


class ResponseKeeper:
    """Keeps responses and finds them again, each for its owner alone.

    Args:
        most_bytes: What a conversation may take; of a larger one nothing is kept.
        is_on: Whether anything is kept at all.
    """

    def __init__(
        self, repository: ResponseRepository, vault: Vault, *, most_bytes: int, is_on: bool = True
    ) -> None:
        self._repository = repository
        self._vault = vault
        self._most_bytes = most_bytes
        self.is_on = is_on

    async def unfold(self, body: dict[str, Any], owner: str) -> dict[str, Any]:
        """Return a request with all that it refers to in its input; the request itself where it refers to nothing.

        Raises:
            PreviousResponseNotFoundError: The owner has no such response.
            InvalidRequestError: The owner has no such item; ``param`` names the reference.
            StorageError: The database can't be asked.
        """
        previous, references = find_previous(body), find_references(body)
        if not self.is_on or (previous is None and not references):
            return body
        earlier = await self._items_until(previous, owner) if previous is not None else []
        known = await self._find_items(references, owner) if references else {}
        return unfold(body, earlier, known)

    async def keep(self, body: Mapping[str, Any], response: Mapping[str, Any], owner: str) -> None:
        """Keep a response to a request, unless that says otherwise; failures are only logged.

        Args:
            body: The request, with all that it refers to.
            response: The whole response.
            owner: Whose it is.
        """
        response_id, output = response.get("id"), response.get("output")
        if not self.wants(body) or not isinstance(output, list) or not _is_id(response_id):
            return
        assert isinstance(response_id, str)
        items = to_json([*list_items(body), *output])
        if len(items) > self._most_bytes:
            logger.warning("response_not_kept", extra={"reason": "it is too large"})
            return
        ids = [item["id"] for item in output if isinstance(item, Mapping) and _is_id(item.get("id"))]
        sealed = await _aside(len(items), self._seal, items, owner, response_id)
        try:
            await self._repository.add_response(SealedResponse(owner, response_id, ids, sealed))
        except StorageError as exc:
            reason = type(exc.__cause__ or exc).__name__
            logger.warning("response_not_kept", extra={"reason": reason})

    def wants(self, body: Mapping[str, Any]) -> bool:
        """Whether the response to a request is kept."""
        return self.is_on and body.get("store") is not False

    async def _items_until(self, response_id: str, owner: str) -> list[Any]:
        found = await self._repository.find_response(owner, response_id) if _is_id(response_id) else None
        items = await self._open(found) if found is not None else None
        if items is None:
            raise PreviousResponseNotFoundError(response_id)
        return items

    async def _find_items(self, references: Sequence[str], owner: str) -> dict[str, Mapping[str, Any]]:
        wanted = {one for one in references if _is_id(one)}
        known: dict[str, Mapping[str, Any]] = {}
        for response in await self._repository.find_responses_of(owner, sorted(wanted)):
            # A later response of a conversation mostly holds the items of those before it.
            if not wanted.isdisjoint(response.item_ids):
                for item in await self._open(response) or ():
                    if isinstance(item, Mapping) and item.get("id") in wanted:
                        known[item["id"]] = item
                wanted -= known.keys()
        return known

    async def _open(self, response: SealedResponse) -> list[Any] | None:
        try:
            return await _aside(len(response.sealed), self._unseal, response)
        except VaultError:
            logger.warning(
                "stored_secret_unreadable", extra={"purpose": _purpose(response.owner, response.id)}
            )
            return None

    def _seal(self, items: bytes, owner: str, response_id: str) -> str:
        return self._vault.seal(zlib.compress(items, 1), _purpose(owner, response_id))

    def _unseal(self, response: SealedResponse) -> list[Any]:
        packed = self._vault.unseal(response.sealed, _purpose(response.owner, response.id))
        items: list[Any] = parse_exactly(zlib.decompress(packed))
        return items


async def _aside(size_bytes: int, work: Callable[[*_Ts], _T], *args: *_Ts) -> _T:
    """Do it in a thread where it takes long."""
    if size_bytes < _LARGE_BYTES:
        return work(*args)
    return await anyio.to_thread.run_sync(work, *args)


def _purpose(owner: str, response_id: str) -> str:
    return f"response/{owner}/{response_id}"


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None
