"""Two callers at one account whose tabs are told of all its chats: nobody gets a character of the other's answer."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import anyio
import httpx
import pytest

from backend.providers.registry import open_providers
from tests.contract.conftest import run_gateway
from tests.sites.broadcast import Announcing, BroadcastSite, build_profile, write_answer

pytestmark = pytest.mark.browser

CALLERS = 2


@dataclass
class Turn:
    """One turn as its caller saw it; ``hangs_up_after_s`` is None for one who waits for the end."""

    prompt: str
    is_streamed: bool
    pause_s: float
    hangs_up_after_s: float | None
    text: str = ""
    error: dict[str, str] = field(default_factory=dict)

    @property
    def is_foreign(self) -> bool:
        """Whether a character came that is not at this place of its own answer."""
        return not write_answer(self.prompt).startswith(self.text)

    @property
    def is_cut(self) -> bool:
        """Whether less than the answer was called a success."""
        is_success = self.hangs_up_after_s is None and not self.error
        return is_success and self.text != write_answer(self.prompt)


def plan_calls(turns: int, name: str) -> list[list[Turn]]:
    chance = random.Random(f"calls {name}")
    calls = [
        Turn(
            f"{name}{number}x What about it?",
            is_streamed=chance.random() < 0.5,
            pause_s=chance.uniform(0.0, 0.6),
            hangs_up_after_s=chance.uniform(0.1, 2.0) if number % 3 == 2 else None,
        )
        for number in range(turns)
    ]
    return [calls[caller::CALLERS] for caller in range(CALLERS)]


@asynccontextmanager
async def opened(
    data_dir: Path, announcing: Announcing
) -> AsyncIterator[tuple[BroadcastSite, httpx.AsyncClient]]:
    async with BroadcastSite.open() as site, run_gateway(data_dir, providers=open_providers) as gateway:
        await gateway.started(
            base_url=site.url, profile=build_profile(announcing), max_concurrent_requests=CALLERS
        )
        yield site, gateway.rest


async def call(rest: httpx.AsyncClient, turns: list[Turn]) -> None:
    for turn in turns:
        await anyio.sleep(turn.pause_s)
        # Leaving the scope closes the connection, as a caller does who hangs up.
        with anyio.move_on_after(turn.hangs_up_after_s):
            await (ask_streamed if turn.is_streamed else ask_whole)(rest, turn)


def body_of(turn: Turn) -> dict[str, object]:
    messages = [{"role": "user", "content": turn.prompt}]
    return {"model": "demo", "messages": messages, "stream": turn.is_streamed}


async def ask_whole(rest: httpx.AsyncClient, turn: Turn) -> None:
    document = (await rest.post("/v1/chat/completions", json=body_of(turn))).json()
    turn.error = document.get("error") or {}
    if not turn.error:
        turn.text = document["choices"][0]["message"]["content"]


async def ask_streamed(rest: httpx.AsyncClient, turn: Turn) -> None:
    async with rest.stream("POST", "/v1/chat/completions", json=body_of(turn)) as response:
        if response.status_code != httpx.codes.OK:
            turn.error = json.loads(await response.aread())["error"]
            return
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                chunk = json.loads(line.removeprefix("data: "))
                turn.error = chunk.get("error") or turn.error
                turn.text += "".join(c["delta"].get("content") or "" for c in chunk.get("choices", ()))


@pytest.mark.parametrize(
    "turns", [10, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
@pytest.mark.parametrize("announcing", get_args(Announcing))
async def test_nobody_gets_a_character_of_anothers_answer(announcing: Announcing, turns: int, tmp_path: Path):
    calls = plan_calls(turns, announcing)

    async with opened(tmp_path, announcing) as (site, rest), anyio.create_task_group() as tasks:
        for own in calls:
            tasks.start_soon(call, rest, own)
    every = [turn for own in calls for turn in own]
    waited = [turn for turn in every if turn.hangs_up_after_s is None]

    assert [turn for turn in every if turn.is_foreign or turn.is_cut] == []
    assert [prompt for prompt, times in site.times_asked().items() if times > 1] == []
    # The callers take turns at the account where nothing tells theirs apart, so that nobody is refused for long.
    assert [turn for turn in waited if turn.error] == []
