"""What real HTTP servers don't show: WebSockets, public addresses, other protocols."""

from __future__ import annotations

from typing import Any

import pytest

from backend.security.api_key import ApiKeyAuth
from backend.security.local_guard import LocalGuard


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
    await call(ApiKeyAuth(app, key="k"), "lifespan", {})

    assert app.reached == ["lifespan", "lifespan"]


async def test_a_websocket_without_the_key_is_closed():
    app = App()

    refused = await call(ApiKeyAuth(app, key="k"), "websocket", {})
    await call(ApiKeyAuth(app, key="k"), "websocket", {"authorization": "bearer k"})

    assert refused[0]["code"] == 1008
    assert app.reached == ["websocket"]


async def test_a_key_with_foreign_letters_is_wrong_and_not_an_error():
    sent = await call(ApiKeyAuth(App(), key="k"), "http", {"authorization": "Bearer \u00fc"})

    assert sent[0]["status"] == 401
