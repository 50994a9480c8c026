"""Several callers at one gateway: what is one's own stays one's own, and a key asks for no more than it may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from backend.errors import InvalidCredentialError
from backend.identity.authenticator import Authenticator
from backend.identity.principal import ADMINISTRATOR, Principal, PrincipalKind, Role
from backend.settings import Settings
from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.scripted_api import answers, completion, streams
from tests.fakes.scripted_provider import ScriptedSite

HELLO = [{"role": "user", "content": "Hello"}]
WHOLE = answers(completion("Hi"))
VECTORS = answers(
    {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.1]}], "model": "m"}
)


def user(name: str, *, key_id: str = "", models: tuple[str, ...] = ()) -> Principal:
    return Principal(name, PrincipalKind.PERSON, Role.USER, key_id, models)


@dataclass
class KeyRing:
    """An authenticator that knows several keys, and counts how often each was presented."""

    keys: Mapping[str, Principal]
    seen: list[str] = field(default_factory=list)

    async def authenticate(self, credential: str) -> Principal:
        self.seen.append(credential)
        if credential not in self.keys:
            raise InvalidCredentialError
        return self.keys[credential]

    @asynccontextmanager
    async def open(self, _settings: Settings) -> AsyncIterator[Authenticator]:
        yield self


@dataclass
class Callers:
    """The gateway, and how each key's requests reach it; the gateway's own client has the administrator's."""

    gateway: RunningGateway
    ring: KeyRing

    async def get(self, key: str, path: str, **query: Any) -> httpx.Response:
        return await self.gateway.rest.get(path, params=query, headers=bearer(key))

    async def post(self, key: str, path: str, body: Mapping[str, Any]) -> httpx.Response:
        return await self.gateway.rest.post(path, json=body, headers=bearer(key))

    async def chat(self, key: str, model: str = "api", **body: Any) -> httpx.Response:
        return await self.post(key, "/v1/chat/completions", {"model": model, "messages": HELLO, **body})

    async def models(self, key: str, path: str = "/v1/models") -> list[str]:
        return [entry["id"] for entry in (await self.get(key, path)).json()["data"]]


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@asynccontextmanager
async def callers_of(tmp_path, site: ScriptedSite | None = None, **settings: Any) -> AsyncIterator[Callers]:
    ring = KeyRing(
        {
            "sk-root": ADMINISTRATOR,
            "sk-ada": user("ada", key_id="key_1"),
            "sk-ada-narrow": user("ada", key_id="key_2", models=("plain", "narrow/*", "fast-*", "both")),
            "sk-bob": user("bob", key_id="key_3"),
        }
    )
    async with run_gateway(tmp_path, site, open_authenticator=ring.open, auth="on", **settings) as gateway:
        gateway.rest.headers["authorization"] = "Bearer sk-root"
        yield Callers(gateway, ring)


@pytest.fixture
async def callers(tmp_path, site):
    site.keeps_chats = True
    async with callers_of(tmp_path, site) as running:
        yield running


@pytest.fixture
async def narrowed(callers, api):
    """Endpoints, aliases and a rotation, of which ``sk-ada-narrow`` may use some."""
    api.plays(answers(completion("Hi")))
    api.models = ("m", "large")
    for name in ("Plain", "Narrow", "Wide"):
        aliases = {"fast-one": "m"} if name == "Narrow" else {"slow-one": "m"}
        await callers.gateway.started_api(
            name, api.url, models=["m", "large"], default_model="m", model_mapping=aliases
        )
    for name in ("both", "hidden"):
        members = {"providers": [{"provider_id": "plain"}, {"provider_id": "wide"}]}
        made = await callers.post("sk-root", "/api/rotations/", {"name": name, **members})
        assert made.status_code == 201, made.text
    return callers


