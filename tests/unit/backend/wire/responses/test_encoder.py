"""Responses as OpenAI's own client reads them; its transport is in the process."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import orjson
import pytest
from openai import OpenAI
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from automation.errors import SiteError
from backend.wire.chat_response import DONE, sse_event
from backend.wire.errors import ErrorReply
from backend.wire.responses.document import KeptAs
from backend.wire.responses.encoder import ResponsesEncoder
from backend.wire.responses.reasoning import read_reasoning
from backend.wire.responses.request import InputItem, ResponsesRequest

REQUEST = ResponsesRequest.model_validate(
    {
        "model": "demo",
        "input": "hi",
        "metadata": {"k": "v"},
        "store": True,
        "include": ["reasoning.encrypted_content"],
        "tools": [
            {
                "type": "namespace",
                "name": "agents",
                "description": "d",
                "tools": [{"type": "function", "name": "spawn"}],
            },
            {"type": "custom", "name": "edit"},
        ],
    }
)
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 5,
    "total_tokens": 14,
    "prompt_tokens_details": {"cached_tokens": 2},
}


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return sse_event({"id": "chatcmpl-1", "created": 7, "model": "demo/m", "choices": [choice]})


def call(index: int, arguments: str, name: str | None = None) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {
        "tool_calls": [{"index": index, "function": function, **({"id": f"call_{name}"} if name else {})}]
    }


def usage() -> bytes:
    return sse_event({"id": "chatcmpl-1", "created": 7, "model": "demo/m", "choices": [], "usage": USAGE})


PAGE = {"url": "https://a.test", "title": "A", "start_index": 5, "end_index": 5}
CITED = {"annotations": [{"type": "url_citation", "url_citation": PAGE}]}
STREAMS: dict[str, list[bytes]] = {
    "text": [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}),
        chunk(CITED, "stop"),
    ],
    "reasoning, text and parallel calls": [
        chunk({"reasoning_content": "hm"}),
        chunk({"content": "ok"}),
        chunk(call(0, "", "f")),
        chunk(call(1, "", "g")),
        chunk(call(0, '{"a":')),
        chunk(call(1, '{"b":')),
        chunk(call(0, "1}")),
        chunk(call(1, "2}")),
        chunk({}, "tool_calls"),
    ],
    "calls of a namespace and of a custom tool": [
        chunk(call(0, '{"a":1}', "agents__spawn")),
        chunk(call(1, '{"input":"say ', "edit")),
        chunk(call(1, '\\"hi\\""}')),
        chunk({}, "tool_calls"),
    ],
    "refusal": [chunk({"refusal": "no"}), chunk({}, "stop")],
    "cut": [chunk({"content": "Hel"}), chunk({}, "length")],
    "blocked": [chunk({"content": "Hel"}), chunk({}, "content_filter")],
    "nothing": [chunk({"role": "assistant", "content": ""}), chunk({}, "stop")],
}


def streamed(events: list[bytes]) -> bytes:
    form = ResponsesEncoder(REQUEST)
    return b"".join(form.events(event) for event in [*events, usage(), DONE]) + form.end


def documents(stream: bytes) -> list[dict[str, Any]]:
    return [json.loads(event.partition("\ndata: ")[2]) for event in stream.decode().split("\n\n") if event]


def client(body: bytes, media_type: str = "text/event-stream") -> OpenAI:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=body, headers={"content-type": media_type})

    transport = httpx2.MockTransport(answer)
    return OpenAI(
        api_key="k", base_url="http://gateway.test/v1", http_client=httpx2.Client(transport=transport)
    )


def final(stream: bytes) -> Any:
    with client(stream) as openai, openai.responses.stream(model="demo", input="hi") as events:
        kept: list[Any] = list(events)
        return kept[-1].response


def output_of(response: Any) -> list[Any]:
    return [item.to_dict() for item in response.output]


def test_the_client_gathers_reasoning_text_and_parallel_calls():
    response = final(streamed(STREAMS["reasoning, text and parallel calls"]))

    assert response.status == "completed"
    assert [item.type for item in response.output] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    assert response.output[0].content[0].text == "hm"
    assert response.output_text == "ok"
    calls = [(i.call_id, i.name, i.arguments) for i in response.output[2:]]
    assert calls == [("call_f", "f", '{"a":1}'), ("call_g", "g", '{"b":2}')]


def test_the_client_gathers_text_its_citation_and_the_usage():
    response = final(streamed(STREAMS["text"]))

    assert response.output_text == "Hello"
    assert response.output[0].content[0].annotations[0].to_dict() == {"type": "url_citation", **PAGE}
    assert (response.id, response.model, response.created_at) == ("resp_1", "demo/m", 7)
    told = response.usage
    assert (told.input_tokens, told.output_tokens, told.input_tokens_details.cached_tokens) == (9, 5, 2)


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("cut", "incomplete", "max_output_tokens"),
        ("blocked", "incomplete", "content_filter"),
        ("text", "completed", None),
    ],
)
def test_a_response_that_is_cut_is_incomplete(name, status, reason):
    response = final(streamed(STREAMS[name]))

    assert response.status == response.output[0].status == status
    assert (response.incomplete_details and response.incomplete_details.reason) == reason


@pytest.mark.parametrize("name", STREAMS)
def test_the_events_of_an_answer_add_up_to_its_response(name):
    events = documents(streamed(STREAMS[name]))
    items: dict[int, dict[str, Any]] = {}
    gathered: dict[str, str] = {}
    for event in events:
        if event["type"] == "response.output_item.added":
            items[event["output_index"]] = event["item"]
        if event["type"].endswith(".delta"):
            gathered[event["item_id"]] = gathered.get(event["item_id"], "") + event["delta"]
        if event["type"].endswith(("_text.done", "refusal.done", "arguments.done", "input.done")):
            [said] = [event[name] for name in ("text", "refusal", "arguments", "input") if name in event]
            assert gathered[event["item_id"]] == said
        if event["type"] == "response.output_item.done":
            assert items[event["output_index"]]["id"] == event["item"]["id"]
            items[event["output_index"]] = event["item"]

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1]["response"]["output"] == list(items.values())


def test_the_order_of_events_is_openais():
    names = [event["type"].removeprefix("response.") for event in documents(streamed(STREAMS["text"]))]

    assert names == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.annotation.added",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_a_call_has_its_arguments_in_deltas_and_done():
    events = documents(streamed([chunk(call(0, "{}", "f")), chunk({}, "tool_calls")]))
    names = [event["type"].removeprefix("response.") for event in events]

    assert names[2:-1] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]


@pytest.mark.parametrize("name", STREAMS)
def test_every_event_has_all_that_the_clients_types_require(name):
    types = TypeAdapter[Any](ResponseStreamEvent)
    events = documents(streamed(STREAMS[name]))

    kinds = [types.validate_python(event).type for event in events]

    assert kinds == [event["type"] for event in events]


def test_a_completion_without_a_message_is_an_error():
    with pytest.raises(SiteError) as caught:
        ResponsesEncoder(REQUEST).whole(b'{"choices":[]}')

    assert "without a message" in str(caught.value)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_says_the_same_split_anywhere(name):
    whole = streamed(STREAMS[name])
    form = ResponsesEncoder(REQUEST)
    raw = b"".join([*STREAMS[name], usage(), DONE])

    bytewise = b"".join(form.events(raw[i : i + 1]) for i in range(len(raw))) + form.end

    assert bytewise == whole


def test_a_whole_answer_is_what_its_stream_adds_up_to():
    calls = [
        {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for name, arguments in (("f", '{"a":1}'), ("g", '{"b":2}'))
    ]
    message = {"role": "assistant", "content": "ok", "reasoning_content": "hm", "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    completion = {"id": "chatcmpl-1", "created": 7, "model": "demo/m", "choices": [choice], "usage": USAGE}

    body = ResponsesEncoder(REQUEST).whole(orjson.dumps(completion))

    events = documents(streamed(STREAMS["reasoning, text and parallel calls"]))
    assert json.loads(body) == events[-1]["response"]
    with client(body, "application/json") as openai:
        assert openai.responses.create(model="demo", input="hi").output_text == "ok"


def test_what_is_not_kept_says_so():
    response = documents(streamed(STREAMS["text"]))[-1]["response"]

    assert (response["store"], response["previous_response_id"]) == (False, None)
    assert response["metadata"] == {"k": "v"}


def test_what_is_kept_has_ids_of_its_own_that_its_provider_cannot_repeat():
    form = ResponsesEncoder(REQUEST, KeptAs("stem", "resp_before", is_kept=True))

    events = documents(b"".join(form.events(event) for event in [*STREAMS["text"], usage()]) + form.end)
    response = events[-1]["response"]

    assert (response["id"], response["output"][0]["id"]) == ("resp_stem", "msg_stem_0")
    assert (response["store"], response["previous_response_id"]) == (True, "resp_before")
    assert form.response == response


@pytest.mark.parametrize("events", [[chunk({"content": "Hel"})], []])
def test_a_response_that_did_not_end_well_is_none(events):
    form = ResponsesEncoder(REQUEST)
    for event in events:
        form.events(event)

    form.failure(ErrorReply(502, "site_error", "gone"))

    assert form.response is None


def test_a_stream_that_ends_before_it_said_why_is_no_complete_answer():
    form = ResponsesEncoder(REQUEST)
    form.events(chunk({"content": "Hel"}))

    with pytest.raises(SiteError) as caught:
        _ = form.end

    assert "ended" in str(caught.value)


def test_a_failure_ends_the_stream_with_failed_and_nothing_else():
    form = ResponsesEncoder(REQUEST)
    begun = form.events(chunk({"content": "Hel"}))

    failed = form.failure(ErrorReply(429, "rate_limited", "slow down", sent="yes"))

    assert form.end == form.events(chunk({"content": "lo"})) == b""
    response = final(begun + failed)
    assert response.error.model_extra == {"sent": "yes"}
    assert (response.status, response.error.code, response.error.message) == (
        "failed",
        "rate_limit_exceeded",
        "slow down",
    )
    assert response.output == []


def test_an_error_among_the_chunks_is_a_failure():
    form = ResponsesEncoder(REQUEST)

    out = form.events(
        chunk({"content": "Hel"}) + sse_event({"error": {"message": "gone", "code": "site_error"}})
    )

    assert documents(out)[-1]["type"] == "response.failed"
    assert form.end == b""


def test_calls_of_a_namespace_and_of_a_custom_tool_are_given_back_as_such():
    events = documents(streamed(STREAMS["calls of a namespace and of a custom tool"]))
    spawn, edit = events[-1]["response"]["output"]
    kinds = [event["type"].removeprefix("response.") for event in events if event.get("output_index") == 1]

    assert (spawn["type"], spawn["namespace"], spawn["name"]) == ("function_call", "agents", "spawn")
    assert spawn["arguments"] == '{"a":1}'
    assert (edit["type"], edit["name"], edit["input"]) == ("custom_tool_call", "edit", 'say "hi"')
    assert "arguments" not in edit
    assert edit["id"].startswith("ctc_")
    assert kinds == [
        "output_item.added",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
    ]


def test_a_custom_call_that_is_cut_has_no_half_of_a_text():
    events = documents(streamed([chunk(call(0, '{"input":"*** Beg', "edit")), chunk({}, "length")]))
    [item] = events[-1]["response"]["output"]

    assert (item["status"], item["input"]) == ("incomplete", "")


def test_reasoning_is_packed_for_clients_that_send_back_nothing_else():
    item = documents(streamed(STREAMS["reasoning, text and parallel calls"]))[-1]["response"]["output"][0]

    sent_back = InputItem.model_validate(
        {"type": "reasoning", "encrypted_content": item["encrypted_content"]}
    )

    assert read_reasoning(sent_back) == "hm"


@pytest.mark.parametrize("reason", ["error", "network_error", "abort"])
def test_an_end_for_a_reason_that_leaves_no_answer_is_an_error(reason):
    form = ResponsesEncoder(REQUEST)

    with pytest.raises(SiteError):
        form.events(chunk({"content": "Half an ans"}, reason))


@pytest.mark.parametrize(
    ("reason", "told"), [("MAX_TOKENS", "max_output_tokens"), ("sensitive", "content_filter")]
)
def test_an_answer_that_was_cut_or_refused_in_other_words_is_incomplete(reason, told):
    form = ResponsesEncoder(REQUEST)
    form.events(chunk({"content": "Half an ans"}, reason))

    assert f'"incomplete_details":{{"reason":"{told}"}}'.encode() in form.end


def test_a_failure_at_the_very_end_is_told_too():
    form = ResponsesEncoder(REQUEST)
    form.events(chunk({"content": "a"}, "tool_calls"))
    with pytest.raises(SiteError):
        _ = form.end

    failed = form.failure(ErrorReply(502, "site_error", "no call"))

    assert b"response.failed" in failed
