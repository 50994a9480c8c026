"""A provider on one page of the chat site, and its turns read to their end, for browser tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from anyio.lowlevel import checkpoint

from automation.account.account import open_account
from automation.account.config import CaptureRoute
from automation.account.session_state import SessionStore, StorageState
from automation.browser.pool import BrowserPool
from automation.browser.profile_folder import ProfileFolder
from automation.profiles.validation import parse_profile
from automation.stealth.options import BrowserConfig
from automation.stealth.pacing import HumanInput
from automation.timing import Timeouts
from automation.turn import ChatLink, Message, Prompt, ReasoningDelta, TextDelta, TurnEvent, TurnFinished
from automation.web_provider.chat_site import ChatSite, Credentials, WebChatConfig
from tests.fakes.chat_site import FakeChatSite, profile_data

ADA = Credentials("ada", "lovelace")
# Long enough for a machine that is busy with other work; a test that waits for one of them to pass sets its own.
PATIENCE = Timeouts(ready_s=60, compose_s=60, first_token_s=60, idle_s=60, sign_in_s=60, send_confirm_s=20)


class MemorySessions:
    """Keeps a session for as long as the test lasts."""

    def __init__(self) -> None:
        self.state: StorageState | None = None

    async def load(self) -> StorageState | None:
        return self.state

    async def save(self, state: StorageState) -> None:
        self.state = state

    async def clear(self) -> None:
        self.state = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole turn as a client got it."""

    text: str
    reasoning: str
    finished: TurnFinished
    deltas: int


def open_provider(
    browsers: BrowserPool,
    site: FakeChatSite,
    variant: str,
    *,
    with_wire: bool = True,
    credentials: Credentials | None = None,
    sessions: SessionStore | None = None,
    max_pages: int = 1,
    timeouts: Timeouts = PATIENCE,
    capture: CaptureRoute = "auto",
    browser: BrowserConfig = BrowserConfig(),  # noqa: B008  frozen
    human_input: HumanInput = "off",
    profile_folder: ProfileFolder | None = None,
    **changes: Any,
) -> AbstractAsyncContextManager[ChatSite]:
    """Open the variant's page; ``changes`` replace keys of its profile."""
    profile = parse_profile({**profile_data(variant, with_wire=with_wire), **changes})
    config = WebChatConfig(
        base_url=site.url,
        login_url=None,
        profile=profile,
        credentials=credentials,
        browser=browser,
        max_pages=max_pages,
        timeouts=timeouts,
        name=variant,
        capture=capture,
        human_input=human_input,
    )
    return open_with_account(browsers, config, sessions or MemorySessions(), profile_folder)


@asynccontextmanager
async def open_with_account(
    browsers: BrowserPool,
    config: WebChatConfig,
    sessions: SessionStore,
    profile_folder: ProfileFolder | None = None,
) -> AsyncIterator[ChatSite]:
    """Open a site with an account of its own."""
    async with (
        open_account(browsers, config, sessions, profile_folder) as account,
        ChatSite.open(account, config) as provider,
    ):
        yield provider


def prompt_of(text: str) -> Prompt:
    return Prompt((Message("user", text),))


async def ask(provider: ChatSite, text: str) -> Reply:
    """Run one turn to its end."""
    async with provider.open_turn(prompt_of(text)) as events:
        return await read(events)


async def read(events: AsyncIterator[TurnEvent]) -> Reply:
    seen = [event async for event in events]
    finished = seen[-1]
    assert isinstance(finished, TurnFinished)
    assert not any(isinstance(event, TurnFinished) for event in seen[:-1])
    texts = [event.text for event in seen if isinstance(event, TextDelta)]
    reasoning = "".join(event.text for event in seen if isinstance(event, ReasoningDelta))
    return Reply("".join(texts), reasoning, finished, len(texts))


class Talk:
    """A client's side of one conversation: it sends all of it each time, and remembers where it stands."""

    def __init__(self, provider: ChatSite) -> None:
        self.provider = provider
        self.messages: tuple[Message, ...] = ()
        self.chat: ChatLink | None = None

    async def say(self, text: str) -> Reply:
        """Send one more message and return its answer."""
        said = len(self.messages)
        self.messages += (Message("user", text),)
        async with self.provider.open_turn(Prompt(self.messages, chat=self.chat, said=said)) as events:
            reply = await read(events)
        self.messages += (Message("assistant", reply.text),)
        self.chat = reply.finished.chat
        return reply

    async def until_kept(self) -> None:
        """Return once the chat's page is at rest: what it stores of the turn is stored then."""
        while not (await self.provider.check())["pages"]["kept"]:
            await checkpoint()
