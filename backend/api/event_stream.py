"""Responses that own a turn: whoever hangs up, streaming or not, leaves the turn's context, which stops the page."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

import anyio
from anyio.abc import TaskGroup
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from automation.turn import TextDelta
from backend.api.errors import describe_error, respond
from backend.gateway.answer import Answer
from backend.wire.chat_response import ChunkWriter, CompletionHead, completion_document, to_json
from backend.wire.errors import ErrorReply

_log = logging.getLogger(__name__)

KEEP_ALIVE_S = 15.0
EVENT_STREAM = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}

OpenAnswer = Callable[[], AbstractAsyncContextManager[Answer]]


class _Reply:
    """The sending side of one HTTP exchange: knows what has gone out, one message at a time."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send = send
        self._headers = headers
        self._lock = anyio.Lock()
        self.is_begun = False
        self.is_complete = False
        self.sent_at = 0.0

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status and the headers."""
        raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in {**self._headers, **headers}.items()]
        self.is_begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, body: bytes, *, is_last: bool = False) -> None:
        """Send more of the body; nothing is sent after the last of it."""
        async with self._lock:
            if self.is_complete:
                return
            # Set before sending: once the last byte is out, the server reports the client as gone.
            self.is_complete = is_last
            self.sent_at = anyio.current_time()
            await self._send({"type": "http.response.body", "body": body, "more_body": not is_last})

    async def whole(self, response: Response) -> None:
        """Send a whole response."""
        own = {k.decode("latin-1"): v.decode("latin-1") for k, v in response.raw_headers}
        await self.begin(response.status_code, own)
        await self.write(bytes(response.body), is_last=True)

    async def keep_alive(self, every_s: float) -> None:
        """Send a comment whenever nothing was sent for so long; for ever."""
        while True:
            await anyio.sleep(max(self.sent_at + every_s - anyio.current_time(), 0.01))
            if anyio.current_time() - self.sent_at >= every_s:
                await self.write(b": ping\n\n")


class TurnResponse(Response):
    """Opens a turn when it is sent, and answers with it.

    A failure before the first delta is a JSON error with its own status; ``headers`` go out in any case.
    """

    def __init__(self, open_answer: OpenAnswer, headers: Mapping[str, str]) -> None:
        super().__init__()
        self._open_answer = open_answer
        self._turn_headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        """Answer the request; a client that hangs up cancels the turn."""
        reply = _Reply(send, self._turn_headers)
        async with anyio.create_task_group() as tasks:
            with anyio.CancelScope() as turn:
                tasks.start_soon(_cancel_on_hang_up, receive, reply, turn)
                await self._answer(reply, tasks)
            tasks.cancel_scope.cancel()

    async def _answer(self, reply: _Reply, tasks: TaskGroup) -> None:
        try:
            async with self._open_answer() as answer:
                await self._send_answer(answer, reply, tasks)
        except Exception as exc:  # noqa: BLE001  the outermost boundary of a turn: every failure is told
            await self._send_failure(exc, reply)

    async def _send_failure(self, exc: Exception, reply: _Reply) -> None:
        error = describe_error(exc)
        facts = {"code": error.code, "status": error.status, "answer_sent": reply.is_complete}
        _log.warning("turn failed", extra=facts)
        if not reply.is_begun:
            await reply.whole(respond(error))
        elif not reply.is_complete:
            await reply.write(self._late_failure(error), is_last=True)

    def _late_failure(self, error: ErrorReply) -> bytes:
        return b"data: " + error.encode() + b"\n\n"

    @abstractmethod
    async def _send_answer(self, answer: Answer, reply: _Reply, tasks: TaskGroup) -> None:
        """Send the answer; ``tasks`` end with the exchange."""


class StreamedAnswer(TurnResponse):
    """Every delta as its own server-sent event, at once; after a late failure an error event and no ``[DONE]``."""

    def __init__(
        self,
        open_answer: OpenAnswer,
        headers: Mapping[str, str],
        head: CompletionHead,
        *,
        with_usage: bool,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        super().__init__(open_answer, headers)
        self._writer = ChunkWriter(head, with_usage=with_usage)
        self._keep_alive_s = keep_alive_s

    async def _send_answer(self, answer: Answer, reply: _Reply, tasks: TaskGroup) -> None:
        writer = self._writer
        async for delta in answer:
            if not reply.is_begun:
                await reply.begin(200, {**EVENT_STREAM, **answer_headers(answer)})
                tasks.start_soon(reply.keep_alive, self._keep_alive_s)
            write = writer.text if isinstance(delta, TextDelta) else writer.reasoning
            await reply.write(write(delta.text))
        if not reply.is_begun:
            await reply.begin(200, {**EVENT_STREAM, **answer_headers(answer)})
        end = writer.end(answer.finish_reason or "stop", answer.usage, answer.citations, answer.notes)
        await reply.write(end, is_last=True)


class WholeAnswer(TurnResponse):
    """The answer as one JSON document, once it is complete."""

    def __init__(self, open_answer: OpenAnswer, headers: Mapping[str, str], head: CompletionHead) -> None:
        super().__init__(open_answer, headers)
        self._head = head

    async def _send_answer(self, answer: Answer, reply: _Reply, tasks: TaskGroup) -> None:  # noqa: ARG002
        parts: tuple[list[str], list[str]] = ([], [])
        async for delta in answer:
            parts[not isinstance(delta, TextDelta)].append(delta.text)
        document = completion_document(
            self._head,
            text="".join(parts[0]),
            reasoning="".join(parts[1]),
            citations=answer.citations,
            finish_reason=answer.finish_reason or "stop",
            usage=answer.usage,
        )
        await reply.whole(
            Response(to_json(document), headers=answer_headers(answer), media_type="application/json")
        )


def answer_headers(answer: Answer) -> dict[str, str]:
    """Return ``x-gateway-conversation``, and ``x-gateway-notes`` with those that are known by now."""
    conversation = {"x-gateway-conversation": answer.conversation} if answer.conversation else {}
    notes = {"x-gateway-notes": ", ".join(answer.notes)} if answer.notes else {}
    return {**conversation, **notes}


async def _cancel_on_hang_up(receive: Receive, reply: _Reply, turn: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    if not reply.is_complete:
        _log.info("client hung up; turn is cancelled")
        turn.cancel()
