"""Guards a gateway without authentication against web pages the user visits: DNS rebinding, drive-by requests."""

from __future__ import annotations

from collections.abc import Collection

from backend.asgi import ASGIApp, Receive, Scope, Send, header
from backend.security.loopback import is_host_allowed, is_loopback_name, is_origin_allowed
from backend.security.refusal import send_refusal
from backend.wire.errors import ErrorReply


class LocalGuard:
    """ASGI middleware that refuses foreign hosts and origins with 403 ``not_allowed``.

    ``is_public_by_choice`` says that ``AUTH=off`` was set on purpose; otherwise a connection that arrives on a
    public address is refused too, whatever its headers say.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: Collection[str],
        cors_origins: Collection[str],
        is_public_by_choice: bool,
    ) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts
        self._cors_origins = cors_origins
        self._is_public_by_choice = is_public_by_choice

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 403."""
        reason = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if reason is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "not allowed"})
        else:
            await send_refusal(send, ErrorReply(403, "not_allowed", reason))

    def _refusal(self, scope: Scope) -> str | None:
        authority = header(scope, "host") or ""
        if not self._is_public_by_choice and not _arrived_on_loopback(scope):
            return (
                "Authentication is off, so only connections to this machine itself are served. Set AUTH=on."
            )
        if not is_host_allowed(authority, self._allowed_hosts):
            return "Authentication is off and this Host is not a loopback name. Add it to ALLOWED_HOSTS or set AUTH=on."
        scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
        if not is_origin_allowed(header(scope, "origin"), scheme, authority, self._cors_origins):
            return "Authentication is off and this Origin is foreign. Add it to CORS_ORIGINS."
        if header(scope, "origin") is None and _is_of_another_site(scope):
            return (
                "Authentication is off and a page of another site sends this. Add its origin to CORS_ORIGINS."
            )
        return None


def _is_of_another_site(scope: Scope) -> bool:
    """Whether a browser says that a page of another site loads this, other than as the page that its user goes to."""
    if header(scope, "sec-fetch-site") != "cross-site":
        return False
    is_visit = header(scope, "sec-fetch-mode") == "navigate" and header(scope, "sec-fetch-dest") == "document"
    return not (is_visit and scope.get("method") in {"GET", "HEAD"})


def _arrived_on_loopback(scope: Scope) -> bool:
    server = scope.get("server")
    # A Unix socket has a path and no port; file permissions guard it.
    return server is None or server[1] is None or is_loopback_name(server[0])
