"""What of the wiring depends on the settings, and that what was opened is closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from automation.errors import BrowserUnavailableError
from backend.accounts.vault import VaultError
from backend.alerts.channels import AppriseChannel, Webhook
from backend.assembly import (
    build_channels,
    build_file_fetcher,
    ensure_admin_key,
    open_answer_store,
    open_authenticator,
    open_gateway,
    open_vault,
)
from backend.errors import InvalidCredentialError
from backend.gateway.cache.response_cache import MemoryAnswers
from backend.identity.authenticator import Authenticator, LocalAuthenticator
from backend.identity.principal import ADMINISTRATOR, LOCAL_ADMINISTRATOR
from backend.imports.import_file import Import
from backend.persistence.redis_answers import RedisAnswers
from backend.providers.kinds import AccountStores, OpenedProviders
from backend.settings import Settings


@pytest.fixture
def make(tmp_path):
    """Makes settings of their own data directory, with nothing of this machine's environment."""

    def make(**values: object) -> Settings:
        return Settings(_env_file=None, **{"data_dir": tmp_path / "data", **values})

    return make


async def test_the_key_of_the_data_directory_is_the_administrators(make, capsys):
    settings = make(auth="on")
    ensure_admin_key(settings)
    key = capsys.readouterr().out.split()[-1]

    async with open_authenticator(settings) as knows:
        assert await knows.authenticate(key) is ADMINISTRATOR
        with pytest.raises(InvalidCredentialError):
            await knows.authenticate(f"{key}x")


async def test_with_authentication_off_there_is_no_key_and_everybody_is_the_local_administrator(make):
    settings = make(auth="off")

    async with open_authenticator(settings) as knows:
        assert await knows.authenticate("anything") is LOCAL_ADMINISTRATOR
    assert not (settings.data_dir / "admin_key").exists()


def test_the_administrators_key_is_made_and_printed_once(make, capsys):
    settings = make(auth="on")

    ensure_admin_key(settings)
    first = capsys.readouterr().out
    ensure_admin_key(settings)
    second = capsys.readouterr().out

    assert (settings.data_dir / "admin_key").read_text() in first
    assert second == ""


def test_an_empty_key_file_is_not_taken_for_a_key(make):
    settings = make(auth="on")
    settings.data_dir.mkdir()
    (settings.data_dir / "admin_key").write_text("\n")

    with pytest.raises(ValueError, match="admin_key is empty"):
        ensure_admin_key(settings)


def test_the_vaults_key_is_that_of_the_settings_or_one_that_is_kept(make):
    kept = open_vault(make()).seal(b"secret", "purpose")

    assert open_vault(make()).unseal(kept, "purpose") == b"secret"
    with pytest.raises(VaultError):
        open_vault(make(secret_key="another")).unseal(kept, "purpose")


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ({}, []),
        ({"alert_webhook_url": "http://x/"}, [Webhook]),
        ({"alert_urls": "json://x"}, [AppriseChannel]),
        ({"alert_webhook_url": "http://x/", "alert_urls": "json://x"}, [Webhook, AppriseChannel]),
    ],
)
def test_people_are_told_in_the_ways_that_are_set(make, values, kinds):
    assert [type(channel) for channel in build_channels(make(**values))] == kinds


def test_the_limits_of_attached_files_are_those_of_the_settings(make):
    limits = build_file_fetcher(make(max_attachments=3, max_attachment_bytes=1000)).limits

    assert (limits.most_files, limits.most_bytes) == (3, 1000)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({}, MemoryAnswers),
        ({"response_cache_ttl": 60}, MemoryAnswers),
        ({"redis_url": "redis://127.0.0.1:1"}, MemoryAnswers),
        ({"redis_url": "redis://127.0.0.1:1", "response_cache_ttl": 60}, RedisAnswers),
    ],
)
async def test_answers_are_kept_in_redis_only_where_there_is_one_and_the_cache_is_on(make, values, kind):
    async with open_answer_store(make(**values)) as store:
        assert type(store) is kind


@dataclass
class Recorded:
    """Openers that note in which order they are opened and closed; ``failure`` is raised by the providers'."""

    steps: list[str] = field(default_factory=list)
    failure: Exception | None = None

    @asynccontextmanager
    async def providers(self, _settings: Settings, _stores: AccountStores) -> AsyncIterator[OpenedProviders]:
        if self.failure is not None:
            raise self.failure
        self.steps.append("providers opened")
        yield OpenedProviders({}, lambda _config: None, lambda: {"status": "scripted"})
        self.steps.append("providers closed")

    @asynccontextmanager
    async def authenticator(self, _settings: Settings) -> AsyncIterator[Authenticator]:
        self.steps.append("authenticator opened")
        try:
            yield LocalAuthenticator()
        finally:
            self.steps.append("authenticator closed")


async def test_what_was_opened_is_served_and_closed_in_the_reverse_order(make):
    recorded = Recorded()

    async with open_gateway(
        make(), Import(), open_providers=recorded.providers, open_authenticator=recorded.authenticator
    ) as opened:
        recorded.steps.append("served")
        status = opened.services.browser_status()
        problem = await opened.services.find_database_problem()

    assert (status, problem) == ({"status": "scripted"}, None)
    assert isinstance(opened.authenticator, LocalAuthenticator)
    assert recorded.steps == [
        "authenticator opened",
        "providers opened",
        "served",
        "providers closed",
        "authenticator closed",
    ]


async def test_what_was_opened_is_closed_when_something_later_can_not_be(make):
    recorded = Recorded(failure=BrowserUnavailableError("no browser"))
    opening = open_gateway(
        make(), Import(), open_providers=recorded.providers, open_authenticator=recorded.authenticator
    )

    with pytest.raises(BrowserUnavailableError):
        await opening.__aenter__()

    assert recorded.steps == ["authenticator opened", "authenticator closed"]
