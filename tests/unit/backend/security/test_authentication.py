"""The guard that lets in who an authenticator knows."""

from __future__ import annotations

from typing import Any

import pytest

from backend.errors import InvalidCredentialError, StorageError
from backend.identity.principal import Principal, PrincipalKind, Role
from backend.identity.request_principal import find_principal
from backend.security.authentication import Authentication

ADA = Principal("ada", PrincipalKind.KEY, Role.USER)


class App:
    """Remembers which paths were reached, and by whom."""

    def __init__(self) -> None:
        self.reached: list[tuple[str, Principal | None]] = []

    async def __call__(self, scope, receive, send):
        self.reached.append((scope["path"], find_principal(scope)))


class KnowsAda:
    """An authenticator with one key; remembers what was presented."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.presented: list[str] = []
        self._failure = failure

    async def authenticate(self, credential: str) -> Principal:
        self.presented.append(credential)
        if self._failure is not None:
            raise self._failure
        if credential != "k":
            raise InvalidCredentialError
        return ADA


async def nothing_more() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def call(
    guard: Authentication, headers: dict[str, str] | None = None, *, path: str = "/x", kind: str = "http"
) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message):
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    await guard({"type": kind, "path": path, "headers": raw}, nothing_more, send)
    return sent


@pytest.mark.parametrize(
    ("headers", "presented"),
    [
        ({"authorization": "Bearer k"}, "k"),
        ({"authorization": "bearer   k "}, "k"),
        ({"x-api-key": " k"}, "k"),
        ({"authorization": "Basic other", "x-api-key": "k"}, "k"),
        ({"authorization": "Bearer k", "x-api-key": "other"}, "k"),
        ({"authorization": "Basic k"}, ""),
        ({"authorization": "Bearer"}, ""),
        ({"authorization": "Bearer ", "x-api-key": "k"}, ""),
        ({}, ""),
    ],
)
async def test_the_credential_is_a_bearer_token_or_else_the_x_api_key(headers, presented):
    app, knows = App(), KnowsAda()
    guard = Authentication(app)

    with guard.using(knows):
        await call(guard, headers)

    assert knows.presented == [presented]
    assert app.reached == ([("/x", ADA)] if presented == "k" else [])


async def test_who_is_not_known_is_refused_with_the_challenge_of_bearer_tokens():
    app = App()
    guard = Authentication(app)

    with guard.using(KnowsAda()):
        head, body = await call(guard, {"x-api-key": "wrong"})

    assert head["status"] == 401
    assert (b"www-authenticate", b"Bearer") in head["headers"]
    assert b'"code":"invalid_api_key"' in body["body"]
    assert app.reached == []


async def test_a_websocket_of_a_stranger_is_closed():
    app = App()
    guard = Authentication(app)

    with guard.using(KnowsAda()):
        refused = await call(guard, kind="websocket")
        await call(guard, {"authorization": "bearer k"}, kind="websocket")

    assert [(message["type"], message["code"]) for message in refused] == [("websocket.close", 1008)]
    assert app.reached == [("/x", ADA)]


@pytest.mark.parametrize("path", ["/x", "/health", "/live/token"])
async def test_before_and_after_its_authenticator_nothing_is_let_in_at_any_path(path):
    app = App()
    guard = Authentication(app)

    before = await call(guard, {"x-api-key": "k"}, path=path)
    with guard.using(KnowsAda()):
        await call(guard, {"x-api-key": "k"}, path=path)
    after = await call(guard, {"x-api-key": "k"}, path=path)

    assert [before[0]["status"], after[0]["status"]] == [503, 503]
    assert (b"retry-after", b"1") in before[0]["headers"]
    assert app.reached == [(path, ADA)]


async def test_a_websocket_before_the_authenticator_is_told_to_come_again():
    sent = await call(Authentication(App()), kind="websocket")

    assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1013)]


@pytest.mark.parametrize(
    ("path", "is_let_in"),
    [
        ("/health", True),
        ("/ready", True),
        ("/health/", False),
        ("/live/token", True),
        ("/live-page/live.js", True),
        ("/sign-in/demo/ada", True),
        ("/live", False),
        ("/api/endpoints/demo/accounts/ada/live", False),
        ("/api/endpoints/demo/accounts/ada/sign-in", False),
    ],
)
async def test_links_to_live_views_and_their_pages_need_no_key_and_what_starts_them_does(path, is_let_in):
    app = App()
    guard = Authentication(app)

    with guard.using(KnowsAda()):
        await call(guard, path=path)

    assert app.reached == ([(path, None)] if is_let_in else [])


async def test_who_is_known_is_known_at_open_paths_too():
    app = App()
    guard = Authentication(app)

    with guard.using(KnowsAda()):
        await call(guard, {"x-api-key": "k"}, path="/ready")

    assert app.reached == [("/ready", ADA)]


async def test_while_nobody_can_tell_who_asks_only_open_paths_are_served():
    app = App()
    guard = Authentication(app)

    with guard.using(KnowsAda(StorageError())):
        refused = await call(guard, {"x-api-key": "k"})
        await call(guard, {"x-api-key": "k"}, path="/health")

    assert refused[0]["status"] == 503
    assert b'"code":"storage_unavailable"' in refused[1]["body"]
    assert app.reached == [("/health", None)]
