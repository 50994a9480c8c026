"""All repositories on one database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from automation.turn import ChatLink
from backend.accounts.vault import Vault
from backend.gateway.placement.history import ConversationKey
from backend.gateway.placement.placement import SiteConversation
from backend.persistence.database import open_repositories
from backend.providers.config import EndpointConfig

DEMO = EndpointConfig.model_validate(
    {"slug": "demo", "name": "demo", "provider_type": "web_chat", "base_url": "http://x/", "profile": "p"}
)


def conversation(name: str, head: str | None, age: timedelta = timedelta()) -> SiteConversation:
    at = datetime.now(UTC) - age
    return SiteConversation(name, ConversationKey("demo", "http://x/", "ada"), head, ChatLink("c"), 1, at, at)


async def test_conversations_in_which_a_turn_went_on_when_the_gateway_died_are_forgotten(database_url):
    async with open_repositories(database_url, Vault("key")) as before:
        await before.endpoints.add_endpoint(DEMO)
        await before.conversations.save(conversation("conv_1", "head"))
        await before.conversations.save(conversation("conv_2", None))

    async with open_repositories(database_url, Vault("key")) as after:
        kept = await after.conversations.list_newest(None, 10)

    assert [one.id for one in kept] == ["conv_1"]


async def test_the_limits_of_conversations_are_those_given(database_url):
    async with open_repositories(
        database_url, Vault("key"), max_conversations=1, conversation_max_age=timedelta(days=1)
    ) as repositories:
        await repositories.endpoints.add_endpoint(DEMO)
        await repositories.conversations.save(conversation("conv_1", "old", timedelta(days=2)))
        for name in ("conv_2", "conv_3"):
            await repositories.conversations.save(conversation(name, name))
        kept = await repositories.conversations.list_newest(None, 10)

    assert len(kept) == 1
    assert kept[0].id != "conv_1"


async def test_with_an_old_key_every_secret_is_sealed_anew(database_url):
    secret = DEMO.model_copy(update={"password": SecretStr("hunter2")})
    async with open_repositories(database_url, Vault("old")) as before:
        await before.endpoints.add_endpoint(secret)
    async with open_repositories(database_url, Vault("new", ["old"]), has_old_keys=True):
        pass

    async with open_repositories(database_url, Vault("new")) as after:
        (stored,) = await after.endpoints.list_endpoints()

    assert stored.config.password == secret.password


async def test_a_database_that_answers_has_no_problem(database_url):
    async with open_repositories(database_url, Vault("key")) as repositories:
        assert await repositories.problem() is None
