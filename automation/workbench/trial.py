"""Tries a profile on its page in a real browser: what matches, and with a prompt what both sources make of the answer."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from automation.account.account import Account, open_account
from automation.account.config import WebChatConfig, effective_timeouts
from automation.account.session_state import StorageState
from automation.browser.pool import BrowserPool
from automation.errors import AutomationError, PageLostError, SiteChangedError, UnreachableError
from automation.owned_tasks import owned_tasks, page_work
from automation.page.roles import RoleMatch, find_profile_key, merge_most, parse_roles
from automation.timing import Timeouts
from automation.turn import Message, Prompt, ReasoningDelta, TextDelta, TurnEvent, TurnFinished, join_answer
from automation.web_provider.chat_page import ChatPage, build_chat_page
from automation.web_provider.page_connection import PageConnection, open_page_connection
from automation.web_provider.transcript import compose_transcript
from automation.web_provider.turn_input import build_turn_input
from automation.workbench.advice import Findings, find_hints, find_problems
from automation.workbench.end_words import describe_end
from automation.workbench.report import AnswerReport, RoleRow, TrialPlan, TrialReport
from automation.workbench.request_log import RequestLog
from automation.workbench.role_picture import Box
from automation.workbench.screenshot import take_screenshot

logger = logging.getLogger(__name__)

TRIAL_TIMEOUTS = Timeouts(ready_s=15.0, compose_s=10.0, first_token_s=45.0, idle_s=30.0, turn_s=240.0)
"""Shorter than a gateway's: whoever tries a profile sits before it. A profile's own ``timeouts`` win."""

_LOOK_EVERY_S = 0.2
_NOT_IN_PICTURES = frozenset({"captcha"})
Roles = Mapping[str, RoleMatch]


@dataclass(slots=True)
class _Heard:
    """What came back in the turn, with the times of its first word and its end."""

    events: list[TurnEvent] = field(default_factory=list)
    first_s: float | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class _Looks:
    """What the roles matched: as the chat opened, the most during the turn, and after it."""

    opened: Roles = field(default_factory=dict)
    answering: Roles = field(default_factory=dict)
    ended: Roles = field(default_factory=dict)


class _OneSession:
    """A session that a trial begins with; what the site makes of it is not kept (a ``SessionStore``)."""

    def __init__(self, state: StorageState | None) -> None:
        self._state = state

    async def load(self) -> StorageState | None:
        return self._state

    async def save(self, state: StorageState) -> None:
        pass

    async def clear(self) -> None:
        pass


async def try_profile(browsers: BrowserPool, plan: TrialPlan) -> TrialReport:
    """Try a profile in a browser context of its own; see ``run_trial``.

    Raises:
        BrowserUnavailableError, PoolFullError, PageLostError: As in ``run_trial``.
    """
    config = WebChatConfig(
        base_url=plan.url,
        login_url=None,
        profile=plan.profile,
        credentials=None,
        browser=plan.browser,
        max_pages=1,
        timeouts=TRIAL_TIMEOUTS,
        name="trial",
    )
    async with open_account(browsers, config, _OneSession(plan.session)) as account:
        return await run_trial(account, config, plan.ask)


async def run_trial(account: Account, config: WebChatConfig, ask: str | None) -> TrialReport:
    """Open the page, look, ask once if ``ask`` is given, and report; the page is closed at the end.

    An error of the page or its turn is in the report. What the turn left behind is deleted where the profile says how.

    Raises:
        BrowserUnavailableError, PoolFullError: There is no browser, or no page of it free.
        PageLostError: The page went away before anything was seen.
    """
    config = replace(config, timeouts=effective_timeouts(config))
    began_s = time.monotonic()
    async with _open_trial(account, config) as trial:
        await trial.open()
        if ask is not None and trial.error is None:
            await trial.ask(ask)
        screenshot = await trial.picture()
        report = await trial.report(screenshot)
        await trial.tidy()
    return replace(report, seconds=time.monotonic() - began_s)


@asynccontextmanager
async def _open_trial(account: Account, config: WebChatConfig) -> AsyncIterator[_Trial]:
    async with account.browsers.page_slot(), owned_tasks() as tasks:
        log = RequestLog(config.profile.wire, page_work(tasks))
        # In front: behind another tab a page draws once a second, and the roles would be seen late.
        page = await account.new_page(in_own_window=True)
        async with (
            open_page_connection(
                page,
                account.browsers,
                config.profile,
                config.timeouts,
                page_work(tasks),
                watchers=(log.watch,),
            ) as connection,
            owned_tasks() as watching,
        ):
            watching.start_soon(connection.watch)
            yield _Trial(connection, build_chat_page(connection, account, config), config, log)


class _Trial:
    """One trial; see ``run_trial``."""

    def __init__(
        self, connection: PageConnection, chat: ChatPage, config: WebChatConfig, log: RequestLog
    ) -> None:
        self.error: AutomationError | None = None
        self._connection = connection
        self._agent = connection.agent
        self._chat = chat
        self._config = config
        self._log = log
        self._looks = _Looks()
        self._heard = _Heard()
        self._prompt: str | None = None
        self._page_text = ""

    async def open(self) -> None:
        """Open the chat and look at it, also where it does not open."""
        try:
            await self._chat.open()
        except AutomationError as exc:
            self.error = exc
        if not isinstance(self.error, UnreachableError):
            self._looks.opened = await self._look()

    async def ask(self, prompt: str) -> None:
        """Send one prompt and follow its answer from both sides."""
        self._prompt = prompt
        self._log.begin(prompt)
        async with owned_tasks() as looking:
            looking.start_soon(self._keep_looking)
            await self._take_turn(prompt)
        self._looks.ended = await self._look()
        self._looks.answering = merge_most(self._looks.answering, self._looks.ended)
        self._page_text = await self._read_page()

    async def picture(self) -> bytes | None:
        """Return the page as it is now, with its roles outlined."""
        return await take_screenshot(self._connection, self._boxes)

    async def report(self, screenshot: bytes | None) -> TrialReport:
        """Return what was found."""
        requests, wire_text = ((), None) if self._prompt is None else await self._log.rows(self._page_text)
        answer = self._answer(wire_text)
        could_be = await self._ask_agent("couldBeMeant") or {}
        looks, profile = self._looks, self._config.profile
        found = Findings(
            profile=profile,
            opened=looks.opened,
            answering=looks.answering,
            ended=looks.ended,
            answer=answer,
            requests=requests,
            error=self.error,
            could_be={role: tuple(others) for role, others in could_be.items()},
        )
        return TrialReport(
            url=self._config.chat_url,
            profile=profile.name,
            roles=self._rows(),
            answer=answer,
            requests=requests,
            error=self.error,
            problems=find_problems(found),
            hints=find_hints(found),
            screenshot=screenshot,
            seconds=0.0,
        )

    async def tidy(self) -> None:
        """Leave nothing at the site: an answer is stopped, and the chat deleted where the profile says how."""
        if self._prompt is None:
            return
        try:
            await self._chat.settle()
        except AutomationError as exc:
            logger.info("trial_not_tidied", extra={"reason": str(exc)})

    # -- inside -----------------------------------------------------------------------------------------------------

    async def _take_turn(self, prompt: str) -> None:
        asked = Prompt(messages=(Message("user", prompt),), is_throwaway=True)
        turn = build_turn_input(asked, compose_transcript, is_continued=False)
        send, receive = anyio.create_memory_object_stream[TurnEvent](256)
        began_s = time.monotonic()

        async def hear() -> None:
            async with receive:
                async for event in receive:
                    self._take(event, time.monotonic() - began_s)

        async with anyio.create_task_group() as hearing:
            hearing.start_soon(hear)
            async with send:
                try:
                    await self._chat.take_turn(turn, send)
                except AutomationError as exc:
                    self.error = exc
        self._heard.seconds = time.monotonic() - began_s

    def _take(self, event: TurnEvent, at_s: float) -> None:
        if self._heard.first_s is None and isinstance(event, TextDelta | ReasoningDelta):
            self._heard.first_s = at_s
        self._heard.events.append(event)

    async def _keep_looking(self) -> None:
        """Note the most that each role matches at one time: a stop control is there only while an answer comes."""
        while True:
            self._looks.answering = merge_most(self._looks.answering, await self._look())
            await anyio.sleep(_LOOK_EVERY_S)

    async def _look(self) -> Roles:
        return parse_roles(await self._ask_agent("roles"))

    async def _boxes(self) -> tuple[float, list[Box]]:
        told = await self._ask_agent("roleBoxes") or {"scale": 1.0, "boxes": []}
        left, top = await self._agent.frame_offset() if told["boxes"] else (0.0, 0.0)
        boxes = [
            Box(find_profile_key(b["role"]), b["left"] + left, b["top"] + top, b["width"], b["height"])
            for b in told["boxes"]
            if b["role"] not in _NOT_IN_PICTURES
        ]
        return float(told["scale"]), boxes

    async def _read_page(self) -> str:
        whole = await self._ask_agent("readTurn")
        return str(whole["markdown"]) if whole else ""

    async def _ask_agent(self, name: str) -> Any:
        """Return what the agent in the page says; None where the page or the chat's frame is gone."""
        try:
            return await self._agent.call(name)
        except (PageLostError, SiteChangedError) as exc:
            logger.debug("trial_look_failed", extra={"reason": str(exc)})
            return None

    def _answer(self, wire_text: str | None) -> AnswerReport | None:
        if self._prompt is None:
            return None
        heard, looks = self._heard, self._looks
        finished = next((event for event in heard.events if isinstance(event, TurnFinished)), None)
        text = join_answer(heard.events)
        is_from_wire = finished is not None and finished.source == "wire"
        return AnswerReport(
            prompt=self._prompt,
            text=text if finished else None,
            reasoning="".join(e.text for e in heard.events if isinstance(e, ReasoningDelta)),
            source=finished.source if finished else None,
            wire_text=text if is_from_wire else wire_text,
            page_text=self._page_text,
            notes=finished.notes if finished else (),
            finish_reason=finished.finish_reason if finished else None,
            end=describe_end(finished.source, looks.answering, looks.ended) if finished else "",
            first_s=heard.first_s,
            seconds=heard.seconds,
        )

    def _rows(self) -> tuple[RoleRow, ...]:
        looks, has_asked = self._looks, self._prompt is not None
        nothing = RoleMatch(0, 0)
        return tuple(
            RoleRow(
                find_profile_key(role),
                opened,
                looks.answering.get(role, nothing) if has_asked else None,
                looks.ended.get(role, nothing) if has_asked else None,
            )
            for role, opened in (looks.opened or looks.ended).items()
            if role not in _NOT_IN_PICTURES or opened.visible
        )
