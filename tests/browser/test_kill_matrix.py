"""Whatever is killed, and whenever: no wrong answer, no lost session, and soon another answer."""

from __future__ import annotations

import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import anyio
import pytest

from automation.browser.pool import BrowserPool, open_browser_pool
from automation.browser.profile_folder import find_profile
from automation.errors import AutomationError, PageLostError, RetryableError
from automation.timing import Timeouts
from automation.web_provider.chat_page import ChatPage
from automation.web_provider.chat_site import ChatSite
from tests.browser.process_kills import (
    FAULTS,
    Fault,
    below,
    end_stopped,
    inflict,
    on_this_machine,
    pages_open,
)
from tests.fakes.chat_provider import ADA, MemorySessions, Reply, ask, open_provider
from tests.fakes.chat_site import FakeChatSite

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds its victims in Linux's /proc"),
]

Phase = Literal["idle", "composing", "streaming", "saving"]
PHASES: tuple[Phase, ...] = ("idle", "composing", "streaming", "saving")
# Seconds until it must answer again; a hang is noticed after ten seconds of silence and the turn ended, others go on.
AGAIN_S: dict[Fault, float] = {
    "renderer": 2,
    "browser": 10,
    "driver": 10,
    "network": 10,
    "hang": 25,
    "freeze": 10,
}
ENDS_S: dict[Fault, float] = {
    "renderer": 2,
    "browser": 2,
    "driver": 5,
    "network": 2,
    "hang": 15,
    "freeze": 15,
}
QUICK = [("renderer", "idle"), ("renderer", "streaming"), ("browser", "idle"), ("browser", "streaming")]
PATIENCE = Timeouts(ready_s=60, first_token_s=60, idle_s=60, sign_in_s=60, send_confirm_s=20)

SLOW = "[[count:150]][[slow:20]]"
LONG = "\n" + "a line that takes the editor its time\n" * 4000
SEED = 20261126
RANDOM_KILLS = 200
UNDER_LOAD_S = 10.0


@dataclass(slots=True)
class Turn:
    """One turn as it went: it has an answer or an error."""

    reply: Reply | None = None
    error: AutomationError | None = None
    ended_s: float = 0.0

    async def run(self, provider: ChatSite, text: str) -> None:
        try:
            self.reply = await ask(provider, text)
        except AutomationError as error:
            self.error = error
        self.ended_s = time.monotonic()


@asynccontextmanager
async def own_browsers(
    site: FakeChatSite, *, max_pages: int = 1, with_wire: bool = True, sessions: MemorySessions | None = None
) -> AsyncIterator[tuple[BrowserPool, ChatSite]]:
    """Open a signed-in provider on browsers that no other test uses: they are about to be killed."""
    async with (
        open_browser_pool(None, max_pages=10) as pool,
        open_provider(
            pool,
            site,
            "login",
            with_wire=with_wire,
            credentials=ADA,
            sessions=sessions,
            max_pages=max_pages,
            timeouts=PATIENCE,
        ) as provider,
    ):
        await ask(provider, "[[echo:before]]")
        yield pool, provider


@pytest.fixture(autouse=True)
def nothing_stays_stopped() -> Iterator[None]:
    yield
    end_stopped()


@pytest.fixture
async def site() -> AsyncIterator[FakeChatSite]:
    async with FakeChatSite.open() as running:
        yield running


async def until_it_answers(provider: ChatSite, limit_s: float) -> float:
    """Ask until there is an answer; return after how many seconds there was."""
    start = time.monotonic()
    with anyio.fail_after(limit_s + 60):
        while True:
            try:
                assert (await ask(provider, "[[echo:It works again.]]")).text == "It works again."
            except RetryableError:
                await anyio.sleep(0.05)
            else:
                return time.monotonic() - start


async def until_in(phase: Phase, provider: ChatSite, site: FakeChatSite, before: int) -> None:
    """Return once the turn that was started is in this phase."""
    if phase == "composing":
        while not (await provider.check())["pages"]["in_use"]:
            await anyio.sleep(0.005)
    else:
        await site.wait_for(lambda s: len(s.requests) > before and len(s.requests[-1].sent) > 20)


