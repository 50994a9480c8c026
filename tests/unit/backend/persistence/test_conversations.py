"""Conversations in the database, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from automation.turn import ChatLink
from backend.accounts.vault import Vault
from backend.errors import StorageError
from backend.gateway.placement.history import ConversationKey
from backend.gateway.placement.placement import SiteConversation
from backend.persistence.conversations import SqlConversations
from backend.persistence.endpoints import SqlEndpoints
from backend.persistence.engine import open_database
from backend.providers.config import EndpointConfig

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def conversation(number: int = 1, endpoint: str = "demo", **fields: object) -> SiteConversation:
    time = NOON + timedelta(minutes=number)
    known = SiteConversation(
        f"conv_{number}",
        ConversationKey(endpoint, "http://x/", "ada", "large"),
        f"head {number}",
        ChatLink(f"chat-{number}", f"http://x/c/{number}", "print"),
        turns=1,
        created_at=time,
        updated_at=time,
    )
    return replace(known, **fields)  # type: ignore[arg-type]


@pytest.fixture
async def engine(database_url):
    async with open_database(database_url) as opened:
        endpoints = SqlEndpoints(opened, Vault("key"))
        for slug in ("demo", "other"):
            values = {"slug": slug, "name": slug, "provider_type": "web_chat", "base_url": "http://x/"}
            await endpoints.add_endpoint(EndpointConfig.model_validate({**values, "profile": "p"}))
        yield opened


@pytest.fixture
async def kept(engine) -> SqlConversations:
    return SqlConversations(engine)


@pytest.mark.parametrize(
    "whole",
    [
        conversation(),
        conversation(scope=ConversationKey("demo", "http://x/", "a" * 1000), chat=ChatLink("c"), head=None),
        conversation(scope=ConversationKey("demo", "http://x/", "ünï", "模型", "key-1")),
    ],
)
async def test_a_conversation_comes_back_whole(kept, whole):
    await kept.save(whole)

    assert await kept.get(whole.id) == whole
    assert await kept.get("conv_2") is None


async def test_saving_again_replaces_it(kept):
    await kept.save(conversation())
    later = conversation(head="next", turns=2, updated_at=NOON + timedelta(hours=1), chat=ChatLink("new"))

    await kept.save(later)

    assert await kept.list_newest(None, 10) == [later]


async def test_a_head_is_taken_once(kept):
    await kept.save(conversation())

    taken = await kept.take_by_head("head 1")

    assert taken == conversation()
    assert await kept.take_by_head("head 1") is None
    assert (await kept.get("conv_1")).head is None


async def test_of_several_with_one_head_the_newest_is_taken_first(kept):
    for number in (1, 3, 2):
        await kept.save(conversation(number, head="same"))

    taken = [await kept.take_by_head("same") for _ in range(4)]

    assert [c and c.id for c in taken] == ["conv_3", "conv_2", "conv_1", None]


async def test_many_that_want_one_head_at_once_get_one_each(kept):
    for number in range(4):
        await kept.save(conversation(number, head="same"))
    taken: list[str | None] = []

    async def take() -> None:
        found = await kept.take_by_head("same")
        taken.append(found and found.id)

    async with anyio.create_task_group() as tasks:
        for _ in range(12):
            tasks.start_soon(take)

    got = [name for name in taken if name]
    assert len(got) == len(set(got)), "two turns would go on in one chat"
    assert len(taken) == 12


async def test_one_is_taken_only_as_it_was_seen(kept):
    await kept.save(conversation())
    await kept.save(conversation(head="moved on"))

    assert not await kept.take(conversation())
    assert await kept.take(conversation(head="moved on"))
    assert not await kept.take(conversation(head="moved on"))


async def test_a_head_that_was_put_back_is_found_again(kept):
    await kept.save(conversation())
    taken = await kept.take_by_head("head 1")

    await kept.put_back(taken)

    assert await kept.take_by_head("head 1") == conversation()


async def test_nothing_is_put_back_over_a_head_that_is_there(kept):
    await kept.save(conversation(head="moved on"))

    await kept.put_back(conversation())

    assert (await kept.get("conv_1")).head == "moved on"


@pytest.mark.parametrize("head", ["head 1", None])
async def test_one_is_forgotten_only_as_it_was_seen(kept, head):
    await kept.save(conversation(head=head))

    wrong = await kept.forget("conv_1", "moved on")
    forgotten = [await kept.forget("conv_1", head) for _ in range(2)]

    assert (wrong, forgotten) == (False, [True, False])
    assert await kept.get("conv_1") is None


async def test_one_that_was_forgotten_while_its_turn_ran_comes_back_with_its_answer(kept):
    await kept.save(conversation())
    await kept.forget("conv_1", "head 1")

    await kept.save(conversation(turns=2))

    assert (await kept.get("conv_1")).turns == 2


async def test_those_of_an_endpoint_that_is_gone_are_not_kept(kept, engine):
    await kept.save(conversation())
    await SqlEndpoints(engine, Vault("key")).delete_endpoint("demo")

    await kept.save(conversation(2))

    assert await kept.list_newest(None, 10) == []


async def test_each_endpoint_keeps_its_newest(engine):
    kept = SqlConversations(engine, most=2)
    await kept.save(conversation(0, "other"))
    for number in (1, 2):
        await kept.save(conversation(number))
    await kept.save(conversation(1, updated_at=NOON + timedelta(hours=1)))  # used again

    await kept.save(conversation(3))

    assert [c.id for c in await kept.list_newest("demo", 10)] == ["conv_1", "conv_3"]
    assert [c.id for c in await kept.list_newest("other", 10)] == ["conv_0"]


async def test_the_newest_of_one_owner_are_listed_for_them_alone(kept):
    for number, (endpoint, owner) in enumerate(
        [("demo", "ada"), ("other", "ada"), ("demo", "bob"), ("demo", "")]
    ):
        scope = ConversationKey(endpoint, "http://x/", "shared", None, owner)
        await kept.save(conversation(number, endpoint, scope=scope))

    listed = {
        (endpoint, owner): [c.id for c in await kept.list_newest(endpoint, 10, owner)]
        for endpoint, owner in [(None, "ada"), ("demo", "ada"), (None, ""), (None, None)]
    }

    assert listed == {
        (None, "ada"): ["conv_1", "conv_0"],
        ("demo", "ada"): ["conv_0"],
        (None, ""): ["conv_3"],
        (None, None): ["conv_3", "conv_2", "conv_1", "conv_0"],
    }


async def test_one_that_is_too_old_is_as_good_as_forgotten(engine):
    now = NOON
    kept = SqlConversations(engine, max_age=timedelta(days=1), now=lambda: now)
    await kept.save(conversation(0))
    now = NOON + timedelta(days=1, seconds=1)

    found = (await kept.get("conv_0"), await kept.take_by_head("head 0"), await kept.list_newest(None, 10))
    await kept.save(conversation(1, updated_at=now))
    left = await SqlConversations(engine).list_newest(None, 10)

    assert found == (None, None, [])
    assert [c.id for c in left] == ["conv_1"]


async def test_those_in_use_when_the_gateway_died_are_forgotten(kept):
    await kept.save(conversation(1))
    await kept.save(conversation(2))
    await kept.take_by_head("head 1")

    await kept.forget_unfinished()

    assert [c.id for c in await kept.list_newest(None, 10)] == ["conv_2"]


async def test_the_newest_come_first_and_no_more_than_asked_for(kept):
    for number in (2, 1, 3):
        await kept.save(conversation(number))

    assert [c.id for c in await kept.list_newest(None, 2)] == ["conv_3", "conv_2"]


async def test_what_the_database_refuses_is_a_storage_error(kept):
    with pytest.raises(StorageError):
        await kept.get("\udc00")
