"""The Responses and the Messages API over HTTP, with their official clients, before an API and before a page."""

from __future__ import annotations

import asyncio
import gzip
import importlib
import json
from typing import TYPE_CHECKING, Any

import openai
import pytest

from backend.providers.registry import open_providers
from tests.contract.conftest import run_gateway
from tests.fakes.chat_site import MARKDOWN, FakeChatSite, profile_data
from tests.fakes.scripted_api import (
    STREAM_END,
    STREAM_HEAD,
    USAGE,
    answers,
    completion,
    delta,
    event,
    streams,
)
from tests.fakes.scripted_provider import says

if TYPE_CHECKING:
    import anthropic  # noqa: TC004  loaded by a fixture

CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "add", "arguments": ""}}
TOOL_STREAM = [
    STREAM_HEAD,
    delta(role="assistant", content=""),
    delta(tool_calls=[CALL]),
    delta(tool_calls=[{"index": 0, "function": {"arguments": '{"a": 1'}}]),
    delta(tool_calls=[{"index": 0, "function": {"arguments": ', "b": 2}'}}]),
    delta("tool_calls"),
    USAGE,
    event(b"[DONE]"),
    STREAM_END,
]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}


@pytest.fixture(scope="module", autouse=True)
def _anthropic() -> None:
    """Load the client, which takes longer than all these tests: only the worker that runs them does."""
    globals()["anthropic"] = importlib.import_module("anthropic")


def text_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def kind_of(error: anthropic.APIStatusError) -> str:
    return str(error.response.json()["error"]["type"])


@pytest.fixture
async def claude(api_gateway):
    http = anthropic.DefaultAsyncHttpxClient(verify=False)
    async with anthropic.AsyncAnthropic(
        base_url=api_gateway.url, api_key="not-needed", max_retries=0, timeout=200, http_client=http
    ) as client:
        yield client


async def test_messages_of_a_provider_that_repeats_its_ids_are_told_apart(claude, api):
    api.plays(answers(completion("Hello")), answers(completion("Hello")), streams("Hello"), streams("Hello"))
    ask: Any = {"model": "api", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}

    whole = [await claude.messages.create(**ask) for _ in range(2)]
    for _ in range(2):
        async with claude.messages.stream(**ask) as stream:
            whole.append(await stream.get_final_message())

    assert len({message.id for message in whole}) == 4


async def test_a_call_whose_id_the_conversation_has_gets_another_one(claude, api_gateway, api):
    entry = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    api.plays(answers(completion("", tool_calls=[entry])), TOOL_STREAM, TOOL_STREAM)
    used: Any = [{"type": "tool_use", "id": "call_1", "name": "add", "input": {}}]
    result: Any = [{"type": "tool_result", "tool_use_id": "call_1", "content": "3"}]
    told: Any = [{"role": "assistant", "content": used}, {"role": "user", "content": result}]
    items: Any = [
        {"type": "function_call", "call_id": "call_1", "name": "add", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "3"},
    ]
    ask: Any = {"model": "api", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}, *told]}

    whole = await claude.messages.create(**ask)
    async with claude.messages.stream(**ask) as stream:
        streamed = await stream.get_final_message()
    response = await api_gateway.openai.responses.create(model="api", input=items, stream=True)
    called = [event.item async for event in response if event.type == "response.output_item.done"]

    assert "call_1" not in {whole.content[0].id, streamed.content[0].id, called[0].call_id}


async def test_a_response_is_answered_whole_and_streamed(api_gateway, api):
    client = api_gateway.openai
    api.plays(answers(completion("Hello there")), streams("Hello", " there"))

    whole = await client.responses.create(model="api", input="Hi", instructions="Be brief")
    async with client.responses.stream(model="api", input="Hi") as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()

    assert (whole.output_text, final.output_text) == ("Hello there", "Hello there")
    assert whole.usage.input_tokens == 7
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert api.asked[0].json["messages"][0] == {"role": "system", "content": "Be brief"}


async def test_a_response_calls_tools(api_gateway, api):
    api.plays(TOOL_STREAM)
    tool = {"type": "function", "name": "add", "parameters": SCHEMA}

    async with api_gateway.openai.responses.stream(model="api", input="1+2", tools=[tool]) as stream:
        final = await stream.get_final_response()

    [call] = final.output
    assert (call.type, call.name, call.arguments) == ("function_call", "add", '{"a": 1, "b": 2}')


async def test_a_response_that_breaks_off_failed(api_gateway, api):
    api.plays([STREAM_HEAD, delta(content="Hel"), "hang up"])

    stream = await api_gateway.openai.responses.create(model="api", input="Hi", stream=True)
    kinds = [event.type async for event in stream]

    assert kinds[-1] == "response.failed"
    assert "response.completed" not in kinds