@pytest.mark.parametrize(
    ("fault", "phase"),
    [
        pytest.param(
            fault,
            phase,
            marks=[] if (fault, phase) in QUICK else [pytest.mark.soak],
        )
        for fault in FAULTS
        for phase in PHASES
    ],
)
@pytest.mark.parametrize(
    "with_wire", [True, pytest.param(False, marks=pytest.mark.soak)], ids=["wire", "dom"]
)
async def test_after_a_kill_no_answer_is_wrong_and_the_next_one_comes_soon(
    fault: Fault,
    phase: Phase,
    with_wire: bool,
    site: FakeChatSite,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
):
    sessions, turn = MemorySessions(), Turn()
    async with own_browsers(site, max_pages=2, with_wire=with_wire, sessions=sessions) as (_, provider):
        before = len(site.requests)
        async with anyio.create_task_group() as tasks:
            if phase != "idle":
                tasks.start_soon(turn.run, provider, SLOW + (LONG if phase == "composing" else ""))
                await until_in(phase, provider, site, before)
            if phase == "saving":
                tasks.start_soon(provider.account.try_save)
                await anyio.lowlevel.checkpoint()

            killed_s = time.monotonic()
            assert inflict(fault, provider)
            again_s = await until_it_answers(provider, AGAIN_S[fault])
        kept = sessions.state

    with capsys.disabled():
        ended = f"{turn.ended_s - killed_s:.2f} s: {turn.error or 'whole answer'}" if phase != "idle" else "-"
        print(f"\n  {fault}/{phase}: answers again after {again_s:.2f} s; turn {ended}")
    # In the suite, other tests run beside: there, only what would never come back is a failure.
    patience = 1 if request.node.get_closest_marker("soak") else 10
    assert again_s < on_this_machine(AGAIN_S[fault]) * patience
    if phase != "idle":
        assert turn.error is None or turn.ended_s - killed_s < on_this_machine(ENDS_S[fault]) * patience
        assert turn.error is None or isinstance(turn.error, RetryableError)
        asked = next(request for request in site.requests if SLOW in request.prompt)
        assert turn.reply is None or turn.reply.text == asked.answer.text
    assert site.sign_ins == [("ada", True)]
    assert kept is not None
    assert kept["cookies"]


def prompts_sent(site: FakeChatSite, text: str) -> int:
    return sum(text in request.prompt for request in site.requests)


async def test_a_prompt_that_was_not_sent_is_sent_once_on_another_page(site: FakeChatSite):
    turn = Turn()
    async with own_browsers(site) as (_, provider), anyio.create_task_group() as tasks:
        tasks.start_soon(turn.run, provider, "[[echo:after all]]" + LONG)
        await until_in("composing", provider, site, 1)
        inflict("renderer", provider)

    assert turn.error is None
    assert turn.reply is not None
    assert turn.reply.text == "after all"
    assert prompts_sent(site, "after all") == 1


async def test_a_prompt_that_was_sent_is_never_sent_again(site: FakeChatSite):
    turn = Turn()
    async with own_browsers(site) as (_, provider):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(turn.run, provider, SLOW)
            await until_in("streaming", provider, site, 1)
            inflict("browser", provider)
        await until_it_answers(provider, 10)

    assert isinstance(turn.error, RetryableError)
    assert prompts_sent(site, SLOW) == 1


async def test_what_a_browser_wrote_is_removed_although_its_driver_was_killed(site: FakeChatSite):
    async with own_browsers(site) as (_, provider):
        browsers = [process.pid for process in below(os.getpid()) if process.kind == "browser"]
        scratch = [find_profile(pid) for pid in browsers]
        assert [folder is not None and folder.is_dir() for folder in scratch] == [True]
        inflict("driver", provider)
        with anyio.fail_after(200):
            while any(folder.exists() for folder in scratch if folder):
                await anyio.sleep(0.05)

        assert (await ask(provider, "[[echo:again]]")).text == "again"


def the_only_page(provider: ChatSite) -> ChatPage | None:
    pages = provider.pool.pages
    return pages[0] if len(pages) == 1 else None


