"""Records what requests used, in batches, so that a request never waits for the database.

A gateway that is killed loses the records of its last second; one that is stopped loses none.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

import anyio

from automation.owned_tasks import owned_tasks
from backend.errors import StorageError

logger = logging.getLogger(__name__)

FLUSH_S = 1.0
_BATCH = 2_000
_MOST_KEPT = 200_000
_LAST_FLUSH_S = 5.0


class UsageRecord(NamedTuple):
    """One request that was answered, or failed at an endpoint.

    Attributes:
        request_id: As in ``x-request-id``.
        owner: Who asked, by the id of their principal; empty with authentication off.
        endpoint: Who answered, or was asked last.
        outcome: ``finished``, ``cancelled``, or the error's name.
        input_tokens: None where nobody counted them.
        is_estimated: The tokens are an estimate of ours.
        cost_usd: By the endpoint's prices; None where it has none for the model.
        first_delta_ms: From the request to the first piece of the answer; of a whole answer, to all of it.
    """

    at: datetime
    request_id: str
    owner: str
    endpoint: str
    model: str
    outcome: str
    is_streamed: bool
    input_tokens: int | None
    output_tokens: int | None
    is_estimated: bool
    cost_usd: float | None
    first_delta_ms: float | None
    duration_ms: float


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """Total usage of an endpoint's model."""

    endpoint: str
    model: str
    requests: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


class UsageRepository(Protocol):
    """Stores usage records. Every method raises ``StorageError``."""

    async def add_records(self, records: Sequence[UsageRecord]) -> None:
        """Store the records, all or none."""
        ...

    async def totals(
        self, since: datetime | None, endpoint: str | None, owner: str | None
    ) -> list[UsageTotal]:
        """Return the totals by endpoint and model, the most expensive first, then the most used.

        None stands for all of them.
        """
        ...


class UsageLog:
    """Buffers usage records and writes them in batches."""

    def __init__(self, repository: UsageRepository) -> None:
        self._repository = repository
        self._waiting: deque[UsageRecord] = deque(maxlen=_MOST_KEPT)
        self._flushing = anyio.Lock()

    def note(self, record: UsageRecord) -> None:
        """Take a record; while the database is away, the newest 200,000 wait."""
        self._waiting.append(record)

    async def flush(self) -> None:
        """Write what waits.

        Raises:
            StorageError: It could not be written, and waits on.
        """
        async with self._flushing:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                try:
                    await self._repository.add_records(batch)
                except BaseException:
                    self._waiting.extendleft(reversed(batch))
                    raise

    async def totals(
        self, since: datetime | None = None, endpoint: str | None = None, owner: str | None = None
    ) -> list[UsageTotal]:
        """Return the totals, the newest records included.

        Raises:
            StorageError: The database can't be used.
        """
        await self.flush()
        return await self._repository.totals(since, endpoint, owner)

    async def run(self) -> None:
        """Write every second, for ever."""
        is_told = False
        while True:
            await anyio.sleep(FLUSH_S)
            try:
                await self.flush()
                is_told = False
            except StorageError:
                if not is_told:
                    logger.warning("usage_not_saved", extra={"waiting": len(self._waiting)})
                is_told = True


@asynccontextmanager
async def open_usage_log(repository: UsageRepository) -> AsyncIterator[UsageLog]:
    """Hand out the log, and write what waits at the end."""
    log = UsageLog(repository)
    async with owned_tasks() as tasks:
        tasks.start_soon(log.run)
        yield log
    with anyio.move_on_after(_LAST_FLUSH_S, shield=True):
        try:
            await log.flush()
        except StorageError:
            logger.warning("usage_lost")
