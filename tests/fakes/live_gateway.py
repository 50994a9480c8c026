"""A gateway of sign-ins alone, on a real socket, before one account of the sign-in site; and a person who looks at its page."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import uvicorn
from fastapi import FastAPI
from PIL import Image, ImageChops
from playwright.async_api import Error, Page

from automation.account.account import Account
from automation.account.config import WebChatConfig
from automation.browser.pool import BrowserPool
from automation.profiles.validation import parse_profile
from automation.sign_in.interactive_sign_in import InteractiveSignIn, open_interactive_sign_in
from automation.stealth.options import BrowserConfig
from automation.timing import Timeouts
from automation.web_provider.form_sign_in import sign_in_by_form
from backend.accounts.sign_ins import SignIns, open_sign_ins
from backend.api.errors import install_error_handlers
from backend.api.live_sign_in import live_routes as live
from backend.api.live_sign_in import sign_ins as sign_in
from backend.asgi import ASGIApp
from backend.errors import EndpointNotFoundError
from backend.identity.authenticator import Authenticator, LocalAuthenticator
from backend.observability.request_scope import RequestScope
from backend.security.api_key import StaticKeyAuthenticator
from backend.security.authentication import Authentication
from backend.security.socket_origin import SocketOrigin
from tests.fakes.chat_provider import MemorySessions
from tests.fakes.sign_in_site import SignInSite, profile_of

PATH = "/api/endpoints/demo/accounts/ada/sign-in"
Colour = tuple[int, int, int]


@dataclass
class Room:
    """Where the one account signs in."""

    account: Account
    config: WebChatConfig

    def open_sign_in(self) -> AbstractAsyncContextManager[InteractiveSignIn]:
        return open_interactive_sign_in(self.account, self.config)

    async def sign_in_by_form(self) -> None:
        await sign_in_by_form(self.account, self.config)


@dataclass
class OneRoom:
    """Endpoint ``demo`` with its account ``ada``, and nothing else."""

    room: Room

    async def find_sign_in_host(self, slug: str, account_id: str) -> Room:
        if (slug, account_id) != ("demo", "ada"):
            raise EndpointNotFoundError(slug)
        return self.room


@dataclass
class LiveGateway:
    """It listens at ``url``."""

    url: str
    rest: httpx.AsyncClient
    sign_ins: SignIns
    sessions: MemorySessions

    async def start(self, mode: str = "interactive") -> dict[str, Any]:
        started = await self.rest.post(PATH, json={"mode": mode})
        assert started.status_code == 201, started.text
        document: dict[str, Any] = started.json()
        return document

    async def link(self) -> str:
        """Start a sign-in and return the address of its live view."""
        return self.url + str((await self.start())["live"]["path"])

    async def state(self) -> str:
        document = (await self.rest.get(PATH)).json()
        return str(document["state"])

    async def until_state(self, state: str) -> dict[str, Any]:
        """Return the sign-in's document once it is in this state."""
        with anyio.fail_after(200):
            while True:
                sign_in_now = self.sign_ins.get("demo", "ada")
                assert sign_in_now.session is not None
                news = sign_in_now.session.news
                document: dict[str, Any] = (await self.rest.get(PATH)).json()
                if document["state"] == state:
                    return document
                await news.wait()


@asynccontextmanager
async def open_live_gateway(
    browsers: BrowserPool, site: SignInSite, kind: str, *, key: str | None = None, view_idle_s: float = 60.0
) -> AsyncIterator[LiveGateway]:
    """Serve the account's sign-in; with a ``key``, REST and its own WebSocket ask for it."""
    sessions = MemorySessions()
    account = Account(browsers, BrowserConfig(), sessions, None)
    config = WebChatConfig(
        base_url=site.page(kind),
        login_url=None,
        profile=parse_profile(profile_of(kind)),
        credentials=None,
        browser=BrowserConfig(),
        max_pages=1,
        timeouts=Timeouts(ready_s=60, navigate_s=60),
        name="demo",
    )
    app = FastAPI()
    app.include_router(sign_in.router)
    app.include_router(live.router)
    install_error_handlers(app)
    guard = Authentication(app)
    front = RequestScope(SocketOrigin(guard, cors_origins=()))
    try:
        room = Room(account, config)
        async with open_sign_ins(OneRoom(room), view_idle_s=view_idle_s) as sign_ins:
            app.state.sign_ins = sign_ins
            authenticator: Authenticator = (
                LocalAuthenticator() if key is None else StaticKeyAuthenticator(key)
            )
            async with (
                _serving(front) as url,
                httpx.AsyncClient(base_url=url, timeout=120, verify=False) as rest,
            ):
                if key is not None:
                    rest.headers["authorization"] = f"Bearer {key}"
                with guard.using(authenticator):
                    yield LiveGateway(url, rest, sign_ins, sessions)
    finally:
        await account.close()


@asynccontextmanager
async def _serving(app: ASGIApp) -> AsyncIterator[str]:
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
        ws="websockets-sansio",
        timeout_keep_alive=300,  # a busy machine asks again when five seconds have long passed
    )
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    serving = asyncio.create_task(server._serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


class Person:
    """Somebody before the live view's page in a browser of their own: sees its picture, moves its mouse, types."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def look(self) -> Image.Image:
        while True:
            try:
                picture = await self.page.screenshot()
            except Error as exc:
                if "Not attached to an active page" in exc.message:
                    continue  # another document took the page's place meanwhile
                raise
            return Image.open(io.BytesIO(picture)).convert("RGB")

    async def find(self, colour: Colour) -> tuple[float, float]:
        """Return the middle of what has this colour, once it is there."""
        with anyio.fail_after(200):
            while (box := box_of(await self.look(), colour)) is None:
                pass
        return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2

    async def until_gone(self, colour: Colour) -> None:
        with anyio.fail_after(200):
            while box_of(await self.look(), colour) is not None:
                pass

    async def click(self, colour: Colour) -> None:
        await self.page.mouse.click(*await self.find(colour))

    async def type(self, text: str) -> None:
        await self.page.keyboard.type(text)

    async def drag(self, what: Colour, onto: Colour) -> None:
        """Take hold of one thing and move it to another in steps, as a hand does."""
        start, end = await self.find(what), await self.find(onto)
        await self.page.mouse.move(*start)
        await self.page.mouse.down()
        await self.page.mouse.move(*end, steps=20)
        await self.page.mouse.up()


@asynccontextmanager
async def person_before(browsers: BrowserPool, url: str) -> AsyncIterator[Person]:
    """Open the live view's page in another browser process than the account's."""
    context = await browsers.new_context(BrowserConfig(locale="en-GB", viewport=(1440, 1000)), None)
    try:
        context.set_default_timeout(120_000)  # it only guards against hanging
        page = await context.new_page()
        await page.goto(url)
        yield Person(page)
    finally:
        await context.close()


def box_of(image: Image.Image, colour: Colour, slack: int = 45) -> tuple[int, int, int, int] | None:
    """Return the box around all pixels that look like this colour; None where there are fewer than a hundred."""
    difference = ImageChops.difference(image, Image.new("RGB", image.size, colour))
    red, green, blue = (band.point(lambda value: 255 if value <= slack else 0) for band in difference.split())
    alike = ImageChops.multiply(ImageChops.multiply(red, green), blue)
    return alike.getbbox() if alike.histogram()[255] >= 100 else None
