"""The chat site as tests hold it: it runs in its own thread, remembers what it got, and waits where told."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio.to_thread
import uvicorn

from automation.account.credentials import one_time_password
from tests.fakes.chat_site.answers import Answer, Piece, answer_to

SESSION_COOKIE = "session"
Ending = Literal["running", "done", "aborted", "cut", "error", "refused"]


class ConnectionCutError(Exception):
    """The site breaks the connection here."""


class BrokeDownError(Exception):
    """The site reports an error in the middle of its answer."""


@dataclass(frozen=True, slots=True)
class SiteFile:
    """One file that was uploaded."""

    name: str
    media_type: str
    data: bytes


@dataclass(slots=True, eq=False)
class SiteRequest:
    """One prompt as the site received it.

    Attributes:
        answer: What it was to be answered.
        sent: The answer's text that has left so far.
        written: Of each piece of text, how many characters it completed and when it was about to leave, by the monotonic
            clock.
        is_at_gate: The stream stands at ``[[gate]]`` until ``FakeChatSite.release``.
        received_s: When it came, on the monotonic clock; ``ended_s``, when its stream ended.
        files: What was uploaded with it.
        user: Who was signed in; empty on pages without a sign-in.
        ended: ``aborted`` when the page went away or stopped it, ``refused`` when it got no stream at all.
    """

    variant: str
    prompt: str
    conversation: str
    cookies: dict[str, str]
    answer: Answer
    files: list[SiteFile] = field(default_factory=list)
    user: str = ""
    sent: str = ""
    written: list[tuple[int, float]] = field(default_factory=list)
    is_at_gate: bool = False
    ended: Ending = "running"
    released: asyncio.Event = field(default_factory=asyncio.Event)
    received_s: float = field(default_factory=time.monotonic)
    ended_s: float = 0.0


class FakeChatSite:
    """A running chat site; get one from ``FakeChatSite.open``.

    Attributes:
        url: Where it listens, such as ``http://127.0.0.1:40123``.
        other_url: The same site on another port.
        requests: Every prompt it got, oldest first.
        uploads: Every file it got, also those that went with no prompt.
        passwords: Of each user who may sign in.
        totp_secret: What every user's one-time passwords are made from, on the page that asks for one.
        muted: Users who are told that they are muted, under HTTP 200.
        sign_ins: User name and success of every sign-in, oldest first.
        sessions: Who is signed in, by session.
        first_token_wait_s: Overrides the wait of variants that have one; None leaves theirs.
        answering: What a prompt is answered, by its tags if nothing else is set.
    """

    def __init__(self, url: str, other_url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.url = url
        self.other_url = other_url
        self.requests: list[SiteRequest] = []
        self.uploads: list[SiteFile] = []
        self.sign_ins: list[tuple[str, bool]] = []
        self.passwords = {"ada": "lovelace"}
        self.totp_secret = "JBSWY3DPEHPK3PXP"
        self.muted: set[str] = set()
        self.sessions: dict[str, str] = {}
        self.first_token_wait_s: float | None = None
        self.answering: Callable[[str], Answer] = answer_to
        self._loop = loop
        self._changed = threading.Condition()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[FakeChatSite]:
        """Serve on two free loopback ports until the block ends. May be entered and left in different tasks."""
        from tests.fakes.chat_site.app import create_app  # app.py needs ChatSite when it is loaded

        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        urls = [f"http://127.0.0.1:{listener.getsockname()[1]}" for listener in listeners]
        runner = asyncio.Runner()
        site = cls(urls[0], urls[1], runner.get_loop())
        config = uvicorn.Config(create_app(site), lifespan="off", ws="websockets-sansio", log_config=None)
        config.timeout_graceful_shutdown = 0
        server = uvicorn.Server(config)

        def serve() -> None:
            with runner:
                runner.run(server.serve(listeners))

        thread = threading.Thread(target=serve, name="chat-site")
        thread.start()
        try:
            yield site
        finally:
            server.should_exit = True
            await anyio.to_thread.run_sync(thread.join)

    def page(self, variant: str) -> str:
        """Return the address of a variant's page."""
        return f"{self.url}/v/{variant}"

    async def wait_for(self, is_so: Callable[[FakeChatSite], bool], timeout_s: float = 60.0) -> None:
        """Return once ``is_so(self)``; it is asked again whenever the site gets or sends something.

        Raises:
            TimeoutError: It did not become so in time; the message tells what the site saw.
        """

        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(lambda: is_so(self), timeout_s)

        if not await anyio.to_thread.run_sync(wait):
            seen = [(r.variant, r.prompt[:60], r.ended, len(r.sent)) for r in self.requests]
            raise TimeoutError(f"not so within {timeout_s:g} s; the site saw {seen}")

    async def wait_for_request(self, number: int, timeout_s: float = 60.0) -> SiteRequest:
        """Return the ``number``-th prompt (from 1) once it has arrived."""
        await self.wait_for(lambda site: len(site.requests) >= number, timeout_s)
        return self.requests[number - 1]

    def release(self) -> None:
        """Let every request that has arrived so far pass its gate."""
        for request in self.requests:
            self._loop.call_soon_threadsafe(request.released.set)

    def log_out_everyone(self) -> None:
        """Forget all sessions, as if they had expired on the server."""
        with self.changing():
            self.sessions.clear()

    # What follows is called by the app, in the site's own thread.

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock over a change and wake those who wait for one."""
        with self._changed:
            yield
            self._changed.notify_all()

    def sign_in(self, username: str, password: str, code: str | None = None) -> str | None:
        """Return a new session, or None for wrong credentials; ``code`` is a one-time password where the page wants one."""
        is_right = self.passwords.get(username) == password
        is_right = is_right and (code is None or code in self._codes())
        session = secrets.token_hex(8)
        with self.changing():
            self.sign_ins.append((username, is_right))
            if is_right:
                self.sessions[session] = username
        return session if is_right else None

    def _codes(self) -> set[str]:
        """Return the one-time passwords of now, and of half a minute ago: one may have just run out while it was typed."""
        return {one_time_password(self.totp_secret, time.time() - back_s) for back_s in (0, 30)}

    def upload(self, file: SiteFile) -> int:
        """Note a file and return the number by which a prompt names it."""
        with self.changing():
            self.uploads.append(file)
        return len(self.uploads) - 1

    def receive(self, variant: str, body: dict[str, Any], cookies: dict[str, str]) -> SiteRequest:
        """Note a prompt; one whose fault needs no stream has ended at once."""
        answer = self.answering(body["prompt"])
        files = [self.uploads[number] for number in body.get("files", ())]
        user = self.sessions.get(cookies.get(SESSION_COOKIE, ""), "")
        request = SiteRequest(variant, body["prompt"], body["conversation"], cookies, answer, files, user)
        if answer.fault in ("error", "limit") or user in self.muted:
            request.ended = "refused"
        with self.changing():
            self.requests.append(request)
        return request

    @contextmanager
    def following(self, request: SiteRequest) -> Iterator[None]:
        """Note how the stream in this block ends."""
        ended: Ending = "aborted"
        try:
            yield
            ended = "done"
        except ConnectionCutError:
            ended = "cut"
            raise
        except BrokeDownError:
            ended = "error"
            raise
        finally:
            with self.changing():
                request.ended = ended
                request.ended_s = time.monotonic()

    async def perform(self, request: SiteRequest, first_token_wait_s: float) -> AsyncIterator[Piece]:
        """Yield the answer's pieces at their pace.

        Raises:
            ConnectionCutError: The answer has the fault ``cut`` and is at its middle.
            BrokeDownError: The same for ``error-mid``.
        """
        pieces = list(request.answer.pieces())
        wait_s = first_token_wait_s if self.first_token_wait_s is None else self.first_token_wait_s
        await asyncio.sleep(request.answer.wait_s or (first_token_wait_s and wait_s))
        for i, piece in enumerate(pieces):
            if i == len(pieces) // 2:
                await self._middle(request)
            await asyncio.sleep(request.answer.delay_s + request.answer.pauses.get(i, 0.0))
            if piece.kind == "text":
                request.written.append((len(request.sent) + len(piece.text), time.monotonic()))
            yield piece
            if piece.kind == "text":
                with self.changing():
                    request.sent += piece.text

    async def _middle(self, request: SiteRequest) -> None:
        await asyncio.sleep(request.answer.pause_s)
        if request.answer.has_gate:
            with self.changing():
                request.is_at_gate = True
            await request.released.wait()
            with self.changing():
                request.is_at_gate = False
        if request.answer.fault == "cut":
            raise ConnectionCutError
        if request.answer.fault == "error-mid":
            raise BrokeDownError
