"""CORS middleware: lets web pages of the allowed origins call the gateway."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware

from backend.asgi import ASGIApp, Receive, Scope, Send, header

_EXPOSED = (
    "x-request-id",
    "x-gateway-endpoint",
    "x-gateway-conversation",
    "x-gateway-ignored-params",
    "x-gateway-notes",
    "x-gateway-cache",
    "x-gateway-sent",
    "retry-after",
    "x-should-retry",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
)


class CrossOrigin:
    """ASGI middleware: Starlette's, for requests that come from a web page. All others, nearly all, pass by."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._for_pages = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_EXPOSED,
            # A page on the public web that may call the gateway may do so where it is on a private network (Chrome asks).
            allow_private_network=True,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or let the request through."""
        app = self._app if header(scope, "origin") is None else self._for_pages
        await app(scope, receive, send)
