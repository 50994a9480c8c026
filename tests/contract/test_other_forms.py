"""The Responses and the Messages API over HTTP, with their official clients, before an API and before a page."""

from __future__ import annotations

import asyncio
import importlib
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


async def test_what_a_stateless_gateway_cannot_do_is_refused_by_name(api_gateway):
    with pytest.raises(openai.BadRequestError) as refused:
        await api_gateway.openai.responses.create(model="api", input="Hi", previous_response_id="resp_1")

    assert refused.value.param == "previous_response_id"


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