async def test_the_authenticator_of_the_lifespan_says_who_is_let_in(callers):
    known = [(await callers.get(key, "/v1/models")).status_code for key in ("sk-ada", "sk-bob")]
    unknown = await callers.get("sk-eve", "/v1/models")

    assert known == [200, 200]
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_nobody_goes_on_in_somebody_elses_conversation(callers):
    site = callers.gateway.site
    await callers.gateway.started()
    first = await callers.chat("sk-ada", "demo")
    begun = first.headers["x-gateway-conversation"]
    answer = first.json()["choices"][0]["message"]
    more = [*HELLO, {"role": "assistant", "content": answer["content"]}, {"role": "user", "content": "More"}]

    hers = await callers.chat("sk-bob", "demo", messages=more)
    named = await callers.chat("sk-bob", "demo", messages=more, conversation=begun)
    mine = await callers.chat("sk-ada", "demo", messages=more)

    assert mine.headers["x-gateway-conversation"] == begun != hers.headers["x-gateway-conversation"]
    assert (named.status_code, named.json()["error"]["code"]) == (404, "conversation_not_found")
    assert [[message.text for message in sent] for sent in site.sent] == [
        ["Hello"],
        ["Hello", "Hello", "More"],
        ["More"],
    ]


async def test_everybody_sees_and_forgets_their_own_conversations_and_an_administrator_all(callers):
    await callers.gateway.started()
    ids = {
        key: (await callers.chat(key, "demo")).headers["x-gateway-conversation"]
        for key in ("sk-ada", "sk-bob", "sk-root")
    }

    seen = {key: {c["id"] for c in (await callers.get(key, "/api/conversations")).json()} for key in ids}
    peeked = await callers.get("sk-bob", f"/api/conversations/{ids['sk-ada']}")
    path = f"/api/conversations/{ids['sk-ada']}"
    refused = await callers.gateway.rest.delete(path, headers=bearer("sk-bob"))
    forgotten = await callers.gateway.rest.delete(path, headers=bearer("sk-ada"))

    assert seen == {
        "sk-ada": {ids["sk-ada"]},
        "sk-bob": {ids["sk-bob"]},
        "sk-root": set(ids.values()),
    }
    assert [peeked.status_code, refused.status_code, forgotten.status_code] == [404, 404, 204]


async def test_the_administrators_conversations_are_the_same_with_and_without_authentication(tmp_path, site):
    site.keeps_chats = True
    async with run_gateway(tmp_path, site) as gateway:
        await gateway.started()
        begun = (await gateway.ask()).headers["x-gateway-conversation"]

    more = [*HELLO, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "More"}]
    async with callers_of(tmp_path, site) as callers:
        await callers.gateway.wait_for("demo", "active")
        went_on = await callers.chat("sk-root", "demo", messages=more)

    assert went_on.headers["x-gateway-conversation"] == begun


async def test_nobody_gets_somebody_elses_kept_answer(tmp_path, api):
    api.plays(*(answers(completion(text)) for text in ("for ada", "for bob")))
    async with callers_of(tmp_path, response_cache_ttl=60) as callers:
        await callers.gateway.started_api("api", api.url)
        got = [await callers.chat(key) for key in ("sk-ada", "sk-bob", "sk-ada", "sk-bob")]

    texts = [answer.json()["choices"][0]["message"]["content"] for answer in got]
    assert texts == ["for ada", "for bob", "for ada", "for bob"]
    assert [answer.headers["x-gateway-cache"] for answer in got] == ["miss", "miss", "hit", "hit"]


async def test_a_kept_answer_of_ones_other_key_is_refused_to_a_key_that_may_not_use_the_model(tmp_path, api):
    api.plays(answers(completion("for ada")))
    async with callers_of(tmp_path, response_cache_ttl=60) as callers:
        await callers.gateway.started_api("api", api.url)
        kept = await callers.chat("sk-ada")
        refused = await callers.chat("sk-ada-narrow")

    assert kept.status_code == 200
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")


async def test_everybody_has_a_rate_limit_of_their_own_whatever_their_key(tmp_path, api):
    api.plays(WHOLE)
    async with callers_of(tmp_path, rate_limit_requests=1) as callers:
        await callers.gateway.started_api("plain", api.url)
        got = [
            (await callers.chat(key, "plain")).status_code for key in ("sk-ada", "sk-bob", "sk-ada-narrow")
        ]

    assert got == [200, 200, 429]


