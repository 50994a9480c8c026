"""Conversations by their id: gone on with on request, listed, read and forgotten over REST."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anyio
import httpx
import pytest

from automation.errors import SiteError
from automation.turn import TextDelta
from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.scripted_provider import DONE, ScriptedSite, plays

UNKNOWN = f"conv_{'0' * 32}"


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def id_of(got: httpx.Response) -> str:
    assert got.status_code == 200, got.text
    return got.headers["x-gateway-conversation"]


def error_of(got: httpx.Response) -> tuple[int, str, str]:
    error = got.json()["error"]
    return got.status_code, error["code"], error["param"]


def last_sent(gateway: RunningGateway) -> list[str]:
    return [message.text for message in gateway.site.sent[-1]]


@pytest.fixture
def site() -> ScriptedSite:
    return ScriptedSite(keeps_chats=True)


@pytest.fixture
async def demo(gateway: RunningGateway):
    await gateway.started(max_concurrent_requests=2)
    return gateway


async def test_only_what_is_new_may_be_sent_with_an_id(demo):
    known = id_of(await demo.ask("one"))

    second = await demo.ask("two", conversation=known)
    third = await demo.ask("three", conversation=known, stream=True)

    assert (id_of(second), id_of(third)) == (known, known)
    assert [[m.text for m in sent] for sent in demo.site.sent] == [["one"], ["two"], ["three"]]
    assert len(demo.site.chats) == 1


async def test_all_of_it_may_be_sent_with_an_id(demo):
    known = id_of(await demo.ask("one"))

    got = await demo.ask(messages=[user("one"), assistant("one"), user("two")], conversation=known)

    assert id_of(got) == known
    assert last_sent(demo) == ["two"]


async def test_what_was_said_by_its_id_is_found_by_its_history(demo):
    known = id_of(await demo.ask("one"))
    await demo.ask("two", conversation=known)
    history = [user("one"), assistant("one"), user("two"), assistant("two")]

    got = await demo.ask(messages=[*history, user("three")])

    assert id_of(got) == known
    assert last_sent(demo) == ["three"]


async def test_of_two_conversations_with_one_history_the_named_one_is_gone_on_with(demo):
    first, second = id_of(await demo.ask("one")), id_of(await demo.ask("one"))

    await demo.ask(messages=[user("one"), assistant("one"), user("two")], conversation=first)

    chat = demo.site.prompts[-1].chat
    assert first != second
    assert chat.id == "chat-1"


CONTRADICTIONS = [
    [user("one"), assistant("never said"), user("two")],
    [user("never asked"), assistant("one"), user("two")],
    [user("one"), assistant("one"), user("two"), assistant("never said"), user("three")],
    [assistant("one"), user("two")],
]


@pytest.mark.parametrize("messages", CONTRADICTIONS)
async def test_messages_that_contradict_it_are_refused(demo, messages):
    known = id_of(await demo.ask("one"))

    got = await demo.ask(messages=messages, conversation=known)

    assert error_of(got) == (400, "invalid_request", "messages")
    assert known in got.json()["error"]["message"]
    assert id_of(await demo.ask("two", conversation=known)) == known


async def test_it_is_of_its_model_and_endpoint_alone(demo):
    await demo.started("Other")
    known = id_of(await demo.ask("one"))

    got = await demo.ask("two", model="other", conversation=known)

    assert error_of(got) == (400, "invalid_request", "conversation")
    assert "'demo'" in got.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("unknown", [UNKNOWN, "", "x" * 10_000, "conv_\x00", "'; --"])
async def test_an_unknown_id_is_not_found_and_begins_nothing(demo, unknown, stream):
    got = await demo.ask("one", conversation=unknown, stream=stream)

    assert error_of(got) == (404, "conversation_not_found", "conversation")
    assert demo.site.prompts == []


async def test_half_a_surrogate_pair_is_no_id(demo):
    body = {"model": "demo", "messages": [user("one")], "conversation": "conv_\ud800"}

    sent = {"content": json.dumps(body), "headers": {"content-type": "application/json"}}
    got = await demo.rest.post("/v1/chat/completions", **sent)

    assert error_of(got) == (404, "conversation_not_found", "conversation")


@pytest.mark.parametrize("wrong", [7, ["conv"], {"id": "x"}, True])
async def test_an_id_of_another_type_is_refused(demo, wrong):
    got = await demo.ask("one", conversation=wrong)

    assert error_of(got) == (400, "invalid_request", "conversation")


async def test_a_chat_that_is_gone_cannot_be_gone_on_with_by_what_is_new_alone(demo):
    known = id_of(await demo.ask("one"))
    demo.site.chats.clear()

    got = await demo.ask("two", conversation=known)
    again = await demo.ask("two", conversation=known)

    assert error_of(got) == (404, "conversation_not_found", "conversation")
    assert '"conversation": "auto"' in got.json()["error"]["message"]
    assert error_of(again) == (404, "conversation_not_found", "conversation")
    assert len(demo.site.sent) == 1


async def test_a_chat_that_is_gone_is_replaced_where_all_of_it_is_sent(demo):
    known = id_of(await demo.ask("one"))
    demo.site.chats.clear()

    got = await demo.ask(messages=[user("one"), assistant("one"), user("two")], conversation=known)

    assert id_of(got) == known
    assert last_sent(demo) == ["one", "one", "two"]


async def test_an_endpoint_that_changed_its_address_knows_its_old_chats_no_more(demo):
    known = id_of(await demo.ask("one"))
    await demo.rest.patch("/api/endpoints/demo", json={"base_url": "http://127.0.0.1:2/"})
    await demo.wait_for("demo", "active")

    by_id = await demo.ask("two", conversation=known)
    by_history = await demo.ask(messages=[user("one"), assistant("one"), user("two")])

    assert error_of(by_id) == (404, "conversation_not_found", "conversation")
    assert id_of(by_history) != known
    assert last_sent(demo) == ["one", "one", "two"]


async def test_a_conversation_takes_one_turn_at_a_time(demo):
    known = id_of(await demo.ask("one"))
    held = anyio.Event()
    demo.site.script = plays(held, TextDelta("late"), DONE)
    going = asyncio.create_task(demo.ask("two", conversation=known))
    with anyio.fail_after(200):
        while len(demo.site.prompts) < 2:
            await anyio.lowlevel.checkpoint()

    asked = await demo.ask("three", conversation=known)
    deleted = await demo.rest.delete(f"/api/conversations/{known}")
    held.set()

    assert error_of(asked) == error_of(deleted) == (409, "conversation_busy", "conversation")
    assert "x-should-retry" not in asked.headers
    assert id_of(await going) == known


async def test_conversations_are_listed_newest_first(demo):
    await demo.started("Other")
    first, second = id_of(await demo.ask("one")), id_of(await demo.ask("one", model="other"))
    await demo.ask("two", conversation=first)

    everything = (await demo.rest.get("/api/conversations")).json()
    newest = (await demo.rest.get("/api/conversations", params={"limit": 1})).json()
    of_other = (await demo.rest.get("/api/conversations", params={"endpoint": "other"})).json()

    assert [c["id"] for c in everything] == [first, second]
    assert [c["id"] for c in newest] == [first]
    assert [c["id"] for c in of_other] == [second]


async def test_a_conversation_is_shown_without_its_words(demo):
    known = id_of(await demo.ask("a secret"))

    got = await demo.rest.get(f"/api/conversations/{known}")

    document = got.json()
    assert document["created_at"] == document.pop("updated_at")
    assert document.pop("created_at").endswith("+00:00")
    assert document == {
        "id": known,
        "endpoint": "demo",
        "model": None,
        "turns": 1,
        "url": "http://site.example/c/1",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"limit": 0}, (400, "invalid_request", "limit")),
        ({"limit": 1001}, (400, "invalid_request", "limit")),
        ({"limit": "x"}, (400, "invalid_request", "limit")),
        ({"endpoint": "nope"}, (404, "endpoint_not_found", None)),
    ],
)
async def test_a_list_that_cannot_be_had_is_refused(demo, query, expected):
    assert error_of(await demo.rest.get("/api/conversations", params=query)) == expected


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("unknown", [UNKNOWN, "x", "conv_%00", "x" * 5000])
async def test_an_unknown_conversation_is_not_found_over_rest(demo, method, unknown):
    got = await demo.rest.request(method, f"/api/conversations/{unknown}")

    assert error_of(got) == (404, "conversation_not_found", "conversation")


async def test_a_deleted_conversation_is_forgotten_here_and_at_the_site(demo):
    known = id_of(await demo.ask("one"))

    deleted = await demo.rest.delete(f"/api/conversations/{known}")

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert "x-gateway-notes" not in deleted.headers
    assert [chat.url for chat in demo.site.forgotten] == ["http://site.example/c/1"]
    assert (await demo.rest.get(f"/api/conversations/{known}")).status_code == 404
    assert (await demo.rest.delete(f"/api/conversations/{known}")).status_code == 404
    got = await demo.ask(messages=[user("one"), assistant("one"), user("two")])
    assert id_of(got) != known
    assert last_sent(demo) == ["one", "one", "two"]


async def _stop(gateway: RunningGateway) -> None:
    await gateway.rest.post("/api/endpoints/demo/stop")


async def _fail(gateway: RunningGateway) -> None:
    gateway.site.forget_failure = SiteError("no")


async def _know_no_way(gateway: RunningGateway) -> None:
    gateway.site.can_forget = False


@pytest.mark.parametrize("hinder", [_stop, _fail, _know_no_way])
async def test_a_chat_that_stays_at_the_site_is_said_to(demo, hinder):
    known = id_of(await demo.ask("one"))
    await hinder(demo)

    deleted = await demo.rest.delete(f"/api/conversations/{known}")

    assert (deleted.status_code, deleted.headers["x-gateway-notes"]) == (204, "kept-at-site")
    assert (await demo.rest.get(f"/api/conversations/{known}")).status_code == 404


async def test_conversations_go_with_their_endpoint(demo):
    known = id_of(await demo.ask("one"))

    await demo.rest.delete("/api/endpoints/demo")

    assert (await demo.rest.get(f"/api/conversations/{known}")).status_code == 404


async def test_testing_an_endpoint_leaves_no_conversation(demo):
    await demo.rest.post("/api/endpoints/demo/test", json={"message": "hi"})

    assert demo.site.prompts[0].is_throwaway
    assert (await demo.rest.get("/api/conversations")).json() == []


async def test_a_web_page_may_read_the_id(tmp_path, site):
    origin = "http://ui.example"
    async with run_gateway(tmp_path, site, cors_origins=(origin,)) as gateway:
        await gateway.started()
        body = {"model": "demo", "messages": [user("one")]}
        got = await gateway.rest.post("/v1/chat/completions", json=body, headers={"origin": origin})

    assert "x-gateway-conversation" in got.headers["access-control-expose-headers"]
