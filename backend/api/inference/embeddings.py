"""Route for OpenAI's embeddings, served by API endpoints."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from backend.api.operations import RawOperation
from backend.api.services import Services
from backend.asgi import Receive, Scope, Send, read_body
from backend.errors import InvalidRequestError
from backend.gateway.call_parser import parse_body
from backend.identity.request_principal import get_principal


class EmbeddingsRequest(BaseModel):
    """The body of ``POST /v1/embeddings``; other fields go to the provider as they are."""

    model_config = ConfigDict(extra="allow")

    model: str
    input: str | list[str] | list[int] | list[list[int]]


class Embeddings:
    """``POST …/embeddings`` as plain ASGI."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Embed the input."""
        services: Services = scope["app"].state.services
        pinned_to: str | None = scope["path_params"].get("endpoint")
        body = parse_body(await read_body(receive))
        model = _model(body, pinned_to)
        if body.get("input") in (None, "", []):
            msg = "input: must be a text, or a list of texts or tokens."
            raise InvalidRequestError(msg, "input")
        document, slug = await services.gateway.embed(body, model, get_principal(scope), pinned_to)
        headers = {"x-gateway-endpoint": slug}
        await Response(document, headers=headers, media_type="application/json")(scope, receive, send)


def _model(body: dict[str, Any], pinned_to: str | None) -> str:
    model = body.get("model", "" if pinned_to else None)
    if not isinstance(model, str) or not (model or pinned_to):
        msg = "model: must be the name of a model; GET /v1/models lists them."
        raise InvalidRequestError(msg, "model")
    return model


_handler = Embeddings()
OPERATIONS = tuple(
    RawOperation(path, _handler, "Embed texts at an API endpoint.", EmbeddingsRequest, is_streamed=False)
    for path in ("/v1/embeddings", "/api/{endpoint}/embeddings")
)
