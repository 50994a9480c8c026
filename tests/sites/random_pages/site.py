"""Serves every random page at ``/<seed>/`` and notes what each one was asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.sites.random_pages.answers import PageTurn, find_turn, plan_turns
from tests.sites.random_pages.plan import PagePlan, plan_page
from tests.sites.serving import serve_site

_HERE = Path(__file__).parent
_RENDERER = _HERE.parents[1] / "fakes" / "chat_site" / "static"
_MEDIA_TYPES = {"ndjson": "application/x-ndjson"}
_HEARTBEAT_S = 0.25

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Chat</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/page.css">
<script type="application/json" id="plan">%s</script>
<script type="module" src="/static/page.js"></script></head><body></body></html>"""


@cache
def plan_site_turns(seed: int) -> tuple[PageTurn, ...]:
    """Return the turns of a page."""
    return plan_turns(seed, has_draft=plan_page(seed).rewriting == "replaced")


@dataclass(frozen=True, slots=True)
class Job:
    """One answer under way: what of it is there follows from the clock alone."""

    turn: PageTurn
    began_s: float

    def shown_at(self, at_s: float) -> tuple[str, bool]:
        """Return the text at a moment, and whether it is the whole answer."""
        shown = max(
            (length for moment_s, length in self.turn.moments if self.began_s + moment_s <= at_s), default=0
        )
        is_whole = shown == len(self.turn.draft)
        return (self.turn.answer if is_whole else self.turn.draft[:shown]), is_whole

    async def pieces(self) -> AsyncIterator[str]:
        """Yield the draft's pieces as they come."""
        before = 0
        for moment_s, shown in self.turn.moments:
            await asyncio.sleep(max(0.0, self.began_s + moment_s - time.monotonic()))
            yield self.turn.draft[before:shown]
            before = shown

    async def wait_beyond(self, length: int) -> None:
        """Return when more than ``length`` characters are there, or all."""
        moments = self.turn.moments
        at_s = next((moment_s for moment_s, shown in moments if shown > length), moments[-1][0])
        await asyncio.sleep(max(0.0, self.began_s + at_s - time.monotonic()))


