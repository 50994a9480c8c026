"""Records one request at one endpoint: its outcome for routing, and its usage record."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from backend.endpoints.endpoint import Endpoint
from backend.gateway.routing.endpoint_stats import EndpointStatsRegistry
from backend.ledger.costs import cost_usd
from backend.ledger.usage_log import UsageLog, UsageRecord
from backend.observability.request_id import request_id
from backend.providers.replies import Reply
from backend.providers.target import Target


class RecordedAttempt:
    """Context manager around one request: updates the routing statistics and writes its usage record.

    A class, like all that each request to an API passes: a generator's context costs three times as much.
    """

    def __init__(
        self,
        endpoint_stats: EndpointStatsRegistry,
        log: UsageLog,
        endpoint: Endpoint,
        target: Target,
        *,
        owner: str,
        is_streamed: bool = False,
    ) -> None:
        self._attempt = endpoint_stats.attempt(endpoint)
        self._log = log
        self._endpoint = endpoint
        self._target = target
        self._owner = owner
        self._is_streamed = is_streamed
        self._start = 0.0
        self._first_delta_ms: float | None = None
        self._reply: Reply | None = None

    def note_begun(self, reply: Reply) -> None:
        """Note that the answer began; what it used is read from it when the block is left."""
        self._first_delta_ms = self._passed_ms()
        self._attempt.note_first_delta()
        self._reply = reply

    def __enter__(self) -> Self:
        self._start = time.perf_counter()
        self._attempt.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._attempt.__exit__(kind, exc, trace)
        target, reply = self._target, self._reply
        usage = reply.usage if reply is not None else None
        self._log.note(
            UsageRecord(
                at=datetime.now(UTC),
                request_id=request_id.get(),
                owner=self._owner,
                endpoint=target.slug,
                model=target.model or "",
                outcome=_outcome(exc),
                is_streamed=self._is_streamed,
                input_tokens=usage.input_tokens if usage else None,
                output_tokens=usage.output_tokens if usage else None,
                is_estimated=reply is not None and reply.is_usage_estimated,
                cost_usd=cost_usd(self._endpoint.config, target.model, usage),
                first_delta_ms=self._first_delta_ms,
                duration_ms=self._passed_ms(),
            )
        )

    def _passed_ms(self) -> float:
        return (time.perf_counter() - self._start) * 1000


def _outcome(exc: BaseException | None) -> str:
    if exc is None:
        return "finished"
    return type(exc).__name__ if isinstance(exc, Exception) else "cancelled"
