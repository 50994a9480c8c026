"""Streams an endpoint's state changes as server-sent events, until the client disconnects."""

from __future__ import annotations

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from backend.api.admin.endpoint_documents import state_document
from backend.api.inference.reply_response import EVENT_STREAM, KEEP_ALIVE_S
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.states import StateChange
from backend.wire.chat_response import to_json


class StateStream(Response):
    """Sends the present state and every change of it; it owns its watch, which ends with the exchange."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(headers=EVENT_STREAM)
        del self.headers["content-length"]
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        """Stream until the client hangs up."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._stream, send)
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

    async def _stream(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        board = self._endpoint.board
        with board.watch() as changes:
            change: StateChange | None = board.last_change
            while True:
                body = b": ping\n\n" if change is None else self._event(change)
                await send({"type": "http.response.body", "body": body, "more_body": True})
                change = None
                with anyio.move_on_after(KEEP_ALIVE_S):
                    change = await changes.receive()

    def _event(self, change: StateChange) -> bytes:
        document = {"endpoint": self._endpoint.slug, **state_document(change)}
        return b"event: state\ndata: " + to_json(document) + b"\n\n"