class RandomPages:
    """The running site.

    Attributes:
        url: Where it listens.
        prompts: Every prompt of every page as it came, oldest first.
    """

    def __init__(self) -> None:
        self.url = ""
        self.prompts: list[str] = []
        self._jobs: list[Job] = []

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[RandomPages]:
        """Serve on a free loopback port until the block ends."""
        site = cls()
        async with serve_site(site.create_app()) as site.url:
            yield site

    def times_asked(self) -> Counter[tuple[int, int]]:
        """Return how often each turn, by seed and number, was asked of the site."""
        return Counter(found for prompt in self.prompts if (found := find_turn(prompt)))

    def create_app(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Mount("/static/markdown", StaticFiles(directory=_RENDERER)),
                Mount("/static", StaticFiles(directory=_HERE / "static")),
                Route("/{seed:int}/", self._page),
                Route("/{seed:int}/api/ask", self._ask, methods=["POST"]),
                Route("/{seed:int}/api/chat", self._chat, methods=["GET", "POST"]),
                Route("/{seed:int}/api/poll", self._poll),
                Route("/{seed:int}/api/next", self._next),
                Route("/{seed:int}/api/{side}", self._side, methods=["GET", "POST"]),
                WebSocketRoute("/{seed:int}/socket", self._socket),
                WebSocketRoute("/{seed:int}/side", self._side_socket),
            ]
        )

    # -- asking -----------------------------------------------------------------------------------------------------

    def _begin(self, prompt: str) -> int:
        """Note a prompt and return the number of its job."""
        found = find_turn(prompt)
        assert found is not None, f"the site got what nobody asked: {prompt!r}"
        seed, number = found
        self.prompts.append(prompt)
        self._jobs.append(Job(plan_site_turns(seed)[number], time.monotonic()))
        return len(self._jobs) - 1

    async def _page(self, request: Request) -> Response:
        plan = plan_page(request.path_params["seed"])
        return HTMLResponse(_PAGE % json.dumps(asdict(plan)))

    async def _ask(self, request: Request) -> Response:
        return JSONResponse({"job": self._begin((await request.json())["text"])})

    async def _chat(self, request: Request) -> Response:
        plan = plan_page(request.path_params["seed"])
        body = await request.json() if request.method == "POST" else request.query_params
        if body.get("purpose") == "rewrite":
            job = Job(_REWRITING, time.monotonic())
        else:
            job = self._jobs[int(body["job"]) if "job" in body else self._begin(body["text"])]
        if plan.transport == "json":
            await job.wait_beyond(len(job.turn.draft))
            return JSONResponse({"answer": {"text": job.turn.answer}, "usage": {"words": 12}})
        media_type = _MEDIA_TYPES.get(plan.transport, "text/event-stream")
        return StreamingResponse(_write_stream(plan, job), media_type=media_type)

    async def _poll(self, request: Request) -> Response:
        return self._tell(self._jobs[int(request.query_params["job"])])

    async def _next(self, request: Request) -> Response:
        job = self._jobs[int(request.query_params["job"])]
        await job.wait_beyond(int(request.query_params["have"]))
        return self._tell(job)

    def _tell(self, job: Job) -> Response:
        text, is_whole = job.shown_at(time.monotonic())
        return JSONResponse({"text": text, "done": is_whole})

    async def _socket(self, connection: WebSocket) -> None:
        plan = plan_page(connection.path_params["seed"])
        await connection.accept()
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(contextlib.suppress(WebSocketDisconnect, RuntimeError))
            if "heartbeat" in plan.side and plan.transport == "page_socket":
                beating = asyncio.create_task(_beat(connection))
                stack.callback(beating.cancel)
            while True:
                asked = await connection.receive_json()
                if asked["type"] == "ask":
                    job = self._jobs[self._begin(asked["text"])]
                    async for message in _socket_messages(plan, job):
                        await connection.send_json(
                            {**message, **({"turn": asked["turn"]} if plan.has_turn_ids else {})}
                        )

    # -- what else the page sends -----------------------------------------------------------------------------------

    async def _side(self, request: Request) -> Response:
        kind = request.path_params["side"]
        if kind == "title":
            return JSONResponse({"text": "A chat about rivers", "title": "A chat about rivers", "done": True})
        if kind == "suggestions":
            return JSONResponse({"text": ["Tell me more", "Why?"]})
        return JSONResponse({"ok": True})

    async def _side_socket(self, connection: WebSocket) -> None:
        await connection.accept()
        await _beat(connection)


_REWRITING = PageTurn("", "a better question", "a better question", False, False, ((0.05, 8), (0.1, 17)))


async def _beat(connection: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await connection.send_json({"type": "ping", "text": "still here"})
            await asyncio.sleep(_HEARTBEAT_S)


async def _write_stream(plan: PagePlan, job: Job) -> AsyncIterator[bytes]:
    async for message in _messages(plan, job):
        text = json.dumps(message, ensure_ascii=False)
        yield f"{text}\n".encode() if plan.transport == "ndjson" else f"data: {text}\n\n".encode()
    if plan.shape == "openai":
        yield b"data: [DONE]\n\n"


async def _messages(plan: PagePlan, job: Job) -> AsyncIterator[dict[str, Any]]:
    """Yield the answer's messages; ``final`` is what replaces the draft, where it isn't all of the text anyway."""
    shown = ""
    async for piece in job.pieces():
        shown += piece
        if plan.shape == "openai":
            yield {"choices": [{"index": 0, "delta": {"content": piece}}]}
        else:
            yield {"text": shown if plan.shape == "snapshot" else piece, "done": False}
    final = {"final": job.turn.answer} if job.turn.draft != job.turn.answer else {}
    if plan.shape == "openai":
        yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **final}
    else:
        yield {"text": job.turn.answer if plan.shape == "snapshot" else "", "done": True, **final}


async def _socket_messages(plan: PagePlan, job: Job) -> AsyncIterator[dict[str, Any]]:
    async for message in _messages(plan, job):
        if not message["done"] or plan.shape == "snapshot":
            yield {"type": "text", "text": message["text"]}
        if message["done"]:
            yield {"type": "done", **({"final": message["final"]} if "final" in message else {})}
