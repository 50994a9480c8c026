"""Routes for the live view's page and its WebSockets."""

from __future__ import annotations

from contextlib import suppress
from html import escape
from pathlib import Path

import anyio
import orjson
from fastapi import APIRouter, WebSocket
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.websockets import WebSocketDisconnect

from backend.accounts.sign_ins import SignIns
from backend.api.live_sign_in.live_socket import REFUSED, LiveSocket
from backend.api.live_sign_in.sign_ins import SignInsOf
from backend.asgi import allow_long_messages
from backend.errors import GatewayError, LiveTokenExpiredError

router = APIRouter(tags=["live view"])

_PAGE = Path(__file__).parent / "page"
_TICKET_S = 10.0
_LONGEST_TICKET = 1024
_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}
_FILES = {"live.js": "text/javascript", "sign_in.js": "text/javascript", "live.css": "text/css"}


@router.get("/sign-in/{slug}/{account_id}", include_in_schema=False)
async def open_sign_in_page(slug: str, account_id: str) -> Response:  # noqa: ARG001 - the page reads its address
    """Return the page that ``error.action_url`` names: it starts the sign-in, with the API key where one is asked for."""
    return HTMLResponse(_read("sign_in.html"), headers=_HEADERS)


@router.get("/live/socket", include_in_schema=False)
async def refuse_plain_http() -> Response:
    """Say that a WebSocket is here; as a link, its address would be taken for one that was used."""
    return Response(
        "This address is a WebSocket's.\n", 426, {"upgrade": "websocket", "connection": "Upgrade"}
    )


@router.get("/live/{token}", include_in_schema=False)
async def open_live_page(token: str, sign_ins: SignInsOf) -> Response:
    """Use a link up and return the page of its live view; 410 where the link was used or is too old."""
    try:
        sign_in, ticket = sign_ins.tokens.redeem(token)
    except LiveTokenExpiredError:
        return HTMLResponse(_read("gone.html"), 410, _HEADERS)
    page = _read("live.html")
    for name, value in {"ticket": ticket, "endpoint": sign_in.slug, "account": sign_in.account_id}.items():
        page = page.replace(f"[[{name}]]", escape(value))
    return HTMLResponse(page, headers=_HEADERS)


@router.get("/live-page/{name}", include_in_schema=False)
async def get_live_page_file(name: str) -> Response:
    """Return the page's script or its styles."""
    if name not in _FILES:
        return Response(status_code=404)
    return FileResponse(_PAGE / name, media_type=_FILES[name], headers={"cache-control": "no-cache"})


@router.websocket("/live/socket")
async def watch_by_ticket(socket: WebSocket) -> None:
    """Serve the page: its first message is ``{"ticket": …}``, so that no secret is in an address."""
    sign_ins: SignIns = socket.app.state.sign_ins
    await socket.accept()
    ticket = await _receive_ticket(socket)
    try:
        sign_in = sign_ins.tokens.claim(ticket)
    except LiveTokenExpiredError as exc:
        await _refuse(socket, exc)
        return
    allow_long_messages(socket.scope)
    try:
        await LiveSocket(socket, sign_in, sign_ins.view_idle_s).serve()
    finally:
        sign_ins.tokens.release(ticket)


@router.websocket("/api/endpoints/{slug}/accounts/{account_id}/live")
async def watch_by_account(socket: WebSocket, slug: str, account_id: str) -> None:
    """Serve a client that has the API key, as every other request of it."""
    sign_ins: SignIns = socket.app.state.sign_ins
    await socket.accept()
    try:
        sign_in = sign_ins.get(slug, account_id)
    except GatewayError as exc:
        await _refuse(socket, exc)
        return
    allow_long_messages(socket.scope)
    await LiveSocket(socket, sign_in, sign_ins.view_idle_s).serve()


async def _refuse(socket: WebSocket, error: GatewayError) -> None:
    # Starlette tells by either of them that it hung up in this moment.
    with suppress(WebSocketDisconnect, RuntimeError):
        await socket.close(REFUSED, str(error)[:100])


async def _receive_ticket(socket: WebSocket) -> str:
    """Return what the first message says; empty when it says nothing in time, or something else."""
    document = None
    with anyio.move_on_after(_TICKET_S), suppress(orjson.JSONDecodeError, KeyError, WebSocketDisconnect):
        text = await socket.receive_text()
        document = orjson.loads(text) if len(text) <= _LONGEST_TICKET else None
    ticket = document.get("ticket") if isinstance(document, dict) else None
    return ticket if isinstance(ticket, str) else ""


def _read(name: str) -> str:
    return (_PAGE / name).read_text("utf-8")
