"""Tells OpenAPI of the routes that are plain ASGI, and of the errors that every route may answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.routing import Route

from backend.wire.asgi import ASGIApp

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
    """

    path: str
    handler: ASGIApp
    summary: str
    body: type[BaseModel]
    tag: str = "chat"
    is_streamed: bool = True

    def route(self) -> Route:
        """Return the route."""
        return Route(self.path, self.handler, methods=["POST"])

    def document(self) -> dict[str, Any]:
        """Return OpenAPI's operation."""
        content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
        if self.is_streamed:
            content["text/event-stream"] = {"schema": {"type": "string"}}
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
                **{str(status): response for status, response in ERROR_RESPONSES.items()},
            },
        }


def add_raw_routes(app: FastAPI, operations: Sequence[RawOperation]) -> None:
    """Serve the operations before all other routes, because they are asked most, and document them."""
    app.router.routes[:0] = [operation.route() for operation in operations]

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
    schemas |= {**defined["$defs"], _ERROR: _ERROR_SCHEMA}
    for operation in operations:
        document["paths"].setdefault(operation.path, {})["post"] = operation.document()
    return document
