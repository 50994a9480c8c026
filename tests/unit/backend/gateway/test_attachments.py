"""Files are fetched from real sockets: never from an address that may not be reached, never more than allowed."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from automation.turn import Attachment, Message, Prompt
from backend.errors import InvalidRequestError
from backend.gateway.attachments import FileFetcher
from backend.wire.attachments import FileLimits, FilePart, RemoteFile

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 92
LIMITS = FileLimits(most_bytes=1000)
PROMPT = Prompt((Message("user", "Look"),))


def answer(body: bytes = PNG, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Connection: close", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def moved(to: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {to}", status=status)


@dataclass
class Host:
    """A server that says exactly these bytes; ``heard`` are the requests that it got."""

    url: str = ""
    says: dict[str, bytes] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    never_ends: bool = False
    addresses: list[str] = field(default_factory=list)

    async def serve(self, stream: SocketStream) -> None:
        async with stream:
            # Whoever got enough hangs up.
            with contextlib.suppress(anyio.BrokenResourceError, anyio.EndOfStream):
                request = (await stream.receive()).decode()
                self.heard.append(request)
                await stream.send(self.says[request.split(" ")[1]])
                if self.never_ends:
                    await stream.receive()

    def may_reach(self, address: str) -> bool:
        self.addresses.append(address)
        return address == "127.0.0.1"


@asynccontextmanager
async def serving(**says: bytes) -> AsyncIterator[Host]:
    host = Host(says={f"/{path}": said for path, said in says.items()})
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        host.url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, host.serve)
            yield host
            tasks.cancel_scope.cancel()


def remote(url: str) -> RemoteFile:
    return RemoteFile(url, "messages.0.content.1", "messages.0.content.1.image_url.url", 1)


async def fetched(host: Host, url: str, **options: float) -> Attachment:
    prompt = await FileFetcher(LIMITS, host.may_reach, **options).attach(PROMPT, [[remote(url)]])
    [file] = prompt.messages[0].attachments
    return file


async def refusal(host: Host, url: str, **options: float) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        await fetched(host, url, **options)
    assert caught.value.param == "messages.0.content.1.image_url.url"
    return str(caught.value)


async def test_an_image_is_fetched_without_any_identity():
    async with serving(**{"photo.jpg": answer(PNG, "Content-Type: image/jpeg", "Set-Cookie: a=b")}) as host:
        file = await fetched(host, f"{host.url}/photo.jpg#part")
        await fetched(host, f"{host.url}/photo.jpg")

    assert (file, file.part) == (Attachment("photo.jpg", "image/png", PNG), "messages.0.content.1")
    for request in host.heard:
        assert not {"cookie:", "authorization:", "referer:"} & set(request.lower().split())


async def test_files_stay_in_their_messages_and_their_order():
    given = Attachment("a.txt", "text/plain", b"a")
    messages = (Message("user", "1"), Message("assistant", "2"), Message("user", "3"))
    async with serving(x=answer(), y=answer()) as host:
        files: list[list[FilePart]] = [
            [remote(f"{host.url}/x"), given],
            [],
            [given, remote(f"{host.url}/y")],
        ]
        prompt = await FileFetcher(LIMITS, host.may_reach).attach(Prompt(messages), files)

    names = [[file.name for file in message.attachments] for message in prompt.messages]
    assert names == [["x.png", "a.txt"], [], ["a.txt", "y.png"]]


async def test_without_files_the_prompt_stays_as_it_is():
    assert await FileFetcher(LIMITS).attach(PROMPT, [[]]) is PROMPT


# -- where it may not go -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["127.0.0.2", "127.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
async def test_an_address_that_may_not_be_reached_is_refused(name):
    async with serving(x=answer()) as host:
        url = host.url.replace("127.0.0.1", name)

        assert await refusal(host, f"{url}/x") == "The URL can't be reached at a public address."

    assert host.heard == []


@pytest.mark.parametrize("name", ["localhost", "nowhere.invalid", "0x7f000001"])
async def test_a_name_is_judged_by_what_it_resolves_to_and_the_refusal_tells_nothing(name):
    async with serving(x=answer()) as host:
        port = host.url.rpartition(":")[2]
        with pytest.raises(InvalidRequestError) as caught:
            await FileFetcher(LIMITS).attach(PROMPT, [[remote(f"http://{name}:{port}/x")]])

    assert str(caught.value) == "The URL can't be reached at a public address."
    assert host.heard == []


async def test_a_name_is_checked_in_the_moment_of_connecting():
    async with serving(x=answer()) as host:
        await fetched(host, f"{host.url.replace('127.0.0.1', 'localhost')}/x")

    assert "127.0.0.1" in host.addresses


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Same", "308 Same"])
async def test_redirects_are_followed_step_by_step(status):
    async with serving(a=moved("/b", status), b=moved("c?d=1"), **{"c?d=1": answer()}) as host:
        assert (await fetched(host, f"{host.url}/a")).data == PNG

    assert len(host.heard) == 3


async def test_each_step_of_a_redirect_is_checked():
    async with serving(a=b"", x=answer()) as host:
        host.says["/a"] = moved(host.url.replace("127.0.0.1", "127.0.0.2") + "/x")

        assert "public address" in await refusal(host, f"{host.url}/a")

    assert len(host.heard) == 1


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("/a", "redirects more than 5 times"),
        ("file:///etc/passwd", "Only http: and https:"),
        ("http://u:p@example.org/", "must not hold a user name"),
        ("http://[broken/", "could not be fetched"),
    ],
)
async def test_a_redirect_that_leads_nowhere_good_is_refused(location, words):
    async with serving(a=moved(location)) as host:
        assert words in await refusal(host, f"{host.url}/a")

    assert len(host.heard) <= 6


async def test_credentials_in_the_url_are_refused():
    async with serving() as host:
        assert "user name" in await refusal(host, host.url.replace("//", "//ada:secret@"))


# -- what comes back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(b"no", status="404 Not Found"), "HTTP 404"),
        (answer(b"<html>", "Content-Type: image/png"), "not an image"),
        (answer(b""), "not an image"),
        (answer(PNG, length=5000), "larger than 1000 bytes"),
        (answer(PNG + bytes(1000)), "larger than 1000 bytes"),
        (answer(PNG, length=900), "connection or the answer broke"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "connection or the answer broke"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + bytes(2000) + b"\r\n0\r\n\r\n",
            "larger than 1000 bytes",
        ),
        (b"nonsense\r\n\r\n", "connection or the answer broke"),
        (answer(gzip.compress(bytes(50_000_000)), "Content-Encoding: gzip", length=None), "larger than"),
        (answer(b"no gzip", "Content-Encoding: gzip"), "damaged"),
        (answer(gzip.compress(PNG)[:-4], "Content-Encoding: gzip"), "damaged"),
        (answer(PNG, "Content-Encoding: br"), "content encoding"),
    ],
)
async def test_a_bad_answer_is_refused(said, words):
    async with serving(x=said) as host:
        assert words in await refusal(host, f"{host.url}/x")


async def test_a_bomb_is_left_before_it_unfolds():
    bomb = zlib.compress(bytes(300_000), 9)
    async with serving(x=answer(bomb, "Content-Encoding: deflate")) as host:
        assert len(bomb) < LIMITS.most_bytes
        assert "larger than 1000 bytes" in await refusal(host, f"{host.url}/x")


@pytest.mark.parametrize(
    ("encoding", "packed"),
    # gzip's header holds the time, and a test's name must be the same in every process.
    [("gzip", gzip.compress(PNG, mtime=0)), ("deflate", zlib.compress(PNG))],
    ids=["gzip", "deflate"],
)
async def test_an_answer_that_was_compressed_unasked_is_unpacked(encoding, packed):
    async with serving(x=answer(packed, f"Content-Encoding: {encoding}")) as host:
        assert (await fetched(host, f"{host.url}/x")).data == PNG


async def test_a_file_that_never_ends_is_given_up():
    async with serving(x=answer(PNG, length=500)) as host:
        host.never_ends = True

        assert (
            await refusal(host, f"{host.url}/x", fetch_s=0.2) == "The URL did not give its file within 0.2 s."
        )


async def test_a_port_where_nothing_listens_is_told_like_a_name_that_does_not_exist():
    async with serving() as host:
        pass

    assert await refusal(host, f"{host.url}/x") == "The URL can't be reached at a public address."
