"""Decides which changes of endpoints become notices, and when: debouncing and repetition. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal

from backend.endpoints.states import EndpointState, StateChange
from backend.gateway.routing.breaker import Change

Trouble = Literal["error", "authentication_required", "banned", "disabled"]
Kind = Literal["error", "authentication_required", "banned", "disabled", "recovered"]

_WORDS: Mapping[Kind, str] = MappingProxyType(
    {
        "error": "has an error",
        "authentication_required": "needs a person to sign in",
        "banned": "is banned: the site has closed its account",
        "disabled": "is disabled after several failures in a row",
        "recovered": "works again",
    }
)
_BANNED = "AccountBannedError"
_WELL = frozenset({EndpointState.ACTIVE, EndpointState.BUSY})


@dataclass(frozen=True, slots=True)
class Notice:
    """One piece of news.

    Attributes:
        reason: The error's words; empty for ``recovered``.
    """

    endpoint: str
    kind: Kind
    reason: str
    at: datetime

    @property
    def title(self) -> str:
        """One line for a subject or a chat."""
        return f"Parley: endpoint {self.endpoint} {_WORDS[self.kind]}"

    @property
    def text(self) -> str:
        """The title, and the reason if there is one."""
        return f"{self.title}. {self.reason}" if self.reason else f"{self.title}."

    def document(self) -> dict[str, Any]:
        """Return what a webhook is sent; ``text`` is what chat services show."""
        return {
            "event": f"endpoint.{self.kind}",
            "endpoint": self.endpoint,
            "state": self.kind,
            "reason": self.reason or None,
            "at": self.at.isoformat(),
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class _Condition:
    kind: Kind
    reason: str
    at: datetime


@dataclass(slots=True)
class _Endpoint:
    by_state: _Condition | None = None
    by_breaker: _Condition | None = None
    well: _Condition | None = None
    told: Kind = "recovered"

    @property
    def now(self) -> _Condition | None:
        return self.by_state or self.by_breaker or self.well


class NoticeBook:
    """Tracks each endpoint's condition and the last notice about it, so that the last notice is true in the end.

    The same notice of an endpoint is sent once within ``min_interval_s``. A condition that comes and goes in between is not sent;
    one that stays is, as soon as the time is over. Times are seconds on the caller's monotonic clock.
    """

    def __init__(self, min_interval_s: float) -> None:
        self._min_interval_s = min_interval_s
        self._endpoints: dict[str, _Endpoint] = {}
        self._told_at: dict[tuple[str, Kind], float] = {}

    def note_state(self, slug: str, change: StateChange) -> None:
        """Note a change of state; a stopped endpoint causes no notices until it is started again."""
        endpoint = self._endpoints.setdefault(slug, _Endpoint())
        if change.state is EndpointState.INACTIVE:
            endpoint.by_state = endpoint.by_breaker = endpoint.well = None
            return
        trouble = _trouble(change)
        if trouble is not None:
            endpoint.by_state = _Condition(trouble, change.reason or "", change.at)
        elif change.state in _WELL:
            endpoint.by_state = None
            endpoint.well = _Condition("recovered", "", change.at)

    def note_breaker(self, slug: str, change: Change, reason: str) -> None:
        """Note that the endpoint was disabled, or works again."""
        endpoint = self._endpoints.setdefault(slug, _Endpoint())
        at = datetime.now(UTC)
        endpoint.by_breaker = _Condition("disabled", reason, at) if change == "disabled" else None
        endpoint.well = _Condition("recovered", "", at)

    def take_due(self, now: float) -> list[Notice]:
        """Return the notices that are due, and mark them as sent."""
        due: list[Notice] = []
        for slug, endpoint in self._endpoints.items():
            condition = endpoint.now
            if condition is not None and self._due_at(slug, endpoint) <= now:
                due.append(Notice(slug, condition.kind, condition.reason, condition.at))
                endpoint.told = condition.kind
                self._told_at[slug, condition.kind] = now
        return due

    def next_due(self) -> float:
        """Return when ``take_due`` has something next if nothing changes; infinite for never."""
        return min((self._due_at(slug, one) for slug, one in self._endpoints.items()), default=math.inf)

    def _due_at(self, slug: str, endpoint: _Endpoint) -> float:
        condition = endpoint.now
        if condition is None or condition.kind == endpoint.told:
            return math.inf
        return self._told_at.get((slug, condition.kind), -math.inf) + self._min_interval_s


def _trouble(change: StateChange) -> Trouble | None:
    if change.state is EndpointState.ERROR:
        return "error"
    if change.state is EndpointState.AUTHENTICATION_REQUIRED:
        return "banned" if change.cause == _BANNED else "authentication_required"
    return None
