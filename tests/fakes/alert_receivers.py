"""Real receivers of alerts on loopback: an SMTP server and a web server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import anyio
from aiohttp import web
from aiosmtpd.controller import Controller


@dataclass
class Mailbox:
    """What an SMTP server was brought.

    Attributes:
        address: The Apprise address that leads to it.
    """

    address: str = ""
    messages: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"


@contextmanager
def run_mailbox(port: int) -> Iterator[Mailbox]:
    """Listen for mail until the block is left."""
    mailbox = Mailbox(f"mailto://127.0.0.1:{port}?from=gateway@example.com&to=ada@example.com&mode=insecure")
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


@dataclass
class Hook:
    """What a web server was sent.

    Attributes:
        statuses: What it answers with, one after the other; 204 when they are used up.
    """

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    came: anyio.Event = field(default_factory=anyio.Event)

    async def wait_for(self, count: int) -> list[dict[str, Any]]:
        """Return what was sent when it is so much."""
        with anyio.fail_after(200):
            while len(self.bodies) < count:
                await self.came.wait()
        return self.bodies

    async def receive(self, request: web.Request) -> web.Response:
        self.bodies.append(json.loads(await request.read()))
        self.came.set()
        self.came = anyio.Event()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)


@asynccontextmanager
async def run_hook(port: int) -> AsyncIterator[Hook]:
    """Listen for webhooks until the block is left."""
    hook = Hook(f"http://127.0.0.1:{port}/hook?token=hunter2")
    app = web.Application()
    app.router.add_post("/hook", hook.receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield hook
    finally:
        await runner.cleanup()
