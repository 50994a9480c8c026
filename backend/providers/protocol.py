"""What serves one endpoint while it is started."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from automation.errors import AutomationError
from automation.turn import ChatLink, Prompt, TurnEvent
from backend.providers.account_control import AccountControl
from backend.providers.api.dialect import WholeCompletion
from backend.providers.config import EndpointConfig
from backend.providers.replies import StreamedAnswer
from backend.wire.chat_response import CompletionHead


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
    """Serves an endpoint. Every method raises the errors of ``automation.errors``.

    How it is asked depends on its kind: ``PageProvider`` takes prompts, ``CompletionProvider`` chat bodies.
    """

    @property
    def problem(self) -> AutomationError | None:
        """Why no turn can be answered until a person acts or a limit is over; None while some can."""
        ...

    @property
    def accounts(self) -> AccountControl | None:
        """Control over its accounts; None for a provider without any."""
        ...

    async def until_changed(self) -> None:
        """Return when ``problem`` may have changed."""
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


class PageProvider(Provider, Protocol):
    """Answers prompts through a chat page."""

    def open_turn(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[TurnEvent]]:
        """Return a context that hands out the turn's events; the last one is ``TurnFinished``.

        Leaving the context early, also by cancellation, stops the answer at the site.
        """
        ...


class CompletionProvider(Provider, Protocol):
    """Answers chat bodies in OpenAI's form."""

    def ignored(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the fields of a chat body that have no effect here."""
        ...

    def open_stream(
        self, body: Mapping[str, Any], head: CompletionHead, *, with_usage: bool
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        """Return a context that hands out the answer once it has begun; leaving it early ends it at the provider."""
        ...

    async def complete(self, body: Mapping[str, Any], head: CompletionHead) -> WholeCompletion:
        """Return the whole answer."""
        ...

    async def embed(self, body: Mapping[str, Any], model: str) -> bytes:
        """Return OpenAI's embeddings document for its body."""
        ...


ProviderOpener = Callable[[EndpointConfig], AbstractAsyncContextManager[Provider]]
"""Opening it signs in and opens pages, and raises the errors of ``automation.errors``."""

PageProviderOpener = Callable[[EndpointConfig], AbstractAsyncContextManager[PageProvider]]
"""As a ``ProviderOpener``, of what takes prompts."""
