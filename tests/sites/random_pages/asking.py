"""Asks a gateway the turns of random pages, as a client does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx

from tests.sites.random_pages.answers import PageTurn
from tests.sites.random_pages.outcomes import Reply, Verdict, judge
from tests.sites.random_pages.plan import plan_page
from tests.sites.random_pages.profiles import build_profile
from tests.sites.random_pages.site import RandomPages, plan_site_turns

_START_S = 60.0
# Longer than the gateway waits for a first word, so that it is the one who says what was wrong.
_ANSWER_S = 100.0

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One turn that was asked, and what is to be said of it."""

    seed: int
    number: int
    turn: PageTurn
    reply: Reply
    verdict: Verdict

    @property
    def words(self) -> str:
        """A report in a few lines."""
        how = "streamed" if self.turn.is_streamed else "whole"
        how += ", continued" if self.turn.continues else ""
        line = f"seed {self.seed} turn {self.number} ({how}): {self.verdict}"
        if self.verdict == "exact":
            return line
        got = self.reply.error or {"text": self.reply.text}
        return f"{line} {json.dumps(got, ensure_ascii=False)}\n    right: {self.turn.answer!r}"


async def ask_pages(rest: httpx.AsyncClient, site: RandomPages, seeds: list[int]) -> list[Outcome]:
    """Ask every turn of these pages, the pages all at once."""
    outcomes: list[Outcome] = []

    async def ask_one(seed: int) -> None:
        async with _endpoint(rest, site, seed) as slug:
            outcomes.extend(await _ask_turns(rest, site, slug, seed))

    async with anyio.create_task_group() as tasks:
        for seed in seeds:
            tasks.start_soon(ask_one, seed)
    return sorted(outcomes, key=lambda outcome: (outcome.seed, outcome.number))


@asynccontextmanager
async def _endpoint(rest: httpx.AsyncClient, site: RandomPages, seed: int) -> AsyncIterator[str]:
    body = {
        "name": f"page {seed}",
        "provider_type": "web_chat",
        "base_url": site.url,
        "profile": build_profile(plan_page(seed)),
        "max_concurrent_requests": 1,
        # No page here is silent for so long: what comes later than this is not worth waiting for.
        "first_token_seconds": 30,
        "idle_seconds": 30,
    }
    created = await rest.post("/api/endpoints/", json=body)
    assert created.status_code == 201, created.text
    slug = created.json()["slug"]
    try:
        await rest.post(f"/api/endpoints/{slug}/start")
        with anyio.move_on_after(_START_S):
            async with rest.stream("GET", f"/api/endpoints/{slug}/events") as events:
                async for line in events.aiter_lines():
                    if '"state":"active"' in line or '"state":"error"' in line:
                        break
        yield slug
    finally:
        with anyio.CancelScope(shield=True):
            await rest.post(f"/api/endpoints/{slug}/stop")
            await rest.delete(f"/api/endpoints/{slug}")


async def _ask_turns(rest: httpx.AsyncClient, site: RandomPages, slug: str, seed: int) -> list[Outcome]:
    plan = plan_page(seed)
    outcomes = []
    messages: Messages = []
    for number, turn in enumerate(plan_site_turns(seed)):
        messages = messages if turn.continues else []
        messages.append({"role": "user", "content": turn.prompt})
        reply = await _ask(rest, turn, {"model": slug, "messages": messages})
        times = site.times_asked()[seed, number]
        outcomes.append(Outcome(seed, number, turn, reply, judge(plan, turn, reply, times)))
        messages.append({"role": "assistant", "content": turn.answer})
    return outcomes


async def _ask(rest: httpx.AsyncClient, turn: PageTurn, body: dict[str, Any]) -> Reply:
    try:
        return await (_ask_streamed if turn.is_streamed else _ask_whole)(rest, body)
    except httpx.TimeoutException:
        return Reply(
            "", {"code": "silence", "message": "the gateway said nothing for as long as its client waits"}
        )


async def _ask_whole(rest: httpx.AsyncClient, body: dict[str, Any]) -> Reply:
    response = await rest.post("/v1/chat/completions", json=body, timeout=_ANSWER_S)
    document = response.json()
    if response.status_code != httpx.codes.OK:
        return Reply("", document["error"])
    notes = response.headers.get("x-gateway-notes", "")
    return Reply(document["choices"][0]["message"]["content"], notes=notes)


async def _ask_streamed(rest: httpx.AsyncClient, body: dict[str, Any]) -> Reply:
    text, path = "", "/v1/chat/completions"
    async with rest.stream("POST", path, json={**body, "stream": True}, timeout=_ANSWER_S) as response:
        if response.status_code != httpx.codes.OK:
            return Reply("", json.loads(await response.aread())["error"])
        async for line in response.aiter_lines():
            if line == "data: [DONE]":
                return Reply(text)
            if line.startswith("data: "):
                document = json.loads(line.removeprefix("data: "))
                if "error" in document:
                    return Reply(text, document["error"])
                text += "".join(choice["delta"].get("content") or "" for choice in document["choices"])
    return Reply(text, {"code": "cut", "message": "the stream ended without [DONE]"})
