from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from tests.fakes.bounded_server import GET, UPGRADE, EchoApp, serve_bounded

HEAD = b"POST /x HTTP/1.1\r\nhost: a\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
SHORT_S = 0.05


@pytest.fixture
def app() -> EchoApp:
    return EchoApp()


def many_headers(size_bytes: int) -> bytes:
    return b"".join(b"x-%06d: 1\r\n" % number for number in range(size_bytes // 13))


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n"],
        [b"GET /" + b"a" * 70_000],
        [b"GET /x HTTP/1.1\r\nx: " + b"a" * 70_000 + b"\r\n\r\n"],
        [b"GET /x HTTP/1.1\r\nx: " + b"a" * 70_000],
        [b"GET /x HTTP/1.1\r\n" + b"a" * 70_000],
        [b"GET /x HTTP/1.1\r\n" + many_headers(70_000) + b"\r\n"],
        [b"GET /x HTTP/1.1\r\n" + many_headers(70_000)],
        [b"GET /x HTTP/1.1\r\nx: ", *[b"a" * 1_000] * 70],
        [UPGRADE + many_headers(70_000) + b"\r\n"],
        [GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n") + GET, b"GET /" + b"a" * 70_000],
    ],
    ids=[
        "address",
        "half an address",
        "value",
        "half a value",
        "half a name",
        "headers",
        "half of the headers",
        "in small pieces",
        "of a socket",
        "of a later request",
    ],
)
async def test_a_head_of_more_than_64_kb_is_a_431_and_ends_the_connection(app, pieces):
    async with serve_bounded(app) as serving:
        got = await serving.exchange(*pieces)

    assert b"HTTP/1.1 431" in got or b"connection: close" in got.lower()
    assert app.sizes in ([], [0], [0, 0])


async def test_a_head_that_never_ends_is_kept_no_further_than_its_limit(app):
    async with serve_bounded(app) as serving:
        client = await serving.connect()
        await client.say(b"GET /x HTTP/1.1\r\nx: ")
        sent = 0
        while not client.writer.is_closing() and sent < 50_000_000:
            await client.say(b"a" * 100_000)
            sent += 100_000
            await asyncio.sleep(0)
        got = await client.rest()

    assert got.startswith(b"HTTP/1.1 431") or got == b""  # a client that goes on sending may lose the answer
    assert sent < 50_000_000


async def test_a_head_of_64_kb_is_served(app):
    head = b"GET /x HTTP/1.1\r\nhost: a\r\n"
    async with serve_bounded(app) as serving:
        client = await serving.connect()
        await client.say(head + b"x: " + b"a" * (65_536 - len(head) - 20) + b"\r\n\r\n")
        got = await client.head()

    assert got.startswith(b"HTTP/1.1 200")


async def test_a_request_behind_a_long_body_has_a_head_of_its_own(app):
    body = b"a" * 200_000
    async with serve_bounded(app) as serving:
        client = await serving.connect()
        await client.say(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body + GET[:10])
        first = await client.answer()
        await client.say(GET[10:])
        second = await client.answer()

    assert [first[:15], second[:15]] == [b"HTTP/1.1 200 OK"] * 2
    assert app.sizes == [200_000, 0]


@pytest.mark.parametrize("begun", [0, 1_000, 100_000], ids=["none", "a little", "much"])
async def test_a_body_that_begins_behind_a_longer_one_is_no_head(app, begun):
    body = b"a" * 200_000
    head = HEAD + b"content-length: %d\r\n\r\n" % len(body)
    async with serve_bounded(app) as serving:
        client = await serving.connect()
        await client.say(head + body[:-70_000])
        await client.say(body[-70_000:] + head + body[:begun])
        first = await client.answer()
        await client.say(body[begun:])
        second = await client.answer()

    assert (first[:12], second[:12]) == (b"HTTP/1.1 200", b"HTTP/1.1 200")
    assert app.sizes == [200_000, 200_000]


async def test_long_bodies_one_after_the_other_are_served(app):
    body = b"a" * 300_000
    whole = HEAD + b"content-length: %d\r\n\r\n" % len(body) + body
    async with serve_bounded(app) as serving:
        client = await serving.connect()
        got = []
        for _ in range(3):
            await client.say(whole)
            got.append((await client.answer())[:12])

    assert got == [b"HTTP/1.1 200"] * 3


@pytest.mark.parametrize(
    "pieces",
    [
        [b"1;" + b"a" * 40_000] + [b"a" * 40_000] * 40,
        [b"1\r\na\r\n0\r\n"] + [b"x: " + b"a" * 40_000 + b"\r\n"] * 40,
        [b"1\r\na\r\n0\r\n"] + [many_headers(40_000)] * 40,
        [b"1\r\na\r\n0\r\nx: "] + [b"a" * 40_000] * 40,
    ],
    ids=["extension", "headers behind the body", "small ones", "one without an end"],
)
async def test_what_surrounds_a_bodys_pieces_is_bounded_like_a_head(app, pieces):
    async with serve_bounded(app) as serving:
        got = await serving.exchange(CHUNKED, *pieces)

    assert got == b"" or got.startswith(b"HTTP/1.1 431")


async def test_a_body_in_the_smallest_pieces_is_served(app):
    async with serve_bounded(app) as serving:
        client = await serving.connect()
        await client.say(CHUNKED + b"1;x=y\r\na\r\n" * 100_000 + b"0\r\nx: 1\r\n\r\n")
        got = await client.head()

    assert got.startswith(b"HTTP/1.1 200")
    assert app.sizes == [100_000]


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET", GET[:-2], UPGRADE])
async def test_a_connection_without_a_whole_head_is_ended_in_time(app, sent):
    async with serve_bounded(app, head_s=SHORT_S) as serving:
        got = await serving.exchange(sent)

    assert got.startswith(b"HTTP/1.1 408") or not sent.strip()
    assert app.sizes == []


async def test_a_head_that_comes_bit_by_bit_gets_no_more_time(app):
    async with serve_bounded(app, head_s=SHORT_S) as serving:
        client = await serving.connect()
        async with asyncio.timeout(60):
            while not client.reader.at_eof():
                await client.say(b"x")
                await asyncio.sleep(SHORT_S / 5)
                if client.writer.transport.is_closing():
                    break

    assert app.sizes == []


@pytest.mark.parametrize("sent", [b"\r\n", b"GET", GET[:-2]])
async def test_the_same_holds_for_the_next_request_of_a_connection(app, sent):
    async with serve_bounded(app, head_s=SHORT_S) as serving:
        client = await serving.connect()
        await client.say(GET)
        await client.answer()
        await client.say(sent)
        got = await client.rest()

    assert got.startswith(b"HTTP/1.1 408") or not sent.strip()
    assert app.sizes == [0]


@pytest.mark.parametrize("sent", [HEAD + b"content-length: 9\r\n\r\n", CHUNKED + b"1\r\na\r\n"])
async def test_a_body_that_does_not_go_on_is_a_408(app, sent):
    async with serve_bounded(app, body_s=SHORT_S) as serving:
        got = await serving.exchange(sent)

    assert got.startswith(b"HTTP/1.1 408")


async def test_a_body_that_trickles_is_a_408(app):
    async with serve_bounded(app, body_s=SHORT_S, body_bytes_a_second=1_000_000) as serving:
        client = await serving.connect()
        await client.say(HEAD + b"content-length: 1000000\r\n\r\n")
        async with asyncio.timeout(60):
            while not client.reader.at_eof():
                await client.say(b"a")
                await asyncio.sleep(SHORT_S / 5)
                if client.writer.transport.is_closing():
                    break
        got = await client.rest()

    assert got == b"" or got.startswith(b"HTTP/1.1 408")


async def test_a_body_that_goes_on_takes_as_long_as_it_takes(app):
    async with serve_bounded(app, body_s=SHORT_S, body_bytes_a_second=20) as serving:
        client = await serving.connect()
        await client.say(HEAD + b"content-length: 1000\r\n\r\n")
        for _ in range(10):
            await client.say(b"a" * 100)
            await asyncio.sleep(SHORT_S)
        got = await client.head()

    assert got.startswith(b"HTTP/1.1 200")
    assert app.sizes == [1000]


async def test_an_answer_that_takes_long_is_not_mistaken_for_a_slow_client(app):
    async with serve_bounded(app, head_s=SHORT_S, body_s=SHORT_S) as serving:
        client = await serving.connect()
        await client.say(GET.replace(b"/x", b"/held"))
        await app.held.wait()
        await asyncio.sleep(SHORT_S * 4)
        app.released.set()
        got = await client.head()

    assert got.startswith(b"HTTP/1.1 200")


async def test_the_rest_of_a_body_that_was_answered_is_not_read_for_ever(app):
    async with serve_bounded(app, linger_s=SHORT_S) as serving:
        client = await serving.connect()
        await client.say(HEAD.replace(b"/x", b"/early") + b"content-length: 100000000\r\n\r\n")
        await client.answer()
        async with asyncio.timeout(60):
            while not client.reader.at_eof():
                await client.say(b"a" * 10_000)
                await asyncio.sleep(SHORT_S / 10)
                if client.writer.transport.is_closing():
                    break

    assert app.sizes == []


async def test_a_client_that_reads_nothing_is_left_in_time(app):
    app.body = b"a" * 20_000_000
    async with serve_bounded(app, unread_s=SHORT_S) as serving:
        client = await serving.connect()
        client.stop_reading()
        await client.say(GET)
        async with asyncio.timeout(60):
            while serving.open_now or not app.sizes:
                await asyncio.sleep(SHORT_S / 5)


async def test_requests_that_wait_for_one_before_them_are_bounded(app):
    async with serve_bounded(app) as serving:
        client = await serving.connect()
        await client.say(GET.replace(b"/x", b"/held") + GET * 5_000)
        async with asyncio.timeout(60):
            await app.held.wait()
            while serving.open_now:
                await asyncio.sleep(0.01)

    assert app.sizes == []


async def test_a_few_requests_at_once_are_answered_in_their_order(app):
    async with serve_bounded(app) as serving:
        client = await serving.connect()
        await client.say(GET * 10)
        got = [await client.answer() for _ in range(10)]

    assert {one[:15] for one in got} == {b"HTTP/1.1 200 OK"}


# -- as many connections as there may be ------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET /x", GET, HEAD + b"content-length: 9\r\n\r\n", UPGRADE])
async def test_the_oldest_connection_that_waits_makes_room_for_the_next(app, caplog, sent):
    caplog.set_level(logging.WARNING, "backend.server.connections")
    async with serve_bounded(app, most_connections=20) as serving:
        waiting = [await serving.connect() for _ in range(100)]
        for client in waiting:
            await client.say(sent)
        async with httpx.AsyncClient(verify=False) as another:
            got = await another.post(f"http://127.0.0.1:{serving.port}/x", content=b"abc")
        async with asyncio.timeout(60):
            while serving.open_now > 20:
                await asyncio.sleep(0.01)
        first = await waiting[0].rest()

    assert (got.status_code, got.text) == (200, "ok")
    assert b"HTTP/1.1 503" not in first
    assert [record.message for record in caplog.records] == ["connections_capped"]


async def test_connections_that_are_served_make_no_room(app):
    async with serve_bounded(app, most_connections=3) as serving:
        served = [await serving.connect() for _ in range(3)]
        for client in served:
            await client.say(GET.replace(b"/x", b"/held"))
        async with asyncio.timeout(60):
            while len(serving.server.server_state.tasks) < 3:
                await asyncio.sleep(0.01)
        refused = await serving.exchange()
        app.released.set()
        got = [await client.head() for client in served]

    assert refused.startswith(b"HTTP/1.1 503")
    assert [one[:15] for one in got] == [b"HTTP/1.1 200 OK"] * 3


async def test_a_burst_of_idle_connections_leaves_no_trace_once_they_are_gone(app):
    async with serve_bounded(app, head_s=SHORT_S) as serving:
        for _ in range(50):
            await serving.connect()
        async with asyncio.timeout(60):
            while serving.open_now:
                await asyncio.sleep(0.01)
        waiting = serving.server.server_state.waiting

    assert [len(waiting.without_head), len(waiting.without_body), len(waiting.unread)] == [0, 0, 0]
