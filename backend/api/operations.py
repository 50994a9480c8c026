"""Routes that are plain ASGI, without FastAPI: their description, and the middleware that finds them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from backend.api.error_schema import ERROR_SCHEMA
from backend.api.errors import describe_failure
from backend.asgi import ASGIApp, Message, Receive, Scope, Send
from backend.ending import SCOPE_KEY, Ending
from backend.errors import RateExceededError
from backend.identity.request_principal import get_principal
from backend.security.rate_limit import RateLimit

Refuse = Callable[[Scope, Exception], Response]
"""Makes of an error before an answer began the response to it."""


@dataclass(frozen=True, slots=True)
class RawOperation:
    """A ``POST`` that is answered by plain ASGI.

    Attributes:
        path: With ``{name}`` for its parameters.
        body: What the request's body must be.
        is_streamed: Whether it may answer with an event stream.
        refuse: Tells its errors; ``error`` is their JSON Schema, whose title is its name.
    """

    path: str
    handler: ASGIApp
    summary: str
    body: type[BaseModel]
    tag: str = "chat"
    is_streamed: bool = True
    refuse: Refuse = describe_failure
    error: Mapping[str, Any] = field(default_factory=lambda: ERROR_SCHEMA)


class OperationRouter:
    """ASGI middleware that gives a request to the operation of its path; what has none goes on to ``app``.

    Every error of ours, before an answer began, is sent in the operation's format.
    """

    def __init__(
        self, operations: Sequence[RawOperation], app: ASGIApp, limit: RateLimit | None = None
    ) -> None:
        self._app = app
        self._limit = limit
        self._exact = {o.path: o for o in operations if "{" not in o.path}
        self._patterns = [(_pattern(o.path), o) for o in operations if "{" in o.path]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        operation = self._find(scope) if scope["type"] == "http" else None
        if operation is None:
            await self._app(scope, receive, send)
            return
        ending: Ending = scope[SCOPE_KEY]
        ending.enter()
        try:
            if scope["method"] != "POST":
                raise HTTPException(405, headers={"allow": "POST"})  # noqa: TRY301  told below like every other
            if self._limit is not None:
                send = _counted(self._limit, scope, send)
            await operation.handler(scope, receive, send)
        except Exception as exc:  # noqa: BLE001  the outermost boundary of a request: an answer that began handles its own
            await operation.refuse(scope, exc)(scope, receive, send)
        finally:
            ending.leave()

    def _find(self, scope: Scope) -> RawOperation | None:
        path = scope["path"]
        operation = self._exact.get(path)
        if operation is not None:
            scope["path_params"] = {}
            return operation
        for pattern, candidate in self._patterns:
            if found := pattern.fullmatch(path):
                scope["path_params"] = found.groupdict()
                return candidate
        return None


def _counted(limit: RateLimit, scope: Scope, send: Send) -> Send:
    """Count the request against the rate limit, and return a ``send`` that adds the caller's rate-limit headers.

    Raises:
        RateExceededError: Nothing is left.
    """
    caller = get_principal(scope).id or (scope["client"] or ("",))[0]
    allowance = limit.count(caller)
    if allowance.is_exceeded:
        msg = f"More than {allowance.limit} requests within the time that RATE_LIMIT_WINDOW says."
        raise RateExceededError(msg, allowance.reset_s)
    told = [(name.encode(), value.encode()) for name, value in allowance.headers().items()]

    async def send_counted(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *told]
        await send(message)

    return send_counted


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
