"""Tells when a page takes a prompt: a page may show its field long before it has loaded and is connected."""

from __future__ import annotations

import time

import anyio

# A page that was loaded is ready when it has asked for nothing for so long, longer where it took its time before, and
# nothing it asked for is to come; at the latest after 10 s, for some never rest. What is so slow is no part of loading.
_LOADED_REST_S = 0.3
_LOADED_REST_SHARE = 0.5
_LOADS_S = 10.0
_COMES_WITHIN_S = 3.0
_LOADED_KINDS = frozenset({"Document", "Script", "Fetch", "XHR"})
_LOOK_S = 0.05
# A handshake that hangs longer is not waited for again.
_HANDSHAKE_S = 10.0


class PageReadiness:
    """Notes what one page asks for and which sockets it opens."""

    def __init__(self) -> None:
        self._document_s = self._asked_s = -_LOADS_S
        self._coming: dict[str, float] = {}
        self._handshakes: dict[str, float] = {}
        self._handshake_over = anyio.Event()

    def request_left(self, kind: str | None, request_id: str) -> None:
        """Note a request; ``kind`` is its resource type as DevTools names it."""
        if kind not in _LOADED_KINDS:
            return
        now = self._asked_s = time.monotonic()
        if kind == "Document":
            self._document_s = now
            self._coming.clear()
        self._coming[request_id] = now

    def request_over(self, request_id: str) -> None:
        """Note the end of a request, whatever it was."""
        if self._coming.pop(request_id, None) is not None:
            self._asked_s = time.monotonic()

    def message_came(self) -> None:
        """Note a message of a socket."""
        self._asked_s = time.monotonic()

    def socket_opened(self, socket_id: str) -> None:
        """Note that the page opens a socket."""
        self._handshakes[socket_id] = time.monotonic()

    def handshake_over(self, socket_id: str) -> None:
        """Note that a socket is connected, or won't be."""
        if self._handshakes.pop(socket_id, None) is not None:
            self._handshake_over.set()

    async def until_ready(self) -> None:
        """Wait until the page has loaded, if that began less than 10 s ago, and no socket younger than 10 s connects."""
        await self._until_loaded()
        await self._until_connected()

    async def _until_loaded(self) -> None:
        while (now := time.monotonic()) - self._document_s < _LOADS_S:
            is_coming = any(now - asked_s < _COMES_WITHIN_S for asked_s in self._coming.values())
            took_s = self._asked_s - self._document_s
            if not is_coming and now - self._asked_s >= max(_LOADED_REST_S, _LOADED_REST_SHARE * took_s):
                return
            await anyio.sleep(_LOOK_S)

    async def _until_connected(self) -> None:
        while self._handshakes:
            left_s = max(self._handshakes.values()) + _HANDSHAKE_S - time.monotonic()
            if left_s <= 0:
                return
            self._handshake_over = anyio.Event()
            with anyio.move_on_after(left_s):
                await self._handshake_over.wait()
