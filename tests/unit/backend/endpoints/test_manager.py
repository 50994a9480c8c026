"""Endpoints are created, changed, started and stopped as the operator says, and so is what is stored of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from automation.errors import UnreachableError
from automation.library.kept_open import KeptOpen
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.manager import EndpointDependencies, EndpointManager, open_manager
from backend.endpoints.screenshots import ScreenshotFolder
from backend.endpoints.states import EndpointState
from backend.errors import (
    AlreadyRunningError,
    EndpointNotFoundError,
    InvalidRequestError,
    NameTakenError,
    StorageError,
)
from backend.providers.config import EndpointConfig, EndpointDraft
from backend.providers.protocol import Provider, ProviderKind, ProviderTraits
from tests.fakes.memory_endpoints import MemoryEndpoints, config_of, draft_of
from tests.fakes.memory_provider import MemoryNode, MemoryProvider

API_LIKE = ProviderTraits(takes_any_model=True)


class Openings:
    """Opens providers in memory, and counts them.

    Attributes:
        failures: Raised by the next openings, one each.
    """

    def __init__(self) -> None:
        self.configs: list[EndpointConfig] = []
        self.open_now = 0
        self.failures: list[Exception] = []

    @asynccontextmanager
    async def open(self, config: EndpointConfig) -> AsyncIterator[Provider]:
        self.configs.append(config)
        if self.failures:
            raise self.failures.pop(0)
        self.open_now += 1
        try:
            yield MemoryProvider(MemoryNode(), None)
        finally:
            self.open_now -= 1


class Setting:
    """A manager's surroundings in memory."""

    def __init__(self, folder: Path) -> None:
        self.repository = MemoryEndpoints()
        self.openings = Openings()
        self.forgotten: list[str] = []
        self.changes: list[tuple[str, str]] = []
        self._folder = folder

    def open(self) -> AbstractAsyncContextManager[EndpointManager]:
        async def forget(slug: str) -> None:
            self.forgotten.append(slug)

        def check(config: EndpointConfig) -> None:
            if config.profile == "broken":
                msg = "profile: is broken."
                raise InvalidRequestError(msg, "profile")

        return open_manager(
            EndpointDependencies(
                repository=self.repository,
                kinds={
                    "web_chat": ProviderKind(self.openings.open),
                    "rest_api": ProviderKind(self.openings.open, API_LIKE),
                },
                check=check,
                screenshots=ScreenshotFolder(self._folder),
                forget=forget,
                watchers=[lambda slug, change: self.changes.append((slug, str(change.state)))],
            )
        )


@pytest.fixture
def setting(tmp_path) -> Setting:
    return Setting(tmp_path)


@pytest.fixture
async def manager(setting):
    # A fixture is left by another task than it is entered by, which a task group does not allow.
    kept = KeptOpen(setting.open())
    yield await kept.open()
    await kept.close()


async def until(endpoint: Endpoint, state: EndpointState) -> None:
    with anyio.fail_after(200):
        await endpoint.board.wait_until(lambda now: now is state)


async def started(manager: EndpointManager) -> Endpoint:
    endpoint = await manager.create(draft_of())
    await manager.start(endpoint.slug)
    await until(endpoint, EndpointState.ACTIVE)
    return endpoint


async def test_what_was_started_before_is_started_again_and_nothing_else(setting):
    setting.repository.keep(config_of("one"), is_started=True)
    setting.repository.keep(config_of("two"))

    async with setting.open() as manager:
        await until(manager.get("one"), EndpointState.ACTIVE)

        assert [endpoint.slug for endpoint in manager.list_all()] == ["one", "two"]
        assert manager.get("two").state is EndpointState.INACTIVE
    assert setting.openings.open_now == 0


async def test_a_created_endpoint_is_stored_and_waits_to_be_started(manager, setting):
    endpoint = await manager.create(draft_of("My Chat"))

    assert (endpoint.slug, endpoint.state) == ("my-chat", EndpointState.INACTIVE)
    assert [one.is_started for one in setting.repository.stored.values()] == [False]
    assert setting.openings.configs == []


