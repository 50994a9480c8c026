"""Observes the page's network traffic as it happens: bytes of the answer's response, messages of its WebSockets.

A response is armed when its request leaves (``requestWillBeSent``): armed later, a busy page loses whole answers.
What streamed is compared with the whole body at the end, and what is missing is filled in. Nothing is intercepted:
the page gets its bytes as if nobody looked.
"""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import anyio

from automation.capture.page_readiness import PageReadiness
from automation.capture.tap_events import (
    BodyBytes,
    BodyEnded,
    OtherSocketSent,
    ReplyCame,
    RequestSent,
    ResponseBegan,
    SocketClosed,
    SocketMessage,
    StreamMissed,
    TapEvent,
)
from automation.capture.traffic import Traffic
from automation.errors import PageLostError
from automation.page.cdp import Channel, Params, Spawn

logger = logging.getLogger(__name__)

# What Chromium keeps of bodies, for filling in what did not stream: the renderer holds it between turns, too.
_KEPT_BYTES = 8 * 1024 * 1024
_KEPT_OF_ONE_BYTES = 4 * 1024 * 1024


Sink = Callable[[TapEvent], None]


@dataclass(slots=True)
class _Body:
    """A response while it streams. Bytes wait in ``held`` until ``streamResourceContent`` has returned the earlier ones."""

    channel: Channel
    asked: anyio.Event = field(default_factory=anyio.Event)
    armed: bool = False
    event_source: bool = False
    held: list[bytes] = field(default_factory=list)
    received: int = 0
    told: int = 0


@dataclass(slots=True)
class _Request:
    """A request of this turn, whether or not its response may be the answer."""

    channel: Channel
    was_redirected: bool = False
    over: anyio.Event = field(default_factory=anyio.Event)


