"""A chat request from its model name to its answer, as one context manager that owns everything in between."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from automation.errors import AutomationError
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.manager import EndpointManager
from backend.endpoints.states import EndpointState
from backend.errors import EndpointNotFoundError, EndpointNotRunningError, InvalidRequestError
from backend.gateway.admission import Admission
from backend.gateway.breaker import is_worth_failing_over, most_useful
from backend.gateway.call import ChatCall
from backend.gateway.chooser import Chooser, names_of_endpoint
from backend.gateway.conversations import Conversations
from backend.gateway.page_turns import PageTurns
from backend.gateway.replies import PassedReply, Reply, reply_headers
from backend.gateway.resolve import Target, names_of
from backend.gateway.rotation_book import RotationBook
from backend.gateway.routing import Candidate
from backend.ledger.costs import cost_usd
from backend.ledger.usage_log import UsageLog, UsageRecord
from backend.observability.request_id import request_id
from backend.providers.protocol import CompletionProvider
from backend.wire.chat_response import CompletionHead, model_document
from backend.wire.usage import TokenUsage, embeddings_usage

_log = logging.getLogger(__name__)


class Gateway:
    """Answers chat requests with whoever can.

    ``background_model`` answers front-ends' own requests; empty leaves them to the model that they name.
    """

    def __init__(
        self,
        manager: EndpointManager,
        chooser: Chooser,
        rotations: RotationBook,
        pages: PageTurns,
        conversations: Conversations,
        usage: UsageLog,
        background_model: str = "",
    ) -> None:
        self._manager = manager
        self._chooser = chooser
        self._rotations = rotations
        self._pages = pages
        self._conversations = conversations
        self._usage = usage
        self._background_model = background_model
        self._admissions: WeakKeyDictionary[Endpoint, Admission] = WeakKeyDictionary()

    @asynccontextmanager
    async def open_reply(self, call: ChatCall, pinned_to: str | None = None) -> AsyncIterator[Reply]:
        """Hand out the answer of the first endpoint that begins one; leaving early stops it at the site.

        Raises:
            EndpointNotFoundError, ModelNotFoundError: Nothing has that name.
            GatewayError, AutomationError, ValidationError: On entering or while the answer is iterated.
        """
        candidates = self._candidates(call, pinned_to)
        failures: list[Exception] = []
        for candidate in candidates:
            call.asked.append(candidate.slug)
            has_begun = False
            try:
                async with self._recorded(call, candidate) as reply:
                    has_begun = True
                    yield reply
                    return
            except ValidationError:
                raise  # the client's own, whoever is asked
            except Exception as exc:
                if has_begun or not is_worth_failing_over(exc):
                    raise
                failures.append(exc)
                if len(candidates) > 1:
                    facts = {"endpoint": candidate.slug, "reason": type(exc).__name__}
                    _log.warning("endpoint did not answer; another is asked if there is one", extra=facts)
        raise most_useful(failures)

    @asynccontextmanager
    async def _recorded(self, call: ChatCall, candidate: Candidate) -> AsyncIterator[Reply]:
        """Ask one endpoint, and learn and record how it ends."""
        start = time.perf_counter()
        first_delta_ms: float | None = None
        reply: Reply | None = None
        outcome = "cancelled"
        target = self._chooser.target(candidate)
        endpoint = self._manager.get(target.slug)
        try:
            with self._chooser.standings.attempt(endpoint) as attempt:
                async with self._attempt(call, target, endpoint) as reply:
                    first_delta_ms = (time.perf_counter() - start) * 1000
                    attempt.note_first_delta()
                    yield reply
                    outcome = "finished"
        except Exception as exc:
            outcome = type(exc).__name__
            raise
        finally:
            self._record(
                endpoint,
                target,
                start,
                owner=call.owner,
                outcome=outcome,
                is_streamed=call.is_streamed,
                usage=reply.usage if reply is not None else None,
                is_estimated=reply is not None and reply.is_usage_estimated,
                first_delta_ms=first_delta_ms,
            )

    def _record(
        self,
        endpoint: Endpoint,
        target: Target,
        start: float,
        *,
        owner: str,
        outcome: str,
        usage: TokenUsage | None,
        is_streamed: bool = False,
        is_estimated: bool = False,
        first_delta_ms: float | None = None,
    ) -> None:
        self._usage.note(
            UsageRecord(
                at=datetime.now(UTC),
                request_id=request_id.get(),
                owner=owner,
                endpoint=target.slug,
                model=target.model or "",
                outcome=outcome,
                is_streamed=is_streamed,
                input_tokens=usage.input_tokens if usage else None,
                output_tokens=usage.output_tokens if usage else None,
                is_estimated=is_estimated,
                cost_usd=cost_usd(endpoint.config, target.model, usage),
                first_delta_ms=first_delta_ms,
                duration_ms=(time.perf_counter() - start) * 1000,
            )
        )

    async def embed(
        self, body: Mapping[str, Any], model: str, owner: str, pinned_to: str | None = None
    ) -> tuple[bytes, str]:
        """Return OpenAI's embeddings document, and the slug of who made it.

        Raises:
            InvalidRequestError: A page was asked, or an API without embeddings.
            GatewayError, AutomationError: Nothing has that name, or everyone failed.
        """
        failures: list[Exception] = []
        for candidate in self._chooser.candidates(model, pinned_to):
            try:
                return await self._embed_at(candidate, body, owner), candidate.slug
            except Exception as exc:
                if not is_worth_failing_over(exc):
                    raise
                failures.append(exc)
        raise most_useful(failures)

    async def _embed_at(self, candidate: Candidate, body: Mapping[str, Any], owner: str) -> bytes:
        target = self._chooser.target(candidate)
        endpoint = self._manager.get(target.slug)
        if not endpoint.config.is_api:
            msg = f"{target.slug!r} is a chat page, and has no embeddings."
            raise InvalidRequestError(msg, "model")
        start = time.perf_counter()
        with self._chooser.standings.attempt(endpoint) as attempt:
            async with self._admitted(endpoint, owner), endpoint.turn() as provider:
                asked = {**body, "model": target.site_model} if target.site_model else body
                model = target.model or target.slug
                document = await cast("CompletionProvider", provider).embed(asked, model)
            attempt.note_first_delta()
        usage = embeddings_usage(document)
        self._record(endpoint, target, start, owner=owner, outcome="finished", usage=usage)
        return document

    def _attempt(
        self, call: ChatCall, target: Target, endpoint: Endpoint
    ) -> AbstractAsyncContextManager[Reply]:
        if endpoint.config.is_api:
            return self._ask_api(call, target, endpoint)
        return self._pages.open_reply(call, target, endpoint, self._admitted(endpoint, call.owner))

    @asynccontextmanager
    async def _ask_api(self, call: ChatCall, target: Target, endpoint: Endpoint) -> AsyncIterator[Reply]:
        body = call.body_for(target.site_model)
        head = CompletionHead(call.id, call.created, target.model or target.slug)
        async with self._admitted(endpoint, call.owner), endpoint.turn() as provider:
            api = cast("CompletionProvider", provider)
            headers = reply_headers(target.slug, api.ignored(body))
            if not call.is_streamed:
                whole = await api.complete(body, head)
                yield PassedReply(headers, whole.body, whole.usage)
                return
            async with api.open_stream(body, head, with_usage=call.with_usage) as stream:
                yield PassedReply(headers, stream=stream)

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
        """Return OpenAI's model entries of every started endpoint and of the rotations, or of one of these.

        Raises:
            EndpointNotFoundError: There is nothing called ``pinned_to``.
        """
        if pinned_to is not None and pinned_to in self._rotations.all:
            return [self.get_model(pinned_to)]
        endpoints = self._manager.list_all() if pinned_to is None else [self._manager.get(pinned_to)]
        entries: dict[str, dict[str, object]] = {}
        for endpoint in endpoints:
            names = names_of_endpoint(endpoint)
            if names.is_started:
                created = int(endpoint.created_at.timestamp())
                for name in names_of(names):
                    entries.setdefault(name, model_document(name, endpoint.slug, created))
        if pinned_to is None:
            entries |= {name: model_document(name, "rotation", 0) for name in self._rotations.all}
        return list(entries.values())

    def get_model(self, name: str) -> dict[str, object]:
        """Return the entry of one model.

        Raises:
            ModelNotFoundError: Nothing has that name.
        """
        if name in self._rotations.all:
            return model_document(name, "rotation", 0)
        slug = self._chooser.candidates(name)[0].slug
        return model_document(name, slug, int(self._manager.get(slug).created_at.timestamp()))

    def _candidates(self, call: ChatCall, pinned_to: str | None) -> Sequence[Candidate]:
        candidates = self._chooser.candidates(call.model, pinned_to)
        if self._background_model and pinned_to is None:
            first = self._manager.find(candidates[0].slug)
            if first is not None and not first.config.is_api and self._pages.is_background(call):
                return self._chooser.candidates(self._background_model)
        return candidates

    @asynccontextmanager
    async def _admitted(self, endpoint: Endpoint, owner: str) -> AsyncIterator[None]:
        if endpoint.state is EndpointState.INACTIVE:
            raise EndpointNotRunningError(endpoint.slug, endpoint.state)
        admission = self._admissions.get(endpoint)
        if admission is None:
            admission = self._admissions[endpoint] = Admission()
        config = endpoint.config
        most = config.max_concurrent_requests
        await admission.enter(endpoint.slug, most, config.max_requests_per_minute, owner)
        try:
            yield
        finally:
            admission.leave(endpoint.config.max_concurrent_requests)
