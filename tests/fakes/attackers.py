"""Clients that mean no good, each an attack without a key: ``python -m tests.fakes.attackers NAME PORT SECONDS``.

They run in a process of their own, so that who measures beside them is not slowed by them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import resource
import sys
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

GET = b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
UPGRADE = (
    b"GET /live/socket HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
IDLE = 2_000
_PIECE = 16_384


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def again(port: int, attack: Callable[[Connection], Awaitable[None]]) -> None:
    """Attack on one connection after the other, whatever becomes of each."""
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async with connected(port) as connection:
                await attack(connection)
        await asyncio.sleep(0.05)


async def send(connection: Connection, data: bytes) -> None:
    connection[1].write(data)
    await connection[1].drain()


async def until_closed(connection: Connection) -> None:
    while await connection[0].read(65_536):
        pass


async def deflate_bomb(connection: Connection) -> None:
    """Messages of 16 KB that unpack to 16 MB."""
    offered = UPGRADE + b"sec-websocket-extensions: permessage-deflate\r\n\r\n"
    await send(connection, offered)
    await connection[0].readuntil(b"\r\n\r\n")
    packed = zlib.compress(b" " * 16_000_000, 9)[2:-4]
    frame = b"\xc1\xfe" + len(packed).to_bytes(2, "big") + b"\0\0\0\0" + packed
    for _ in range(32):
        await send(connection, frame)
    await until_closed(connection)


async def endless_value(connection: Connection) -> None:
    await send(connection, GET + b"x: ")
    while True:
        await send(connection, b"a" * _PIECE)


async def endless_address(connection: Connection) -> None:
    await send(connection, b"GET /")
    while True:
        await send(connection, b"a" * _PIECE)


async def endless_headers(connection: Connection) -> None:
    await send(connection, GET)
    for number in itertools.count():
        await send(connection, b"".join(b"x-%d-%d: 1\r\n" % (number, each) for each in range(1_000)))


async def endless_trailers(connection: Connection) -> None:
    await send(connection, POST + b"transfer-encoding: chunked\r\n\r\n0\r\n")
    for number in itertools.count():
        await send(connection, b"".join(b"x-%d-%d: 1\r\n" % (number, each) for each in range(1_000)))


async def endless_body(connection: Connection) -> None:
    await send(connection, POST + b"transfer-encoding: chunked\r\n\r\n")
    while True:
        await send(connection, b"%x\r\n%s\r\n" % (_PIECE, b"a" * _PIECE))


async def idle(connection: Connection) -> None:
    await until_closed(connection)


async def slow_head(connection: Connection) -> None:
    for at in range(10_000):
        await send(connection, (GET + b"x: " + b"a" * 10_000)[at : at + 1])
        await asyncio.sleep(0.5)


async def slow_body(connection: Connection) -> None:
    await send(connection, POST + b"content-length: 1000000\r\n\r\n")
    while True:
        await send(connection, b" ")
        await asyncio.sleep(0.5)


async def half_handshake(connection: Connection) -> None:
    await send(connection, UPGRADE)
    await until_closed(connection)


async def silent_socket(connection: Connection) -> None:
    await send(connection, UPGRADE + b"\r\n")
    await until_closed(connection)


async def small_messages(connection: Connection) -> None:
    await send(connection, UPGRADE + b"\r\n")
    await connection[0].readuntil(b"\r\n\r\n")
    while True:
        await send(connection, b"\x89\x80\0\0\0\0" * 2_000)
        await send(connection, b"\x81\x81\0\0\0\0a" * 2_000)


async def pipelined(connection: Connection) -> None:
    while True:
        await send(connection, (GET + b"\r\n") * 2_000)


async def unread(connection: Connection) -> None:
    """Asks for pages and takes none."""
    while True:
        await send(connection, GET.replace(b"/health", b"/live-page/live.js") + b"\r\n")
        await asyncio.sleep(1)


ATTACKS: Mapping[str, tuple[Callable[[Connection], Awaitable[None]], int]] = {
    "deflate bombs": (deflate_bomb, 20),
    "endless value": (endless_value, 4),
    "endless address": (endless_address, 4),
    "endless headers": (endless_headers, 4),
    "endless trailers": (endless_trailers, 4),
    "endless body": (endless_body, 4),
    "idle connections": (idle, IDLE),
    "slow heads": (slow_head, IDLE),
    "slow bodies": (slow_body, IDLE),
    "half handshakes": (half_handshake, IDLE),
    "silent sockets": (silent_socket, IDLE),
    "small messages": (small_messages, 10),
    "pipelined requests": (pipelined, 4),
    "unread answers": (unread, 200),
}
"""What is done on each connection, and on how many at once."""


async def attack(name: str, port: int, seconds: float) -> None:
    """Attack until the time is over."""
    what, at_once = ATTACKS[name]
    ending = time.monotonic() + seconds
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + ending - time.monotonic()):
            await asyncio.gather(*(again(port, what) for _ in range(at_once)))


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8_192), hard))
    asyncio.run(attack(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
