"""What a provider has to be can be had without what runs browsers: another process may implement it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from automation.errors import SignInRequiredError
from backend.accounts.account_config import AccountConfig
from backend.errors import AccountNotFoundError
from backend.providers.account_control import AccountControl
from backend.providers.config import EndpointConfig
from backend.providers.protocol import ProviderKind, ProviderOpener, ProviderTraits
from tests.fakes.memory_provider import MemoryNode
from tests.fakes.scripted_accounts import MemoryAccounts

LOADED = """
import sys
import {module}
print(*sorted(sys.modules))
"""
_NOT_FOR_PROXIES = (
    "playwright",
    "patchright",
    "aiohttp",
    "sqlalchemy",
    "fastapi",
    "automation.web_provider",
    "automation.browser",
    "automation.capture",
    "backend.accounts.open_account",
    "backend.providers.web_chat.account_pool",
    "backend.providers.web_chat.opener",
    "backend.gateway",
    "backend.endpoints",
)


@pytest.mark.parametrize(
    "module",
    ["backend.providers.protocol", "backend.providers.account_control", "backend.providers.api.reply"],
)
def test_the_protocol_loads_neither_browsers_nor_rosters_nor_what_stands_above_it(module):
    source = LOADED.format(module=module)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)

    loaded = done.stdout.split()

    assert module in loaded
    assert [name for name in loaded if name.startswith(_NOT_FOR_PROXIES)] == []


async def test_what_is_in_memory_is_a_provider_with_control_over_its_accounts():
    accounts = MemoryAccounts()
    await accounts.add_account("demo", AccountConfig(id="a", username="ada"))
    open_provider: ProviderOpener = MemoryNode().opener(accounts)
    config = EndpointConfig.model_validate(
        {"slug": "demo", "name": "demo", "provider_type": "web_chat", "base_url": "http://x/"}
    )

    async with open_provider(config) as provider:
        control: AccountControl | None = provider.accounts
        assert control is not None
        waits = provider.problem
        await control.replace_session("a", {"cookies": []})

        assert isinstance(waits, SignInRequiredError)
        assert provider.problem is None
        assert [(one.id, str(one.account_status.state)) for one in await control.list_accounts()] == [
            ("a", "idle")
        ]
        with pytest.raises(AccountNotFoundError):
            await control.session("b")


def test_a_kind_that_says_nothing_of_itself_is_ended_with_care_and_promises_nothing():
    traits = ProviderKind(MemoryNode().opener(MemoryAccounts())).traits

    promised = [name for name, value in dataclasses.asdict(traits).items() if value]

    assert traits == ProviderTraits()
    assert promised == ["needs_cancel_scope"]
