"""What real HTTP servers don't show: WebSockets, public addresses, other protocols."""

from __future__ import annotations

from typing import Any

import pytest

from backend.security.authentication import Authentication
from backend.security.local_guard import LocalGuard
from backend.security.socket_origin import SocketOrigin


class App:
    """Remembers what reached it."""

    def __init__(self) -> None:
        self.reached: list[str] = []

    async def __call__(self, scope, receive, send):
        self.reached.append(scope["type"])


def guard(app: App, *, is_public_by_choice: bool = False) -> LocalGuard:
    return LocalGuard(app, allowed_hosts=(), cors_origins=(), is_public_by_choice=is_public_by_choice)


async def call(app, scope_type: str, headers: dict[str, str], **scope) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message):
        sent.append(message)

    raw = [(k.encode(), v.encode()) for k, v in headers.items()]
    scheme = "ws" if scope_type == "websocket" else "http"
    document = {
        "type": scope_type,
        "path": "/x",
        "headers": raw,
        "scheme": scheme,
        "server": ("127.0.0.1", 1),
    }
    await app({**document, **scope}, None, send)
    return sent


async def test_a_foreign_websocket_is_closed():
    app = App()

    sent = await call(guard(app), "websocket", {"host": "localhost", "origin": "https://evil.example"})

    assert sent[0]["type"] == "websocket.close"
    assert app.reached == []


async def test_our_own_websocket_is_let_in():
    app = App()

    await call(guard(app), "websocket", {"host": "localhost:1", "origin": "http://localhost:1"})

    assert app.reached == ["websocket"]


@pytest.mark.parametrize(
    ("server", "reached"), [(("10.0.0.2", 80), []), (None, ["http"]), (("/run/x.sock", None), ["http"])]
)
async def test_a_connection_on_a_public_address_is_refused_whatever_its_host_says(server, reached):
    app = App()

    await call(guard(app), "http", {"host": "localhost"}, server=server)

    assert app.reached == reached


async def test_a_public_address_by_choice_serves_loopback_names():
    app = App()

    await call(guard(app, is_public_by_choice=True), "http", {"host": "localhost"}, server=("10.0.0.2", 80))

    assert app.reached == ["http"]


async def test_the_lifespan_passes_both_guards():
    app = App()

    await call(guard(app), "lifespan", {})
    await call(Authentication(app), "lifespan", {})

    assert app.reached == ["lifespan", "lifespan"]


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [
        (None, True),
        ("http://gateway.example:8000", True),
        ("https://Gateway.example:8000", True),
        ("https://app.example", True),
        ("https://evil.example", False),
        ("http://gateway.example", False),
        ("null", False),
        ("http://[", False),
    ],
)
async def test_a_websocket_of_a_foreign_page_is_closed_whatever_it_carries(origin, is_let_in):
    app = App()
    headers = {"host": "gateway.example:8000"} | ({"origin": origin} if origin else {})

    sent = await call(SocketOrigin(app, cors_origins=["https://app.example/"]), "websocket", headers)

    assert app.reached == (["websocket"] if is_let_in else [])
    assert [m["code"] for m in sent] == ([] if is_let_in else [1008])


async def test_requests_other_than_websockets_are_not_its_concern():
    app = App()

    await call(SocketOrigin(app, cors_origins=[]), "http", {"host": "a", "origin": "https://evil.example"})

    assert app.reached == ["http"]
