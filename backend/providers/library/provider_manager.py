"""Holds a program's providers by name, opens them when they are needed, and counts their calls."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import anyio

from automation.errors import AutomationError
from automation.library.interface import (
    BaseProvider,
    Messages,
    ProviderContext,
    ProviderResponse,
    ProviderStatus,
)
from backend.errors import GatewayError


@dataclass(slots=True)
class _Held:
    provider: BaseProvider
    opening: anyio.Lock = field(default_factory=anyio.Lock)
    is_open: bool = False
    requests: int = 0
    failures: int = 0
    tokens: int = 0
    seconds: float = 0.0


class ProviderManager:
    """A program's providers. As an ``async with`` block all of them are cleaned up at the end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._held: dict[str, _Held] = {}
        self._clock = clock

    async def add_provider(self, provider: BaseProvider, context: ProviderContext | None = None) -> None:
        """Add a provider; with a context it is opened at once, else with its first question.

        Raises:
            ValueError: There is one of this name.
        """
        if provider.name in self._held:
            msg = f"there is a provider {provider.name!r} already"
            raise ValueError(msg)
        self._held[provider.name] = _Held(provider)
        if context is not None:
            await self.set_provider_context(provider.name, context)

    async def remove_provider(self, name: str) -> None:
        """Clean a provider up and forget it."""
        held = self._find(name)
        del self._held[name]
        await held.provider.cleanup()

    async def set_provider_context(self, name: str, context: ProviderContext) -> None:
        """Open a provider with these credentials; one that is open is opened anew. Raises what went wrong."""
        held = self._find(name)
        async with held.opening:
            held.is_open = False
            await held.provider.initialize(context)
            held.is_open = True

    async def send_message(self, name: str, message: Messages, **kwargs: Any) -> ProviderResponse:
        """Return a provider's answer, or in its ``error`` why there is none.

        Raises:
            KeyError: There is no such provider.
            TypeError: It gave no ``ProviderResponse``.
        """
        held = self._find(name)
        began_s = self._clock()
        held.requests += 1
        try:
            await self._open(held)
            response = _checked(await held.provider.send_message(message, **kwargs), name)
        except (AutomationError, GatewayError) as exc:
            response = ProviderResponse("", success=False, provider=name, error=str(exc))
        if not response.success:
            held.failures += 1
        held.tokens += int(response.usage.get("total_tokens") or 0)
        held.seconds += self._clock() - began_s
        return response

    async def stream_message(self, name: str, message: Messages, **kwargs: Any) -> AsyncIterator[str]:
        """Yield a provider's answer while it arrives; raises where it breaks off.

        Raises:
            KeyError: There is no such provider.
            TypeError: It gave no stream.
        """
        held = self._find(name)
        began_s = self._clock()
        held.requests += 1
        try:
            await self._open(held)
            texts = await _open_text_stream(held.provider, message, kwargs)
            async with AsyncExitStack() as stream:
                if hasattr(texts, "aclose"):
                    stream.push_async_callback(texts.aclose)
                async for text in texts:
                    yield text
        except Exception:
            held.failures += 1
            raise
        finally:
            held.seconds += self._clock() - began_s

    async def test_provider(self, name: str) -> bool:
        """Return whether a provider could answer now, without asking it anything.

        Raises:
            KeyError: There is no such provider.
        """
        held = self._find(name)
        try:
            await self._open(held)
            return bool(await held.provider.health_check())
        except (AutomationError, GatewayError):
            return False

    async def health_check_all(self) -> dict[str, bool]:
        """Return the health of all providers by name, checked concurrently."""
        found: dict[str, bool] = {}

        async def check(name: str) -> None:
            found[name] = await self.test_provider(name)

        async with anyio.create_task_group() as checks:
            for name in self._held:
                checks.start_soon(check, name)
        return {name: found[name] for name in self._held if name in found}

    async def get_provider_stats(self) -> dict[str, dict[str, Any]]:
        """Return by name: ``status``, ``type``, ``requests``, ``failures``, ``total_tokens``, ``average_seconds``."""
        return {
            name: {
                "status": held.provider.status.value,
                "type": held.provider.provider_type.value,
                "requests": held.requests,
                "failures": held.failures,
                "total_tokens": held.tokens,
                "average_seconds": held.seconds / held.requests if held.requests else 0.0,
            }
            for name, held in self._held.items()
        }

    async def cleanup(self) -> None:
        """Clean all providers up; what fails does not keep the others from it."""
        async with AsyncExitStack() as closing:
            for held in self._held.values():
                held.is_open = False
                closing.push_async_callback(held.provider.cleanup)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cleanup()

    def _find(self, name: str) -> _Held:
        if name not in self._held:
            known = ", ".join(sorted(self._held)) or "none"
            msg = f"there is no provider {name!r}; known: {known}"
            raise KeyError(msg)
        return self._held[name]

    @staticmethod
    async def _open(held: _Held) -> None:
        async with held.opening:
            # A program may have opened it itself.
            if held.is_open or held.provider.status is not ProviderStatus.INACTIVE:
                return
            await held.provider.initialize(held.provider.context or ProviderContext(held.provider.name))
            held.is_open = True


def _checked(response: Any, name: str) -> ProviderResponse:
    if not isinstance(response, ProviderResponse):
        msg = f"the provider {name!r} gave no ProviderResponse"
        raise TypeError(msg)
    return response


async def _open_text_stream(provider: BaseProvider, message: Messages, fields: dict[str, Any]) -> Any:
    """Return a provider's stream, which a program's own provider may return from a coroutine."""
    texts: Any = provider.stream_message(message, **fields)
    texts = await texts if inspect.isawaitable(texts) else texts
    if not hasattr(texts, "__aiter__"):
        msg = f"the provider {provider.name!r} gave no stream"
        raise TypeError(msg)
    return texts