class NetworkTap:
    """Watches every channel of one page and sends events to the current ``sink``, if there is one."""

    def __init__(
        self,
        urls: tuple[str, ...],
        methods: tuple[str, ...],
        *,
        sockets: bool,
        spawn: Spawn,
        ready_message: str = "",
    ) -> None:
        self._urls = urls
        self._methods = methods
        self._sockets = sockets
        self._spawn = spawn
        self.traffic = Traffic()
        self.readiness = PageReadiness()
        self._sink: Sink | None = None
        self._bodies: dict[str, _Body] = {}
        self._requests: dict[str, _Request] = {}
        self._running: set[str] = set()
        self._left_workers: set[str] = set()
        self._none_runs = anyio.Event()
        self._open_sockets: dict[str, int] = {}
        self._ready_message = ready_message
        self._sockets_made = 0
        self._message_s = 0.0
        self._newest_ready = 0
        self._socket_ready = anyio.Event()

    def listen(self, sink: Sink | None) -> None:
        """Send events to ``sink`` from now on; responses that are under way already are left out."""
        self._sink = sink
        self._bodies.clear()
        self._requests.clear()
        if sink is not None:
            self._running.clear()
            self.traffic.begin()

    @property
    def is_arming(self) -> bool:
        """Whether a response that may be the answer is about to stream: what came of it so far is told then."""
        return any(not body.asked.is_set() for body in self._bodies.values())

    async def until_streams_end(self, timeout_s: float) -> bool:
        """Wait until no response that may be an answer is under way; False if one still is then."""
        with anyio.move_on_after(timeout_s):
            while self._running:
                self._none_runs = anyio.Event()
                await self._none_runs.wait()
        return not self._running

    def keep_reply(self, request_id: str) -> None:
        """Tell the whole response of a request of this turn as a ``ReplyCame`` once it is there."""
        request = self._requests.get(request_id)
        if request is not None:
            self._spawn(self._fetch_reply(request_id, request))

    async def attach(self, channel: Channel) -> None:
        """Watch one channel; it must not have sent its first request yet."""
        watch = {
            "Network.requestWillBeSent": self._request,
            "Network.responseReceived": self._response,
            "Network.dataReceived": self._data,
            "Network.eventSourceMessageReceived": self._event_source_message,
            "Network.loadingFinished": self._finished,
            "Network.loadingFailed": self._failed,
            "Network.webSocketCreated": self._socket_created,
            "Network.webSocketHandshakeResponseReceived": self._handshake_ended,
            "Network.webSocketFrameError": self._handshake_ended,
            "Network.webSocketFrameReceived": self._frame_received,
            "Network.webSocketFrameSent": self._frame_sent,
            "Network.webSocketClosed": self._socket_closed,
        }
        for event, handler in watch.items():
            channel.on(event, self._bound(handler, channel))
        await channel.send(
            "Network.enable", {"maxTotalBufferSize": _KEPT_BYTES, "maxResourceBufferSize": _KEPT_OF_ONE_BYTES}
        )

    @staticmethod
    def _bound(handler: Callable[[Channel, Params], None], channel: Channel) -> Callable[[Params], None]:
        return lambda event: handler(channel, event)

    def _tell(self, event: TapEvent) -> None:
        if self._sink is not None:
            self._sink(event)

    def _matches(self, url: str) -> bool:
        return any(fnmatchcase(url, pattern) for pattern in self._urls)

    # -- HTTP -------------------------------------------------------------------------------------------------------

    def _request(self, channel: Channel, event: Params) -> None:
        kind, request, request_id = event.get("type"), event["request"], event["requestId"]
        self.readiness.request_left(kind, request_id)
        if channel.target_id:
            self._left_workers.add(request_id)
        if kind not in {"Fetch", "XHR", "EventSource", "Other", None}:
            return
        address = f"{request['method']} {request['url'].partition('?')[0]}"
        if self._sink is None:
            self.traffic.asked_at_rest(address)
            return
        known = self._requests.get(request_id)
        if known is None:
            self._requests[request_id] = _Request(channel)
        else:
            known.was_redirected = True
        self.traffic.request_left(
            request_id,
            "text/event-stream" if kind == "EventSource" else "",
            address=address,
            at_s=time.monotonic(),
        )
        matches = not self._sockets and request["method"] in self._methods and self._matches(request["url"])
        if matches and request_id not in self._bodies:
            self._running.add(request_id)
            body = self._bodies[request_id] = _Body(channel, event_source=kind == "EventSource")
            if body.event_source:
                body.asked.set()
            else:
                self._spawn(self._arm(request_id, body))
        post = request.get("postData")
        self._tell(RequestSent(request_id, request["url"], request["method"], post, matches))

    async def _arm(self, request_id: str, body: _Body) -> None:
        try:
            reply = await body.channel.send("Network.streamResourceContent", {"requestId": request_id})
        except PageLostError as exc:
            # Already finished, or refused: the whole body is fetched at the end.
            logger.debug("response_stream_refused", extra={"reason": str(exc)})
            return
        finally:
            body.asked.set()
        if self._bodies.get(request_id) is not body:
            return
        early = base64.b64decode(reply.get("bufferedData", ""))
        body.armed = True
        for data in (early, *body.held):
            self._tell_bytes(request_id, body, data)
        body.held.clear()

    def _tell_bytes(self, request_id: str, body: _Body, data: bytes) -> None:
        if data:
            body.told += len(data)
            self._tell(BodyBytes(request_id, data))

    def _response(self, _: Channel, event: Params) -> None:
        request_id, response = event["requestId"], event["response"]
        self.traffic.response_began(request_id, response.get("mimeType", ""), response.get("status", 0))
        request = self._requests.get(request_id)
        if request is None:
            return
        headers = {name.lower(): value for name, value in response.get("headers", {}).items()}
        self._tell(
            ResponseBegan(
                request_id,
                response["url"],
                response["status"],
                response.get("mimeType", ""),
                headers.get("retry-after"),
                request.was_redirected,
            )
        )

    def _data(self, channel: Channel, event: Params) -> None:
        request_id = event["requestId"]
        self.traffic.data_came(request_id, time.monotonic())
        body = self._bodies.get(request_id)
        if body is None:
            if channel.target_id and request_id not in self._left_workers:
                self._left_workers.add(request_id)
                self._tell(StreamMissed(request_id))
            return
        body.received += event["dataLength"]
        data = base64.b64decode(event.get("data", ""))
        if body.armed:
            self._tell_bytes(request_id, body, data)
        elif data:
            body.held.append(data)

    def _event_source_message(self, _: Channel, event: Params) -> None:
        body = self._bodies.get(event["requestId"])
        if body is None:
            return
        # Chromium has parsed it already; written out again, one decoder reads both kinds of stream.
        lines = [f"event: {event['eventName']}"] if event.get("eventName") else []
        lines += [f"data: {line}" for line in event["data"].split("\n")]
        self._tell_bytes(event["requestId"], body, ("\n".join(lines) + "\n\n").encode())

    def _finished(self, _: Channel, event: Params) -> None:
        self._over(event["requestId"], None)

    def _failed(self, _: Channel, event: Params) -> None:
        failure = "cancelled" if event.get("canceled") else event.get("errorText", "failed")
        self._over(event["requestId"], failure)

    def _over(self, request_id: str, failure: str | None) -> None:
        self.readiness.request_over(request_id)
        is_cut = failure not in {None, "cancelled"}
        self.traffic.request_over(request_id, is_cut=is_cut, at_s=time.monotonic())
        self._running.discard(request_id)
        if not self._running:
            self._none_runs.set()
        if request_id in self._requests:
            self._requests[request_id].over.set()
        body = self._bodies.get(request_id)
        if body is not None:
            self._spawn(self._complete(request_id, body, failure))

    async def _complete(self, request_id: str, body: _Body, failure: str | None) -> None:
        # A short answer can be over, and dropped by its page, before the reply to arming has brought its bytes.
        await body.asked.wait()
        if not body.event_source and (not body.armed or body.told != body.received):
            await self._fill_in(request_id, body)
        if self._bodies.get(request_id) is body:
            del self._bodies[request_id]
            self._tell(BodyEnded(request_id, failure))

    async def _fetch_reply(self, request_id: str, request: _Request) -> None:
        await request.over.wait()
        whole = await self._whole_body(request_id, request.channel)
        if whole is not None and self._requests.get(request_id) is request:
            self._tell(ReplyCame(request_id, whole))

    async def _whole_body(self, request_id: str, channel: Channel) -> bytes | None:
        try:
            reply = await channel.send("Network.getResponseBody", {"requestId": request_id})
        except PageLostError as exc:
            logger.debug("response_body_unavailable", extra={"reason": str(exc)})
            return None
        text = reply.get("body", "")
        return base64.b64decode(text) if reply.get("base64Encoded") else text.encode()

    async def _fill_in(self, request_id: str, body: _Body) -> None:
        """Emit the part of the whole body that did not stream, if any."""
        whole = await self._whole_body(request_id, body.channel)
        if whole is None or self._bodies.get(request_id) is not body:
            return
        if len(whole) > body.told:
            logger.info("response_backfilled", extra={"size_bytes": len(whole) - body.told})
            self._tell_bytes(request_id, body, whole[body.told :])

    # -- WebSockets -------------------------------------------------------------------------------------------------

    def _socket_created(self, _: Channel, event: Params) -> None:
        self.readiness.socket_opened(event["requestId"])
        if self._sockets and self._matches(event["url"]):
            self._sockets_made += 1
            self._open_sockets[event["requestId"]] = self._sockets_made

    @property
    def sockets_made(self) -> int:
        """How many of the profile's sockets the page has opened so far."""
        return self._sockets_made

    @property
    def sockets_ready(self) -> int:
        """The number of the newest socket that carries everything, counted from 1; 0 for none."""
        return self._newest_ready

    async def until_socket_ready(self, after: int, timeout_s: float) -> bool:
        """Wait until a socket opened after the first ``after`` ones carries everything; False if none did in time."""
        with anyio.move_on_after(timeout_s):
            while self._newest_ready <= after:
                self._socket_ready = anyio.Event()
                await self._socket_ready.wait()
        return self._newest_ready > after

    def _handshake_ended(self, _: Channel, event: Params) -> None:
        self.readiness.handshake_over(event["requestId"])

    async def until_sockets_rest(self, rest_s: float, timeout_s: float) -> bool:
        """Wait until the profile's sockets have said nothing for ``rest_s``; False if they still speak after the time limit."""
        with anyio.move_on_after(timeout_s):
            while True:
                left_s = self._message_s + rest_s - time.monotonic()
                if left_s <= 0:
                    return True
                await anyio.sleep(left_s)
        return False

    def _frame_received(self, _: Channel, event: Params) -> None:
        self.traffic.message_came()
        if event["requestId"] in self._open_sockets:
            self._message_s = time.monotonic()
        self.readiness.message_came()
        self._frame(event, outgoing=False)

    def _frame_sent(self, _: Channel, event: Params) -> None:
        self._frame(event, outgoing=True)

    def _frame(self, event: Params, *, outgoing: bool) -> None:
        if event["requestId"] not in self._open_sockets:
            if outgoing:
                self._tell(OtherSocketSent(event["requestId"]))
            return
        frame = event["response"]
        data = frame["payloadData"]
        # Opcode 1 is text (RFC 6455); DevTools gives binary payloads as base64.
        payload = data if frame["opcode"] == 1 else base64.b64decode(data)
        if outgoing and payload == self._ready_message:
            self._newest_ready = max(self._newest_ready, self._open_sockets[event["requestId"]])
            self._socket_ready.set()
        self._tell(SocketMessage(event["requestId"], payload, outgoing))

    def _socket_closed(self, channel: Channel, event: Params) -> None:
        self._handshake_ended(channel, event)
        if event["requestId"] in self._open_sockets:
            del self._open_sockets[event["requestId"]]
            self._tell(SocketClosed(event["requestId"]))
