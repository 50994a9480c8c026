"""Provider interface for programs that use this as a library: methods, states, result types. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from automation.errors import AccountError, AutomationError, RateLimitedError

Messages = str | Sequence[Mapping[str, Any]]
"""What is asked: a text of the user, or OpenAI's ``messages``."""


class ProviderType(StrEnum):
    """How a provider is reached."""

    API_BASED = "api_based"
    WEB_AUTOMATION = "web_automation"
    CUSTOM_WEB = "custom_web"


class ProviderStatus(StrEnum):
    """State of a provider."""

    INACTIVE = "inactive"
    INITIALIZING = "initializing"
    ACTIVE = "active"
    BUSY = "busy"
    ERROR = "error"
    RATE_LIMITED = "rate_limited"
    AUTHENTICATION_REQUIRED = "authentication_required"


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """Credentials of a provider.

    Attributes:
        auth_type: ``token``, ``username_password``, ``cookies`` or ``none``; what counts is what ``credentials`` has.
        credentials: ``token``; or ``username`` and ``password`` and perhaps ``totp_secret``; or ``cookies``, a list, or
            ``storage_state``. Never logged, never shown.
    """

    provider_name: str
    auth_type: str = "none"
    credentials: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """A complete answer, or the error instead of one.

    Attributes:
        content: Empty where ``success`` is false: half an answer is none.
        usage: ``prompt_tokens``, ``completion_tokens``, …; empty where the provider tells none.
        metadata: ``finish_reason``, ``tool_calls``, ``sources`` and the like.
    """

    content: str
    success: bool
    provider: str
    error: str | None = None
    model: str | None = None
    reasoning: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


class BaseProvider(ABC):
    """Interface of every provider. Its ``async with`` block cleans it up at the end.

    Attributes:
        config: As given; a subclass may keep settings of its own in it.
        context: None before ``initialize``.
    """

    def __init__(
        self,
        name: str,
        provider_type: ProviderType | str = ProviderType.API_BASED,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.provider_type = ProviderType(provider_type)
        self.config: dict[str, Any] = dict(config or {})
        self.context: ProviderContext | None = None
        self.status = ProviderStatus.INACTIVE
        self._answers = 0

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Set ``status`` while a question is being answered, and after it to what an error left."""
        after = ProviderStatus.ACTIVE
        self._answers += 1
        self.status = ProviderStatus.BUSY
        try:
            yield
        except AutomationError as exc:
            after = status_after(exc)
            raise
        finally:
            self._answers -= 1
            self.status = ProviderStatus.BUSY if self._answers else after

    @abstractmethod
    async def initialize(self, context: ProviderContext) -> None:
        """Get ready to answer; raises what went wrong."""

    @abstractmethod
    async def send_message(self, message: Messages, **kwargs: Any) -> ProviderResponse:
        """Return the answer; a failure of the provider is in its ``error``."""

    @abstractmethod
    def stream_message(self, message: Messages, **kwargs: Any) -> AsyncIterator[str]:
        """Yield the answer's text while it arrives; raises where it breaks off, so that half of it is never the whole."""

    @abstractmethod
    async def health_check(self) -> bool:
        """Return whether it could answer now, without asking it anything."""

    @abstractmethod
    async def cleanup(self) -> None:
        """Close everything; harmless where nothing is open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cleanup()


def status_after(error: Exception) -> ProviderStatus:
    """Return the status of a provider after an error, until it answers again."""
    if isinstance(error, AccountError):
        return ProviderStatus.AUTHENTICATION_REQUIRED
    return ProviderStatus.RATE_LIMITED if isinstance(error, RateLimitedError) else ProviderStatus.ERROR
