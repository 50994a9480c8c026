"""The site as tests hold it: it runs in its own thread, and remembers who signed in and how."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import anyio.to_thread
import pyotp
import segno
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.fakes.sign_in_site import pages

KINDS = ("totp", "qr", "slider", "checkbox", "choices", "popup")
FILE_KEY = "the content of a key file"
USERNAME, PASSWORD = "ada", "lovelace"
_SLOT_LEFT, _SLACK = 330, 12
_FEWEST_MOVES = 5


def profile_of(kind: str) -> dict[str, Any]:
    """Return the profile of the site's chat, as ``parse_profile`` takes it."""
    profile: dict[str, Any] = {"input": "textarea", "assistant_turn": ".assistant"}
    if kind == "totp":
        fields = {"username": "input[name=username]", "password": "input[name=password]", "submit": "button"}
        profile["sign_in"] = {"path": "login", **fields}
    return profile


class SignInSite:
    """A running site; get one from ``SignInSite.open``.

    Attributes:
        totp: The generator that the person's phone would hold: SHA-1, 30 s.
        signed_in: Kinds by which somebody has signed in, oldest first.
        refused: What was refused, oldest first: ``password``, ``code``, ``slide``.
    """

    def __init__(self, port: int, qr_period_s: float) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.foreign_url = f"http://localhost:{port}"
        self.totp = pyotp.TOTP(pyotp.random_base32())
        self.signed_in: list[str] = []
        self.refused: list[str] = []
        self.sessions: set[str] = set()
        self._qr_period_s = qr_period_s
        self._qr_salt = secrets.token_hex(8)
        self._began_s = time.monotonic()
        self._scanned: set[str] = set()
        self._half_way: set[str] = set()
        self._tokens: set[str] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, *, qr_period_s: float = 20.0) -> AsyncIterator[SignInSite]:
        """Serve on a free loopback port until the block ends; a QR code is valid for ``qr_period_s``."""
        listener = socket.create_server(("127.0.0.1", 0))
        site = cls(listener.getsockname()[1], qr_period_s)
        config = uvicorn.Config(site.app(), lifespan="off", log_config=None, timeout_graceful_shutdown=0)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), name="sign-in-site")
        thread.start()
        try:
            yield site
        finally:
            server.should_exit = True
            await anyio.to_thread.run_sync(thread.join)

    def page(self, kind: str) -> str:
        """Return the address of the chat that one signs in to by ``kind``."""
        return f"{self.url}/{kind}/"

    def scan(self, payload: str) -> bool:
        """Do what a phone does that scans a QR code; False for one that is no longer valid."""
        if payload != self._qr_payload():
            return False
        self._scanned.add(payload)
        return True

    def app(self) -> Starlette:
        """Return the app that serves this site."""
        post = ["POST"]
        return Starlette(
            routes=[
                Route("/widget/", lambda _: HTMLResponse(pages.WIDGET)),
                Route("/{kind}/", self._chat),
                Route("/totp/login", self._form, methods=["GET", "POST"]),
                Route("/totp/code", self._code, methods=post),
                Route("/qr/login", lambda _: HTMLResponse(pages.QR)),
                Route("/qr/qr/state", self._qr_state),
                Route("/qr/qr/picture", self._qr_picture),
                Route("/slider/login", lambda _: HTMLResponse(pages.SLIDER)),
                Route("/slider/slide", self._slide, methods=post),
                Route("/checkbox/login", self._checkbox),
                Route("/checkbox/check", self._check, methods=post),
                Route("/choices/login", lambda _: HTMLResponse(pages.CHOICES)),
                Route("/choices/choose", self._choose, methods=post),
                Route("/popup/login", lambda _: HTMLResponse(pages.POPUP)),
                Route("/popup/allow", lambda _: HTMLResponse(pages.ALLOW)),
                Route("/popup/allowed", self._allow, methods=post),
                Route("/widget/token", self._token, methods=post),
            ]
        )

    async def _chat(self, request: Request) -> Response:
        if request.cookies.get("session") in self.sessions:
            return HTMLResponse(pages.CHAT)
        return RedirectResponse(f"/{request.path_params['kind']}/login", HTTPStatus.FOUND)

    def _let_in(self, kind: str, response: Response) -> Response:
        session = secrets.token_hex(8)
        self.sessions.add(session)
        self.signed_in.append(kind)
        response.set_cookie("session", session, max_age=3600, httponly=True)
        return response

    async def _form(self, request: Request) -> Response:
        if request.method == "GET":
            return HTMLResponse(_filled(pages.PASSWORD_FORM, words=""))
        form = await _parse_json_form(request)
        if (form.get("username"), form.get("password")) != (USERNAME, PASSWORD):
            self.refused.append("password")
            return HTMLResponse(_filled(pages.PASSWORD_FORM, words="Wrong name or password."))
        half_way = secrets.token_hex(8)
        self._half_way.add(half_way)
        response = HTMLResponse(_filled(pages.CODE_FORM, words=""))
        response.set_cookie("half_way", half_way)
        return response

    async def _code(self, request: Request) -> Response:
        form = await _parse_json_form(request)
        is_half_way = request.cookies.get("half_way") in self._half_way
        if not is_half_way or not self.totp.verify(form.get("code", ""), valid_window=1):
            self.refused.append("code")
            return HTMLResponse(_filled(pages.CODE_FORM, words="Wrong code."))
        return self._let_in("totp", RedirectResponse("/totp/", HTTPStatus.SEE_OTHER))

    def _qr_number(self) -> int:
        return int((time.monotonic() - self._began_s) / self._qr_period_s)

    def _qr_payload(self) -> str:
        return f"{self.url}/scan/{self._qr_salt}-{self._qr_number()}"

    async def _qr_state(self, _request: Request) -> Response:
        # Scanned counts also when the code has rotated meanwhile.
        is_in = bool(self._scanned)
        response = JSONResponse({"number": str(self._qr_number()), "is_in": is_in})
        if is_in:
            self._scanned.clear()
            return self._let_in("qr", response)
        return response

    async def _qr_picture(self, _request: Request) -> Response:
        out = io.BytesIO()
        segno.make(self._qr_payload(), error="m").save(out, kind="png", scale=6, border=4)
        return Response(out.getvalue(), media_type="image/png")

    async def _slide(self, request: Request) -> Response:
        told = json.loads(await request.body())
        is_there = abs(told["left"] - _SLOT_LEFT) <= _SLACK
        if not (is_there and told["trusted"] and told["moves"] >= _FEWEST_MOVES):
            self.refused.append("slide")
            return PlainTextResponse("no", HTTPStatus.FORBIDDEN)
        return self._let_in("slider", PlainTextResponse("yes"))

    async def _checkbox(self, _request: Request) -> Response:
        return HTMLResponse(_filled(pages.CHECKBOX, widget=f"{self.foreign_url}/widget/"))

    async def _token(self, _request: Request) -> Response:
        token = secrets.token_hex(8)
        self._tokens.add(token)
        return PlainTextResponse(token)

    async def _check(self, request: Request) -> Response:
        token = json.loads(await request.body()).get("token")
        if token not in self._tokens:
            return PlainTextResponse("no", HTTPStatus.FORBIDDEN)
        return self._let_in("checkbox", PlainTextResponse("yes"))

    async def _choose(self, request: Request) -> Response:
        if json.loads(await request.body()) != {"role": "member", "key": FILE_KEY}:
            self.refused.append("choices")
            return PlainTextResponse("no", HTTPStatus.FORBIDDEN)
        return self._let_in("choices", PlainTextResponse("yes"))

    async def _allow(self, _request: Request) -> Response:
        return self._let_in("popup", PlainTextResponse("yes"))


async def _parse_json_form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode()))


def _filled(page: str, **values: str) -> str:
    for name, value in values.items():
        page = page.replace(f"[[{name}]]", value)
    return page
