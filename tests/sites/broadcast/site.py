"""The site: one socket a tab, on which the words of every turn come, whoever asked."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import anyio
from anyio.abc import TaskGroup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.sites.serving import serve_site

Announcing = Literal["ask", "response", "unnamed"]
"""Where a profile finds the id that messages carry: in the page's own message, in the response to its request, or nowhere:
then nothing that the profile names tells two turns apart."""

_PAGE = Path(__file__).with_name("page.html").read_text("utf-8")
_WORDS = 24


def write_answer(prompt: str) -> str:
    """Return what the site answers: words that no other prompt gets."""
    name = prompt.split(maxsplit=1)[0].lower()
    return " ".join(f"{name}{number}" for number in range(_WORDS))


def build_profile(announcing: Announcing) -> dict[str, Any]:
    """Return the inline profile of the page at ``/<announcing>``."""
    wire: dict[str, Any] = {
        "decoder": "json_socket",
        "urls": "*/socket",
        "text_path": "[type==word].text",
        "end": "type==done",
    }
    if announcing == "response":
        wire |= {"request_urls": "*/ask", "response_id_path": "turn", "id_path": "turn"}
    else:
        wire["request"] = "type==ask"
    if announcing == "ask":
        wire |= {"request_id_path": "turn", "id_path": "turn"}
    return {
        "path": f"/{announcing}",
        "input": "textarea",
        "send": "button.send:not([disabled])",
        "stop": "button.stop",
        "new_chat": {"click": "button.new"},
        "user_turn": ".user",
        "assistant_turn": ".assistant",
        "wire": wire,
    }


class BroadcastSite:
    """The running site.

    Attributes:
        url: Where it listens.
        prompts: Every prompt it got, oldest first.
    """

    def __init__(self, tasks: TaskGroup) -> None:
        self.url = ""
        self.prompts: list[str] = []
        self._tasks = tasks
        self._tabs: set[WebSocket] = set()
        self._stopped: set[str] = set()
        self._chance = random.Random("broadcast")

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[BroadcastSite]:
        """Serve on a free loopback port until the block ends."""
        async with anyio.create_task_group() as tasks:
            site = cls(tasks)
            async with serve_site(site.create_app()) as site.url:
                yield site
            tasks.cancel_scope.cancel()

    def times_asked(self) -> Counter[str]:
        """Return how often each prompt came."""
        return Counter(self.prompts)

    def create_app(self) -> Starlette:
        """Return the application."""
        pages = [Route(f"/{announcing}", self._page) for announcing in get_args(Announcing)]
        return Starlette(
            routes=[
                *pages,
                Route("/ask", self._ask, methods=["POST"]),
                WebSocketRoute("/socket", self._tab),
            ]
        )

    async def _page(self, request: Request) -> Response:
        return HTMLResponse(_PAGE)

    async def _ask(self, request: Request) -> Response:
        turn = f"turn-{len(self.prompts)}"
        self._begin(turn, (await request.json())["text"])
        # Some of its words are out before the page knows which turn is its own.
        await anyio.sleep(self._chance.uniform(0.0, 0.2))
        return JSONResponse({"turn": turn})

    async def _tab(self, connection: WebSocket) -> None:
        await connection.accept()
        self._tabs.add(connection)
        try:
            while True:
                message = await connection.receive_json()
                if message["type"] == "ask":
                    self._begin(message["turn"], message["text"])
                elif message["type"] == "stop":
                    self._stopped.add(message["turn"])
        except WebSocketDisconnect:
            self._tabs.discard(connection)

    def _begin(self, turn: str, prompt: str) -> None:
        self.prompts.append(prompt)
        self._tasks.start_soon(self._answer, turn, write_answer(prompt))

    async def _answer(self, turn: str, answer: str) -> None:
        await anyio.sleep(self._chance.uniform(0.0, 0.3))
        words = answer.split(" ")
        for number, word in enumerate(words):
            if turn in self._stopped:
                break
            await self._tell({"type": "word", "turn": turn, "text": word if number == 0 else f" {word}"})
            await anyio.sleep(self._chance.uniform(0.0, 0.06))
        await self._tell({"type": "done", "turn": turn})

    async def _tell(self, message: dict[str, str]) -> None:
        for tab in list(self._tabs):
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await tab.send_json(message)
