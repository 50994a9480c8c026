"""An endpoint that speaks Anthropic's Messages API, as OpenAI's own client sees it through the gateway."""

from __future__ import annotations

import json
from typing import Any

import openai
import pydantic
import pytest

from tests.fakes.scripted_api import STREAM_END, STREAM_HEAD, Step, answers, piece, scripted_api, streams

ASK: Any = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "How is the weather?"},
]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
USAGE = {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 5}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def sent(kind: str, **values: Any) -> bytes:
    return piece(f"event: {kind}\ndata: {json.dumps({'type': kind, **values})}\n\n".encode())


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[Step]:
    return [
        sent("content_block_start", index=index, content_block=start),
        *(sent("content_block_delta", index=index, delta=delta) for delta in deltas),
        sent("content_block_stop", index=index),
    ]


def text(index: int, *texts: str) -> list[Step]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": t} for t in texts))


def call(index: int, call_id: str, *pieces: str) -> list[Step]:
    start = {"type": "tool_use", "id": call_id, "name": "get_weather", "input": {}}
    return block(index, start, *({"type": "input_json_delta", "partial_json": p} for p in pieces))


BEGUN: list[Step] = [
    STREAM_HEAD,
    sent("message_start", message={"usage": {**USAGE, "output_tokens": 1}}),
    sent("ping"),
]


def streamed(stop_reason: str, *blocks: list[Step]) -> list[Step]:
    last = sent("message_delta", delta={"stop_reason": stop_reason}, usage={"output_tokens": 5})
    return [*BEGUN, *(step for b in blocks for step in b), last, sent("message_stop"), STREAM_END]


def whole(stop_reason: str, *content: dict[str, Any]) -> list[Step]:
    return answers({"type": "message", "content": content, "stop_reason": stop_reason, "usage": USAGE})


@pytest.fixture
async def client(gateway, api):
    await gateway.started_api("claude", api.url, preset="anthropic", models=["claude-sonnet-4-5"])
    return gateway.openai


async def test_a_whole_answer_is_a_chat_completion_and_the_key_goes_where_it_belongs(client, api):
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
    api.plays(whole("end_turn", thought, {"type": "text", "text": "Grüße 👋"}))

    got = await client.chat.completions.create(
        model="claude", messages=ASK, reasoning_effort="low", max_tokens=5000
    )

    asked = api.asked[0]
    assert (asked.path, asked.headers["x-api-key"]) == ("/v1/messages", "up-key")
    assert "authorization" not in asked.headers
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert asked.json["system"] == [{"type": "text", "text": "Be kind."}]
    assert asked.json["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert got.choices[0].message.content == "Grüße 👋"
    assert got.choices[0].message.model_extra["reasoning_content"] == "Hm."
    assert (got.usage.prompt_tokens, got.usage.completion_tokens, got.usage.total_tokens) == (7, 5, 12)
    assert got.usage.prompt_tokens_details.cached_tokens == 4


async def test_a_streamed_answer_comes_in_deltas_and_its_usage_only_where_asked_for(client, api):
    api.plays(streamed("max_tokens", text(0, "Grü", "ße ", "👋")))

    plain = [c async for c in await client.chat.completions.create(model="claude", messages=ASK, stream=True)]
    counted = [
        c
        async for c in await client.chat.completions.create(
            model="claude", messages=ASK, stream=True, stream_options={"include_usage": True}
        )
    ]

    assert [c.choices[0].delta.content for c in plain] == ["Grü", "ße ", "👋", None]
    assert plain[-1].choices[0].finish_reason == "length"
    assert len({c.id for c in plain}) == 1
    assert all(c.usage is None for c in plain)
    assert counted[-1].usage.total_tokens == 12


async def test_two_calls_come_streamed_and_their_results_go_back(client, api):
    api.plays(
        streamed(
            "tool_use", text(0, "I look."), call(1, "toolu_1", '{"city": "Mün', 'chen"}'), call(2, "toolu_2")
        ),
        whole("end_turn", {"type": "text", "text": "It rains."}),
    )

    async with client.chat.completions.stream(model="claude", messages=ASK, tools=[WEATHER]) as stream:
        message = (await stream.get_final_completion()).choices[0].message
    calls = [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls]
    results = [
        {"role": "tool", "tool_call_id": c.id, "content": f"rain at {i}"}
        for i, c in enumerate(message.tool_calls)
    ]
    after = [*ASK, message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}), *results]
    got = await client.chat.completions.create(model="claude", messages=after, tools=[WEATHER])

    _, used, answered = api.asked[1].json["messages"]
    assert calls == [
        ("toolu_1", "get_weather", '{"city": "München"}'),
        ("toolu_2", "get_weather", "{}"),
    ]
    assert [b.get("input") for b in used["content"]] == [None, {"city": "München"}, {}]
    assert [b["tool_use_id"] for b in answered["content"]] == ["toolu_1", "toolu_2"]
    assert got.choices[0].message.content == "It rains."


async def test_a_whole_call_has_its_arguments_and_says_so(client, api):
    use = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Zürich"}}
    api.plays(whole("tool_use", use))

    got = await client.chat.completions.create(model="claude", messages=ASK, tools=[WEATHER])

    choice = got.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "Zürich"}


