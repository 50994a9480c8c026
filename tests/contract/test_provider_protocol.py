"""A provider in memory, of which the gateway sees the protocol alone, serves as any other: answers, accounts, sign-ins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest

from backend.providers.kinds import AccountStores, OpenedProviders
from backend.providers.protocol import ProviderKind, ProviderTraits
from backend.settings import Settings
from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.memory_provider import MemoryNode

BODY = {"model": "demo", "messages": [{"role": "user", "content": "Hello there"}]}
ACCOUNTS = "/api/endpoints/demo/accounts"
STATE = {"cookies": [{"name": "sid", "value": "1", "domain": "127.0.0.1"}], "origins": []}


@asynccontextmanager
async def open_gateway(
    data_dir: Path, node: MemoryNode, traits: ProviderTraits | None = None
) -> AsyncIterator[RunningGateway]:
    @asynccontextmanager
    async def open_providers(_settings: Settings, stores: AccountStores) -> AsyncIterator[OpenedProviders]:
        kind = ProviderKind(node.opener(stores.accounts), traits or ProviderTraits())
        yield OpenedProviders({"web_chat": kind}, lambda _: None, dict)

    async with run_gateway(data_dir, providers=open_providers) as running:
        yield running


@pytest.fixture
def node() -> MemoryNode:
    return MemoryNode()


@pytest.fixture
async def gateway(tmp_path: Path, node: MemoryNode):
    async with open_gateway(tmp_path, node) as running:
        yield running


async def signed_out(gateway: RunningGateway, password: str = "lovelace") -> str:
    """Start an endpoint whose one account needs a person, and return the account's id."""
    await gateway.create()
    added = await gateway.rest.post(ACCOUNTS, json={"username": "ada", "password": password})
    await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "authentication_required")
    account: str = added.json()["id"]
    return account


async def signed_in(gateway: RunningGateway) -> str:
    account = await signed_out(gateway)
    await gateway.rest.post(f"{ACCOUNTS}/{account}/sign-in", json={"mode": "form"})
    await gateway.wait_for("demo", "active")
    return account


async def test_it_answers_whole_and_in_pieces_with_the_account_that_it_chose(gateway, node):
    account = await signed_in(gateway)

    whole = await gateway.ask("Hello there")
    stream = await gateway.openai.chat.completions.create(
        model="demo/two", messages=BODY["messages"], stream=True
    )
    pieces = [chunk.choices[0].delta.content async for chunk in stream if chunk.choices]

    assert whole.json()["choices"][0]["message"]["content"] == "Hello there"
    assert whole.headers["x-gateway-endpoint"] == "demo"
    assert [piece for piece in pieces if piece] == ["Hello", "there"]
    assert [name for name, _ in node.asked] == [account, account]
    assert node.asked[1][1]["model"] == "two"


async def test_its_accounts_are_listed_changed_and_removed_over_rest(gateway):
    await gateway.create()
    before = (await gateway.rest.post(ACCOUNTS, json={"username": "ada", "password": "x"})).json()
    await gateway.rest.post("/api/endpoints/demo/start")
    await gateway.wait_for("demo", "authentication_required")

    second = (await gateway.rest.post(ACCOUNTS, json={"storage_state": STATE})).json()
    changed = await gateway.rest.patch(f"{ACCOUNTS}/{before['id']}", json={"max_requests_per_period": 5})
    listed = (await gateway.rest.get(ACCOUNTS)).json()
    removed = await gateway.rest.delete(f"{ACCOUNTS}/{second['id']}")
    left = (await gateway.rest.get(ACCOUNTS)).json()

    assert (changed.json()["max_requests_per_period"], changed.json()["has_password"]) == (5, True)
    assert [(one["id"], one["username"], one["state"], one["state_reason"]) for one in listed] == [
        (before["id"], "ada", "need_login", "nobody has signed in"),
        (second["id"], None, "need_login", "nobody has signed in"),
    ]
    assert removed.status_code == 204
    assert [one["id"] for one in left] == [before["id"]]


async def test_no_secret_of_an_account_is_asked_of_the_provider(gateway, node):
    await signed_out(gateway, password="hunter2-secret")

    accounts = gateway.app.state.services.manager.get("demo").accounts
    listed = await accounts.list_accounts()

    assert [one.has_password for one in listed] == [True]
    assert "hunter2-secret" not in repr(listed)


