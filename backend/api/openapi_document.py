"""Adds the plain ASGI operations to the OpenAPI document, which FastAPI makes of its own routes alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from backend.api.error_schema import ERROR_RESPONSES, ERROR_SCHEMA, ERROR_TITLE, SCHEMA_REF
from backend.api.operations import RawOperation


def document_operations(app: FastAPI, operations: Sequence[RawOperation]) -> None:
    """Add the operations to the app's OpenAPI document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build_document(app, operations)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _build_document(app: FastAPI, operations: Sequence[RawOperation]) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    models = {operation.body for operation in operations}
    _, defined = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda m: m.__name__)], ref_template=SCHEMA_REF
    )
    errors = {operation.error["title"]: operation.error for operation in operations}
    schemas |= {**defined["$defs"], ERROR_TITLE: ERROR_SCHEMA, **errors}
    for operation in operations:
        document["paths"].setdefault(operation.path, {})["post"] = _describe(operation)
    return document


def _describe(operation: RawOperation) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if operation.is_streamed:
        content["text/event-stream"] = {}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    schema = {"$ref": SCHEMA_REF.format(model=operation.body.__name__)}
    return {
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": f"post{re.sub(r'[^a-z]+', '_', operation.path)}",
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {"description": "The answer", "content": content},
            **_describe_errors(operation),
        },
    }


def _describe_errors(operation: RawOperation) -> dict[str, Any]:
    # What refuses a request before its operation is found speaks OpenAI's language: a missing key, a body too long.
    names = dict.fromkeys((operation.error["title"], ERROR_TITLE))
    shapes = [{"$ref": SCHEMA_REF.format(model=name)} for name in names]
    body = {"application/json": {"schema": {"anyOf": shapes} if len(shapes) > 1 else shapes[0]}}
    return {str(status): {**told, "content": body} for status, told in ERROR_RESPONSES.items()}
