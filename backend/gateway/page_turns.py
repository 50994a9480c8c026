"""Asks chat pages: a chat request becomes a prompt in a conversation, and the page's answer a reply."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from automation.turn import Prompt
from backend.endpoints.endpoint import Endpoint
from backend.gateway.answer_stream import AnswerStream
from backend.gateway.attachments import FileFetcher
from backend.gateway.placement.background import BackgroundPatterns
from backend.gateway.placement.history import ConversationKey
from backend.gateway.placement.placement import ConversationPlacer
from backend.gateway.replies import PageReply
from backend.gateway.structured_output.answer_shape import AnswerShape, parse_answer_shape, with_tools
from backend.gateway.structured_output.emulated_answer import open_shaped_answer
from backend.providers.chat_call import ChatCall
from backend.providers.protocol import PageProvider
from backend.providers.replies import reply_headers
from backend.providers.target import Target
from backend.wire.attachments import FilePart, parse_files
from backend.wire.chat_response import CompletionHead
from backend.wire.translate import (
    AnswerLimits,
    ignored_params,
    parse_answer_limits,
    refuse_unsupported,
    translate_messages,
)

BACKGROUND_NOTE = "background-request"


@dataclass(frozen=True, slots=True)
class PageRequest:
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
    limits: AnswerLimits
    ignored: tuple[str, ...] = ()
    conversation: str = "auto"
    notes: tuple[str, ...] = ()
    files: tuple[tuple[FilePart, ...], ...] = ()
    shape: AnswerShape | None = None


class PageTurns:
    """Runs chat requests as turns of pages."""

    def __init__(
        self, conversations: ConversationPlacer, background: BackgroundPatterns, files: FileFetcher
    ) -> None:
        self._conversations = conversations
        self._background = background
        self._files = files

    def is_background(self, call: ChatCall) -> bool:
        """Whether a front-end asks something of its own, such as a title: a person's chat has no business with it.

        Raises:
            ValidationError, InvalidRequestError: The request can't be read.
        """
        if call.request.conversation not in (None, "auto"):
            return False
        return self._background.match(translate_messages(call.request.messages).messages)

    @asynccontextmanager
    async def open_reply(
        self,
        call: ChatCall,
        target: Target,
        endpoint: Endpoint,
        admitted: AbstractAsyncContextManager[None],
    ) -> AsyncIterator[PageReply]:
        """Ask a page, and hand out its reply once it has begun; ``admitted`` is entered when the files are there.

        Raises:
            GatewayError, AutomationError, ValidationError: On entering or while the answer is iterated.
        """
        order = self._understand(call, target)
        headers = reply_headers(target.slug, order.ignored)
        with call.stop.by_scope():
            async with self._open_answer(order, endpoint, admitted) as answer:
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
            files=parse_files(request.messages, self._files.limits),
            shape=shape,
        )

    @asynccontextmanager
    async def _open_answer(
        self, order: PageRequest, endpoint: Endpoint, admitted: AbstractAsyncContextManager[None]
    ) -> AsyncIterator[AnswerStream]:
        prompt = with_tools(await self._files.attach(order.prompt, order.files), order.shape)
        async with (
            self._conversations.place(prompt, _scope(endpoint, order.target), order.conversation) as place,
            admitted,
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


def _scope(endpoint: Endpoint, target: Target) -> ConversationKey:
    config = endpoint.config
    return ConversationKey(endpoint.slug, config.base_url, config.username or "default", target.model)