async def test_a_session_goes_in_and_out_and_brings_the_account_back(gateway, node):
    account = await signed_out(gateway)

    taken = await gateway.rest.put(f"{ACCOUNTS}/{account}/session", json=STATE)
    await gateway.wait_for("demo", "active")
    given = (await gateway.rest.get(f"{ACCOUNTS}/{account}/session")).json()

    assert taken.status_code == 204
    assert [cookie["value"] for cookie in given["cookies"]] == ["1"]
    assert (await gateway.ask()).status_code == 200


async def test_requests_wait_while_a_person_signs_in_and_are_answered_then(gateway, node):
    account = await signed_out(gateway)
    refused = await gateway.ask()

    started = await gateway.rest.post(f"{ACCOUNTS}/{account}/sign-in", json={})
    waiting = asyncio.create_task(gateway.ask("Hello"))
    with anyio.fail_after(200):
        await node.waiting.wait()
    shown = (await gateway.rest.get(f"{ACCOUNTS}/{account}/sign-in")).json()["state"]
    done = await gateway.rest.post(f"{ACCOUNTS}/{account}/sign-in/complete")
    answered = await waiting

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "sign_in_required")
    assert started.json()["live"]["path"].startswith("/live/")
    assert (shown, done.json()["state"]) == ("waiting", "signed_in")
    assert answered.json()["choices"][0]["message"]["content"] == "Hello"


async def test_a_sign_in_by_form_that_the_site_refuses_says_why(gateway):
    account = await signed_out(gateway, password="wrong")

    await gateway.rest.post(f"{ACCOUNTS}/{account}/sign-in", json={"mode": "form"})
    refused = await gateway.rest.post(f"{ACCOUNTS}/{account}/sign-in/complete")

    assert refused.json()["error"]["code"] == "sign_in_required"
    assert "the site refuses the password" in refused.json()["error"]["message"]


@pytest.mark.parametrize("path", ["", "/session", "/sign-in"])
async def test_an_account_that_it_does_not_have_is_not_found(gateway, path):
    await signed_in(gateway)

    address = f"{ACCOUNTS}/acc_0{path}"
    got = await (gateway.rest.post(address, json={}) if path == "/sign-in" else gateway.rest.get(address))

    assert (got.status_code, got.json()["error"]["code"]) == (404, "account_not_found")


@pytest.mark.parametrize("needs_cancel_scope", [True, False])
async def test_a_client_that_hangs_up_ends_the_answer_at_the_provider(tmp_path, needs_cancel_scope):
    node = MemoryNode(held=anyio.Event(), has_accounts=False)
    traits = ProviderTraits(needs_cancel_scope=needs_cancel_scope)
    async with open_gateway(tmp_path, node, traits) as gateway:
        await gateway.started()

        async with gateway.rest.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}) as got:
            await anext(got.aiter_bytes())

        with anyio.fail_after(200):
            await node.left.wait()
        await gateway.wait_for("demo", "active")

        assert node.left.is_set()


@pytest.mark.parametrize("needs_cancel_scope", [True, False])
async def test_stopping_the_endpoint_ends_what_it_answers(tmp_path, needs_cancel_scope):
    node = MemoryNode(held=anyio.Event(), has_accounts=False)
    traits = ProviderTraits(needs_cancel_scope=needs_cancel_scope)
    async with open_gateway(tmp_path, node, traits) as gateway:
        await gateway.started()
        asked = asyncio.create_task(gateway.ask())
        await node.begun.wait()

        await gateway.rest.post("/api/endpoints/demo/stop")
        got: httpx.Response = await asked

    assert (got.status_code, got.json()["error"]["code"]) == (409, "endpoint_not_running")


async def test_what_its_kind_can_do_is_read_from_its_traits(tmp_path):
    node = MemoryNode(has_accounts=False)
    able = ProviderTraits(takes_any_model=True, has_embeddings=True)
    async with open_gateway(tmp_path / "able", node, able) as gateway:
        await gateway.started(default_model="three")
        embedded = await gateway.rest.post("/v1/embeddings", json={"model": "demo", "input": "a"})
        other = await gateway.rest.post("/v1/embeddings", json={"model": "demo", "input": "b"})
        asked = await gateway.ask()
    async with open_gateway(tmp_path / "unable", node) as gateway:
        await gateway.started(default_model="three")
        refused = await gateway.rest.post("/v1/embeddings", json={"model": "demo/one", "input": "a"})
        unknown = await gateway.ask(model="demo/three")

    assert embedded.json()["data"][0]["embedding"] == [0.5]
    assert (other.status_code, other.json()["error"]["param"]) == (400, "input")
    assert (asked.status_code, node.asked[0][1]["model"]) == (200, "three")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "model")
    assert unknown.status_code == 404
