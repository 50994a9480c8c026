"""ASGI middleware that gives each HTTP request an id, returns it with the fixed headers, and logs one line at its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from backend.asgi import ASGIApp, Message, Receive, Scope, Send, header
from backend.identity.request_principal import find_principal
from backend.observability.logs import log_often
from backend.observability.request_id import choose_request_id, request_id

logger = logging.getLogger(__name__)


class RequestScope:
    """ASGI middleware; the outermost one, so that refusals carry the id too.

    ``fixed_headers`` are added to every response that has none of the same name.
    """

    def __init__(self, app: ASGIApp, fixed_headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self._app = app
        self._fixed_headers = fixed_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request under its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = choose_request_id(header(scope, "x-request-id"))
        status, start = 0, time.monotonic()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", chosen.encode())]
                given = {name for name, _ in headers}
                headers += [fixed for fixed in self._fixed_headers if fixed[0] not in given]
                message["headers"] = headers
            await send(message)

        token = request_id.set(chosen)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            duration_ms = round((time.monotonic() - start) * 1000, 1)
            facts = {"method": scope["method"], "path": shown_path(scope["path"]), "status": status}
            principal = find_principal(scope)
            if principal is not None and principal.id:
                facts["principal"] = principal.id
            log_often(logger, "request_finished", {**facts, "duration_ms": duration_ms})
            request_id.reset(token)


def shown_path(path: str) -> str:
    """Return the path as logs may show it: what follows ``/live/`` is a secret until it is used."""
    return "/live/…" if path.startswith("/live/") else path
