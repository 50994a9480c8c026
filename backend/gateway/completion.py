"""A chat request from its model name to its answer, as one context manager that owns everything in between."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from automation.turn import Prompt
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.manager import EndpointManager
from backend.endpoints.states import EndpointState
from backend.errors import EndpointNotRunningError
from backend.gateway.admission import Admission
from backend.gateway.answer import Answer
from backend.gateway.resolve import EndpointNames, Target, names_of, resolve, resolve_pinned
from backend.wire.chat_request import ChatRequest
from backend.wire.chat_response import CompletionHead, model_document
from backend.wire.translate import Limits, ignored_params, limits_of, refuse_unsupported, translate_messages


@dataclass(frozen=True, slots=True)
class Order:
    """A chat request that is understood: whom to ask, what, and where to cut."""

    head: CompletionHead
    target: Target
    prompt: Prompt
    limits: Limits
    ignored: tuple[str, ...] = ()
    is_streamed: bool = False
    with_usage: bool = False


class Gateway:
    """Resolves names over all endpoints and runs turns at them."""

    def __init__(self, manager: EndpointManager) -> None:
        self._manager = manager
        self._admissions: WeakKeyDictionary[Endpoint, Admission] = WeakKeyDictionary()

    def understand(self, request: ChatRequest, pinned_to: str | None = None) -> Order:
        """Return what the request asks for.

        Raises:
            EndpointNotFoundError, ModelNotFoundError: Nothing has that name.
            InvalidRequestError: It can't be honoured.
        """
        target = self._resolve(request.model, pinned_to)
        refuse_unsupported(request)
        head = CompletionHead(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), target.name)
        return Order(
            head,
            target,
            translate_messages(request.messages, target.site_model),
            limits_of(request),
            tuple(ignored_params(request)),
            is_streamed=bool(request.stream),
            with_usage=bool(request.stream_options and request.stream_options.include_usage),
        )

    @asynccontextmanager
    async def open_answer(self, order: Order) -> AsyncIterator[Answer]:
        """Admit the turn, send it, and hand out its answer; leaving early stops it at the site.

        Raises:
            GatewayError, AutomationError: On entering or while the answer is iterated.
        """
        endpoint = self._manager.get(order.target.slug)
        async with (
            self._admitted(endpoint),
            endpoint.turn() as provider,
            provider.open_turn(order.prompt) as events,
        ):
            yield Answer(events, order.prompt, order.limits)

    def list_models(self, pinned_to: str | None = None) -> list[dict[str, object]]:
        """Return OpenAI's model entries of every started endpoint, or of one endpoint.

        Raises:
            EndpointNotFoundError: There is no endpoint ``pinned_to``.
        """
        endpoints = self._manager.list_all() if pinned_to is None else [self._manager.get(pinned_to)]
        entries: dict[str, dict[str, object]] = {}
        for endpoint in endpoints:
            names = _names(endpoint)
            if names.is_started:
                created = int(endpoint.created_at.timestamp())
                for name in names_of(names):
                    entries.setdefault(name, model_document(name, endpoint.slug, created))
        return list(entries.values())

    def get_model(self, name: str) -> dict[str, object]:
        """Return the entry of one model.

        Raises:
            ModelNotFoundError: Nothing has that name.
        """
        slug = self._resolve(name, None).slug
        return model_document(name, slug, int(self._manager.get(slug).created_at.timestamp()))

    def _resolve(self, name: str, pinned_to: str | None) -> Target:
        if pinned_to is not None:
            return resolve_pinned(name, _names(self._manager.get(pinned_to)))
        return resolve(name, [_names(endpoint) for endpoint in self._manager.list_all()])

    @asynccontextmanager
    async def _admitted(self, endpoint: Endpoint) -> AsyncIterator[None]:
        if endpoint.state is EndpointState.INACTIVE:
            raise EndpointNotRunningError(endpoint.slug, endpoint.state)
        admission = self._admissions.setdefault(endpoint, Admission())
        config = endpoint.config
        await admission.enter(endpoint.slug, config.max_concurrent_requests, config.max_requests_per_minute)
        try:
            yield
        finally:
            admission.leave(endpoint.config.max_concurrent_requests)


def _names(endpoint: Endpoint) -> EndpointNames:
    config = endpoint.config
    is_started = endpoint.state is not EndpointState.INACTIVE
    return EndpointNames(
        endpoint.slug, config.default_model, endpoint.models, config.model_mapping, is_started
    )
