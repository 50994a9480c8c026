"""Compressed bodies of requests."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from backend.asgi import Message, Receive, Scope, Send, read_body
from backend.security.body_encoding import BodyEncoding

zstandard = pytest.importorskip("zstandard", reason="make setup installs it")

WORDS = b'{"model": "demo"}' * 100
MOST = 4000


def bare(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def zstd(body: bytes, *, tells_size: bool = True) -> bytes:
    packed: bytes = zstandard.ZstdCompressor(write_content_size=tells_size).compress(body)
    return packed


class Reader:
    """An application that reads its request's body."""

    def __init__(self) -> None:
        self.body = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.last: Message = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.headers = scope["headers"]
        self.body = await read_body(receive)
        self.last = await receive()


async def read(encoding: str | None, *pieces: bytes) -> Reader:
    """Send a body in pieces, and return who has read it."""
    reader = Reader()
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": at + 1 < len(pieces)}
        for at, piece in enumerate(pieces)
    ]
    messages.append({"type": "http.disconnect"})

    async def receive() -> Message:
        return messages.pop(0)

    async def send(_message: Message) -> None:
        pytest.fail("it answered by itself")

    headers = [(b"content-length", b"7"), (b"x", b"y")]
    if encoding is not None:
        headers.append((b"content-encoding", encoding.encode()))
    await BodyEncoding(reader, most_bytes=MOST)({"type": "http", "headers": headers}, receive, send)
    return reader


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (None, WORDS),
        ("identity", WORDS),
        ("", WORDS),
        ("gzip", gzip.compress(WORDS)),
        ("GZip", gzip.compress(WORDS)),
        ("x-gzip", gzip.compress(WORDS[:7]) + gzip.compress(WORDS[7:])),
        ("deflate", zlib.compress(WORDS)),
        ("deflate", bare(WORDS)),
        ("zstd", zstd(WORDS)),
        ("zstd", zstd(WORDS, tells_size=False)),
        ("gzip, zstd", zstd(gzip.compress(WORDS))),
        ("identity, zstd", zstd(WORDS)),
    ],
    ids=[
        "none",
        "identity",
        "empty",
        "gzip",
        "capitals",
        "members",
        "deflate",
        "bare",
        "zstd",
        "sizeless",
        "both",
        "one",
    ],
)
@pytest.mark.parametrize("size", [1, 50, 100_000])
async def test_a_body_is_read_as_what_it_holds(encoding, body, size):
    reader = await read(encoding, *(body[at : at + size] for at in range(0, len(body), size)))

    assert reader.body == WORDS
    assert reader.last == {"type": "http.disconnect"}


async def test_what_is_behind_it_sees_a_plain_request():
    assert (await read("zstd", zstd(WORDS))).headers == [(b"x", b"y")]


@pytest.mark.parametrize("encoding", ["br", "gzip, compress", "gzip, gzip, gzip", "ünknown"])
async def test_an_encoding_that_cannot_be_read_is_named(encoding):
    with pytest.raises(HTTPException) as caught:
        await read(encoding, b"x")

    assert caught.value.status_code == 415
    assert (
        encoding.rpartition(" ")[2].encode("ascii", "backslashreplace").decode()[-4:] in caught.value.detail
    )
    assert "zstd" in (caught.value.headers or {})["accept-encoding"]


@pytest.mark.parametrize("much", [b"\0" * (MOST + 1), b"\0" * 30_000_000], ids=["a little", "a bomb"])
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", bare),
        ("zstd", zstd),
        ("zstd", lambda body: zstd(body, tells_size=False)),
        ("gzip, zstd", lambda body: zstd(gzip.compress(body))),
    ],
    ids=["gzip", "deflate", "bare deflate", "zstd", "zstd without its size", "both"],
)
async def test_a_body_that_holds_too_much_is_refused_without_being_unpacked(encoding, pack, much):
    with pytest.raises(HTTPException) as caught:
        await read(encoding, pack(much))

    assert caught.value.status_code == 413
    assert "MAX_REQUEST_BYTES" in caught.value.detail


async def test_a_body_that_just_fits_is_read():
    assert len((await read("zstd", zstd(b"\0" * MOST, tells_size=False))).body) == MOST


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize(
    "spoil", [lambda _body: b"", lambda _body: WORDS, lambda body: body[:-3]], ids=["nothing", "plain", "cut"]
)
async def test_a_broken_body_is_the_clients_mistake(encoding, spoil):
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "zstd": zstd,
    }
    packed = packers[encoding](WORDS)
    if encoding == "gzip" and spoil(packed) == b"":
        pytest.skip("no member of gzip is nothing")

    with pytest.raises(HTTPException) as caught:
        await read(encoding, spoil(packed))

    assert caught.value.status_code == 400
    assert "content-encoding" in caught.value.detail


async def test_a_large_body_is_read_beside_others():
    large = bytes(range(256)) * 4000
    reader = Reader()

    async def receive() -> Message:
        return {"type": "http.request", "body": zstd(large[::7] + large), "more_body": False}

    async def send(_message: Message) -> None:
        pytest.fail("it answered by itself")

    scope = {"type": "http", "headers": [(b"content-encoding", b"zstd")]}
    await BodyEncoding(reader, most_bytes=10_000_000)(scope, receive, send)

    assert reader.body == large[::7] + large
