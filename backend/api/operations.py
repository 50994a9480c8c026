"""The operations that are plain ASGI: how they are found, and what OpenAPI is told of them and of every error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.responses import Response

from backend.api.errors import describe_failure
from backend.asgi import ASGIApp, Message, Receive, Scope, Send, owner_of
from backend.errors import RateExceededError
from backend.security.rate_limit import RateLimit

Refuse = Callable[[Scope, Exception], Response]
"""Makes of an error before an answer began the response to it."""

_REF = "#/components/schemas/{model}"
_ERROR = "Error"
_ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": _ERROR,
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
                "action_url": {"type": "string"},
            },
        }
    },
}
_ERROR_BODY = {"application/json": {"schema": {"$ref": _REF.format(model=_ERROR)}}}
ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The request can't be honoured; `param` names the field.", "content": _ERROR_BODY},
    "5XX": {"description": "The site or the gateway failed.", "content": _ERROR_BODY},
}


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
    error: Mapping[str, Any] = field(default_factory=lambda: _ERROR_SCHEMA)

    def document(self) -> dict[str, Any]:
        """Return OpenAPI's operation."""
        content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
        if self.is_streamed:
            content["text/event-stream"] = {}
        parameters = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"\{(\w+)\}", self.path)
        ]
        schema = {"$ref": _REF.format(model=self.body.__name__)}
        return {
            "tags": [self.tag],
            "summary": self.summary,
            "operationId": f"post{re.sub(r'[^a-z]+', '_', self.path)}",
            "parameters": parameters,
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": {
                "200": {"description": "The answer", "content": content},
                **self._errors(),
            },
        }

    def _errors(self) -> dict[str, Any]:
        # What refuses a request before its operation is found speaks OpenAI's language: a missing key, a body too long.
        names = dict.fromkeys((self.error["title"], _ERROR))
        shapes = [{"$ref": _REF.format(model=name)} for name in names]
        body = {"application/json": {"schema": {"anyOf": shapes} if len(shapes) > 1 else shapes[0]}}
        return {str(status): {**told, "content": body} for status, told in ERROR_RESPONSES.items()}


class OperationRouter:
    """ASGI middleware that gives a request to the operation of its path; what has none goes on to ``app``.

    Every error of ours, before an answer began, is told in the operation's words.
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
        try:
            if scope["method"] != "POST":
                raise HTTPException(405, headers={"allow": "POST"})  # noqa: TRY301  told below like every other
            if self._limit is not None:
                send = _counted(self._limit, scope, send)
            await operation.handler(scope, receive, send)
        except Exception as exc:  # noqa: BLE001  the outermost boundary of a request: an answer that began handles its own
            await operation.refuse(scope, exc)(scope, receive, send)

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
    """Count the request, and return a ``send`` that tells what its caller has left.

    Raises:
        RateExceededError: Nothing is left.
    """
    caller = owner_of(scope) or (scope["client"] or ("",))[0]
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


def document_operations(app: FastAPI, operations: Sequence[RawOperation]) -> None:
    """Have the app's OpenAPI document tell of the operations."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, operations)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI, operations: Sequence[RawOperation]) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    models = {operation.body for operation in operations}
    _, defined = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda m: m.__name__)], ref_template=_REF
    )
    errors = {operation.error["title"]: operation.error for operation in operations}
    schemas |= {**defined["$defs"], _ERROR: _ERROR_SCHEMA, **errors}
    for operation in operations:
        document["paths"].setdefault(operation.path, {})["post"] = operation.document()
    return document