async def test_a_message_is_answered_whole_and_streamed(claude, api):
    api.plays(answers(completion("Hello there")), streams("Hello", " there"))
    asked = {"model": "api", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}

    whole = await claude.messages.create(**asked)
    async with claude.messages.stream(**asked) as stream:
        texts = [text async for text in stream.text_stream]
        final = await stream.get_final_message()

    assert text_of(whole) == "Hello there"
    assert texts == ["Hello", " there"]
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 5)


async def test_a_message_calls_tools_with_their_input(claude, api):
    api.plays(TOOL_STREAM)
    tool = {"name": "add", "input_schema": SCHEMA}
    asked = {"model": "api", "max_tokens": 50, "messages": [{"role": "user", "content": "1+2"}]}

    async with claude.messages.stream(**asked, tools=[tool]) as stream:
        final = await stream.get_final_message()

    [block] = final.content
    assert (block.type, block.name, block.input) == ("tool_use", "add", {"a": 1, "b": 2})
    assert final.stop_reason == "tool_use"


async def test_errors_of_messages_have_anthropics_shape(claude, api):
    api.plays(answers({"error": {"message": "slow down"}}, 429, {"retry-after": "9"}))
    asked = {"max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}

    with pytest.raises(anthropic.RateLimitError) as limited:
        await claude.messages.create(model="api", **asked)
    with pytest.raises(anthropic.NotFoundError) as unknown:
        await claude.messages.create(model="nobody", **asked)
    with pytest.raises(anthropic.BadRequestError) as wrong:
        await claude.messages.create(model="api", max_tokens=50, messages=[])

    assert kind_of(limited.value) == "rate_limit_error"
    assert limited.value.response.headers["retry-after"] == "9"
    assert kind_of(unknown.value) == "not_found_error"
    assert "messages" in str(wrong.value)


async def test_tokens_are_counted_without_asking_anybody(claude, api):
    counted = await claude.messages.count_tokens(
        model="api", messages=[{"role": "user", "content": "x" * 400}]
    )

    assert 90 < counted.input_tokens < 130
    assert api.asked == []


async def test_a_page_answers_in_both_forms(gateway):
    gateway.site.script = says("Hello", " there")
    await gateway.started()
    http = anthropic.DefaultAsyncHttpxClient(verify=False)
    async with anthropic.AsyncAnthropic(
        base_url=gateway.url, api_key="x", timeout=200, http_client=http
    ) as claude:
        message = await claude.messages.create(
            model="demo", max_tokens=50, messages=[{"role": "user", "content": "Hi"}]
        )
    response = await gateway.openai.responses.create(model="demo", input="Hi")

    assert text_of(message) == "Hello there"
    assert response.output_text == "Hello there"


async def test_what_the_gateway_cannot_do_is_refused_by_name(api_gateway):
    with pytest.raises(openai.BadRequestError) as refused:
        await api_gateway.openai.responses.create(model="api", input="Hi", background=True)

    assert refused.value.param == "background"


CODEX = {
    "client_metadata": {"session_id": "s", "machine": "m"},
    "prompt_cache_key": "k",
    "include": ["reasoning.encrypted_content"],
    "store": False,
    "tools": [
        {"type": "function", "name": "shell", "parameters": {"type": "object"}},
        {"type": "custom", "name": "edit"},
        {
            "type": "namespace",
            "name": "agents",
            "description": "Agents.",
            "tools": [{"type": "function", "name": "shell", "parameters": {"type": "object"}}],
        },
        {"type": "web_search", "external_web_access": False},
    ],
}


def named_in(headers: Any) -> list[str]:
    named: str = headers.get("x-gateway-ignored-params", "")
    return named.split(", ")


async def test_what_codex_sends_by_default_is_answered_with_calls_of_its_namespaces(api_gateway, api):
    call = {"id": "c1", "type": "function", "function": {"name": "agents__shell", "arguments": '{"a":1}'}}
    api.plays(answers(completion("", reasoning_content="hm", tool_calls=[call])), answers(completion("ok")))

    first = await api_gateway.rest.post("/v1/responses", json={"model": "api", "input": "Hi", **CODEX})
    items = first.json()["output"]
    result = {"type": "function_call_output", "call_id": "c1", "output": "1"}
    second = await api_gateway.rest.post(
        "/v1/responses", json={"model": "api", "input": [*items, result], **CODEX}
    )

    asked = api.asked[0].json
    assert asked.keys() == {"model", "messages", "tools", "prompt_cache_key"}
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["shell", "edit", "agents__shell"]
    assert named_in(first.headers) == ["web_search_options", "client_metadata"]
    assert [item["type"] for item in items] == ["reasoning", "function_call"]
    assert (items[1]["namespace"], items[1]["name"]) == ("agents", "shell")
    assistant = api.asked[1].json["messages"][0]
    assert assistant["tool_calls"][0]["function"]["name"] == "agents__shell"
    assert assistant["reasoning_content"] == "hm"
    assert second.status_code == 200


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_what_only_anthropics_api_has_is_named_and_not_sent(api_gateway, api, is_streamed):
    api.plays(streams("Hello") if is_streamed else answers(completion("Hello")))
    asked = {
        "model": "api",
        "max_tokens": 50,
        "stream": is_streamed,
        "top_k": 3,
        "context_management": {"edits": []},
        "metadata": {"user_id": "u" * 150},
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": "Hi"}],
    }

    response = await api_gateway.rest.post("/v1/messages", json=asked, headers={"anthropic-beta": "a,b"})

    sent = api.asked[0].json
    names = {"model", "messages", "max_completion_tokens", "user"}
    assert sent.keys() == (names | {"stream", "stream_options"} if is_streamed else names)
    assert len(sent["user"]) == 64
    told = ["anthropic-beta", "cache_control", "context_management", "top_k"]
    assert named_in(response.headers) == told


async def test_a_page_names_what_it_ignores_beside_what_got_lost(gateway):
    await gateway.started()
    asked = {"model": "demo", "input": "Hi", "temperature": 0.5, "client_metadata": {"a": "b"}}

    response = await gateway.rest.post("/v1/responses", json=asked)

    assert named_in(response.headers) == ["temperature", "client_metadata"]


async def test_thoughts_amid_calls_of_tools_go_back_to_the_model(claude, api):
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    api.plays(
        answers(completion("", reasoning_content="I must add.", tool_calls=[call])), answers(completion("3"))
    )
    asked: Any = {"model": "api", "max_tokens": 50, "tools": [{"name": "add", "input_schema": SCHEMA}]}
    question: Any = {"role": "user", "content": "1+2"}

    first = await claude.messages.create(**asked, messages=[question])
    result: Any = {"type": "tool_result", "tool_use_id": "c1", "content": "3"}
    turn: Any = [
        question,
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    await claude.messages.create(**asked, messages=turn)

    assert api.asked[1].json["messages"][1]["reasoning_content"] == "I must add."


async def test_requests_that_are_wrong_do_not_speak_against_the_endpoint(gateway):
    await gateway.started(disable_after_failures=1)
    wrong = {"model": "demo", "max_tokens": -1, "messages": [{"role": "user", "content": "Hi"}]}

    refused = [await gateway.rest.post("/v1/messages", json=wrong) for _ in range(2)]
    document = (await gateway.rest.get("/api/endpoints/?include=breaker")).json()

    assert [response.status_code for response in refused] == [400, 400]
    assert "max_tokens" in refused[0].json()["error"]["message"]
    assert "disabled" not in str(document)


@pytest.mark.browser
async def test_anthropics_clients_get_the_answer_of_a_page_in_a_real_browser(tmp_path):
    asked: Any = {
        "model": "demo",
        "max_tokens": 2000,
        "messages": [{"role": "user", "content": "[[md:code]]"}],
    }
    async with FakeChatSite.open() as page, run_gateway(tmp_path, providers=open_providers) as gateway:
        await gateway.started(base_url=page.url, profile=profile_data("fetch-sse"), max_concurrent_requests=1)
        with anthropic.Anthropic(base_url=gateway.url, api_key="x", timeout=200) as client:
            whole = await asyncio.to_thread(lambda: client.messages.create(**asked))
        async with (
            anthropic.AsyncAnthropic(base_url=gateway.url, api_key="x", timeout=200) as later,
            later.messages.stream(**asked) as stream,
        ):
            streamed = "".join([text async for text in stream.text_stream])

    assert text_of(whole) == streamed == MARKDOWN["code"]


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/messages", "/v1/chat/completions", "/api/rotations/"])
async def test_a_compressed_request_is_read_at_every_door(api_gateway, api, path):
    api.plays(answers(completion("Hello")))
    body = {
        "/v1/responses": {"model": "api", "input": "Hi"},
        "/v1/messages": {"model": "api", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]},
        "/v1/chat/completions": {"model": "api", "messages": [{"role": "user", "content": "Hi"}]},
        "/api/rotations/": {"name": "r", "providers": [{"provider_id": "api"}]},
    }[path]
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    packed = gzip.compress(json.dumps(body).encode())

    answered = await api_gateway.rest.post(path, content=packed, headers=headers)
    unknown = await api_gateway.rest.post(path, content=packed, headers={**headers, "content-encoding": "br"})

    assert answered.is_success, answered.text
    assert unknown.status_code == 415
    assert "br can't be read" in unknown.json()["error"]["message"]
