from __future__ import annotations

import asyncio
import contextlib
import zlib

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.fakes.bounded_server import UPGRADE, Client, EchoApp, Serving, serve_bounded

TEXT, BINARY, CONTINUATION, PING = 1, 2, 0, 9


@pytest.fixture
def app() -> EchoApp:
    return EchoApp()


def frame(opcode: int, data: bytes = b"", *, is_last: bool = True, is_packed: bool = False) -> bytes:
    """A client's frame with an empty mask."""
    first = opcode | (0x80 if is_last else 0) | (0x40 if is_packed else 0)
    if len(data) < 126:
        length = bytes([0x80 | len(data)])
    elif len(data) < 65_536:
        length = b"\xfe" + len(data).to_bytes(2, "big")
    else:
        length = b"\xff" + len(data).to_bytes(8, "big")
    return bytes([first]) + length + b"\0\0\0\0" + data


async def shake_hands(serving: Serving, more: bytes = b"", path: bytes = b"/socket") -> tuple[Client, bytes]:
    client = await serving.connect()
    await client.say(UPGRADE.replace(b"/socket", path) + more + b"\r\n")
    return client, await client.head()


def close_code(sent: bytes) -> int:
    """The code in the close frame that ends what a server sent."""
    at = sent.rindex(b"\x88")
    return int.from_bytes(sent[at + 2 : at + 4], "big")


@pytest.mark.parametrize("offer", ["permessage-deflate", "permessage-deflate; client_max_window_bits"])
async def test_compression_is_never_agreed_on(app, offer):
    async with serve_bounded(app) as serving:
        client, head = await shake_hands(serving, f"sec-websocket-extensions: {offer}\r\n".encode())
        packed = zlib.compress(b" " * 16_000_000, 9)[2:-4]
        await client.say(frame(TEXT, packed, is_packed=True))
        rest = await client.rest()

    assert head.startswith(b"HTTP/1.1 101")
    assert b"extensions" not in head.lower()
    assert close_code(rest) in {1002, 1009}
    assert all(not isinstance(message, str) for message in app.messages)


@pytest.mark.parametrize(
    "sent",
    [
        frame(TEXT, b"a" * 1025),
        frame(BINARY, b"a" * 100_000),
        frame(TEXT, b"a" * 10_000_000)[:14],
        frame(TEXT, b"a" * 600, is_last=False) + frame(CONTINUATION, b"a" * 600),
    ],
    ids=["a little too long", "long", "announced", "in two parts"],
)
async def test_before_its_client_is_known_a_message_is_short(app, sent):
    async with serve_bounded(app) as serving:
        client, _ = await shake_hands(serving)
        await client.say(sent)
        rest = await client.rest()

    assert close_code(rest) == 1009
    assert app.messages == [1009]


async def test_a_client_that_is_known_may_send_long_messages(app):
    async with serve_bounded(app) as serving, connect(f"ws://127.0.0.1:{serving.port}/socket") as socket:
        await socket.send("known")
        await socket.recv()
        await socket.send("a" * 14_000_000)
        await socket.recv()
        with contextlib.suppress(ConnectionClosed):
            await socket.send("a" * 17_000_000)
        await socket.wait_closed()

    assert [len(message) for message in app.messages[:2]] == [5, 14_000_000]
    assert app.messages[2] == 1009


@pytest.mark.parametrize("path", [b"/socket", b"/deaf"])
@pytest.mark.parametrize(
    "sent",
    [
        frame(TEXT, b"a", is_last=False) + frame(CONTINUATION, is_last=False) * 100_000,
        frame(TEXT, b"a") * 10_000,
        frame(TEXT) * 10_000,
        frame(PING) * 10_000,
        frame(PING, b"a" * 125) * 100,
    ],
    ids=["empty parts", "small messages", "empty messages", "pings", "long pings"],
)
async def test_before_its_client_is_known_all_of_it_together_is_short_whatever_it_is(app, sent, path):
    async with serve_bounded(app) as serving:
        client, _ = await shake_hands(serving, path=path)
        await client.say(sent)
        rest = await client.rest()
        app.released.set()

    assert close_code(rest) in {1008, 1009}
    assert len(app.messages) <= 6


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"a", is_last=False) + frame(CONTINUATION, is_last=False) * 100_000, 1009),
        (frame(TEXT, b"a") * 30_000, 1008),
        (frame(TEXT) * 30_000, 1008),
    ],
    ids=["empty parts", "small messages", "empty messages"],
)
async def test_a_known_clients_messages_and_their_parts_are_not_endless_either(app, sent, code):
    async with serve_bounded(app) as serving:
        client, _ = await shake_hands(serving)
        await client.say(frame(TEXT, b"known"))
        await client.reader.readexactly(len(b"heard") + 2)
        await client.say(sent)
        rest = await client.rest()

    assert close_code(rest) == code


