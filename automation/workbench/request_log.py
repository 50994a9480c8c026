"""Notes the page's own requests and sockets while a prompt is answered, and fetches what those brought that matter."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import anyio

from automation.errors import PageLostError
from automation.page.cdp import Channel, Params, Spawn
from automation.profiles.wire_format import Wire
from automation.workbench.report import RequestRow
from automation.workbench.wire_guess import agree, decode_body, suggest_wire

logger = logging.getLogger(__name__)

_MOST_REQUESTS = 200
_MOST_BYTES = 2 * 1024 * 1024
_MOST_SHOWN = 6
_BODY_ENDS_S = 2.0
_MOST_FETCHED = 12
_TEXT_TYPES = ("text/", "application/", "multipart/")
_NO_ANSWERS = ("text/css", "text/javascript", "application/javascript", "application/wasm")


@dataclass(slots=True)
class _Seen:
    """One request or socket.

    Attributes:
        body: What it brought, as far as that was told while it came; what is missing of a response is fetched at the end.
        over: Set when all of the response is there.
    """

    request_id: str
    channel: Channel
    row: RequestRow
    body: bytearray = field(default_factory=bytearray)
    over: anyio.Event = field(default_factory=anyio.Event)


class RequestLog:
    """Watches every channel of one page; what was seen before ``begin`` is left out.

    Args:
        wire: The profile's, or None. What it names is streamed by the network tap already.
    """

    def __init__(self, wire: Wire | None, spawn: Spawn) -> None:
        self._wire = wire
        self._spawn = spawn
        self._seen: dict[str, _Seen] = {}
        self._sockets: dict[str, tuple[Channel, str]] = {}
        self._prompt = ""

    def begin(self, prompt: str) -> None:
        """Note what is seen from here on; sockets that are open already are noted with their next message."""
        self._seen.clear()
        self._prompt = prompt

    def watch(self, channel: Channel) -> None:
        """Watch one channel, which has ``Network`` enabled by others."""
        handlers: dict[str, Callable[[Channel, Params], None]] = {
            "Network.requestWillBeSent": self._request,
            "Network.responseReceived": self._response,
            "Network.dataReceived": self._data,
            "Network.loadingFinished": self._finished,
            "Network.loadingFailed": self._finished,
            "Network.eventSourceMessageReceived": self._event,
            "Network.webSocketCreated": self._socket_created,
            "Network.webSocketFrameSent": self._frame_sent,
            "Network.webSocketFrameReceived": self._frame_received,
        }
        for name, handler in handlers.items():
            channel.on(name, _bind(handler, channel))

    async def rows(self, page_text: str) -> tuple[tuple[RequestRow, ...], str | None]:
        """Return the requests that look most like the answer's, and what the profile's decoder reads from its own.

        ``page_text`` is the answer as the page shows it; without one nothing is fetched.
        """
        wire_text: str | None = None
        rows: list[RequestRow] = []
        likely = sorted(self._seen.values(), key=_likeness, reverse=True)
        # An answer is complete with its end mark, a moment before its response is.
        with anyio.move_on_after(_BODY_ENDS_S):
            for seen in likely[:_MOST_SHOWN]:
                if seen.row.kind not in {"websocket", "eventsource"}:
                    await seen.over.wait()
        for fetched, seen in enumerate(likely):
            body = await self._fetch(seen) if fetched < _MOST_FETCHED else b""
            row = seen.row
            if body and row.is_of_profile and self._wire is not None and row.kind != "websocket":
                wire_text = wire_text or decode_body(self._wire, body)
            if body and page_text:
                row = _compare(row, body, page_text)
            rows.append(row)
        rows.sort(key=lambda row: (row.shows_answer, bool(row.suggestion), row.is_of_profile), reverse=True)
        return tuple(rows[:_MOST_SHOWN]), wire_text

    async def _fetch(self, seen: _Seen) -> bytes:
        if seen.row.kind in {"websocket", "eventsource"} or not seen.row.size_bytes:
            return bytes(seen.body)
        if len(seen.body) >= min(seen.row.size_bytes, _MOST_BYTES):
            return bytes(seen.body)
        try:
            reply = await seen.channel.send("Network.getResponseBody", {"requestId": seen.request_id})
        except PageLostError as exc:
            logger.debug("response_body_unavailable", extra={"reason": str(exc)})
            return bytes(seen.body)
        text = str(reply.get("body", ""))
        return (base64.b64decode(text) if reply.get("base64Encoded") else text.encode())[:_MOST_BYTES]

    def _holds_prompt(self, sent: str) -> bool:
        return bool(self._prompt) and (self._prompt in sent or json.dumps(self._prompt)[1:-1] in sent)

    def _names(self, url: str) -> bool:
        return self._wire is not None and any(fnmatchcase(url, glob) for glob in self._wire.urls)

    # -- what the channels tell -------------------------------------------------------------------------------------

    def _request(self, channel: Channel, event: Params) -> None:
        kind, request = str(event.get("type") or "Other").lower(), event["request"]
        if kind not in {"fetch", "xhr", "eventsource", "other"} or len(self._seen) >= _MOST_REQUESTS:
            return
        sent = f"{request['url']} {request.get('postData') or ''}"
        row = RequestRow(
            kind,
            request["method"],
            request["url"],
            None,
            "",
            0,
            has_prompt=self._holds_prompt(sent),
            is_of_profile=self._names(request["url"]),
        )
        self._seen[event["requestId"]] = _Seen(event["requestId"], channel, row)

    def _response(self, _: Channel, event: Params) -> None:
        seen, response = self._seen.get(event["requestId"]), event["response"]
        if seen is None:
            return
        seen.row = replace(seen.row, status=response["status"], media_type=str(response.get("mimeType", "")))
        if _is_text(seen.row) and not seen.row.is_of_profile:
            self._spawn(self._stream(seen))

    async def _stream(self, seen: _Seen) -> None:
        """Have the body told while it comes: one that its page gives up in the end can't be fetched."""
        try:
            reply = await seen.channel.send("Network.streamResourceContent", {"requestId": seen.request_id})
        except PageLostError as exc:
            logger.debug("response_stream_refused", extra={"reason": str(exc)})
            return
        seen.body[:0] = base64.b64decode(reply.get("bufferedData", ""))

    def _data(self, _: Channel, event: Params) -> None:
        self._grow(event["requestId"], event["dataLength"])
        seen = self._seen.get(event["requestId"])
        if seen is not None and len(seen.body) < _MOST_BYTES:
            seen.body += base64.b64decode(event.get("data", ""))

    def _finished(self, _: Channel, event: Params) -> None:
        if event["requestId"] in self._seen:
            self._seen[event["requestId"]].over.set()

    def _event(self, _: Channel, event: Params) -> None:
        seen = self._seen.get(event["requestId"])
        if seen is not None and len(seen.body) < _MOST_BYTES:
            lines = "".join(f"data: {line}\n" for line in event["data"].split("\n"))
            seen.body += f"{lines}\n".encode()

    def _socket_created(self, channel: Channel, event: Params) -> None:
        self._sockets[event["requestId"]] = (channel, event["url"])

    def _frame_sent(self, channel: Channel, event: Params) -> None:
        seen = self._find_socket(channel, event)
        if seen is not None and self._holds_prompt(event["response"]["payloadData"]):
            seen.row = replace(seen.row, has_prompt=True)

    def _frame_received(self, channel: Channel, event: Params) -> None:
        seen, text = self._find_socket(channel, event), event["response"]["payloadData"]
        if seen is None:
            return
        self._grow(event["requestId"], len(text))
        if len(seen.body) < _MOST_BYTES:
            seen.body += f"{text}\n".encode()

    def _find_socket(self, channel: Channel, event: Params) -> _Seen | None:
        request_id = event["requestId"]
        if request_id not in self._seen:
            if request_id not in self._sockets or len(self._seen) >= _MOST_REQUESTS:
                return None
            url = self._sockets[request_id][1]
            row = RequestRow("websocket", "GET", url, None, "", 0, is_of_profile=self._names(url))
            self._seen[request_id] = _Seen(request_id, channel, row)
        return self._seen[request_id]

    def _grow(self, request_id: str, size_bytes: int) -> None:
        seen = self._seen.get(request_id)
        if seen is not None:
            seen.row = replace(seen.row, size_bytes=seen.row.size_bytes + size_bytes)


