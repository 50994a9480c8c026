"""Creates, changes, starts and stops the gateway's endpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
from anyio.abc import TaskGroup

from backend.endpoints.endpoint import Endpoint
from backend.endpoints.repository import EndpointRepository, StoredEndpoint
from backend.endpoints.screenshots import ScreenshotFolder
from backend.endpoints.slugs import build_slug
from backend.endpoints.states import EndpointState, StateChange
from backend.endpoints.supervisor import EndpointSupervisor
from backend.errors import AlreadyRunningError, EndpointNotFoundError, InvalidRequestError, NameTakenError
from backend.providers.config import EndpointConfig, EndpointDraft
from backend.providers.protocol import ProviderKind, ProviderTraits

_CLOSE_S = 6.0
_NEEDS_NO_RESTART = frozenset(
    {"name", "weight", "model_mapping", "default_model", "max_requests_per_minute", "prices", "fallbacks"}
    | {"disable_after_failures", "disable_seconds"}
)
_STARTED = (EndpointState.INITIALIZING, EndpointState.ACTIVE, EndpointState.BUSY, EndpointState.RATE_LIMITED)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDependencies:
    """Dependencies that every endpoint is built with.

    Attributes:
        kinds: By provider type.
        check: Raises ``ProfileError`` when a configuration can't work.
        forget: Removes what is kept outside the repository of an endpoint that is deleted.
        check_names: Raises ``NameTakenError`` or ``InvalidRequestError`` when its slug is another's, or its fallbacks
            can't be; given all endpoints' fallbacks by slug.
        watchers: Hear of every change of an endpoint's state; they must not wait.
    """

    repository: EndpointRepository
    kinds: Mapping[str, ProviderKind]
    check: Callable[[EndpointConfig], None]
    screenshots: ScreenshotFolder
    forget: Callable[[str], Awaitable[None]]
    check_names: Callable[[EndpointConfig, Mapping[str, Sequence[str]]], None] = lambda _config, _known: None
    watchers: Sequence[Callable[[str, StateChange], None]] = ()


class EndpointManager:
    """The endpoints by slug, in the order of their creation."""

    def __init__(self, dependencies: EndpointDependencies, tasks: TaskGroup) -> None:
        self._dependencies = dependencies
        self._tasks = tasks
        self._endpoints: dict[str, Endpoint] = {}
        self._supervisors: dict[str, EndpointSupervisor] = {}
        self._locks: dict[str, anyio.Lock] = {}

    def list_all(self) -> list[Endpoint]:
        """Return all, oldest first."""
        return list(self._endpoints.values())

    def find(self, slug: str) -> Endpoint | None:
        """Return one, or None."""
        return self._endpoints.get(slug)

    def get(self, slug: str) -> Endpoint:
        """Return one.

        Raises:
            EndpointNotFoundError: There is none of this name.
        """
        try:
            return self._endpoints[slug]
        except KeyError:
            raise EndpointNotFoundError(slug) from None

    async def load(self) -> None:
        """Read what is stored and start what was started before."""
        for stored in await self._dependencies.repository.list_endpoints():
            endpoint = self._add(stored)
            if stored.is_started:
                self._serve(endpoint)

    async def create(self, draft: EndpointDraft) -> Endpoint:
        """Add an endpoint, not started.

        Raises:
            InvalidRequestError, NameTakenError, ProfileError: The draft can't be used.
        """
        return self._add(await self._dependencies.repository.add_endpoint(self.examine(draft)))

    def examine(self, draft: EndpointDraft) -> EndpointConfig:
        """Return what ``create`` would store, without storing it.

        Raises:
            InvalidRequestError, NameTakenError, ProfileError: The draft can't be used.
        """
        try:
            slug = build_slug(draft.name)
        except ValueError as exc:
            msg = f"name {exc}."
            raise InvalidRequestError(msg, "name") from exc
        config = EndpointConfig.of(slug, draft)
        self._refuse_unknown_type(config)
        if slug in self._endpoints:
            raise NameTakenError(slug)
        self._check(config)
        return config

    def fallbacks(self) -> dict[str, tuple[str, ...]]:
        """Return those of every endpoint, mostly none, by slug."""
        return {slug: endpoint.config.fallbacks for slug, endpoint in self._endpoints.items()}

    async def update(self, slug: str, change: Callable[[EndpointConfig], EndpointDraft]) -> Endpoint:
        """Change an endpoint, and restart it if it runs and the change needs it.

        Raises:
            EndpointNotFoundError, InvalidRequestError, ProfileError: The change can't be made.
        """
        async with self._lock(slug):
            endpoint = self.get(slug)
            before, config = endpoint.config, EndpointConfig.of(slug, change(endpoint.config))
            self._refuse_unknown_type(config)
            self._check(config)
            await self._dependencies.repository.update_endpoint(config)
            is_running = self._is_running(slug) and _needs_restart(before, config)
            if is_running:
                await self._stop(slug)
            endpoint.config, endpoint.traits = config, self._traits(config)
            if is_running:
                self._serve(endpoint)
            return endpoint

    async def delete(self, slug: str) -> None:
        """Stop an endpoint and forget it.

        Raises:
            EndpointNotFoundError: There is none of this name.
        """
        async with self._lock(slug):
            self.get(slug)
            await self._stop(slug)
            await self._dependencies.repository.delete_endpoint(slug)
            await self._dependencies.forget(slug)
            del self._endpoints[slug]
        self._locks.pop(slug, None)

    async def start(self, slug: str) -> Endpoint:
        """Begin to open an endpoint; one that is in trouble is opened anew.

        Raises:
            EndpointNotFoundError: There is none of this name.
            AlreadyRunningError: It is open or being opened.
        """
        async with self._lock(slug):
            endpoint = self.get(slug)
            if self._is_running(slug) and endpoint.state in _STARTED:
                raise AlreadyRunningError(slug, endpoint.state)
            return await self._restart(endpoint)

    async def stop(self, slug: str) -> Endpoint:
        """End an endpoint's turns and close it; one that is stopped stays so.

        Raises:
            EndpointNotFoundError: There is none of this name.
        """
        async with self._lock(slug):
            endpoint = self.get(slug)
            await self._dependencies.repository.set_started(slug, is_started=False)
            await self._stop(slug)
            return endpoint

    async def restart(self, slug: str) -> Endpoint:
        """Close an endpoint if it is open, and begin to open it.

        Raises:
            EndpointNotFoundError: There is none of this name.
        """
        async with self._lock(slug):
            return await self._restart(self.get(slug))

    async def close(self) -> None:
        """Stop all without forgetting which were started."""
        async with anyio.create_task_group() as stopping:
            for slug in self._supervisors:
                stopping.start_soon(self._stop, slug)

    async def _restart(self, endpoint: Endpoint) -> Endpoint:
        await self._dependencies.repository.set_started(endpoint.slug, is_started=True)
        await self._stop(endpoint.slug)
        self._serve(endpoint)
        return endpoint

    def _add(self, stored: StoredEndpoint) -> Endpoint:
        config = stored.config
        endpoint = Endpoint(config, stored.created_at, self._dependencies.screenshots, self._traits(config))
        endpoint.board.listeners += [
            partial(watcher, endpoint.slug) for watcher in self._dependencies.watchers
        ]
        self._endpoints[endpoint.slug] = endpoint
        return endpoint

    def _check(self, config: EndpointConfig) -> None:
        self._dependencies.check(config)
        self._dependencies.check_names(config, self.fallbacks())

    def _serve(self, endpoint: Endpoint) -> None:
        supervisor = EndpointSupervisor(
            endpoint, self._dependencies.kinds[endpoint.config.provider_type].open
        )
        self._supervisors[endpoint.slug] = supervisor
        self._tasks.start_soon(supervisor.run, name=f"endpoint {endpoint.slug}")

    async def _stop(self, slug: str) -> None:
        supervisor = self._supervisors.get(slug)
        if supervisor is not None:
            await supervisor.stop()

    def _is_running(self, slug: str) -> bool:
        supervisor = self._supervisors.get(slug)
        return supervisor is not None and not supervisor.has_ended

    def _lock(self, slug: str) -> anyio.Lock:
        return self._locks.setdefault(slug, anyio.Lock())

    def _traits(self, config: EndpointConfig) -> ProviderTraits:
        kind = self._dependencies.kinds.get(config.provider_type)
        return kind.traits_of(config) if kind is not None else ProviderTraits()

    def _refuse_unknown_type(self, config: EndpointConfig) -> None:
        if config.provider_type not in self._dependencies.kinds:
            msg = f"provider_type {config.provider_type!r} is not available in this version."
            raise InvalidRequestError(msg, "provider_type")


@asynccontextmanager
async def open_manager(dependencies: EndpointDependencies) -> AsyncIterator[EndpointManager]:
    """Hand out the manager with what was started before being opened; close everything at the end."""
    async with anyio.create_task_group() as tasks:
        manager = EndpointManager(dependencies, tasks)
        await manager.load()
        try:
            yield manager
        finally:
            with anyio.move_on_after(_CLOSE_S, shield=True):
                await manager.close()
            tasks.cancel_scope.cancel()


def _needs_restart(before: EndpointConfig, after: EndpointConfig) -> bool:
    names: list[str] = [name for name in EndpointConfig.model_fields if name not in _NEEDS_NO_RESTART]
    return any(_value(before, name) != _value(after, name) for name in names)


def _value(config: EndpointConfig, name: str) -> Any:
    return getattr(config, name)