async def test_a_client_that_asks_for_answers_and_does_not_read_them_is_left(app):
    async with serve_bounded(app) as serving:
        client, _ = await shake_hands(serving)
        await client.say(frame(TEXT, b"known"))
        await client.reader.readexactly(len(b"heard") + 2)
        client.stop_reading()
        async with asyncio.timeout(120):
            while serving.open_now:
                await client.say(frame(PING, b"a" * 125) * 2_000)
                await asyncio.sleep(0)

    assert app.messages[-1:] != []


@pytest.mark.parametrize("sent", [frame(TEXT, b"a" * 5_000), frame(PING) * 3_000])
async def test_what_comes_before_the_handshakes_end_ends_it(sent):
    accepted = asyncio.Event()

    async def slow(scope, receive, send):
        await receive()
        await accepted.wait()
        await receive()

    async with serve_bounded(slow) as serving:
        client = await serving.connect()
        await client.say(UPGRADE + b"\r\n")
        async with asyncio.timeout(60):
            while not serving.server.server_state.tasks:
                await asyncio.sleep(0.01)
        await client.say(sent)
        async with asyncio.timeout(60):
            while serving.open_now:
                await asyncio.sleep(0.01)
        accepted.set()


@pytest.mark.parametrize(
    "more",
    [
        b"".join(b"x-%d: 1\r\n" % number for number in range(200)),
        b"x: " + b"a" * 20_000 + b"\r\n",
        b"x: \xff\xfe\r\n",
    ],
    ids=["many headers", "a long one", "no text"],
)
async def test_a_handshake_that_can_not_be_read_is_no_open_connection(app, more):
    async with serve_bounded(app) as serving:
        client = await serving.connect()
        await client.say(UPGRADE + more + b"\r\n")
        head = await client.head()
        if not head.startswith(b"HTTP/1.1 101"):
            await client.rest()
            assert head.startswith(b"HTTP/1.1 400")


async def test_sockets_of_strangers_make_room_and_those_of_known_clients_stay(app):
    async with (
        serve_bounded(app, most_connections=5) as serving,
        connect(f"ws://127.0.0.1:{serving.port}/socket") as known,
    ):
        await known.send("known")
        await known.recv()
        strangers = [(await shake_hands(serving))[0] for _ in range(10)]
        await strangers[0].rest()
        await known.send("still here")
        heard = await known.recv()

    assert heard == "heard"
    assert "still here" in app.messages


async def test_a_client_that_does_not_close_its_side_makes_room(app):
    async with serve_bounded(app, most_connections=3) as serving:
        clients = [await shake_hands(serving, path=b"/bye") for _ in range(10)]
        rest = await clients[0][0].rest()

    assert [head[:12] for _, head in clients] == [b"HTTP/1.1 101"] * 10
    assert close_code(rest) == 1000


async def test_sockets_of_strangers_are_few_and_do_not_replace_each_other_at_once(app):
    async with serve_bounded(app, most_unknown_sockets=3) as serving:
        for _ in range(3):
            await shake_hands(serving)
        _, refused = await shake_hands(serving)
        _, presented = await shake_hands(serving, b"authorization: Bearer key\r\n")
        async with connect(
            f"ws://127.0.0.1:{serving.port}/socket", additional_headers={"cookie": "session=1"}
        ) as known:
            await known.send("known")
            heard = await known.recv()

    assert refused.startswith(b"HTTP/1.1 503")
    assert presented.startswith(b"HTTP/1.1 101")
    assert heard == "heard"


async def test_a_stranger_who_says_nothing_makes_room_for_the_next(app, monkeypatch):
    monkeypatch.setattr("backend.server.connections._PATIENCE_S", 0.0)
    async with serve_bounded(app, most_unknown_sockets=3) as serving:
        sockets = [await shake_hands(serving) for _ in range(10)]
        await sockets[0][0].rest()

    assert [head[:12] for _, head in sockets] == [b"HTTP/1.1 101"] * 10
