"""Middleware that takes compressed request bodies, as Codex sends them, within the limit of what they hold."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import anyio.to_thread
from starlette.exceptions import HTTPException

from backend.asgi import ASGIApp, Message, Receive, Scope, Send, header, read_body

_LARGE_BYTES = 64 * 1024  # of a compressed body; decoding one takes so long that others would notice
_MOST_ENCODINGS = 2
_OF_ENCODED = frozenset({b"content-encoding", b"content-length"})
_PLAIN = frozenset({"", "identity"})
_GZIP, _ZLIB, _BARE = 31, 15, -15  # zlib's window bits, and what stands around the data


class TooLargeError(Exception):
    """A body holds more than it may."""


class BrokenBodyError(Exception):
    """A body is not in the encoding that its header names, or ends too early."""


class BodyEncoding:
    """ASGI middleware that decodes a request's body by ``content-encoding``.

    What is behind it sees a plain request: 415 answers an unknown encoding, 413 a body of more than ``most_bytes``, 400 a broken
    one. Nothing is read before somebody behind it reads.
    """

    def __init__(self, app: ASGIApp, *, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        named = header(scope, "content-encoding") if scope["type"] == "http" else None
        if named is None:
            await self._app(scope, receive, send)
            return
        names = [name for part in named.split(",") if (name := part.strip().lower()) not in _PLAIN]
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name not in _OF_ENCODED]
        await self._app(scope, self._decoded(names, receive), send)

    def _decoded(self, names: list[str], receive: Receive) -> Receive:
        """Return what gives the decoded body as one message, and then what else the client sends."""
        is_read = False

        async def receive_decoded() -> Message:
            nonlocal is_read
            if is_read:
                return await receive()
            is_read = True
            body = await read_body(receive)
            return {"type": "http.request", "body": await self._decode(names, body), "more_body": False}

        return receive_decoded

    async def _decode(self, names: list[str], body: bytes) -> bytes:
        unknown = [name for name in names if name not in DECODERS]
        if unknown or len(names) > _MOST_ENCODINGS:
            told = ", ".join(unknown or names).encode("ascii", "backslashreplace").decode()
            msg = f"content-encoding: {told} can't be read; {', '.join(DECODERS)} can."
            raise HTTPException(415, msg, {"accept-encoding": ", ".join(DECODERS)})
        try:
            for name in reversed(names):
                decode = DECODERS[name]
                if len(body) < _LARGE_BYTES:
                    body = decode(body, self._most_bytes)
                else:
                    body = await anyio.to_thread.run_sync(decode, body, self._most_bytes)
        except TooLargeError:
            msg = f"The request's body holds more than {self._most_bytes} bytes, which MAX_REQUEST_BYTES allows."
            raise HTTPException(413, msg) from None
        except BrokenBodyError as exc:
            raise HTTPException(
                400, f"The request's body is not what its content-encoding says: {exc}."
            ) from exc
        return body


def decode_gzip(body: bytes, most_bytes: int) -> bytes:
    """Return what a gzip body holds, that of several members one after the other.

    Raises:
        TooLargeError, BrokenBodyError: It holds more than ``most_bytes``; it is none.
    """
    whole = b""
    while body:
        piece, body = _inflate(body, most_bytes - len(whole), _GZIP)
        whole += piece
    return whole


def decode_deflate(body: bytes, most_bytes: int) -> bytes:
    """Return what a deflate body holds; some clients leave out the header that belongs around it (RFC 9110, 8.4.1.2).

    Raises:
        TooLargeError, BrokenBodyError: It holds more than ``most_bytes``; it is none.
    """
    try:
        return _inflate(body, most_bytes, _ZLIB)[0]
    except BrokenBodyError:
        return _inflate(body, most_bytes, _BARE)[0]


def decode_zstd(body: bytes, most_bytes: int) -> bytes:
    """Return what a Zstandard body of one frame holds.

    Raises:
        TooLargeError, BrokenBodyError: It holds more than ``most_bytes``; it is none.
    """
    zstd = import_module("zstandard")  # with the first such body: few clients send any
    try:
        if zstd.frame_content_size(body) > most_bytes:
            raise TooLargeError
        unpacker = zstd.ZstdDecompressor()
        whole: bytes = unpacker.decompress(body, max_output_size=most_bytes, allow_extra_data=False)
    except zstd.ZstdError as exc:
        if _holds_more(zstd, body, most_bytes):
            raise TooLargeError from exc
        raise BrokenBodyError(str(exc)) from exc
    return whole


DECODERS: Mapping[str, Callable[[bytes, int], bytes]] = MappingProxyType(
    {"gzip": decode_gzip, "x-gzip": decode_gzip, "deflate": decode_deflate, "zstd": decode_zstd}
)


def _inflate(body: bytes, most_bytes: int, window_bits: int) -> tuple[bytes, bytes]:
    """Return what the data holds, and what comes behind it."""
    inflater = zlib.decompressobj(window_bits)
    try:
        whole = inflater.decompress(body, most_bytes + 1)
    except zlib.error as exc:
        raise BrokenBodyError(str(exc)) from exc
    if len(whole) > most_bytes:
        raise TooLargeError
    if not inflater.eof:
        msg = "it ends too early"
        raise BrokenBodyError(msg)
    return whole, inflater.unused_data


def _holds_more(zstd: Any, body: bytes, most_bytes: int) -> bool:
    """Whether a frame that doesn't tell its size holds too much; it is read no further."""
    try:
        with zstd.ZstdDecompressor().stream_reader(body) as reader:
            return len(reader.read(most_bytes + 1)) > most_bytes
    except zstd.ZstdError:
        return False
