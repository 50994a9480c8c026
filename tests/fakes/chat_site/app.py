"""The chat site's HTTP side: pages, sign-in, and one endpoint per way an answer can travel."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
from anyio.abc import TaskGroup
from markdown_it import MarkdownIt
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.fakes.chat_site import pages
from tests.fakes.chat_site.answers import ERROR_WORDS, FILE_WORDS, LIMIT_WORDS, MUTED_WORDS, Piece
from tests.fakes.chat_site.site import (
    SESSION_COOKIE,
    BrokeDownError,
    ConnectionCutError,
    FakeChatSite,
    SiteFile,
    SiteRequest,
)
from tests.fakes.chat_site.variants import VARIANTS

STATIC = Path(__file__).parent / "static"
SOCKET_ACCEPT_S = 2.5  # the composer of that page is there 1.5 s earlier


def create_app(site: FakeChatSite) -> Starlette:
    """Return the app that serves ``site``."""
    app = Starlette(
        routes=[
            Route("/v/not-chat", lambda _: HTMLResponse(pages.NOT_CHAT)),
            Route("/v/not-html", lambda _: JSONResponse({"status": "ok"})),
            Route("/v/http-500", lambda _: PlainTextResponse("Internal Server Error", 500)),
            Route("/v/{variant}", _page),
            Route("/v/{variant}/c/{conversation}", _page),
            Route("/frame/{variant}", _framed_page),
            Route("/login/{variant}", _login_form, methods=["GET"]),
            Route("/login/{variant}", _login, methods=["POST"]),
            Route("/api/chat/{variant}", _chat, methods=["POST"]),
            Route("/api/html/{variant}", _chat_as_html, methods=["POST"]),
            Route("/api/prompt/{variant}", _leave_prompt, methods=["POST"]),
            Route("/api/upload/{variant}", _upload, methods=["POST"]),
            Route("/api/events/{number:int}", _events),
            WebSocketRoute("/ws/{variant}", _socket),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
    )
    app.state.site = site
    return app


class Stream(Response):
    """Sends what ``body`` yields; a cut leaves the response unfinished, a hang-up ends it as aborted."""

    def __init__(
        self, site: FakeChatSite, request: SiteRequest, body: AsyncIterator[bytes], media_type: str
    ) -> None:
        super().__init__(media_type=media_type, headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._site = site
        self._request = request
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the end, the cut or the hang-up."""
        del scope
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._hang_up, receive, tasks)
            try:
                with self._site.following(self._request):
                    await self._send_all(send)
            except ConnectionCutError:
                pass  # returning without the last part makes uvicorn close the connection
            except BrokeDownError:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            tasks.cancel_scope.cancel()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for data in self._body:
            for part in _split_oddly(data):
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    @staticmethod
    async def _hang_up(receive: Receive, tasks: TaskGroup) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        tasks.cancel_scope.cancel()


def _split_oddly(data: bytes) -> tuple[bytes, ...]:
    """Split inside a multi-byte character where there is one, as networks do."""
    at = next((i for i, byte in enumerate(data) if byte & 0xC0 == 0x80), 0)
    return (data[:at], data[at:]) if at else (data,)


def _site(connection: HTTPConnection) -> FakeChatSite:
    site = connection.app.state.site
    assert isinstance(site, FakeChatSite)
    return site


def _is_signed_in(connection: HTTPConnection) -> bool:
    return connection.cookies.get(SESSION_COOKIE) in _site(connection).sessions


