"""One answer's way through this process, from DevTools' events to the client's chunks, without a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

import anyio

from automation.capture.network_tap import NetworkTap
from automation.capture.pipeline import TurnCapture
from automation.page.agent import PageAgent
from automation.profiles.validation import parse_profile
from automation.timing import Timeouts
from automation.turn import Message, Prompt, TurnEvent
from backend.gateway.answer_stream import AnswerStream
from backend.gateway.page_reply import PageReply
from backend.wire.chat_response import CompletionHead
from backend.wire.translate import AnswerLimits
from tests.fakes.wire_streams import URL, Frame, SilentPage, StreamKind

_PAGE = {"input": "textarea", "assistant_turn": ".bot", "stop": ".stop"}
# As many turns of the event loop take a frame to the client.
_STEPS = 4
_PROMPT = Prompt((Message("user", "Hi"),))


class BlindDom:
    """A page that shows nothing: the wire alone is read."""

    def listen(self, sink: object) -> None:
        """Tell nobody."""

    async def call(self, name: str, *args: object, timeout_s: float = 5.0) -> object:
        """Answer nothing."""


def _no_matter(frame: Frame) -> None:
    """Take no note."""


async def drive(
    kind: StreamKind,
    frames: Sequence[Frame],
    before: Callable[[Frame], None] = _no_matter,
    after: Callable[[Frame], None] = _no_matter,
) -> list[bytes]:
    """Have one answer read and written for its client; ``before`` and ``after`` are called around each of its frames."""
    page = SilentPage()
    profile = parse_profile({**_PAGE, "wire": {"urls": "*", **kind.wire}})
    assert profile.wire is not None
    send, receive = anyio.create_memory_object_stream[TurnEvent](16)
    async with anyio.create_task_group() as tasks:

        def spawn(work: Coroutine[Any, Any, None]) -> None:
            tasks.start_soon(_run, work)

        sockets = frames[0].event == "Network.webSocketCreated"
        tap = NetworkTap((URL,), ("POST",), sockets=sockets, spawn=spawn)
        await tap.attach(page)
        capture = TurnCapture(tap, cast("PageAgent", BlindDom()), profile, Timeouts(), has_witness=False)

        async def tell() -> None:
            for frame in frames:
                before(frame)
                page.tell(frame)
                for _ in range(_STEPS):
                    await asyncio.sleep(0)
                after(frame)

        async def read() -> None:
            await capture.until_effect()
            async with send:
                await send.send(await capture.read(send))

        async with capture.watching(), receive:
            tasks.start_soon(tell)
            tasks.start_soon(read)
            answer = AnswerStream(receive, _PROMPT, AnswerLimits())
            head = CompletionHead("c", 0, "bench")
            reply = PageReply(answer, head, {}, is_streamed=True, with_usage=True)
            await reply.begin()
            written = [events async for events in reply]
    return written


async def _run(work: Coroutine[Any, Any, None]) -> None:
    await work
