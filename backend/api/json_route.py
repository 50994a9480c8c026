"""Parses REST bodies as strictly as chat bodies; FastAPI alone takes numbers, depths and texts that can't be kept."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from backend.wire.json_body import check_keepable, parse_json


class _JsonRequest(Request):
    async def json(self) -> Any:
        """Return the body's document.

        Raises:
            InvalidRequestError: It is not JSON, or can't be kept as it is.
        """
        document = parse_json(await self.body())
        check_keepable(document)
        return document


class JsonRoute(APIRoute):
    """A route whose body must be JSON that can be kept."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what serves the route."""
        handle = super().get_route_handler()

        async def serve(request: Request) -> Response:
            strict = _JsonRequest(request.scope, request.receive)
            if self.body_field is not None and await strict.body():
                # FastAPI would tell every error from here as a body that it can't parse.
                await strict.json()
            return await handle(strict)

        return serve