@pytest.mark.soak
async def test_an_idle_page_that_hangs_is_replaced_before_anyone_asks(site: FakeChatSite):
    async with own_browsers(site) as (_, provider):
        hung = the_only_page(provider)
        assert hung is not None
        inflict("hang", provider)
        with anyio.fail_after(200):
            await hung.until_lost()
            while the_only_page(provider) in {None, hung}:
                await anyio.sleep(0.05)

        assert (await provider.check())["pages"]["free"] == 1
        assert await until_it_answers(provider, 2) < 5 * on_this_machine(2)


@pytest.mark.soak
async def test_a_page_that_is_busy_for_longer_than_a_hang_takes_to_notice_keeps_its_turn(
    site: FakeChatSite, caplog: pytest.LogCaptureFixture
):
    turn = Turn()
    caplog.set_level("INFO")
    async with own_browsers(site) as (_, provider):
        before = len(site.requests)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(turn.run, provider, SLOW)
            await until_in("streaming", provider, site, before)
            page = the_only_page(provider)
            assert page is not None
            busy = "{ const end = performance.now() + 16000; while (performance.now() < end); }"
            with pytest.raises(PageLostError):
                # It is not waited for: nothing gets an answer from the page meanwhile.
                await page.connection.devtools.send("Runtime.evaluate", {"expression": busy}, 1.0)

    assert "page_silent" in caplog.text
    assert turn.reply is not None, turn.error
    assert turn.reply.text == site.requests[before].answer.text


async def load(
    provider: ChatSite, chance: random.Random, number: int, turns: list[Turn], site: FakeChatSite
) -> None:
    """Run turns without end, each of its own words."""
    count = 0
    while True:
        count += 1
        words = f"[[count:{chance.randrange(5, 80)}]][[slow:10]] turn {number}.{count}."
        turn = Turn()
        await turn.run(provider, words)
        turns.append(turn)
        if turn.reply is not None:
            asked = [request for request in site.requests if request.prompt == words]
            assert turn.reply.text == asked[-1].answer.text
        assert turn.error is None or isinstance(turn.error, RetryableError), turn.error


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kills", [20, RANDOM_KILLS])
async def test_random_kills_under_load_end_with_every_account_well(
    kills: int, site: FakeChatSite, capsys: pytest.CaptureFixture[str]
):
    chance = random.Random(SEED)
    turns: list[Turn] = []
    again: dict[Fault, list[float]] = {fault: [] for fault in FAULTS}
    async with own_browsers(site, max_pages=4) as (pool, provider):
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(load, provider, random.Random(SEED + number), number, turns, site)
            for _ in range(kills):
                await anyio.sleep(chance.uniform(0.05, 0.7))
                fault = chance.choices(FAULTS, weights=(6, 4, 3, 4, 1, 0))[0]
                inflict(fault, provider)
                again[fault].append(await until_it_answers(provider, AGAIN_S[fault]))
            tasks.cancel_scope.cancel()
        await until_it_answers(provider, 10)
        pages = (await provider.check())["pages"]
        while pages["settling"] or pages["opening"] or pages["in_use"]:
            await anyio.sleep(0.05)
            pages = (await provider.check())["pages"]
        with anyio.move_on_after(UNDER_LOAD_S):
            # A page that is being closed is counted until it is.
            while pages_open(pool) != pool.status()["pages"]:
                await anyio.sleep(0.05)
        open_pages, counted = pages_open(pool), pool.status()["pages"]
        browsers = [process for process in below(os.getpid()) if process.kind == "browser"]

    with capsys.disabled():
        whole = sum(turn.reply is not None for turn in turns)
        errors: dict[str, int] = {}
        for turn in turns:
            if turn.error is not None:
                errors[type(turn.error).__name__] = errors.get(type(turn.error).__name__, 0) + 1
        print(f"\n{kills} kills; {whole} turns answered whole, failed: {errors}")
        for fault, seconds in again.items():
            if seconds:
                print(
                    f"  {fault}: {len(seconds)}, again after {sorted(seconds)[len(seconds) // 2]:.2f} s, at most {max(seconds):.2f} s"
                )
    assert site.sign_ins == [("ada", True)]
    assert open_pages == counted <= 4
    assert len(browsers) == 1
    for fault, seconds in again.items():
        assert max(seconds, default=0) < on_this_machine(max(AGAIN_S[fault], UNDER_LOAD_S))
