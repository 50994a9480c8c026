"""Requests that an endpoint gets as they came, because it speaks their API: nothing is translated, on the way there or back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.conftest import run_gateway
from tests.fakes.scripted_api import STREAM_END, STREAM_HEAD, Step, answers, completion, piece, scripted_api

CACHED = {"type": "ephemeral", "ttl": "1h"}
LONG_NUMBERS = '{"id": 123456789012345678901234567890, "p": 0.10000000000000000555}'
REQUEST = {
    "model": "claude/claude-x",
    "max_tokens": 50,
    "system": [
        {"type": "text", "text": "a", "cache_control": CACHED},
        {"type": "text", "text": "b"},
    ],
    "thinking": {"type": "adaptive", "display": "summarized"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015"}]},
    "metadata": {"user_id": "u" * 150},
    "service_tier": "standard_only",
    "top_k": 3,
    "tools": [{"type": "web_search_20250305", "name": "web_search"}, {"name": "f", "input_schema": {}}],
    "messages": [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "", "signature": "signed"},
                {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
            ],
        },
        {"role": "user", "content": [{"type": "text", "text": "go on", "cache_control": CACHED}]},
    ],
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}}],
    "stop_reason": "stop_sequence",
    "stop_sequence": "END",
    "usage": {
        "input_tokens": 10,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 50,
        "output_tokens": 5,
    },
}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def named(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


STARTED = [
    named("message_start", message={**MESSAGE, "content": [], "stop_reason": None}),
    named("ping"),
    named("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""}),
]
BEGUN = [
    *STARTED,
    named("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Hm\u2028"}),
    named("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "s"}),
]
EVENTS = [
    *BEGUN,
    named("content_block_stop", index=0),
    named("tomorrows_event", delta={"type": "new"}),
    named(
        "message_delta",
        delta={"stop_reason": "stop_sequence", "stop_sequence": "END"},
        usage={"output_tokens": 7},
    ),
    named("message_stop"),
]


def streamed(*events: bytes) -> list[Step]:
    return [STREAM_HEAD, *(piece(event) for event in events), STREAM_END]


def raw_request(**changes: Any) -> bytes:
    """The request as a client writes it, with an argument whose digits a parser would lose."""
    body = json.dumps({**REQUEST, **changes})
    return body.replace('"input": {}', f'"input": {LONG_NUMBERS}', 1).encode()


@pytest.fixture
async def claude(gateway, api):
    await gateway.started_api("claude", api.url, preset="anthropic", models=["claude-x"])
    return gateway


async def ask(gateway: Any, path: str = "/v1/messages", **changes: Any) -> Any:
    headers = {"content-type": "application/json", "anthropic-beta": "a-2025,b-2025", "x-api-key": "mine"}
    return await gateway.rest.post(path, content=raw_request(**changes), headers=headers)


async def usage_of(gateway: Any) -> dict[str, Any]:
    [row] = (await gateway.rest.get("/api/usage/")).json()["data"]
    return {name: row[name] for name in ("input_tokens", "output_tokens")}


async def test_a_message_goes_as_it_came_and_comes_as_it_was(claude, api):
    api.plays(answers(json.dumps(MESSAGE, indent=1).encode()))

    response = await ask(claude, "/v1/messages?beta=true")

    asked = api.asked[0]
    assert asked.path.endswith("/messages?beta=true")
    assert asked.json == json.loads(raw_request(model="claude-x"))
    assert LONG_NUMBERS.replace(" ", "").encode() in asked.body
    assert asked.headers["anthropic-beta"] == "a-2025,b-2025"
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert asked.headers["x-api-key"] == "up-key"
    assert response.content == json.dumps(MESSAGE, indent=1).encode()
    assert "x-gateway-ignored-params" not in response.headers
    assert await usage_of(claude) == {"input_tokens": 160, "output_tokens": 5}


async def test_the_events_of_a_message_pass_untouched(claude, api):
    api.plays(streamed(*EVENTS))

    response = await ask(claude, stream=True)

    assert response.text == b"".join(EVENTS).decode()
    assert response.headers["content-type"].startswith("text/event-stream")
    assert await usage_of(claude) == {"input_tokens": 160, "output_tokens": 7}


async def test_events_that_arrive_byte_by_byte_are_the_same(claude, api):
    body = b"".join(EVENTS).replace(b"\n", b"\r\n")
    api.plays([STREAM_HEAD, *(piece(body[i : i + 1]) for i in range(len(body))), STREAM_END])

    response = await ask(claude, stream=True)

    assert response.content == b"".join(EVENTS)


async def test_the_gateways_own_extras_stay_here(claude, api):
    api.plays(answers(MESSAGE))

    await ask(claude, conversation="new", search=True)

    assert not {"conversation", "search"} & api.asked[0].json.keys()
    assert api.asked[0].json["thinking"] == REQUEST["thinking"]


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_who_speaks_another_api_is_asked_in_its_own_words_when_the_first_fails(
    claude, api, is_streamed
):
    api.plays(streamed(*STARTED, named("error", **OVERLOADED)) if is_streamed else answers(OVERLOADED, 529))
    async with scripted_api() as other:
        text = {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
        chunk = b"data: " + json.dumps(text).encode() + b"\n\n"
        other.plays(streamed(chunk) if is_streamed else answers(completion("hi")))
        await claude.started_api("other", other.url, models=["m"])
        await claude.rest.patch("/api/endpoints/claude", json={"fallbacks": ["other/m"]})

        response = await ask(
            claude, stream=is_streamed, tools=None, messages=[{"role": "user", "content": "Hi"}]
        )

    assert response.status_code == 200
    assert "hi" in response.text
    assert other.asked[0].json["messages"][-1] == {"role": "user", "content": "Hi"}
    assert "top_k" in response.headers["x-gateway-ignored-params"]


async def test_an_error_amid_the_events_passes_once_and_is_recorded(claude, api):
    api.plays(streamed(*BEGUN, named("error", **OVERLOADED)))

    response = await ask(claude, stream=True)
    metrics = (await claude.rest.get("/api/endpoints/claude/metrics")).text

    assert response.content == b"".join([*BEGUN, named("error", **OVERLOADED)])
    assert "ApiOverloadedError" in metrics


@pytest.mark.parametrize("end", ["hang up", "reset", None])
async def test_a_message_that_breaks_off_ends_with_an_error_event(claude, api, end):
    api.plays([STREAM_HEAD, *(piece(event) for event in BEGUN), *([end] if end else [STREAM_END])])

    response = await ask(claude, stream=True)

    *passed, last = response.text.removesuffix("\n\n").split("\n\n")
    assert passed == [event.decode().removesuffix("\n\n") for event in BEGUN]
    assert last.startswith("event: error\n")


@pytest.mark.parametrize(
    ("reply", "status", "kind"),
    [
        (answers(OVERLOADED), 529, "overloaded_error"),
        (
            answers({"type": "error", "error": {"type": "x", "message": "bad"}}, 400),
            400,
            "invalid_request_error",
        ),
        (answers({"id": "msg_1", "content": []}), 502, "api_error"),
        (answers(b"<html>", kind="text/html"), 502, "api_error"),
        (streamed(named("message_stop")), 502, "api_error"),
    ],
)
async def test_what_is_no_message_is_an_error_in_anthropics_shape(claude, api, reply, status, kind):
    api.plays(reply)

    response = await ask(claude)

    assert (response.status_code, response.json()["type"], response.json()["error"]["type"]) == (
        status,
        "error",
        kind,
    )


async def test_other_endpoints_still_refuse_what_they_cannot_be_told(claude):
    await claude.started()

    response = await ask(claude, model="demo")

    assert response.status_code == 400
    assert "server_tool_use" in response.json()["error"]["message"]


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "gpt-x",
    "output": [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}],
    "usage": {
        "input_tokens": 11,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 17,
    },
}
CODEX = {
    "model": "gpt/gpt-x",
    "input": "Hi",
    "client_metadata": {"session": "s"},
    "tools": [{"type": "namespace", "name": "n", "tools": []}, {"type": "image_generation"}],
}
RESPONSE_BEGUN = [
    named("response.created", sequence_number=0, response={**RESPONSE, "status": "in_progress"}),
    named("response.output_text.delta", sequence_number=1, delta="Hi"),
]
RESPONSE_EVENTS = [*RESPONSE_BEGUN, named("response.completed", sequence_number=2, response=RESPONSE)]


@pytest.fixture
async def gpt(gateway, api):
    await gateway.started_api("gpt", api.url, native_apis=["responses", "messages"], models=["gpt-x"])
    return gateway


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_response_goes_as_it_came_where_the_endpoint_says_that_it_speaks_them(gpt, api, is_streamed):
    api.plays(streamed(*RESPONSE_EVENTS) if is_streamed else answers(RESPONSE))

    response = await gpt.rest.post("/v1/responses", json={**CODEX, "stream": is_streamed})

    assert api.asked[0].path.endswith("/v1/responses")
    assert api.asked[0].json == {**CODEX, "model": "gpt-x", "stream": is_streamed}
    assert response.content == (b"".join(RESPONSE_EVENTS) if is_streamed else json.dumps(RESPONSE).encode())
    assert await usage_of(gpt) == {"input_tokens": 11, "output_tokens": 6}


async def test_a_message_goes_to_a_server_of_chat_completions_that_has_both(gpt, api):
    api.plays(answers(MESSAGE))

    await ask(gpt, model="gpt/gpt-x")

    assert api.asked[0].path.endswith("/v1/messages")
    assert api.asked[0].headers["authorization"] == "Bearer up-key"


async def test_a_response_that_breaks_off_is_told_as_failed(gpt, api):
    api.plays([STREAM_HEAD, *(piece(event) for event in RESPONSE_BEGUN), "hang up"])

    response = await gpt.rest.post("/v1/responses", json={**CODEX, "stream": True})

    last = json.loads(response.text.removesuffix("\n\n").split("\n\n")[-1].partition("data: ")[2])
    assert (last["type"], last["sequence_number"]) == ("response.failed", 2)
    assert (last["response"]["id"], last["response"]["status"]) == ("resp_1", "failed")
    assert last["response"]["error"]["code"] == "server_error"


async def test_a_response_that_fails_is_passed_on_once(gpt, api):
    failed = {**RESPONSE, "status": "failed", "error": {"code": "server_error", "message": "gone"}}
    events = [*RESPONSE_BEGUN, named("response.failed", sequence_number=2, response=failed)]
    api.plays(streamed(*events))

    response = await gpt.rest.post("/v1/responses", json={**CODEX, "stream": True})

    assert response.content == b"".join(events)


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (
            answers(
                {**RESPONSE, "status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}}
            ),
            429,
        ),
        (answers({**RESPONSE, "status": "in_progress"}), 502),
    ],
)
async def test_a_response_that_is_not_whole_is_an_error(gpt, api, reply, status):
    api.plays(reply)

    assert (await gpt.rest.post("/v1/responses", json=CODEX)).status_code == status


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"input": [{"type": "item_reference", "id": "msg_9"}]}, "input.0"),
    ],
)
async def test_what_the_provider_keeps_for_all_callers_is_not_asked_for(gpt, api, fields, param):
    api.plays(answers(RESPONSE))

    response = await gpt.rest.post("/v1/responses", json={**CODEX, **fields})

    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert api.asked == []


async def test_chat_completions_still_go_to_their_own_address(gpt, api):
    api.plays(answers(completion("Hi")))

    await gpt.ask(model="gpt/gpt-x")

    assert api.asked[0].path.endswith("/chat/completions")


async def test_an_api_that_cannot_be_is_refused(gateway, api):
    refused = await gateway.create(
        "x",
        provider_type="api_token",
        base_url=api.url,
        api_key="k",
        preset="google",
        native_apis=["messages"],
    )

    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "native_apis")


async def test_a_kept_answer_is_given_to_the_same_door_alone(tmp_path, api):
    async with run_gateway(tmp_path, response_cache_ttl=60) as gateway:
        await gateway.started_api("claude", api.url, preset="anthropic", models=["claude-x"])
        api.plays(answers(MESSAGE))

        first, second = await ask(gateway), await ask(gateway)
        chat = await gateway.ask(model="claude")

    assert [r.headers["x-gateway-cache"] for r in (first, second)] == ["miss", "hit"]
    assert first.content == second.content
    assert len(api.asked) == 2
    assert chat.status_code == 502  # the script is no answer to a chat completion
