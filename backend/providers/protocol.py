"""What serves one endpoint while it is started."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from automation.errors import AutomationError
from automation.turn import ChatLink, Prompt, TurnEvent
from backend.providers.account_roster import AccountRoster
from backend.providers.config import EndpointConfig


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """What a check found.

    Attributes:
        reason: Why it is not healthy.
        details: Facts for ``GET …/health``.
    """

    is_healthy: bool
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class Provider(Protocol):
    """Answers turns. Every method raises the errors of ``automation.errors``."""

    @property
    def problem(self) -> AutomationError | None:
        """Why no turn can be answered until a person acts or a limit is over; None while some can."""
        ...

    @property
    def roster(self) -> AccountRoster | None:
        """Its accounts; None for a provider without any."""
        ...

    async def until_changed(self) -> None:
        """Return when ``problem`` may have changed."""
        ...

    def open_turn(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[TurnEvent]]:
        """Return a context that hands out the turn's events; the last one is ``TurnFinished``.

        Leaving the context early, also by cancellation, stops the answer at the site.
        """
        ...

    async def models(self) -> list[str]:
        """Return the site's own model names; empty when the site offers no choice."""
        ...

    async def check(self) -> ProviderHealth:
        """Look whether the site could answer now, without asking it anything."""
        ...

    async def forget_chat(self, chat: ChatLink) -> bool:
        """Delete a chat at the site, and return whether it was; False where there is no way to."""
        ...


ProviderOpener = Callable[[EndpointConfig], AbstractAsyncContextManager[Provider]]
"""Opening it signs in and opens pages, and raises the errors of ``automation.errors``."""
