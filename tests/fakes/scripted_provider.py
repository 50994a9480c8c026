"""A provider that plays scripts: what a chat page would tell, without one."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import anyio

from automation.errors import AutomationError, ConversationGoneError
from automation.turn import ChatLink, Message, Prompt, TextDelta, TurnEvent, TurnFinished
from backend.providers.account_control import AccountControl
from backend.providers.config import EndpointConfig
from backend.providers.protocol import PageProvider, ProviderHealth

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
        keeps_chats: Whether its turns can be gone on with.
        chats: What the messages of each living chat were, by the id of its link; clear it and they are lost.
        sent: What each turn entered into the page: all messages, or only those that its chat didn't have.
        forgotten: Chats that were deleted, and ``forget_failure`` what deleting one raises.
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
    keeps_chats: bool = False
    chats: dict[str, list[Message]] = field(default_factory=dict)
    sent: list[tuple[Message, ...]] = field(default_factory=list)
    forgotten: list[ChatLink] = field(default_factory=list)
    forget_failure: Exception | None = None
    can_forget: bool = True
    _numbers: Iterable[int] = field(default_factory=lambda: itertools.count(1))
    _crash: anyio.Event = field(default_factory=anyio.Event)
    _crash_error: Exception | None = None

    @asynccontextmanager
    async def open(self, config: EndpointConfig) -> AsyncIterator[PageProvider]:
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

    def enter(self, prompt: Prompt) -> ChatLink:
        """Enter a prompt into its chat, or all of it into a new one, as a page does."""
        link = prompt.chat
        is_there = link is not None and link.id in self.chats
        if prompt.must_continue and not is_there:
            raise ConversationGoneError
        if link is None or not is_there:
            number = next(iter(self._numbers))
            link = ChatLink(f"chat-{number}", f"http://site.example/c/{number}", "print")
            self.chats[link.id] = []
        new = prompt.messages[prompt.said :] if is_there else prompt.messages
        self.sent.append(new)
        self.chats[link.id] += new
        return link

    def finish(self, event: TurnFinished, link: ChatLink, prompt: Prompt) -> TurnFinished:
        """Say where the turn's chat can be gone on with."""
        is_continued = prompt.chat is not None and prompt.chat.id == link.id
        return replace(event, chat=link, is_continued=is_continued) if self.keeps_chats else event

    async def _wait_for_crash(self, scope: anyio.CancelScope) -> None:
        await self._crash.wait()
        self._crash = anyio.Event()
        scope.cancel()


class _ScriptedProvider:
    problem: AutomationError | None = None
    accounts: AccountControl | None = None

    def __init__(self, site: ScriptedSite) -> None:
        self._site = site

    async def until_changed(self) -> None:
        await anyio.sleep_forever()

    @asynccontextmanager
    async def open_turn(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[TurnEvent]]:
        site = self._site
        site.prompts.append(prompt)
        site.turns_open += 1
        site.turn_opened.set()
        progress = _Progress()
        try:
            yield _play(site, prompt, progress)
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

    async def forget_chat(self, chat: ChatLink) -> bool:
        if self._site.forget_failure is not None:
            raise self._site.forget_failure
        if self._site.can_forget:
            self._site.forgotten.append(chat)
        return self._site.can_forget


@dataclass
class _Progress:
    is_over: bool = False


async def _play(site: ScriptedSite, prompt: Prompt, progress: _Progress) -> AsyncIterator[TurnEvent]:
    link, told = site.enter(prompt), ""
    for step in site.script(prompt):
        match step:
            case Exception():
                progress.is_over = True
                raise step
            case anyio.Event():
                await step.wait()
            case TurnFinished():
                progress.is_over = True
                site.chats[link.id].append(Message("assistant", told))
                yield site.finish(step, link, prompt)
            case _:
                told += step.text if isinstance(step, TextDelta) else ""
                yield step
    progress.is_over = True
