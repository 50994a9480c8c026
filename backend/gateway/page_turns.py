"""Adapts chat pages to ``Provider``: a chat request becomes a prompt in a conversation, and the page's answer a reply."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from automation.errors import AutomationError
from automation.turn import ChatLink, Prompt
from backend.errors import InvalidRequestError
from backend.gateway.answer_stream import AnswerStream
from backend.gateway.attachments import FileFetcher
from backend.gateway.page_reply import PageReply
from backend.gateway.placement.background import BackgroundPatterns
from backend.gateway.placement.history import ConversationKey
from backend.gateway.placement.placement import ConversationPlacer
from backend.gateway.structured_output.answer_shape import AnswerShape, parse_answer_shape, with_tools
from backend.gateway.structured_output.emulated_answer import open_shaped_answer
from backend.providers.account_control import AccountControl
from backend.providers.chat_call import ChatCall
from backend.providers.config import EndpointConfig
from backend.providers.protocol import (
    Admitted,
    PageProvider,
    PageProviderOpener,
    ProviderHealth,
    ProviderKind,
    ProviderOpener,
    ProviderTraits,
)
from backend.providers.replies import reply_headers
from backend.providers.target import Target
from backend.wire.attachments import FilePart, parse_files
from backend.wire.chat_response import CompletionHead
from backend.wire.translate import (
    AnswerLimits,
    ignored_params,
    parse_answer_limits,
    prompt_order,
    refuse_unsupported,
    translate_messages,
)

BACKGROUND_NOTE = "background-request"
PAGE_TRAITS = ProviderTraits(keeps_chats=True, keeps_min_delay=True, is_free=True)
_NO_EMBEDDINGS = "A chat page has no embeddings."


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Request to a chat page: the prompt, and where to cut the answer.

    Attributes:
        conversation: ``auto``, ``new`` or a conversation's id.
        notes: What the client should know before the answer begins.
        files: Those of each message, still to be fetched where they are addresses.
        shape: The form that the answer must have; None for the answer as it comes.
        owner: Whose conversation it is.
        is_streamed: The client gets the answer in pieces, which can't be taken back.
    """

    head: CompletionHead
    target: Target
    prompt: Prompt
    limits: AnswerLimits
    ignored: tuple[str, ...] = ()
    conversation: str = "auto"
    notes: tuple[str, ...] = ()
    files: tuple[tuple[FilePart, ...], ...] = ()
    shape: AnswerShape | None = None
    owner: str = ""
    is_streamed: bool = True


@dataclass(frozen=True, slots=True)
class PageServices:
    """What the turns of all pages share."""

    conversations: ConversationPlacer
    background: BackgroundPatterns
    files: FileFetcher


class PageTurns:
    """A ``Provider`` on a ``PageProvider``: runs chat requests as turns of its pages."""

    def __init__(self, pages: PageProvider, config: EndpointConfig, services: PageServices) -> None:
        self._pages = pages
        self._config = config
        self._conversations = services.conversations
        self._background = services.background
        self._files = services.files

    @property
    def problem(self) -> AutomationError | None:
        """Why no turn can be answered until a person acts or a limit is over; None while some can."""
        return self._pages.problem

    @property
    def accounts(self) -> AccountControl | None:
        """Control over the accounts whose pages these are."""
        return self._pages.accounts

    async def until_changed(self) -> None:
        """Return when ``problem`` may have changed."""
        await self._pages.until_changed()

    async def models(self) -> list[str]:
        """Return the site's own model names; empty when the site offers no choice."""
        return await self._pages.models()

    async def check(self) -> ProviderHealth:
        """Look whether the site could answer now, without asking it anything."""
        return await self._pages.check()

    async def forget_chat(self, chat: ChatLink) -> bool:
        """Delete a chat at the site, and return whether it was."""
        return await self._pages.forget_chat(chat)

    async def embed(self, body: Mapping[str, Any], model: str) -> bytes:  # noqa: ARG002  there are none
        """Refuse: a chat page has no embeddings.

        Raises:
            InvalidRequestError: Always.
        """
        raise InvalidRequestError(_NO_EMBEDDINGS, "model")

    @asynccontextmanager
    async def open_reply(
        self, call: ChatCall, target: Target, admitted: Admitted
    ) -> AsyncIterator[PageReply]:
        """Send a request to a page, and hand out its reply once begun; ``admitted`` is entered when the files are there.

        Raises:
            GatewayError, AutomationError, ValidationError: On entering or while the answer is iterated.
        """
        order = self._understand(call, target)
        headers = reply_headers(target.slug, order.ignored)
        with call.cancellation.by_scope():
            async with self._open_answer(order, admitted) as answer:
                reply = PageReply(
                    answer, order.head, headers, is_streamed=call.is_streamed, with_usage=call.with_usage
                )
                await reply.begin()
                yield reply

    def _understand(self, call: ChatCall, target: Target) -> PageRequest:
        request = call.request
        refuse_unsupported(request)
        shape = parse_answer_shape(request)
        has_tools = shape is not None and shape.box is not None
        prompt = translate_messages(request.messages, target.site_model, has_tools=has_tools)
        files = parse_files(request.messages, self._files.limits)
        conversation = "auto" if request.conversation is None else request.conversation
        is_background = conversation == "auto" and self._background.match(prompt.messages)
        return PageRequest(
            CompletionHead(call.id, call.created, target.name),
            target,
            replace(prompt, model=target.site_model, is_throwaway=call.is_throwaway or is_background),
            parse_answer_limits(request),
            tuple(ignored_params(request)),
            conversation,
            notes=(BACKGROUND_NOTE,) if is_background else (),
            files=tuple(files[i] for i in prompt_order(request.messages)),
            shape=shape,
            owner=call.principal.conversation_owner,
            is_streamed=call.is_streamed,
        )

    @asynccontextmanager
    async def _open_answer(self, order: PageRequest, admitted: Admitted) -> AsyncIterator[AnswerStream]:
        prompt = with_tools(await self._files.attach(order.prompt, order.files), order.shape)
        scope = _scope(self._config, order)
        async with (
            self._conversations.place(prompt, scope, order.conversation) as place,
            admitted,
        ):
            place.was_sent = True
            async with open_shaped_answer(
                self._pages.open_turn,
                place.prompt,
                order.limits,
                order.shape,
                conversation=place.id,
                remember=partial(self._conversations.remember, place),
                notes=order.notes,
                is_streamed=order.is_streamed,
            ) as answer:
                yield answer


def page_kinds(openers: Mapping[str, PageProviderOpener], services: PageServices) -> dict[str, ProviderKind]:
    """Return, by provider type, the kinds of providers that answer through chat pages."""
    return {
        name: ProviderKind(_page_opener(opener, services), PAGE_TRAITS) for name, opener in openers.items()
    }


def _page_opener(open_pages: PageProviderOpener, services: PageServices) -> ProviderOpener:
    @asynccontextmanager
    async def open_page_turns(config: EndpointConfig) -> AsyncIterator[PageTurns]:
        async with open_pages(config) as pages:
            yield PageTurns(pages, config, services)

    return open_page_turns


def _scope(config: EndpointConfig, order: PageRequest) -> ConversationKey:
    return ConversationKey(
        config.slug, config.base_url, config.username or "default", order.target.model, order.owner
    )
