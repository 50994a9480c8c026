"""A chat request from its model name to its answer, as one context manager that owns everything in between."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakKeyDictionary

from automation.errors import AutomationError
from automation.turn import Prompt
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.manager import EndpointManager
from backend.endpoints.states import EndpointState
from backend.errors import EndpointNotFoundError, EndpointNotRunningError
from backend.gateway.admission import Admission
from backend.gateway.answer import Answer
from backend.gateway.attachments import FileFetcher
from backend.gateway.background import BackgroundPatterns
from backend.gateway.conversations import Conversations
from backend.gateway.history import Scope
from backend.gateway.resolve import EndpointNames, Target, names_of, resolve, resolve_pinned
from backend.wire.attachments import FilePart, parse_files
from backend.wire.chat_request import ChatRequest
from backend.wire.chat_response import CompletionHead, model_document
from backend.wire.translate import Limits, ignored_params, limits_of, refuse_unsupported, translate_messages

_log = logging.getLogger(__name__)

BACKGROUND_NOTE = "background-request"


@dataclass(frozen=True, slots=True)
class Order:
    """A chat request that is understood: whom to ask, what, and where to cut.

    Attributes:
        conversation: ``auto``, ``new`` or a conversation's id.
        notes: What the client should know before the answer begins.
        files: Those of each message, still to be fetched where they are addresses.
    """

    head: CompletionHead
    target: Target
    prompt: Prompt
    limits: Limits
    ignored: tuple[str, ...] = ()
    conversation: str = "auto"
    notes: tuple[str, ...] = ()
    files: tuple[tuple[FilePart, ...], ...] = ()
    is_streamed: bool = False
    with_usage: bool = False


class Gateway:
    """Resolves names over all endpoints and runs turns at them.

    ``background_model`` answers front-ends' own requests; empty leaves them to the model that they name.
    """

    def __init__(
        self,
        manager: EndpointManager,
        conversations: Conversations,
        background: BackgroundPatterns,
        files: FileFetcher,
        background_model: str = "",
    ) -> None:
        self._manager = manager
        self._conversations = conversations
        self._background = background
        self._files = files
        self._background_model = background_model
        self._admissions: WeakKeyDictionary[Endpoint, Admission] = WeakKeyDictionary()

    def understand(
        self, request: ChatRequest, pinned_to: str | None = None, *, is_throwaway: bool = False
    ) -> Order:
        """Return what the request asks for; nobody goes on with the chat of one that ``is_throwaway``.

        Raises:
            EndpointNotFoundError, ModelNotFoundError: Nothing has that name.
            InvalidRequestError: It can't be honoured.
        """
        target = self._resolve(request.model, pinned_to)
        refuse_unsupported(request)
        prompt = translate_messages(request.messages, target.site_model)
        conversation = "auto" if request.conversation is None else request.conversation
        is_background = conversation == "auto" and self._background.match(prompt.messages)
        if is_background and self._background_model and pinned_to is None:
            target = self._resolve(self._background_model, None)
        return Order(
            CompletionHead(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), target.name),
            target,
            replace(prompt, model=target.site_model, is_throwaway=is_throwaway or is_background),
            limits_of(request),
            tuple(ignored_params(request)),
            conversation,
            notes=(BACKGROUND_NOTE,) if is_background else (),
            files=parse_files(request.messages, self._files.limits),
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
        prompt = await self._files.attach(order.prompt, order.files)
        async with (
            self._conversations.place(prompt, _scope(endpoint, order.target), order.conversation) as place,
            self._admitted(endpoint),
            endpoint.turn() as provider,
        ):
            place.was_sent = True
            async with provider.open_turn(place.prompt) as events:
                yield Answer(
                    events,
                    place.prompt,
                    order.limits,
                    conversation=place.id,
                    remember=partial(self._conversations.remember, place),
                    notes=order.notes,
                )

    async def forget_conversation(self, conversation_id: str) -> bool:
        """Forget a conversation, and return whether its chat was deleted at the site as well.

        Raises:
            ConversationNotFoundError, ConversationBusyError, StorageError: It can't be forgotten.
        """
        conversation = await self._conversations.forget(conversation_id)
        try:
            return await self._manager.get(conversation.scope.endpoint).forget_chat(conversation.chat)
        except (AutomationError, EndpointNotFoundError):
            _log.warning("chat stays at the site", extra={"conversation": conversation_id}, exc_info=True)
            return False

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


def _scope(endpoint: Endpoint, target: Target) -> Scope:
    config = endpoint.config
    return Scope(endpoint.slug, config.base_url, config.username or "default", target.model)