async def _page(request: Request) -> Response:
    name = request.path_params["variant"]
    variant = VARIANTS.get(name)
    if variant is None:
        return PlainTextResponse("There is no such page.", HTTPStatus.NOT_FOUND)
    if variant.needs_sign_in and not _is_signed_in(request):
        return RedirectResponse(f"/login/{name}", HTTPStatus.SEE_OTHER)
    must_pass = bool(variant.challenge) and "passed" not in request.cookies
    if must_pass and variant.challenge not in {"on-send", "around"}:
        in_place = variant.challenge.startswith("response")
        return HTMLResponse(
            pages.challenge(name, passes=variant.challenge.endswith("passes")),
            HTTPStatus.FORBIDDEN if in_place else HTTPStatus.OK,
            {"cf-mitigated": "challenge"} if in_place else {},
        )
    if variant.frame:
        site = _site(request)
        port = urlsplit(site.url).port
        origin = {"same": "", "port": site.other_url, "site": f"http://localhost:{port}"}[variant.frame]
        return HTMLResponse(pages.around_frame(f"{origin}/frame/{name}", is_checked=must_pass))
    return HTMLResponse(pages.chat(name, variant))


async def _framed_page(request: Request) -> Response:
    name = request.path_params["variant"]
    return HTMLResponse(pages.chat(name, VARIANTS[name]))


async def _login_form(request: Request) -> Response:
    return HTMLResponse(pages.login_form(request.path_params["variant"]))


async def _login(request: Request) -> Response:
    name = request.path_params["variant"]
    fields = parse_qs((await request.body()).decode())
    username, password = fields.get("username", [""])[0], fields.get("password", [""])[0]
    code = fields.get("code", [""])[0] if name == "login-totp" else None
    if name == "login-totp" and not code and _site(request).passwords.get(username) == password:
        return HTMLResponse(pages.code_form(name, username, password))
    session = _site(request).sign_in(username, password, code)
    if session is None:
        return HTMLResponse(pages.login_form(name, pages.WRONG_PASSWORD_WORDS))
    response = RedirectResponse(f"/v/{name}", HTTPStatus.SEE_OTHER)
    # A session cookie on purpose: a browser profile on disk forgets it, a storage state keeps it.
    response.set_cookie(SESSION_COOKIE, session, httponly=True, samesite="lax")
    return response


async def _receive(request: Request) -> SiteRequest | Response:
    """Note the prompt; return the refusal instead where the site gives no stream."""
    name = request.path_params["variant"]
    if VARIANTS[name].needs_sign_in and not _is_signed_in(request):
        error = {"message": "Your session has expired. Please log in again.", "type": "unauthorized"}
        return JSONResponse({"error": error}, HTTPStatus.UNAUTHORIZED)
    if VARIANTS[name].challenge == "on-send" and "passed" not in request.cookies:
        return JSONResponse(
            {"error": {"message": "Complete the captcha to go on.", "code": "FRONTEND_CAPTCHA_REQUIRED"}}
        )
    received = _site(request).receive(name, await request.json(), dict(request.cookies))
    if received.answer.fault == "error":
        error = {"message": ERROR_WORDS, "type": "server_error"}
        return JSONResponse({"error": error}, HTTPStatus.INTERNAL_SERVER_ERROR)
    if received.user in _site(request).muted:
        return JSONResponse({"error": {"message": MUTED_WORDS}})
    if received.answer.fault == "limit":
        return JSONResponse({"error": {"message": LIMIT_WORDS, "type": "rate_limit", "retry_after": 30}})
    return received


def _perform(site: FakeChatSite, received: SiteRequest) -> AsyncIterator[Piece]:
    return site.perform(received, VARIANTS[received.variant].first_token_wait_s)


async def _chat(request: Request) -> Response:
    received = await _receive(request)
    if isinstance(received, Response):
        return received
    return Stream(_site(request), received, _sse(_site(request), received), "text/event-stream")


async def _sse(site: FakeChatSite, received: SiteRequest) -> AsyncIterator[bytes]:
    yield b": hello\n\n" + _event(_chunk({"role": "assistant", "content": ""}))
    try:
        async for piece in _perform(site, received):
            yield _event(_chunk(_delta(piece)))
    except BrokeDownError:
        yield _event({"error": {"message": ERROR_WORDS, "type": "server_error"}})
        raise
    yield _event(_chunk({}, "stop"))
    yield b"data: [DONE]\n\n"