async def test_everybody_sees_their_own_usage_and_an_administrator_all(callers, api):
    await callers.gateway.started_api("api", api.url)
    api.plays(answers(completion("Hi")))
    for key in ("sk-ada", "sk-bob", "sk-ada", "sk-ada-narrow", "sk-root"):
        await callers.chat(key)

    totals = {
        key: (await callers.get(key, "/api/usage/")).json()["requests"]
        for key in ("sk-ada", "sk-bob", "sk-root")
    }

    assert totals == {"sk-ada": 2, "sk-bob": 1, "sk-root": 4}  # what was refused asked nobody


async def test_who_sends_many_requests_delays_another_callers_by_one(callers, api):
    gate = asyncio.Event()
    api.plays([gate, *answers(completion("Hi"))], answers(completion("Hi")))
    await callers.gateway.started_api("api", api.url, max_concurrent_requests=1)

    async def queued(key: str) -> asyncio.Task[httpx.Response]:
        seen = len(callers.ring.seen)
        asking = asyncio.create_task(
            callers.chat(key, messages=[{"role": "user", "content": f"{key} {seen}"}])
        )
        with anyio.fail_after(200):
            while len(callers.ring.seen) == seen:
                await anyio.lowlevel.checkpoint()
        for _ in range(3):  # meanwhile it has come to the queue
            await callers.gateway.rest.get("/health")
        return asking

    asking = [await queued(key) for key in ("sk-ada", "sk-ada", "sk-ada", "sk-bob")]
    gate.set()
    await asyncio.gather(*asking)

    order = [asked.json["messages"][0]["content"].split()[0] for asked in api.asked]
    assert order == ["sk-ada", "sk-ada", "sk-bob", "sk-ada"]


async def test_a_key_lists_the_models_that_it_may_use(narrowed):
    every = set(await narrowed.models("sk-ada"))

    assert {"wide", "wide/m", "slow-one", "hidden"} <= every
    assert await narrowed.models("sk-ada-narrow") == [
        name
        for name in await narrowed.models("sk-ada")
        if name in {"plain", "narrow/m", "narrow/large", "fast-one", "both"}
    ]
    assert await narrowed.models("sk-ada-narrow", "/api/narrow/models") == [
        "narrow/m",
        "narrow/large",
        "fast-one",
    ]
    assert await narrowed.models("sk-ada-narrow", "/api/wide/models") == []
    assert await narrowed.models("sk-ada-narrow", "/api/both/models") == ["both"]
    assert await narrowed.models("sk-ada-narrow", "/api/hidden/models") == []


async def test_a_key_reads_the_entry_of_what_it_may_use(narrowed):
    names = ("plain", "both", "narrow/m", "wide", "narrow", "nothing")

    got = {name: (await narrowed.get("sk-ada-narrow", f"/v1/models/{name}")).status_code for name in names}

    assert got == {"plain": 200, "both": 200, "narrow/m": 200, "wide": 403, "narrow": 403, "nothing": 403}


ALLOWED = ["plain", "narrow/m", "narrow/large", "fast-one", "both"]
REFUSED = ["wide", "wide/m", "plain/large", "narrow", "slow-one", "hidden", "no-such-model"]


@pytest.mark.parametrize(
    ("path", "body", "script"),
    [
        ("/v1/chat/completions", {"messages": HELLO}, WHOLE),
        ("/v1/chat/completions", {"messages": HELLO, "stream": True}, streams("Hi")),
        ("/v1/responses", {"input": "Hello"}, WHOLE),
        ("/v1/messages", {"messages": HELLO, "max_tokens": 10}, WHOLE),
        ("/v1/embeddings", {"input": "Hello"}, VECTORS),
    ],
)
async def test_a_key_asks_only_for_what_it_may_use_at_every_front_door(narrowed, api, path, body, script):
    api.plays(script)

    refused = {m: await narrowed.post("sk-ada-narrow", path, {**body, "model": m}) for m in REFUSED}
    asked = len(api.asked)
    allowed = {m: await narrowed.post("sk-ada-narrow", path, {**body, "model": m}) for m in ALLOWED}

    assert {m: r.status_code for m, r in refused.items()} == dict.fromkeys(REFUSED, 403)
    assert asked == 0
    assert {m: r.status_code for m, r in allowed.items()} == dict.fromkeys(ALLOWED, 200)


