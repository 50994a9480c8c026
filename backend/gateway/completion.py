"""A chat request from its model name to its answer, as one context manager that owns everything in between."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import cast
from weakref import WeakKeyDictionary

from automation.errors import AutomationError
from automation.turn import Prompt
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.manager import EndpointManager
from backend.endpoints.states import EndpointState
from backend.errors import EndpointNotFoundError, EndpointNotRunningError
from backend.gateway.admission import Admission
from backend.gateway.answer import Answer
from backend.gateway.answer_shape import AnswerShape, shape_of, with_tools
from backend.gateway.attachments import FileFetcher
from backend.gateway.background import BackgroundPatterns
from backend.gateway.call import ChatCall
from backend.gateway.conversations import Conversations
from backend.gateway.emulated_answer import open_shaped_answer
from backend.gateway.history import Scope
from backend.gateway.replies import PageReply, PassedReply, Reply, reply_headers
from backend.gateway.resolve import EndpointNames, Target, names_of, resolve, resolve_pinned
from backend.providers.protocol import CompletionProvider, PageProvider
from backend.wire.attachments import FilePart, parse_files
from backend.wire.chat_response import CompletionHead, model_document
from backend.wire.translate import Limits, ignored_params, limits_of, refuse_unsupported, translate_messages

_log = logging.getLogger(__name__)

BACKGROUND_NOTE = "background-request"


@dataclass(frozen=True, slots=True)
class Order:
    """A chat request as a page is asked it: what, and where to cut.

    Attributes:
        conversation: ``auto``, ``new`` or a conversation's id.
        notes: What the client should know before the answer begins.
        files: Those of each message, still to be fetched where they are addresses.
        shape: The form that the answer must have; None for the answer as it comes.
    """

    head: CompletionHead
    target: Target
    prompt: Prompt
    limits: Limits
    ignored: tuple[str, ...] = ()
    conversation: str = "auto"
    notes: tuple[str, ...] = ()
    files: tuple[tuple[FilePart, ...], ...] = ()
    shape: AnswerShape | None = None


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

    @asynccontextmanager
    async def open_reply(self, call: ChatCall, pinned_to: str | None = None) -> AsyncIterator[Reply]:
        """Hand out the answer of the first endpoint that begins one; leaving early stops it at the site.

        Raises:
            EndpointNotFoundError, ModelNotFoundError: Nothing has that name.
            GatewayError, AutomationError, ValidationError: On entering or while the answer is iterated.
        """
        targets = self._targets(call, pinned_to)
        for number, target in enumerate(targets, 1):
            call.asked.append(target.slug)
            has_begun = False
            try:
                async with self._attempt(call, target) as reply:
                    has_begun = True
                    yield reply
                    return
            except Exception as exc:
                if has_begun or number == len(targets):
                    raise
                _log.warning(
                    "asking another endpoint", extra={"endpoint": target.slug, "reason": type(exc).__name__}
                )

    def _attempt(self, call: ChatCall, target: Target) -> AbstractAsyncContextManager[Reply]:
        endpoint = self._manager.get(target.slug)
        return (
            self._ask_api(call, target, endpoint) if endpoint.config.is_api else self._ask_page(call, target)
        )

    @asynccontextmanager
    async def _ask_api(self, call: ChatCall, target: Target, endpoint: Endpoint) -> AsyncIterator[Reply]:
        body = call.body_for(target.site_model)
        head = CompletionHead(call.id, call.created, target.model or target.slug)
        async with self._admitted(endpoint), endpoint.turn() as provider:
            api = cast("CompletionProvider", provider)
            headers = reply_headers(target.slug, api.ignored(body))
            if not call.is_streamed:
                whole = await api.complete(body, head)
                yield PassedReply(headers, whole.body, whole.usage)
                return
            async with api.open_stream(body, head, with_usage=call.with_usage) as stream:
                yield PassedReply(headers, stream=stream)

    @asynccontextmanager
    async def _ask_page(self, call: ChatCall, target: Target) -> AsyncIterator[Reply]:
        order = self._understand(call, target)
        headers = reply_headers(target.slug, order.ignored)
        async with self._open_answer(order) as answer:
            reply = PageReply(
                answer, order.head, headers, is_streamed=call.is_streamed, with_usage=call.with_usage
            )
            await reply.begin()
            yield reply

    def _understand(self, call: ChatCall, target: Target) -> Order:
        request = call.request
        refuse_unsupported(request)
        shape = shape_of(request)
        has_tools = shape is not None and shape.box is not None
        prompt = translate_messages(request.messages, target.site_model, has_tools=has_tools)
        conversation = "auto" if request.conversation is None else request.conversation
        is_background = conversation == "auto" and self._background.match(prompt.messages)
        return Order(
            CompletionHead(call.id, call.created, target.name),
            target,
            replace(prompt, model=target.site_model, is_throwaway=call.is_throwaway or is_background),
            limits_of(request),
            tuple(ignored_params(request)),
            conversation,
            notes=(BACKGROUND_NOTE,) if is_background else (),
            files=parse_files(request.messages, self._files.limits),
            shape=shape,
        )

    @asynccontextmanager
    async def _open_answer(self, order: Order) -> AsyncIterator[Answer]:
        endpoint = self._manager.get(order.target.slug)
        prompt = with_tools(await self._files.attach(order.prompt, order.files), order.shape)
        async with (
            self._conversations.place(prompt, _scope(endpoint, order.target), order.conversation) as place,
            self._admitted(endpoint),
            endpoint.turn() as provider,
        ):
            place.was_sent = True
            async with open_shaped_answer(
                cast("PageProvider", provider).open_turn,
                place.prompt,
                order.limits,
                order.shape,
                conversation=place.id,
                remember=partial(self._conversations.remember, place),
                notes=order.notes,
            ) as answer:
                yield answer

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
        slug = self._resolve(name)[0].slug
        return model_document(name, slug, int(self._manager.get(slug).created_at.timestamp()))

    def _targets(self, call: ChatCall, pinned_to: str | None) -> list[Target]:
        if pinned_to is not None:
            return [resolve_pinned(call.model, _names(self._manager.get(pinned_to)))]
        targets = self._resolve(call.model)
        if self._background_model and self._is_background(call, targets[0]):
            return self._resolve(self._background_model)
        return targets

    def _is_background(self, call: ChatCall, target: Target) -> bool:
        """Whether a front-end asks something of its own, such as a title: pages have no business with it."""
        if self._manager.get(target.slug).config.is_api or call.request.conversation not in (None, "auto"):
            return False
        return self._background.match(translate_messages(call.request.messages).messages)

    def _resolve(self, name: str) -> list[Target]:
        """Return what a name means: one endpoint, or all that have the alias, in the order they are asked."""
        by_slug = self._manager.find(name) or self._manager.find(name.partition("/")[0])
        if by_slug is not None:
            return [resolve(name, [_names(by_slug)])]
        endpoints = self._manager.list_all()
        sharing = [_names(endpoint) for endpoint in endpoints if name in endpoint.config.model_mapping]
        if not sharing:
            resolve(name, [_names(endpoint) for endpoint in endpoints])  # raises, with close matches
        return [resolve(name, [names]) for names in sorted(sharing, key=lambda names: not names.is_started)]

    @asynccontextmanager
    async def _admitted(self, endpoint: Endpoint) -> AsyncIterator[None]:
        if endpoint.state is EndpointState.INACTIVE:
            raise EndpointNotRunningError(endpoint.slug, endpoint.state)
        admission = self._admissions.get(endpoint)
        if admission is None:
            admission = self._admissions[endpoint] = Admission()
        config = endpoint.config
        await admission.enter(endpoint.slug, config.max_concurrent_requests, config.max_requests_per_minute)
        try:
            yield
        finally:
            admission.leave(endpoint.config.max_concurrent_requests)


def _names(endpoint: Endpoint) -> EndpointNames:
    config = endpoint.config
    is_started = endpoint.state is not EndpointState.INACTIVE
    models = endpoint.models or config.models
    return EndpointNames(
        endpoint.slug, config.default_model, models, config.model_mapping, is_started, config.is_api
    )


def _scope(endpoint: Endpoint, target: Target) -> Scope:
    config = endpoint.config
    return Scope(endpoint.slug, config.base_url, config.username or "default", target.model)