def _event(data: object) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def _delta(piece: Piece) -> dict[str, str]:
    return {"content" if piece.kind == "text" else "reasoning_content": piece.text}


def _chunk(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chunk", "object": "chat.completion.chunk", "model": "site-model", "choices": [choice]}


async def _chat_as_html(request: Request) -> Response:
    received = await _receive(request)
    if isinstance(received, Response):
        return received
    return Stream(_site(request), received, _html_lines(_site(request), received), "application/x-ndjson")


async def _html_lines(site: FakeChatSite, received: SiteRequest) -> AsyncIterator[bytes]:
    """Yield the whole answer so far as HTML at each piece, one JSON object a line."""
    render = MarkdownIt().enable("table").render
    text = thinking = ""
    try:
        async for piece in _perform(site, received):
            text += piece.text if piece.kind == "text" else ""
            thinking += piece.text if piece.kind == "thinking" else ""
            yield (
                json.dumps({"html": render(text), "thinking": render(thinking)}, ensure_ascii=False).encode()
                + b"\n"
            )
    except BrokeDownError:
        yield json.dumps({"error": {"message": ERROR_WORDS}}).encode() + b"\n"
        raise
    yield b'{"end": true}\n'


async def _leave_prompt(request: Request) -> Response:
    received = await _receive(request)
    if isinstance(received, Response):
        return received
    return JSONResponse({"number": _site(request).requests.index(received)})


async def _upload(request: Request) -> Response:
    name = request.query_params["name"]
    if name.endswith(".exe"):
        return JSONResponse({"error": {"message": FILE_WORDS}}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    media_type = request.headers.get("content-type", "")
    return JSONResponse({"id": _site(request).upload(SiteFile(name, media_type, await request.body()))})


async def _events(request: Request) -> Response:
    site = _site(request)
    received = site.requests[request.path_params["number"]]
    if received.ended != "running":
        return Response(status_code=HTTPStatus.NO_CONTENT)  # tells EventSource not to connect again
    return Stream(site, received, _sse(site, received), "text/event-stream")


async def _socket(socket: WebSocket) -> None:
    """Answer prompts over one long-lived socket; each frame names its prompt."""
    if VARIANTS[socket.path_params["variant"]].flags.get("needsSocket"):
        await anyio.sleep(SOCKET_ACCEPT_S)
    await socket.accept()
    scopes: dict[str, anyio.CancelScope] = {}
    async with anyio.create_task_group() as tasks:
        try:
            while True:
                frame = await socket.receive_json()
                if frame["type"] == "prompt":
                    scopes[frame["id"]] = anyio.CancelScope()
                    tasks.start_soon(_answer_by_socket, socket, frame, scopes[frame["id"]])
                elif frame["type"] == "stop":
                    scopes[frame["id"]].cancel()
        except WebSocketDisconnect:
            tasks.cancel_scope.cancel()


async def _answer_by_socket(socket: WebSocket, frame: dict[str, str], scope: anyio.CancelScope) -> None:
    site, number = _site(socket), frame["id"]
    received = site.receive(socket.path_params["variant"], frame, dict(socket.cookies))
    if received.ended == "refused":
        words = ERROR_WORDS if received.answer.fault == "error" else LIMIT_WORDS
        await socket.send_json(
            {"type": "error", "id": number, "kind": received.answer.fault, "message": words}
        )
        return
    await socket.send_json({"type": "presence", "online": 7})
    try:
        with scope, site.following(received):
            async for piece in _perform(site, received):
                await socket.send_json({"type": "chunk", "id": number, "chunk": _chunk(_delta(piece))})
            await socket.send_json({"type": "end", "id": number})
    except ConnectionCutError:
        await socket.close(1011)
    except BrokeDownError:
        await socket.send_json({"type": "error", "id": number, "kind": "error", "message": ERROR_WORDS})