PINNED = {
    ("plain", ""): 200,
    ("plain", "plain"): 200,
    ("plain", "m"): 403,
    ("plain", "slow-one"): 403,
    ("narrow", ""): 403,
    ("narrow", "large"): 200,
    ("narrow", "fast-one"): 200,
    ("wide", ""): 403,
    ("wide", "m"): 403,
    ("both", ""): 200,
    ("hidden", ""): 403,
    ("nowhere", ""): 404,
}


@pytest.mark.parametrize(
    ("operation", "body", "script"),
    [("chat/completions", {"messages": HELLO}, WHOLE), ("embeddings", {"input": "Hello"}, VECTORS)],
)
async def test_a_pinned_request_is_allowed_what_its_full_name_is(narrowed, api, operation, body, script):
    api.plays(script)

    got = {
        (endpoint, model): await narrowed.post(
            "sk-ada-narrow", f"/api/{endpoint}/{operation}", {**body, **({"model": model} if model else {})}
        )
        for endpoint, model in PINNED
    }

    assert {asked: answer.status_code for asked, answer in got.items()} == PINNED
    error = got["wide", "m"].json()["error"]
    assert (error["code"], error["type"], error["param"]) == ("not_allowed", "permission_error", "model")
    assert "'wide/m'" in error["message"]


async def test_a_close_match_that_a_key_may_not_use_is_not_told(callers):
    site = callers.gateway.site
    site.model_names = ("chat", "chat-secret")
    await callers.gateway.started("Narrow")

    ada, root = [await callers.chat(key, "narrow/chta") for key in ("sk-ada-narrow", "sk-root")]
    narrow = user("ada", models=("narrow/cht*", "narrow/chat"))
    callers.ring.keys = {**callers.ring.keys, "sk-narrower": narrow}
    narrower = await callers.chat("sk-narrower", "narrow/chta")
    pinned = await callers.post(
        "sk-narrower", "/api/narrow/chat/completions", {"model": "chta", "messages": HELLO}
    )

    assert "chat-secret" in root.json()["error"]["message"]
    assert "chat-secret" in ada.json()["error"]["message"]
    assert [r.status_code for r in (narrower, pinned)] == [404, 404]
    assert "narrow/chat?" in narrower.json()["error"]["message"]
    assert "chat-secret" not in narrower.text + pinned.text


async def test_the_test_of_an_endpoint_asks_for_no_more_than_the_key_may(narrowed):
    got = {
        slug: (
            await narrowed.post("sk-ada-narrow", f"/api/endpoints/{slug}/test", {"message": "Hi"})
        ).status_code
        for slug in ("plain", "wide")
    }

    assert got == {"plain": 200, "wide": 403}


async def test_the_log_says_who_sent_a_request_and_never_by_what_key(callers, caplog):
    caplog.set_level("INFO")

    await callers.get("sk-ada", "/v1/models")
    await callers.get("sk-eve", "/v1/models")

    records = [record for record in caplog.records if getattr(record, "path", "") == "/v1/models"]
    assert [(record.status, getattr(record, "principal", None)) for record in records] == [
        (200, "ada"),
        (401, None),
    ]
    assert "sk-" not in "".join(str(vars(record)) for record in records)


async def test_a_kept_response_is_its_callers_alone(callers, api):
    await callers.gateway.started_api("api", api.url)
    api.plays(WHOLE)
    asked = {"model": "api", "input": "Hello"}
    first = (await callers.post("sk-ada", "/v1/responses", asked)).json()
    following = {**asked, "previous_response_id": first["id"]}

    others, roots, own = [
        await callers.post(key, "/v1/responses", following) for key in ("sk-bob", "sk-root", "sk-ada-narrow")
    ]

    assert others.json()["error"]["code"] == roots.json()["error"]["code"] == "previous_response_not_found"
    assert own.json()["error"]["code"] == "not_allowed"
    assert (await callers.post("sk-ada", "/v1/responses", following)).status_code == 200
