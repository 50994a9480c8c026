"""OpenAI's own Python client, sync and async, at an API endpoint and at a chat page in a real browser."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pydantic
import pytest

from backend.providers.registry import open_providers
from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.chat_site import MARKDOWN, FakeChatSite, profile_data
from tests.fakes.obliging_api import obliging_api
from tests.fakes.scripted_api import answers

WORDS = "One two three four five six seven eight nine ten."
ASK: Any = [{"role": "user", "content": "Say something."}]
ASK_WEATHER: Any = [{"role": "user", "content": "How is the weather in 'Zürich'?"}]
ASK_CITY: Any = [{"role": "user", "content": "Tell of 'Basel' and its 170000 people."}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


class City(pydantic.BaseModel):
    name: str
    people: int


@pytest.fixture
async def obliging(gateway):
    """A gateway before an upstream that does what it is asked."""
    async with obliging_api() as api:
        await gateway.started_api("api", api.url)
        yield gateway


@pytest.fixture
def client(obliging: RunningGateway):
    with sync_client(obliging) as opened:
        yield opened


def sync_client(gateway: RunningGateway) -> openai.OpenAI:
    # Nothing here speaks TLS, and loading certificates takes longer than most of these tests.
    http = openai.DefaultHttpxClient(verify=False)
    return openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key="not-needed", max_retries=0, timeout=200, http_client=http
    )


def gathered(client: openai.OpenAI, **fields: Any) -> list[Any]:
    return list(client.chat.completions.create(model="api/m", stream=True, **fields))


async def test_the_sync_client_gets_a_whole_answer_with_its_usage(client):
    got = await asyncio.to_thread(client.chat.completions.create, model="api/m", messages=ASK)

    assert got.choices[0].message.content == WORDS
    assert got.choices[0].finish_reason == "stop"
    assert got.usage.total_tokens == got.usage.prompt_tokens + got.usage.completion_tokens > 0


async def test_the_sync_client_streams_and_gets_usage_where_it_asks(client):
    plain = await asyncio.to_thread(gathered, client, messages=ASK)
    counted = await asyncio.to_thread(gathered, client, messages=ASK, stream_options={"include_usage": True})

    assert "".join(chunk.choices[0].delta.content or "" for chunk in plain) == WORDS
    assert len(plain) > 5
    assert all(chunk.usage is None for chunk in plain)
    assert counted[-1].usage.total_tokens > 0
    assert counted[-1].choices == []


async def test_the_sync_client_gets_calls_whole_and_streamed(client):
    def streamed() -> Any:
        with client.chat.completions.stream(model="api/m", messages=ASK_WEATHER, tools=[WEATHER]) as stream:
            kinds = [event.type for event in stream]
            return kinds, stream.get_final_completion()

    whole = await asyncio.to_thread(
        client.chat.completions.create, model="api/m", messages=ASK_WEATHER, tools=[WEATHER]
    )
    kinds, final = await asyncio.to_thread(streamed)

    for completion in (whole, final):
        (call,) = completion.choices[0].message.tool_calls
        assert (call.id, call.function.name) == ("call_1", "get_weather")
        assert call.function.arguments == '{"city": "Zürich"}'
        assert completion.choices[0].finish_reason == "tool_calls"
    assert kinds.count("tool_calls.function.arguments.delta") > 1
    assert kinds.count("tool_calls.function.arguments.done") == 1


async def test_an_answer_is_parsed_into_the_clients_model(client, obliging):
    parsed = await asyncio.to_thread(
        client.chat.completions.parse, model="api/m", messages=ASK_CITY, response_format=City
    )
    async with obliging.openai.chat.completions.stream(
        model="api/m", messages=ASK_CITY, response_format=City
    ) as stream:
        final = await stream.get_final_completion()

    assert parsed.choices[0].message.parsed == City(name="Basel", people=170000)
    assert final.choices[0].message.parsed == City(name="Basel", people=170000)


async def test_stop_and_max_tokens_reach_the_provider(client):
    def ask(**fields: Any) -> Any:
        return client.chat.completions.create(model="api/m", messages=ASK, **fields).choices[0]

    stopped = await asyncio.to_thread(ask, stop=[" four"])
    cut = await asyncio.to_thread(ask, max_tokens=2)

    assert (stopped.message.content, stopped.finish_reason) == ("One two three", "stop")
    assert (cut.message.content, cut.finish_reason) == ("One two", "length")


async def test_the_raw_response_names_the_request_and_who_answered(client):
    raw = await asyncio.to_thread(
        client.chat.completions.with_raw_response.create,
        model="api/m",
        messages=ASK,
        extra_headers={"x-request-id": "mine-1"},
    )

    assert raw.headers["x-request-id"] == "mine-1" == raw.parse()._request_id
    assert raw.headers["x-gateway-endpoint"] == "api"


async def test_the_models_are_listed_and_found(client):
    listed = [model.id for model in await asyncio.to_thread(lambda: list(client.models.list()))]
    found = await asyncio.to_thread(client.models.retrieve, "api/m")

    assert "api/m" in listed
    assert found.id == "api/m"


ERRORS: dict[str, tuple[int, type[openai.APIStatusError], str]] = {
    "a wrong body": (400, openai.BadRequestError, "bad"),
    "a limit": (429, openai.RateLimitError, "rate_limited"),
    "a failure": (500, openai.InternalServerError, "site_error"),
}


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("name", ERRORS)
async def test_an_error_of_the_provider_is_the_clients_own_kind_of_error(gateway, api, name, is_streamed):
    status, kind, code = ERRORS[name]
    said = {"error": {"message": "No way.", "type": "x", "code": "bad", "param": None}}
    api.plays(answers(said, status, {"retry-after": "7"}))
    await gateway.started_api("broken", api.url)

    def ask(client: openai.OpenAI) -> Any:
        return client.chat.completions.create(model="broken", messages=ASK, stream=is_streamed)

    with sync_client(gateway) as client, pytest.raises(kind) as caught:
        await asyncio.to_thread(ask, client)

    assert caught.value.code == code
    assert "No way." in caught.value.message
    assert caught.value.request_id


async def test_a_model_that_is_not_there_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as caught:
        await asyncio.to_thread(client.chat.completions.create, model="api2/m", messages=ASK)

    assert caught.value.code == "model_not_found"


@pytest.mark.browser
async def test_a_page_in_a_real_browser_answers_the_sync_and_the_async_client_alike(tmp_path):
    ask: Any = [{"role": "user", "content": "[[md:code]]"}]
    async with FakeChatSite.open() as page, run_gateway(tmp_path, providers=open_providers) as gateway:
        await gateway.started(base_url=page.url, profile=profile_data("fetch-sse"), max_concurrent_requests=1)
        with sync_client(gateway) as client:
            whole = await asyncio.to_thread(client.chat.completions.create, model="demo", messages=ask)
            chunks = await asyncio.to_thread(
                lambda: list(client.chat.completions.create(model="demo", messages=ask, stream=True))
            )
        later = await gateway.openai.chat.completions.create(model="demo", messages=ask)

    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert whole.choices[0].message.content == MARKDOWN["code"]
    assert streamed == later.choices[0].message.content == MARKDOWN["code"]
