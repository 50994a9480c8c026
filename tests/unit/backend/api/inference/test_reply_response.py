"""A response owns its turn: what is sent of it, whatever becomes of it, and who ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from automation.errors import SiteError
from backend.api.inference.reply_response import BeforeEnd, ReplyResponse
from backend.ending import SCOPE_KEY, Ending
from backend.providers.chat_call import ChatCall
from backend.providers.replies import PassedReply

Step = bytes | Exception | anyio.Event


@dataclass
class Client:
    """One HTTP exchange from a client's side.

    Attributes:
        sent: The messages that it got.
        gone: Set it and the client has hung up; ``was_missed`` is set when that was noticed.
    """

    sent: list[dict[str, Any]] = field(default_factory=list)
    got_something: anyio.Event = field(default_factory=anyio.Event)
    gone: anyio.Event = field(default_factory=anyio.Event)
    was_missed: anyio.Event = field(default_factory=anyio.Event)

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        self.was_missed.set()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(dict(message))
        if message["type"] == "http.response.body":
            self.got_something.set()

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def pieces(self) -> list[bytes]:
        return [message["body"] for message in self.sent if message["type"] == "http.response.body"]


@dataclass
class Turn:
    """A turn that plays a script: bytes are told, errors are raised, an event is waited for.

    Attributes:
        failure: Raised before the answer begins, and ``late_failure`` when the turn is left.
        has_scope: It runs in a cancel scope, as a page's, and tidies up behind a shield.
        tidying: Set when it begins to tidy up, which ends with ``may_tidy``.
    """

    script: Iterable[Step] = ()
    body: bytes = b""
    failure: Exception | None = None
    late_failure: Exception | None = None
    has_scope: bool = False
    was_left: bool = False
    tidied: bool = False
    tidying: anyio.Event = field(default_factory=anyio.Event)
    may_tidy: anyio.Event = field(default_factory=anyio.Event)

    @asynccontextmanager
    async def open(self, call: ChatCall) -> AsyncIterator[PassedReply]:
        if self.failure is not None:
            raise self.failure
        if self.has_scope:
            with call.cancellation.by_scope():
                try:
                    yield self._reply()
                finally:
                    with anyio.CancelScope(shield=True):
                        self.tidying.set()
                        await self.may_tidy.wait()
                        self.tidied = True
        else:
            yield self._reply()
        self.was_left = True
        if self.late_failure is not None:
            raise self.late_failure

    def _reply(self) -> PassedReply:
        return PassedReply({"x-gateway-endpoint": "demo"}, self.body, stream=_Events(self.script))


class _Events:
    usage = None

    def __init__(self, script: Iterable[Step]) -> None:
        self._script = list(script)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while self._script:
            step = self._script.pop(0)
            if isinstance(step, Exception):
                raise step
            if isinstance(step, bytes):
                return step
            await step.wait()
        raise StopAsyncIteration


async def answer(
    turn: Turn,
    client: Client,
    *,
    is_streamed: bool = True,
    asked: tuple[str, ...] = (),
    before_end: BeforeEnd | None = None,
) -> None:
    call = ChatCall("demo", {}, is_streamed, asked=list(asked))
    response = ReplyResponse(call, lambda: turn.open(call), before_end=before_end)
    await response({"type": "http", SCOPE_KEY: Ending()}, client.receive, client.send)


@pytest.fixture
def client() -> Client:
    return Client()


async def test_a_whole_answer_is_one_body_with_its_length(client):
    await answer(Turn(body=b'{"a": 1}'), client, is_streamed=False)

    assert (client.status, client.pieces) == (200, [b'{"a": 1}'])
    assert client.headers == {
        "content-length": "8",
        "content-type": "application/json",
        "x-gateway-endpoint": "demo",
    }


async def test_each_event_goes_out_by_itself_and_an_end_after_the_last(client):
    await answer(Turn([b"data: 1\n\n", b"data: 2\n\n"]), client)

    assert client.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert client.headers["x-gateway-endpoint"] == "demo"
    assert client.pieces == [b"data: 1\n\n", b"data: 2\n\n", b"data: [DONE]\n\n"]
    assert [message.get("more_body") for message in client.sent[1:]] == [True, True, False]


@pytest.mark.parametrize(
    ("turn", "is_streamed", "sent_before"),
    [(Turn([b"data: 1\n\n"]), True, [b"data: 1\n\n"]), (Turn(body=b"{}"), False, [])],
    ids=["streamed", "whole"],
)
async def test_what_follows_from_an_answer_is_done_before_its_end_is_sent(
    client, turn, is_streamed, sent_before
):
    seen: list[list[bytes]] = []

    async def keep() -> None:
        seen.append(list(client.pieces))

    await answer(turn, client, is_streamed=is_streamed, before_end=keep)

    assert seen == [sent_before]
    assert len(client.pieces) == len(sent_before) + 1


@pytest.mark.parametrize(
    "turn", [Turn(failure=SiteError("HTTP 500")), Turn([b"data: 1\n\n", SiteError("HTTP 500")])]
)
async def test_nothing_follows_from_an_answer_that_failed(client, turn):
    async def keep() -> None:
        pytest.fail("it was kept")

    await answer(turn, client, before_end=keep)

    assert b"site_error" in client.pieces[-1]


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_failure_before_the_answer_has_a_status_of_its_own_and_names_who_was_asked(
    client, is_streamed
):
    turn = Turn(failure=SiteError("HTTP 500"))

    await answer(turn, client, is_streamed=is_streamed, asked=("first", "second"))

    assert client.status == 502
    assert client.headers["x-gateway-endpoint"] == "second"
    assert json.loads(client.pieces[0])["error"]["code"] == "site_error"


async def test_a_failure_in_the_midst_is_the_last_event_and_no_end_follows(client):
    await answer(Turn([b"data: 1\n\n", SiteError("HTTP 500")]), client)

    assert client.status == 200
    assert client.pieces[0] == b"data: 1\n\n"
    assert json.loads(client.pieces[1].removeprefix(b"data: "))["error"]["code"] == "site_error"
    assert len(client.pieces) == 2


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_failure_after_the_answer_is_complete_reaches_nobody(client, is_streamed):
    turn = Turn([b"data: 1\n\n"], b"{}", late_failure=SiteError("HTTP 500"))

    await answer(turn, client, is_streamed=is_streamed)

    assert client.status == 200
    assert client.pieces == ([b"data: 1\n\n", b"data: [DONE]\n\n"] if is_streamed else [b"{}"])


@pytest.mark.parametrize("has_scope", [True, False], ids=["a page's turn", "an API's request"])
async def test_a_client_that_hangs_up_ends_the_turn_and_the_response_ends_quietly(client, has_scope):
    turn = Turn([b"data: 1\n\n", anyio.Event()], has_scope=has_scope)
    turn.may_tidy.set()
    answering = asyncio.create_task(answer(turn, client))
    await client.got_something.wait()

    client.gone.set()
    with anyio.fail_after(200):
        await answering

    assert client.pieces == [b"data: 1\n\n"]
    assert not turn.was_left
    assert turn.tidied is has_scope


async def test_a_client_that_hangs_up_while_a_page_is_tidied_does_not_interrupt_that(client):
    turn = Turn([b"data: 1\n\n", SiteError("HTTP 500")], has_scope=True)
    answering = asyncio.create_task(answer(turn, client))
    with anyio.fail_after(200):
        await turn.tidying.wait()
        client.gone.set()
        await client.was_missed.wait()
        for _ in range(5):
            await anyio.lowlevel.checkpoint()

        turn.may_tidy.set()
        await answering

    assert turn.tidied


async def test_a_client_that_leaves_after_the_end_cancels_nothing(client):
    held = anyio.Event()

    class Slow(Turn):
        @asynccontextmanager
        async def open(self, call: ChatCall) -> AsyncIterator[PassedReply]:
            async with super().open(call) as reply:
                yield reply
                await held.wait()

    turn = Slow([b"data: 1\n\n"])
    answering = asyncio.create_task(answer(turn, client))
    with anyio.fail_after(200):
        while b"data: [DONE]\n\n" not in client.pieces:
            await anyio.lowlevel.checkpoint()
    client.gone.set()
    await anyio.lowlevel.checkpoint()
    held.set()
    with anyio.fail_after(200):
        await answering

    assert turn.was_left


async def test_who_cancels_the_response_itself_is_obeyed(client):
    turn = Turn([b"data: 1\n\n", anyio.Event()])
    answering = asyncio.create_task(answer(turn, client))
    await client.got_something.wait()

    answering.cancel()

    with pytest.raises(asyncio.CancelledError):
        await answering
    assert not turn.was_left
