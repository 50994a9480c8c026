"""The gateway's entry point: takes a chat request from its model name to its answer, with fail-over."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

from automation.errors import AutomationError
from backend.endpoints.endpoint import Endpoint, ProviderReplacedError
from backend.endpoints.manager import EndpointManager
from backend.endpoints.states import EndpointState
from backend.errors import EndpointNotFoundError, EndpointNotRunningError, InvalidRequestError
from backend.gateway.admission import Admission
from backend.gateway.placement.background import BackgroundPatterns
from backend.gateway.placement.placement import ConversationPlacer
from backend.gateway.recorded_attempt import RecordedAttempt
from backend.gateway.routing.breaker import is_worth_failing_over, most_useful
from backend.gateway.routing.ranking import RouteCandidate
from backend.gateway.routing.resolve import list_names
from backend.gateway.routing.rotation_registry import RotationRegistry
from backend.gateway.routing.router import Router, names_of_endpoint
from backend.identity.principal import Principal
from backend.ledger.usage_log import UsageLog
from backend.providers.chat_call import ChatCall
from backend.providers.protocol import Provider
from backend.providers.replies import PassedReply, Reply
from backend.providers.target import Target
from backend.wire.chat_response import model_document
from backend.wire.usage import embeddings_usage

logger = logging.getLogger(__name__)


class Gateway:
    """Answers chat requests, failing over between endpoints.

    ``background_model`` answers front-ends' own requests; empty leaves them to the model that they name.
    """

    def __init__(
        self,
        *,
        manager: EndpointManager,
        router: Router,
        rotations: RotationRegistry,
        background: BackgroundPatterns,
        conversations: ConversationPlacer,
        usage: UsageLog,
        background_model: str = "",
    ) -> None:
        self._manager = manager
        self._router = router
        self._rotations = rotations
        self._background = background
        self._conversations = conversations
        self._usage = usage
        self._background_model = background_model
        self._admissions: WeakKeyDictionary[Endpoint, Admission] = WeakKeyDictionary()

    @asynccontextmanager
    async def open_reply(self, call: ChatCall, pinned_to: str | None = None) -> AsyncIterator[Reply]:
        """Hand out the answer of the first endpoint that begins one; leaving early stops it at the site.

        Raises:
            EndpointNotFoundError, ModelNotFoundError: Nothing has that name.
            NotAllowedError: Its principal may not ask for it.
            GatewayError, AutomationError, ValidationError: On entering or while the answer is iterated.
        """
        candidates = self._candidates(call, pinned_to)
        failures: list[Exception] = []
        for candidate in candidates:
            call.asked.append(candidate.slug)
            has_begun = False
            try:
                target = self._router.target(candidate)
                endpoint = self._manager.get(target.slug)
                _check_translatable(call, endpoint)
                with self._recorded(
                    endpoint, target, call.principal, is_streamed=call.is_streamed
                ) as attempt:
                    async with _OpenedReply(call, target, endpoint, self._admission(endpoint)) as reply:
                        attempt.note_begun(reply)
                        has_begun = True
                        yield reply
                        return
            except Exception as exc:
                if has_begun or not is_worth_failing_over(exc):
                    raise
                failures.append(exc)
                if len(candidates) > 1:
                    facts = {"endpoint": candidate.slug, "reason": type(exc).__name__}
                    logger.warning("endpoint_failed_over", extra=facts)
        raise most_useful(failures)

    def _recorded(
        self, endpoint: Endpoint, target: Target, principal: Principal, *, is_streamed: bool = False
    ) -> RecordedAttempt:
        endpoint_stats = self._router.endpoint_stats
        return RecordedAttempt(
            endpoint_stats, self._usage, endpoint, target, owner=principal.id, is_streamed=is_streamed
        )

    async def embed(
        self, body: Mapping[str, Any], model: str, principal: Principal, pinned_to: str | None = None
    ) -> tuple[bytes, str]:
        """Return OpenAI's embeddings document, and the slug of who made it.

        Raises:
            NotAllowedError: The principal may not ask for the model.
            InvalidRequestError: A page was asked, or an API without embeddings.
            GatewayError, AutomationError: Nothing has that name, or everyone failed.
        """
        failures: list[Exception] = []
        for candidate in self._router.candidates(model, pinned_to, principal):
            try:
                return await self._embed_at(candidate, body, principal), candidate.slug
            except Exception as exc:
                if not is_worth_failing_over(exc):
                    raise
                failures.append(exc)
        raise most_useful(failures)

    async def _embed_at(
        self, candidate: RouteCandidate, body: Mapping[str, Any], principal: Principal
    ) -> bytes:
        target = self._router.target(candidate)
        endpoint = self._manager.get(target.slug)
        if not endpoint.traits.has_embeddings:
            raise InvalidRequestError(f"Endpoint {target.slug!r} has no embeddings.", "model")
        asked = {**body, "model": target.site_model} if target.site_model else body
        with self._recorded(endpoint, target, principal) as attempt:
            document = await self._embedded(endpoint, asked, target, principal)
            attempt.note_begun(PassedReply({}, document, embeddings_usage(document)))
        return document

    async def _embedded(
        self, endpoint: Endpoint, body: Mapping[str, Any], target: Target, principal: Principal
    ) -> bytes:
        while True:
            provider = await endpoint.provider_when_ready(target.model or "")
            try:
                admission = self._admission(endpoint)
                async with _Admitted(admission, endpoint, provider, target, principal):
                    return await provider.embed(body, target.model or target.slug)
            except ProviderReplacedError:
                continue

    def check_allowed(self, principal: Principal, name: str, pinned_to: str | None = None) -> None:
        """Check that the principal may ask for a model by this name.

        Raises:
            NotAllowedError: They may not.
            EndpointNotFoundError: There is nothing called ``pinned_to``.
        """
        self._router.check_allowed(principal, name, pinned_to)

    async def forget_conversation(self, conversation_id: str, owner: str | None = None) -> bool:
        """Forget a conversation, and return whether its chat was deleted at the site as well.

        With an ``owner``, only theirs are known.

        Raises:
            ConversationNotFoundError, ConversationBusyError, StorageError: It can't be forgotten.
        """
        conversation = await self._conversations.forget(conversation_id, owner)
        try:
            return await self._manager.get(conversation.scope.endpoint).forget_chat(conversation.chat)
        except (AutomationError, EndpointNotFoundError):
            logger.warning("chat_not_deleted", extra={"conversation": conversation_id}, exc_info=True)
            return False

    def list_models(self, principal: Principal, pinned_to: str | None = None) -> list[dict[str, object]]:
        """Return OpenAI's model entries of every started endpoint and of the rotations, or of one of these.

        What the principal may not ask for is left out.

        Raises:
            EndpointNotFoundError: There is nothing called ``pinned_to``.
        """
        if pinned_to is not None and pinned_to in self._rotations.all:
            return [model_document(pinned_to, "rotation", 0)] if principal.allows(pinned_to) else []
        endpoints = self._manager.list_all() if pinned_to is None else [self._manager.get(pinned_to)]
        entries: dict[str, dict[str, object]] = {}
        for endpoint in endpoints:
            names = names_of_endpoint(endpoint)
            if names.is_started:
                created = int(endpoint.created_at.timestamp())
                for name in list_names(names):
                    entries.setdefault(name, model_document(name, endpoint.slug, created))
        if pinned_to is None:
            entries |= {name: model_document(name, "rotation", 0) for name in self._rotations.all}
        return [entry for name, entry in entries.items() if principal.allows(name)]

    def get_model(self, principal: Principal, name: str) -> dict[str, object]:
        """Return the entry of one model.

        Raises:
            NotAllowedError: The principal may not ask for it.
            ModelNotFoundError: Nothing has that name.
        """
        self.check_allowed(principal, name)
        if name in self._rotations.all:
            return model_document(name, "rotation", 0)
        slug = self._router.candidates(name, principal=principal)[0].slug
        return model_document(name, slug, int(self._manager.get(slug).created_at.timestamp()))

    def _candidates(self, call: ChatCall, pinned_to: str | None) -> Sequence[RouteCandidate]:
        candidates = self._router.candidates(call.model, pinned_to, call.principal)
        if self._background_model and pinned_to is None:
            first = self._manager.find(candidates[0].slug)
            is_personal = first is not None and first.traits.keeps_chats
            if is_personal and self._background.match_request(call.request):
                return self._router.candidates(self._background_model)
        return candidates

    def _admission(self, endpoint: Endpoint) -> Admission:
        admission = self._admissions.get(endpoint)
        if admission is None:
            admission = self._admissions[endpoint] = Admission()
        return admission


def _check_translatable(call: ChatCall, endpoint: Endpoint) -> None:
    """Refuse a request of another API that the endpoint can't be told, before it is asked or waited for.

    Raises:
        InvalidRequestError, ValidationError: As in ``ChatCall.translated``.
    """
    if call.door is not None and call.door.name not in endpoint.traits.native_apis:
        _ = call.translated


class _OpenedReply:
    """A context manager that hands out the answer of the provider that an endpoint has open.

    A class, like all that each request to an API passes: a generator's context costs three times as much.
    """

    def __init__(self, call: ChatCall, target: Target, endpoint: Endpoint, admission: Admission) -> None:
        self._call = call
        self._target = target
        self._endpoint = endpoint
        self._admission = admission
        self._opened: AbstractAsyncContextManager[Reply] | None = None

    async def __aenter__(self) -> Reply:
        call, endpoint, target = self._call, self._endpoint, self._target
        while True:
            provider = await endpoint.provider_when_ready(target.model or "")
            admitted = _Admitted(self._admission, endpoint, provider, target, call.principal)
            self._opened = provider.open_reply(call, target, admitted)
            try:
                return await self._opened.__aenter__()
            except ProviderReplacedError:
                continue  # the endpoint was restarted while the request waited: the new provider is asked

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        assert self._opened is not None
        return await self._opened.__aexit__(kind, exc, trace)


class _Admitted:
    """Context manager around one turn at an endpoint, which holds its slot among those that run at once."""

    def __init__(
        self,
        admission: Admission,
        endpoint: Endpoint,
        provider: Provider,
        target: Target,
        principal: Principal,
    ) -> None:
        self._admission = admission
        self._endpoint = endpoint
        self._turn = endpoint.turn(provider, target.model or "")
        self._owner = principal.id

    async def __aenter__(self) -> None:
        endpoint = self._endpoint
        if endpoint.state is EndpointState.INACTIVE:
            raise EndpointNotRunningError(endpoint.slug, endpoint.state)
        config = endpoint.config
        await self._admission.acquire(
            endpoint.slug,
            config.max_concurrent_requests,
            config.max_requests_per_minute,
            self._owner,
            0.0 if endpoint.traits.keeps_min_delay else config.min_delay_between_requests,
        )
        try:
            await self._turn.__aenter__()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            return await self._turn.__aexit__(kind, exc, trace)
        finally:
            self._leave()

    def _leave(self) -> None:
        # Asked again: an operator may have changed it meanwhile.
        self._admission.release(self._endpoint.config.max_concurrent_requests)
