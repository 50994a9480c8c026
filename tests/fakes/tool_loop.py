"""A model that works an errand off with tools: one call after the other, then its last words. As an API, or as a chat page."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from backend.wire.tool_envelope import WORD
from tests.fakes.chat_site import Answer
from tests.fakes.obliging_api import ObligingApi
from tests.fakes.scripted_api import serving

TITLE = "Notes"
_RESULT = re.compile(r"^Result of call \d+, (\S+):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool, by the name that the model is told."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolLoop:
    """Calls in their order, and what is said at the end.

    An API is told apart by the number of results; a page, which is sent the last ones alone, by their names.
    """

    calls: tuple[ToolCall, ...]
    words: str

    def page(self) -> Callable[[str], Answer]:
        """Return what a chat page answers: the call after the one whose result a prompt brings, the first one to tools alone."""

        def answer(prompt: str) -> Answer:
            brought = _RESULT.findall(prompt)
            if not brought and WORD not in prompt:
                return Answer(TITLE)
            names = [call.name for call in self.calls]
            at = names.index(brought[-1]) + 1 if brought else 0
            if at == len(self.calls):
                return Answer(self.words)
            call = self.calls[at]
            document = json.dumps({WORD: call.name, "arguments": call.arguments})
            return Answer(f"```{WORD}\n{document}\n```\n", piece_characters=40)

        return answer


@dataclass
class ToolLoopApi(ObligingApi):
    """Works ``loop`` off whenever it is offered its tools; what is asked without them gets a title.

    Attributes:
        loop: The errand.
        results: The text of all results that came with the last request of the errand, in their order.
    """

    loop: ToolLoop = field(default_factory=lambda: ToolLoop((), TITLE))
    results: list[str] = field(default_factory=list)

    def message_for(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the next call, the words after the last one, or a title."""
        offered = {tool["function"]["name"] for tool in body.get("tools") or ()}
        if not offered.issuperset(call.name for call in self.loop.calls):
            return {"content": TITLE}
        self.results = [
            _text_of(message["content"]) for message in body["messages"] if message["role"] == "tool"
        ]
        done = len(self.results)
        if done >= len(self.loop.calls):
            return {"content": self.loop.words}
        call = self.loop.calls[done]
        function = {"name": call.name, "arguments": json.dumps(call.arguments)}
        entry = {"id": f"call_{done + 1}", "type": "function", "function": function}
        return {"content": None, "tool_calls": [entry]}


@asynccontextmanager
async def tool_loop_api() -> AsyncIterator[ToolLoopApi]:
    """Serve on a free port until the block is left."""
    async with serving(ToolLoopApi()) as api:
        yield api


def _text_of(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content)