def _bind(handler: Callable[[Channel, Params], None], channel: Channel) -> Callable[[Params], None]:
    return lambda event: handler(channel, event)


def _likeness(seen: _Seen) -> tuple[int, int]:
    """Return how much a request looks like the answer's by what is known without its body."""
    row = seen.row
    is_text = row.kind in {"websocket", "eventsource"} or _is_text(row)
    likeness = sum((2 * row.has_prompt, 2 * row.is_of_profile, is_text, "stream" in row.media_type))
    return likeness, row.size_bytes


def _is_text(row: RequestRow) -> bool:
    """Whether a response may hold words that a page shows."""
    is_named = row.media_type.startswith(_TEXT_TYPES) and not row.media_type.startswith(_NO_ANSWERS)
    return row.kind not in {"websocket", "eventsource"} and is_named


def _compare(row: RequestRow, body: bytes, page_text: str) -> RequestRow:
    """Return the row with what its body has to do with the page's answer."""
    if row.kind == "websocket":
        words = {word for word in page_text.split() if word.isalpha()}
        text = body.decode("utf-8", "replace")
        return replace(row, shows_answer=bool(words) and all(word in text for word in words))
    suggestion = suggest_wire(row.url, body, page_text)
    return replace(
        row,
        shows_answer=bool(suggestion) or agree(body.decode("utf-8", "replace"), page_text),
        suggestion=suggestion,
    )
