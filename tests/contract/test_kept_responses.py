"""Requests to ``/v1/responses`` that go on from an earlier one, or refer to its items."""

from __future__ import annotations

import sqlite3
from typing import Any

import openai
import pytest

from tests.contract.conftest import run_gateway
from tests.contract.test_native_apis import RESPONSE, RESPONSE_EVENTS, streamed
from tests.fakes.scripted_api import STREAM_END, STREAM_HEAD, answers, completion, delta, event, streams

CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
TOOL: Any = {"type": "function", "name": "add", "parameters": {"type": "object"}}
THOUGHT = "I must add."
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "3"}


def thinking_call(*, is_streamed: bool) -> list[Any]:
    if not is_streamed:
        return answers(completion("", reasoning_content=THOUGHT, tool_calls=[CALL]))
    deltas = [delta(reasoning_content=THOUGHT), delta(tool_calls=[{**CALL, "index": 0}]), delta("tool_calls")]
    return [STREAM_HEAD, *deltas, event(b"[DONE]"), STREAM_END]


async def ask(gateway: Any, *, is_streamed: bool = False, **body: Any) -> Any:
    """Ask, and return the response as the official client reads it."""
    if not is_streamed:
        return await gateway.openai.responses.create(model="api", tools=[TOOL], **body)
    async with gateway.openai.responses.stream(model="api", tools=[TOOL], **body) as stream:
        async for _ in stream:
            pass
        return await stream.get_final_response()


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_request_goes_on_from_a_response(api_gateway, api, is_streamed):
    api.plays(thinking_call(is_streamed=is_streamed), answers(completion("3")))

    first = await ask(api_gateway, input="1+2", is_streamed=is_streamed)
    second = await ask(api_gateway, input=[RESULT], previous_response_id=first.id, instructions="Be brief")

    sent = api.asked[1].json["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool"]
    assert sent[1]["content"] == "1+2"
    assert sent[2]["reasoning_content"] == THOUGHT
    assert sent[2]["tool_calls"][0]["id"] == "c1"
    assert (first.store, second.previous_response_id, second.output_text) == (True, first.id, "3")


async def test_an_item_may_be_referred_to_as_the_ai_sdk_does(api_gateway, api):
    api.plays(thinking_call(is_streamed=False), answers(completion("3")))

    first = await ask(api_gateway, input="1+2")
    references: Any = [{"type": "item_reference", "id": item.id} for item in first.output]
    await ask(api_gateway, input=[{"role": "user", "content": "1+2"}, *references, RESULT])

    sent = api.asked[1].json["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
    assert sent[1]["reasoning_content"] == THOUGHT


async def test_reasoning_that_nobody_kept_is_left_out(api_gateway, api):
    api.plays(answers(completion("3")))

    await ask(
        api_gateway, input=[{"type": "item_reference", "id": "rs_gone"}, {"role": "user", "content": "Hi"}]
    )

    assert api.asked[0].json["messages"] == [{"role": "user", "content": "Hi"}]


async def test_answers_of_a_provider_that_repeats_its_ids_are_told_apart(api_gateway, api):
    api.plays(answers(completion("one")), answers(completion("two")), answers(completion("three")))

    first, second = [await ask(api_gateway, input="Hi") for _ in range(2)]
    await ask(api_gateway, input="go on", previous_response_id=first.id)

    assert first.id != second.id
    assert api.asked[2].json["messages"][1]["content"] == [{"type": "text", "text": "one"}]


@pytest.mark.parametrize("body", [{"store": False}, {}])
async def test_what_is_not_to_be_kept_is_not_there(tmp_path, api, body):
    async with run_gateway(tmp_path, responses_kept=0 if not body else 100) as gateway:
        await gateway.started_api("api", api.url)
        api.plays(answers(completion("one")))
        first = await ask(gateway, input="Hi", **body)

        with pytest.raises(openai.BadRequestError) as refused:
            await ask(gateway, input="go on", previous_response_id=first.id)

    assert refused.value.param == "previous_response_id"
    assert first.store is False
    assert len(api.asked) == 1


async def test_an_unknown_response_is_told_as_openai_does(api_gateway, api):
    with pytest.raises(openai.BadRequestError) as refused:
        await ask(api_gateway, input="go on", previous_response_id="resp_nobody")

    assert (refused.value.code, refused.value.param) == (
        "previous_response_not_found",
        "previous_response_id",
    )
    assert api.asked == []


async def test_what_is_kept_outlives_the_gateway_and_nobody_can_read_it(tmp_path, api):
    api.plays(answers(completion("a secret answer")), answers(completion("two")))
    async with run_gateway(tmp_path) as gateway:
        await gateway.started_api("api", api.url)
        first = await ask(gateway, input="a secret question")

    with sqlite3.connect(tmp_path / "parley.db") as database:
        [(sealed,)] = database.execute("SELECT sealed FROM responses").fetchall()
    async with run_gateway(tmp_path) as again:
        await again.wait_for("api", "active")
        await ask(again, input="go on", previous_response_id=first.id)

    assert sealed.startswith("v1:")
    assert "secret" not in sealed
    assert api.asked[1].json["messages"][0]["content"] == "a secret question"


async def test_a_page_goes_on_in_its_chat(gateway):
    await gateway.started()

    first = await gateway.openai.responses.create(model="demo", input="Hello")
    second = await gateway.openai.responses.create(model="demo", input="And?", previous_response_id=first.id)

    assert second.previous_response_id == first.id
    assert second.output_text


async def test_an_answer_that_failed_is_not_kept(api_gateway, api):
    api.plays([STREAM_HEAD, delta(content="Hel"), "hang up"])
    stream = await api_gateway.openai.responses.create(model="api", input="Hi", stream=True)
    events = [event async for event in stream]

    with pytest.raises(openai.BadRequestError):
        await ask(api_gateway, input="go on", previous_response_id=events[0].response.id)


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_response_that_passed_as_it_was_can_be_gone_on_from_anywhere(gateway, api, is_streamed):
    await gateway.started_api("native", api.url, native_apis=["responses"], models=["m"])
    await gateway.started_api("api", api.url, models=["m"])
    api.plays(
        streamed(*RESPONSE_EVENTS) if is_streamed else answers(RESPONSE),
        answers(RESPONSE),
        answers(completion("3")),
    )
    rest = gateway.rest

    first = await rest.post("/v1/responses", json={"model": "native", "input": "Hi", "stream": is_streamed})
    second, third = [
        await rest.post(
            "/v1/responses", json={"model": model, "input": "go on", "previous_response_id": "resp_1"}
        )
        for model in ("native", "api")
    ]

    assert [first.status_code, second.status_code, third.status_code] == [200, 200, 200]
    expected = [
        {"type": "message", "role": "user", "content": "Hi"},
        *RESPONSE["output"],
        {"type": "message", "role": "user", "content": "go on"},
    ]
    assert api.asked[1].json["input"] == expected
    assert "previous_response_id" not in api.asked[1].json
    assert api.asked[2].json["messages"][0] == {"role": "user", "content": "Hi"}


async def test_the_next_request_may_come_as_soon_as_the_end_is_read(api_gateway, api):
    api.plays(streams("one"), answers(completion("two")))
    stream = await api_gateway.openai.responses.create(model="api", input="Hi", stream=True)

    async for one in stream:
        if one.type == "response.completed":
            following = await ask(api_gateway, input="go on", previous_response_id=one.response.id)

    assert following.output_text == "two"
