"""Lets in who an authenticator knows, and notes with each request who sends it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from backend.asgi import ASGIApp, Receive, Scope, Send
from backend.errors import GatewayError, InvalidCredentialError, StorageError
from backend.identity.authenticator import Authenticator
from backend.identity.request_principal import set_principal
from backend.security.refusal import send_refusal
from backend.wire.errors import ErrorReply, retry_after

OPEN_PATHS = frozenset({"/health", "/ready"})
# A link to a live view carries a secret of its own; the other two are pages without any.
OPEN_PREFIXES = ("/live/", "/live-page/", "/sign-in/")
_STARTING_RETRY_S = 1.0
_POLICY_VIOLATION, _TRY_AGAIN_LATER = 1008, 1013


class Authentication:
    """ASGI middleware: 401 unless the authenticator knows who sends the request, or its path is open to strangers.

    Until ``using`` gives it an authenticator, it lets nothing in: 503.
    """

    def __init__(self, app: ASGIApp, *, open_paths: Collection[str] = OPEN_PATHS) -> None:
        self._app = app
        self._open_paths = open_paths
        self._authenticator: Authenticator | None = None

    @contextmanager
    def using(self, authenticator: Authenticator) -> Iterator[None]:
        """Ask this authenticator until the block is left."""
        self._authenticator = authenticator
        try:
            yield
        finally:
            self._authenticator = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        authenticator = self._authenticator
        if authenticator is None:
            await _refuse(scope, send, _STARTING, _TRY_AGAIN_LATER)
            return
        try:
            set_principal(scope, await authenticator.authenticate(_presented(scope)))
        except (InvalidCredentialError, StorageError) as exc:
            path = scope["path"]
            if path not in self._open_paths and not path.startswith(OPEN_PREFIXES):
                await _refuse(scope, send, _reply(exc), _POLICY_VIOLATION)
                return
        await self._app(scope, receive, send)


_STARTING = ErrorReply(
    503, "starting", "The gateway is starting or stopping.", headers=retry_after(_STARTING_RETRY_S)
)


def _presented(scope: Scope) -> str:
    """Return the API key or token that the request carries; empty without one."""
    authorization = api_key = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = authorization or value
        elif name == b"x-api-key":  # Anthropic's clients
            api_key = api_key or value
    kind, _, token = authorization.partition(b" ")
    secret: bytes = token if kind.lower() == b"bearer" else api_key
    return secret.strip().decode("latin-1")


def _reply(error: GatewayError) -> ErrorReply:
    if isinstance(error, InvalidCredentialError):
        return ErrorReply(401, "invalid_api_key", str(error), headers={"www-authenticate": "Bearer"})
    return ErrorReply(503, "storage_unavailable", str(error))


async def _refuse(scope: Scope, send: Send, reply: ErrorReply, close_code: int) -> None:
    if scope["type"] == "websocket":
        reason = "invalid API key" if reply.code == "invalid_api_key" else reply.code
        await send({"type": "websocket.close", "code": close_code, "reason": reason})
    else:
        await send_refusal(send, reply)
