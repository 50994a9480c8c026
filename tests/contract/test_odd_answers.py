"""What providers answer that OpenAI wouldn't: at each of our doors it is the answer, or an error, and never half of one."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.contract.conftest import RunningGateway
from tests.fakes.scripted_api import (
    CHUNK,
    STREAM_END,
    STREAM_HEAD,
    USAGE,
    Step,
    answers,
    completion,
    delta,
    event,
    scripted_api,
    streams,
)
from tests.fakes.upstream_answers import Meaning, read_stream, read_whole

DOORS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
    "messages": ("/v1/messages", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 50}),
    "responses": ("/v1/responses", {"input": "hi"}),
}


async def post(
    gateway: RunningGateway, door: str, *, stream: bool, model: str = "api", **more: Any
) -> httpx.Response:
    path, body = DOORS[door]
    return await gateway.rest.post(path, json={**body, "model": model, "stream": stream, **more})


def meant(got: httpx.Response, door: str) -> Meaning:
    if got.headers["content-type"].startswith("text/event-stream"):
        return read_stream(got.content, door)
    return read_whole(got.content, door)


def whole_ended(reason: Any, text: str = "Half an ans") -> list[Step]:
    document = completion(text)
    document["choices"][0]["finish_reason"] = reason
    return answers(document)


def stream_ended(reason: Any) -> list[Step]:
    first = delta(role="assistant", content="")
    return [
        STREAM_HEAD,
        first,
        delta(content="Half an ans"),
        delta(reason),
        USAGE,
        event(b"[DONE]"),
        STREAM_END,
    ]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    ("reason", "end"),
    [("eos_token", "complete"), ("model_length", "cut"), ("MAX_TOKENS", "cut"), ("sensitive", "refused")],
)
async def test_an_end_in_other_words_is_what_it_means(api_gateway, api, reason, end, is_streamed, door):
    api.plays(stream_ended(reason) if is_streamed else whole_ended(reason))

    got = await post(api_gateway, door, stream=is_streamed)

    assert meant(got, door) == Meaning("Half an ans", end=end)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("reason", ["network_error", "insufficient_system_resource", "no such word", 7])
async def test_any_other_end_is_an_error_of_the_provider(api_gateway, api, reason, door):
    api.plays(stream_ended(reason), whole_ended(reason))

    streamed = await post(api_gateway, door, stream=True)
    whole = await post(api_gateway, door, stream=False)

    assert "site_error" in streamed.text or "response.failed" in streamed.text
    assert meant(streamed, door).end == ""
    assert (whole.status_code, whole.json()["error"]["code"]) == (502, "site_error")


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
async def test_another_endpoint_is_asked_where_an_answer_ended_in_an_error_before_it_began(
    gateway, api, is_streamed
):
    api.plays([STREAM_HEAD, delta("error"), STREAM_END] if is_streamed else whole_ended("error"))
    async with scripted_api() as other:
        other.plays(streams("fine") if is_streamed else answers(completion("fine")))
        await gateway.started_api("second", other.url)
        await gateway.started_api("first", api.url, fallbacks=["second"])

        got = await gateway.ask(model="first", stream=is_streamed)

    assert got.headers["x-gateway-endpoint"] == "second"


def tool_stream(*calls: dict[str, Any], reason: str = "tool_calls") -> list[Step]:
    return [STREAM_HEAD, *(delta(tool_calls=[call]) for call in calls), delta(reason), USAGE, STREAM_END]


def call(call_id: str, name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("index", [{}, {"index": 0}, {"index": None}], ids=["none", "the same", "null"])
@pytest.mark.parametrize("first", ["", '{"x":1}'])
async def test_parallel_calls_without_indexes_of_their_own_are_told_apart(
    api_gateway, api, door, index, first
):
    api.plays(tool_stream(call("a", "show", first, **index), call("b", "drop", '{"all":true}', **index)))

    got = await post(api_gateway, door, stream=True)

    calls = [("show", json.loads(first or "{}")), ("drop", {"all": True})]
    assert meant(got, door) == Meaning(calls=calls, end="calls")


@pytest.mark.parametrize("door", ["messages", "responses"])
@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
async def test_a_content_of_parts_is_text_and_reasoning(api_gateway, api, is_streamed, door):
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "Hello"},
    ]
    chunks = [event({**CHUNK, "choices": [{"index": 0, "delta": {"content": [part]}}]}) for part in parts]
    stream = [STREAM_HEAD, *chunks, delta("stop"), STREAM_END]
    api.plays(stream if is_streamed else answers(completion(parts)))  # type: ignore[arg-type]

    got = await post(api_gateway, door, stream=is_streamed)

    assert meant(got, door) == Meaning("Hello", "hm", end="complete")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
async def test_arguments_that_are_an_object_are_its_json(api_gateway, api, is_streamed, door):
    one = call("a", "fetch", {"url": "https://a.test", "title": "A"}, index=0)
    api.plays(tool_stream(one) if is_streamed else answers(completion("", tool_calls=[one])))

    got = await post(api_gateway, door, stream=is_streamed)

    assert meant(got, door).calls == [("fetch", {"url": "https://a.test", "title": "A"})]


@pytest.mark.parametrize("door", ["messages", "responses"])
@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
async def test_a_call_of_the_api_before_tools_is_a_call(api_gateway, api, is_streamed, door):
    pieces = [{"name": "add", "arguments": ""}, {"arguments": '{"a"'}, {"arguments": ":1}"}]
    stream = [STREAM_HEAD, *(delta(function_call=one) for one in pieces), delta("function_call"), STREAM_END]
    whole = completion("", function_call={"name": "add", "arguments": '{"a":1}'})
    whole["choices"][0]["finish_reason"] = "function_call"
    api.plays(stream if is_streamed else answers(whole))

    got = await post(api_gateway, door, stream=is_streamed)

    assert meant(got, door) == Meaning(calls=[("add", {"a": 1})], end="calls")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
async def test_numbers_in_arguments_keep_their_digits(api_gateway, api, is_streamed, door):
    numbers = '{"id":123456789012345678901234567890,"p":0.10000000000000000555}'
    one = call("a", "pay", numbers, index=0)
    api.plays(tool_stream(one) if is_streamed else answers(completion("", tool_calls=[one])))

    got = await post(api_gateway, door, stream=is_streamed)

    assert numbers in got.text.replace('\\"', '"')


@pytest.mark.parametrize("door", DOORS)
async def test_a_character_that_comes_in_halves_arrives(api_gateway, api, door):
    halves = [delta(content="\ud83d"), delta(content="\ude00")]
    api.plays([STREAM_HEAD, *halves, delta("stop"), STREAM_END], answers(completion("\ud83d\ude00")))

    streamed = await post(api_gateway, door, stream=True)
    whole = await post(api_gateway, door, stream=False)

    texts = [
        meant(got, door).text.encode("utf-16", "surrogatepass").decode("utf-16") for got in (streamed, whole)
    ]
    assert texts == ["😀", "😀"]


FORBIDDEN = {"error": {"message": "Project does not have access to model", "code": "model_not_allowed"}}
MODERATED = {
    "error": {"code": 403, "message": "flagged", "metadata": {"reasons": ["x"], "flagged_input": "y"}}
}
BUSY = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
REFUSALS: dict[str, tuple[list[Step], int, str, str]] = {
    "403": (answers(FORBIDDEN, 403), 403, "model_not_allowed", "Project does not have access to model"),
    "403 without a code": (answers({"error": {"message": "no"}}, 403), 403, "not_allowed", "no"),
    "403 of moderation": (answers(MODERATED, 403), 502, "content_blocked", "flagged"),
    "409": (answers({"error": {"message": "changed meanwhile"}}, 409), 409, "conflict", "changed meanwhile"),
    "529": (answers(BUSY, 529), 529, "overloaded", "Overloaded"),
    "400 in plain text": (
        answers(b"temperature must be <= 1\n", 400, kind="text/plain"),
        400,
        "invalid_request",
        "temperature must be <= 1",
    ),
    "400 of Cloudflare": (
        answers({"success": False, "errors": [{"code": 7003, "message": "Could not route"}]}, 400),
        400,
        "7003",
        "Could not route",
    ),
    "a failed status under 200": (
        answers({"choices": None, "base_resp": {"status_code": 2013, "status_msg": "invalid params"}}),
        502,
        "site_error",
        "invalid params",
    ),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal_is_told_as_what_it_is(api_gateway, api, name, is_streamed, door):
    script, status, code, words = REFUSALS[name]
    api.plays(script)

    got = await post(api_gateway, door, stream=is_streamed)

    error = got.json()["error"]
    assert (got.status_code, error["code"]) == (status, code)
    assert words in error["message"]


async def test_what_is_forbidden_at_one_endpoint_is_asked_of_another_and_the_first_has_not_failed(
    gateway, api
):
    api.plays(answers(FORBIDDEN, 403))
    async with scripted_api() as other:
        other.plays(answers(completion("fine")))
        await gateway.started_api("second", other.url)
        await gateway.started_api("first", api.url, fallbacks=["second"], disable_after_failures=1)

        answered = [(await gateway.ask(model="first")).headers["x-gateway-endpoint"] for _ in range(2)]

    assert answered == ["second", "second"]
    assert len(api.asked) == 2


@pytest.mark.parametrize("status", [503, 529])
async def test_a_provider_that_is_overloaded_is_told_as_such_with_when_to_try_again(api_gateway, api, status):
    api.plays(answers(BUSY, status, {"retry-after": "11"}))

    got = await post(api_gateway, "messages", stream=True)

    assert got.headers["retry-after"] == "11"
    assert (got.status_code, got.json()["error"]["type"]) == (529, "overloaded_error")


def as_json(stream: list[Step]) -> list[Step]:
    """The same stream under the content type of JSON."""
    return [
        step.replace(b"text/event-stream", b"application/json") if isinstance(step, bytes) else step
        for step in stream
    ]


@pytest.mark.parametrize("door", DOORS)
async def test_an_answer_in_another_form_than_was_asked_for_is_an_answer(api_gateway, api, door):
    api.plays(answers(completion("Hello")), as_json(streams("Hel", "lo")), streams("Hel", "lo"))

    asked = [(await post(api_gateway, door, stream=is_streamed)) for is_streamed in (True, True, False)]

    assert [meant(got, door) for got in asked] == [Meaning("Hello", end="complete")] * 3


async def test_a_whole_error_where_a_stream_was_asked_for_lets_another_endpoint_answer(gateway, api):
    api.plays(answers({"error": {"message": "down", "code": "x"}}))
    async with scripted_api() as other:
        other.plays(streams("fine"))
        await gateway.started_api("second", other.url)
        await gateway.started_api("first", api.url, fallbacks=["second"])

        got = await gateway.ask(model="first", stream=True)

    assert got.headers["x-gateway-endpoint"] == "second"