@pytest.mark.parametrize(
    ("draft", "error", "param"),
    [
        (draft_of("!!!"), InvalidRequestError, "name"),
        (draft_of("demo"), NameTakenError, None),
        (draft_of("other", profile="broken"), InvalidRequestError, "profile"),
        (draft_of("other", provider_type="api_token", preset="openai"), InvalidRequestError, "provider_type"),
    ],
    ids=["no name", "taken", "a profile that can't work", "a type that isn't there"],
)
async def test_a_draft_that_cannot_be_used_is_refused_and_not_stored(manager, setting, draft, error, param):
    await manager.create(draft_of("demo"))

    with pytest.raises(error) as refused:
        await manager.create(draft)

    assert getattr(refused.value, "param", None) == param or error is NameTakenError
    assert list(setting.repository.stored) == ["demo"]


async def test_starting_opens_its_provider_and_stopping_closes_it(manager, setting):
    endpoint = await started(manager)
    during = (setting.openings.open_now, endpoint.models, setting.repository.stored["demo"].is_started)

    await manager.stop("demo")

    assert during == (1, ("one", "two"), True)
    assert (setting.openings.open_now, endpoint.state) == (0, EndpointState.INACTIVE)
    assert not setting.repository.stored["demo"].is_started
    assert setting.changes == [("demo", "initializing"), ("demo", "active"), ("demo", "inactive")]


async def test_one_that_runs_is_not_started_twice(manager):
    await started(manager)

    with pytest.raises(AlreadyRunningError):
        await manager.start("demo")


async def test_one_that_gave_up_is_opened_anew_when_it_is_started(manager, setting):
    setting.openings.failures = [UnreachableError("http://x/", "no such host")]
    endpoint = await manager.create(draft_of(retry_attempts=0))
    await manager.start("demo")
    await until(endpoint, EndpointState.ERROR)

    await manager.start("demo")
    await until(endpoint, EndpointState.ACTIVE)

    assert len(setting.openings.configs) == 2


@pytest.mark.parametrize(
    ("change", "openings"),
    [({"default_model": "two"}, 1), ({"base_url": "http://127.0.0.1:2/"}, 2)],
    ids=["what is read anew for each request", "what its provider was opened with"],
)
async def test_a_change_restarts_a_running_endpoint_only_where_it_must(manager, setting, change, openings):
    endpoint = await started(manager)

    await manager.update("demo", lambda _config: draft_of(**change))
    await until(endpoint, EndpointState.ACTIVE)

    assert len(setting.openings.configs) == openings
    assert setting.openings.configs[-1] == (endpoint.config if openings == 2 else config_of())
    assert setting.repository.stored["demo"].config == endpoint.config


async def test_a_change_of_its_type_changes_its_traits(manager):
    endpoint = await manager.create(draft_of())
    before = endpoint.traits

    def to_api(_config: EndpointConfig) -> EndpointDraft:
        return draft_of(provider_type="rest_api")

    await manager.update("demo", to_api)

    assert (before, endpoint.traits) == (ProviderTraits(), API_LIKE)


async def test_a_change_that_is_not_stored_is_not_made(manager, setting):
    endpoint = await started(manager)
    setting.repository.failure = StorageError()

    with pytest.raises(StorageError):
        await manager.update("demo", lambda _config: draft_of(base_url="http://127.0.0.1:2/"))

    assert endpoint.config == config_of()
    assert endpoint.state is EndpointState.ACTIVE


async def test_a_deleted_one_is_closed_and_forgotten_everywhere(manager, setting):
    await started(manager)

    await manager.delete("demo")

    assert (setting.openings.open_now, setting.forgotten) == (0, ["demo"])
    assert (manager.list_all(), setting.repository.stored) == ([], {})
    with pytest.raises(EndpointNotFoundError):
        manager.get("demo")


async def test_one_of_a_type_that_is_gone_is_kept_and_not_started(setting):
    setting.repository.keep(config_of("old", provider_type="api_token", preset="openai"))

    async with setting.open() as manager:
        endpoint = manager.get("old")

        assert (endpoint.state, endpoint.traits) == (EndpointState.INACTIVE, ProviderTraits())


async def test_ending_the_gateway_closes_all_and_forgets_of_none_that_it_was_started(setting):
    async with setting.open() as manager:
        await started(manager)

    assert setting.openings.open_now == 0
    assert setting.repository.stored["demo"].is_started
