"""One start of an endpoint: what its state follows while its provider is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from automation.errors import UnreachableError
from automation.owned_tasks import owned_tasks
from backend.accounts.account_config import AccountConfig
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.screenshots import ScreenshotFolder
from backend.endpoints.states import EndpointState
from backend.endpoints.supervisor import EndpointSupervisor
from backend.providers.config import EndpointConfig
from backend.providers.protocol import Provider, ProviderTraits
from tests.fakes.memory_endpoints import config_of
from tests.fakes.memory_provider import MemoryAccountControl, MemoryNode, MemoryProvider
from tests.fakes.scripted_accounts import MemoryAccounts

SESSION: dict[str, Any] = {"cookies": [], "origins": []}


class PutRightWhileReloading(MemoryAccountControl):
    """A person signs the account in, or out, in the moment in which the accounts are read again."""

    sessions_then: dict[str, dict[str, object]] | None = None

    async def reload(self) -> None:
        await super().reload()
        if self.sessions_then is not None:
            self._node.sessions = dict(self.sessions_then)
            self._tell_change()


def build_endpoint_config(folder: Path, **fields: Any) -> Endpoint:
    config = config_of(**fields)
    return Endpoint(config, datetime.now(UTC), ScreenshotFolder(folder), ProviderTraits())


async def until(endpoint: Endpoint, state: EndpointState) -> None:
    with anyio.fail_after(200):
        await endpoint.board.wait_until(lambda now: now is state)


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        ({}, {"a": SESSION}, EndpointState.ACTIVE),
        ({"a": SESSION}, {}, EndpointState.AUTHENTICATION_REQUIRED),
    ],
    ids=["put right", "signed out"],
)
async def test_what_becomes_of_accounts_while_they_are_read_again_is_not_lost(tmp_path, before, after, state):
    node, accounts = MemoryNode(sessions=dict(before)), MemoryAccounts()
    await accounts.add_account("demo", AccountConfig(id="a"))
    control = PutRightWhileReloading(node, "demo", accounts)
    await control.reload()
    control.sessions_then = after
    endpoint = build_endpoint_config(tmp_path)

    @asynccontextmanager
    async def open_provider(_config: EndpointConfig) -> AsyncIterator[Provider]:
        yield MemoryProvider(node, control)

    serving = EndpointSupervisor(endpoint, open_provider)
    async with owned_tasks() as tasks:
        tasks.start_soon(serving.run)
        await until(endpoint, state)
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        stayed = endpoint.state
        await serving.stop()

    assert stayed is state
    assert (endpoint.state, serving.has_ended) == (EndpointState.INACTIVE, True)


async def test_a_provider_that_cannot_be_opened_is_given_up_after_its_attempts(tmp_path):
    endpoint = build_endpoint_config(tmp_path, retry_attempts=0)
    failures = [UnreachableError("http://x/", "no such host")]

    @asynccontextmanager
    async def open_provider(_config: EndpointConfig) -> AsyncIterator[Provider]:
        if failures:
            raise failures.pop()
        yield MemoryProvider(MemoryNode(), None)

    serving = EndpointSupervisor(endpoint, open_provider)
    with anyio.fail_after(200):
        await serving.run()

    assert (endpoint.state, failures) == (EndpointState.ERROR, [])
    assert "no such host" in (endpoint.board.reason or "")
