"""A provider that plays scripts: what a chat page would tell, without one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from automation.turn import Prompt, TextDelta, TurnEvent, TurnFinished
from backend.providers.config import EndpointConfig
from backend.providers.protocol import Provider, ProviderHealth

DONE = TurnFinished("stop", "wire")
Step = TurnEvent | Exception | anyio.Event
Script = Callable[[Prompt], Iterable[Step]]


def says(*texts: str) -> Script:
    """A script that answers every prompt with these deltas."""
    return lambda _prompt: [*(TextDelta(text) for text in texts), DONE]


def plays(*steps: Step) -> Script:
    """A script of these steps: events are told, errors are raised, an ``anyio.Event`` is waited for."""
    return lambda _prompt: steps


def echoes(prompt: Prompt) -> Iterable[Step]:
    """A script that answers with the last message."""
    return [TextDelta(prompt.messages[-1].text), DONE]


@dataclass
class ScriptedSite:
    """Opens scripted providers; remembers what they were asked and how their turns ended.

    Attributes:
        opening_failures: Raised by the next openings, one each.
        crash: Set it to an error and ``crashed`` ends the open provider with it.
        tidying_failure: Raised by leaving a turn, after its answer was told.
        left_early: Set each time a turn is left before its script was over.
    """

    script: Script = echoes
    model_names: tuple[str, ...] = ()
    opening_failures: list[Exception] = field(default_factory=list)
    health: ProviderHealth | Exception = field(default_factory=lambda: ProviderHealth(is_healthy=True))
    prompts: list[Prompt] = field(default_factory=list)
    configs: list[EndpointConfig] = field(default_factory=list)
    turns_open: int = 0
    providers_open: int = 0
    stopped_turns: int = 0
    left_early: anyio.Event = field(default_factory=anyio.Event)
    turn_opened: anyio.Event = field(default_factory=anyio.Event)
    opening_held: anyio.Event | None = None
    tidying_failure: Exception | None = None
    _crash: anyio.Event = field(default_factory=anyio.Event)
    _crash_error: Exception | None = None

    @asynccontextmanager
    async def open(self, config: EndpointConfig) -> AsyncIterator[Provider]:
        """Be a ``ProviderOpener``."""
        self.configs.append(config)
        if self.opening_held is not None:
            await self.opening_held.wait()
        if self.opening_failures:
            raise self.opening_failures.pop(0)
        self.providers_open += 1
        failure: Exception | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._wait_for_crash, tasks.cancel_scope)
                try:
                    yield _ScriptedProvider(self)
                except Exception as exc:  # noqa: BLE001  carried out of the group, which would wrap it
                    failure = exc
                tasks.cancel_scope.cancel()
        finally:
            self.providers_open -= 1
        failure = failure or self._crash_error
        self._crash_error = None
        if failure is not None:
            raise failure

    def crash(self, error: Exception) -> None:
        """End the open provider with an error, whatever it is doing."""
        self._crash_error = error
        self._crash.set()

    async def _wait_for_crash(self, scope: anyio.CancelScope) -> None:
        await self._crash.wait()
        self._crash = anyio.Event()
        scope.cancel()


class _ScriptedProvider:
    def __init__(self, site: ScriptedSite) -> None:
        self._site = site

    @asynccontextmanager
    async def open_turn(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[TurnEvent]]:
        site = self._site
        site.prompts.append(prompt)
        site.turns_open += 1
        site.turn_opened.set()
        progress = _Progress()
        try:
            yield _play(site.script(prompt), progress)
        finally:
            with anyio.CancelScope(shield=True):
                await (
                    anyio.lowlevel.checkpoint()
                )  # stopping a page takes an await; it must survive cancellation
                site.turns_open -= 1
                if not progress.is_over:
                    site.stopped_turns += 1
                    site.left_early.set()
            if site.tidying_failure is not None:
                raise site.tidying_failure

    async def models(self) -> list[str]:
        return list(self._site.model_names)

    async def check(self) -> ProviderHealth:
        if isinstance(self._site.health, Exception):
            raise self._site.health
        return self._site.health


@dataclass
class _Progress:
    is_over: bool = False


async def _play(steps: Iterable[Step], progress: _Progress) -> AsyncIterator[TurnEvent]:
    for step in steps:
        match step:
            case Exception():
                progress.is_over = True
                raise step
            case anyio.Event():
                await step.wait()
            case _:
                progress.is_over = isinstance(step, TurnFinished)
                yield step
    progress.is_over = True