class Weather(pydantic.BaseModel):
    city: str


async def test_a_parsed_answer_is_asked_for_by_its_schema(client, api):
    api.plays(whole("end_turn", {"type": "text", "text": '{"city": "Bern"}'}))

    got = await client.chat.completions.parse(model="claude", messages=ASK, response_format=Weather)

    asked = api.asked[0].json["output_config"]["format"]
    assert got.choices[0].message.parsed == Weather(city="Bern")
    assert asked["type"] == "json_schema"
    assert asked["schema"]["additionalProperties"] is False


async def test_any_json_comes_as_text(client, api):
    start = {"type": "tool_use", "id": "t", "name": "gateway_answer_in_json", "input": {}}
    api.plays(streamed("tool_use", block(0, start, {"type": "input_json_delta", "partial_json": '{"a": 1}'})))

    async with client.chat.completions.stream(
        model="claude", messages=ASK, response_format={"type": "json_object"}
    ) as stream:
        choice = (await stream.get_final_completion()).choices[0]

    assert api.asked[0].json["tool_choice"]["name"] == "gateway_answer_in_json"
    assert (choice.message.content, choice.finish_reason) == ('{"a": 1}', "stop")
    assert not choice.message.tool_calls


async def test_what_has_no_effect_is_named_and_what_would_change_the_answer_is_refused(gateway, client, api):
    api.plays(whole("end_turn", {"type": "text", "text": "Hi"}))

    got = await gateway.ask(model="claude", seed=1, frequency_penalty=0.5)
    refused = await gateway.ask(model="claude", n=2)
    wrong = await gateway.ask(model="claude", max_tokens="many")

    assert got.headers["x-gateway-ignored-params"] == "frequency_penalty, seed"
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "n")
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "max_tokens")
    assert len(api.asked) == 1
    assert await gateway.state("claude") == "active"


BEFORE = {
    "an overloaded provider": (answers(OVERLOADED, 529), 529, "overloaded"),
    "an error under HTTP 200": (answers(OVERLOADED), 529, "overloaded"),
    "an error event first": (
        [*BEGUN, sent("error", error=OVERLOADED["error"]), STREAM_END],
        529,
        "overloaded",
    ),
    "a stream without a word": ([*BEGUN, STREAM_END], 502, "site_error"),
    "a limit": (
        answers(
            {"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}},
            429,
            {"retry-after": "7"},
        ),
        429,
        "rate_limited",
    ),
    "a wrong key": (
        answers(
            {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}, 401
        ),
        503,
        "sign_in_required",
    ),
}


@pytest.mark.parametrize("name", BEFORE)
async def test_a_failure_before_the_first_delta_has_a_status_and_another_may_be_asked(
    gateway, client, api, name
):
    script, status, code = BEFORE[name]
    api.plays(script)
    async with scripted_api() as other:
        other.plays(streams("fine"))
        await gateway.started_api("second", other.url)
        await gateway.started_api(
            "first", api.url, preset="anthropic", models=["claude-sonnet-4-5"], fallbacks=["second"]
        )

        alone = await gateway.ask(model="claude", stream=True)
        got = await gateway.ask(model="first", stream=True)

    assert (alone.status_code, alone.json()["error"]["code"]) == (status, code)
    assert "fine" in got.text


async def test_a_request_that_is_too_long_is_told_by_openais_code(gateway, client, api):
    message = "prompt is too long: 210000 tokens > 200000 maximum"
    api.plays(answers({"type": "error", "error": {"type": "invalid_request_error", "message": message}}, 400))

    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model="claude", messages=ASK)

    assert refused.value.code == "context_length_exceeded"
    assert "210000" in refused.value.message


MID_STREAM: dict[str, list[Step]] = {
    "an error event": [sent("error", error=OVERLOADED["error"]), STREAM_END],
    "a cut": ["hang up"],
    "an end without an end": [STREAM_END],
    "a stop_reason without an end": [
        sent("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5}),
        STREAM_END,
    ],
    "a malformed event": [piece(b"data: {oops\n\n"), STREAM_END],
}


@pytest.mark.parametrize("name", MID_STREAM)
async def test_a_failure_in_mid_stream_is_an_error_and_never_an_end(gateway, client, api, name):
    api.plays([*BEGUN, *text(0, "Hello"), *MID_STREAM[name]])

    got = await gateway.ask(model="claude", stream=True)

    events = [line.removeprefix("data: ") for line in got.text.splitlines() if line.startswith("data: ")]
    assert json.loads(events[0])["choices"][0]["delta"]["content"] == "Hello"
    assert json.loads(events[-1])["error"]["code"] == (
        "overloaded" if name == "an error event" else "site_error"
    )
    assert '"finish_reason":"' not in got.text
    assert "[DONE]" not in events


async def test_the_providers_models_are_listed(gateway, api):
    api.models = ("claude-opus-5-5", "claude-sonnet-5")
    await gateway.started_api("claude", api.url, preset="anthropic")

    listed = (await gateway.rest.get("/v1/models")).json()["data"]

    assert {"claude/claude-opus-5-5", "claude/claude-sonnet-5"} <= {entry["id"] for entry in listed}
