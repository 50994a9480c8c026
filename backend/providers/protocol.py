"""Protocol of providers: what serves one endpoint while it is started, in this process or another.

Everything that goes in and out is plain data, a stream or a context manager, so that a provider may be a proxy to what
runs elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from automation.errors import AutomationError
from automation.turn import ChatLink, Prompt, TurnEvent
from backend.providers.account_control import AccountControl
from backend.providers.chat_call import ChatCall
from backend.providers.config import EndpointConfig
from backend.providers.replies import Reply
from backend.providers.target import Target
from backend.wire.door import DoorName


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """Result of a health check.

    Attributes:
        reason: Why it is not healthy.
        details: Facts for ``GET …/health``.
    """

    is_healthy: bool
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProviderTraits:
    """What the gateway has to know of a kind of provider, also while none of its endpoints is open.

    Attributes:
        takes_any_model: Every request tells the model, which need not be one of those that are listed.
        has_changing_models: The list of models may change while an endpoint is open.
        has_embeddings: ``embed`` may answer.
        keeps_chats: A request becomes a chat that its user finds at the site: what front-ends ask for themselves may go to
            another model.
        keeps_min_delay: It keeps ``min_delay_between_requests`` itself, such as for each of its accounts.
        needs_cancel_scope: Its turns tidy up behind a shield, which only a cancel scope respects. Without, a turn is ended
            by cancelling its task, at an eighth of what a scope costs a request.
        is_free: Requests cost nothing where the endpoint states no prices.
        native_apis: The APIs besides chat completions whose requests it takes as they came.
    """

    takes_any_model: bool = False
    has_changing_models: bool = False
    has_embeddings: bool = False
    keeps_chats: bool = False
    keeps_min_delay: bool = False
    needs_cancel_scope: bool = True
    is_free: bool = False
    native_apis: frozenset[DoorName] = frozenset()


Admitted = AbstractAsyncContextManager[None]
"""A request's place among those that an endpoint answers at once: entering it waits for one, leaving it gives it back.

Ending the endpoint ends the block.
"""


class ProviderControl(Protocol):
    """What every provider tells of itself. Every method raises the errors of ``automation.errors``."""

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
        """Delete a chat at the site, and return whether it was deleted; False where there is no way to."""
        ...


class Provider(ProviderControl, Protocol):
    """Answers the requests to an endpoint."""

    def open_reply(
        self, call: ChatCall, target: Target, admitted: Admitted
    ) -> AbstractAsyncContextManager[Reply]:
        """Return a context that hands out the answer once it has begun; leaving it early ends the answer at its source.

        The provider enters ``admitted`` once, when all is done that needs no place, such as fetching files, and lets out
        as it is what entering raises: nothing has been sent then. It leaves ``admitted`` as soon as its part is done.

        Raises:
            GatewayError, AutomationError, ValidationError: On entering or while the answer is iterated.
        """
        ...

    async def embed(self, body: Mapping[str, Any], model: str) -> bytes:
        """Return OpenAI's embeddings document for its body.

        Raises:
            InvalidRequestError: There are no embeddings.
            GatewayError, AutomationError: It failed.
        """
        ...


class PageProvider(ProviderControl, Protocol):
    """Answers prompts through a chat page; ``gateway.page_turns`` makes a ``Provider`` of it."""

    def open_turn(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[TurnEvent]]:
        """Return a context that hands out the turn's events; the last one is ``TurnFinished``.

        Leaving the context early, also by cancellation, stops the answer at the site.
        """
        ...


ProviderOpener = Callable[[EndpointConfig], AbstractAsyncContextManager[Provider]]
"""Opening it signs in and opens pages, and raises the errors of ``automation.errors``."""

PageProviderOpener = Callable[[EndpointConfig], AbstractAsyncContextManager[PageProvider]]
"""As a ``ProviderOpener``, of what takes prompts."""


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """One kind of provider: how it is opened, and what sets it apart.

    Attributes:
        native_apis: Those of an endpoint by its configuration.
    """

    open: ProviderOpener
    traits: ProviderTraits = field(default_factory=ProviderTraits)
    native_apis: Callable[[EndpointConfig], frozenset[DoorName]] = lambda _config: frozenset()

    def traits_of(self, config: EndpointConfig) -> ProviderTraits:
        """Return what sets one endpoint of this kind apart."""
        return replace(self.traits, native_apis=self.native_apis(config))
