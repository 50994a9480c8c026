"""Messages as Anthropic's own client reads them; its transport is in the process."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import httpx2
import orjson
import pytest
from pydantic import TypeAdapter

from automation.errors import SiteError
from backend.wire.chat_response import DONE, sse_event
from backend.wire.errors import ErrorReply
from backend.wire.messages.encoder import MessagesEncoder
from backend.wire.messages.errors import error_type
from backend.wire.messages.request import MessagesRequest

if TYPE_CHECKING:
    import anthropic  # noqa: TC004  loaded by a fixture

BODY: dict[str, Any] = {
    "model": "demo",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "hi there"}],
}
REQUEST = MessagesRequest.model_validate({**BODY, "stop_sequences": ["END"]})
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 5,
    "total_tokens": 14,
    "prompt_tokens_details": {"cached_tokens": 2},
}


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason, **more}
    return sse_event({"id": "chatcmpl-1", "created": 7, "model": "demo/m", "choices": [choice]})


def call(index: int, arguments: str, name: str | None = None) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {
        "tool_calls": [{"index": index, "function": function, **({"id": f"call_{name}"} if name else {})}]
    }


def usage() -> bytes:
    return sse_event({"id": "chatcmpl-1", "created": 7, "model": "demo/m", "choices": [], "usage": USAGE})


PAGE = {"url": "https://a.test", "title": "A", "start_index": 5, "end_index": 5}
MIXED = [
    chunk({"reasoning_content": "hm"}),
    chunk({"content": "ok"}),
    chunk(call(0, "", "f")),
    chunk(call(1, "", "g")),
    chunk(call(0, '{"a":')),
    chunk(call(1, '{"b":')),
    chunk(call(0, "1}")),
    chunk(call(1, "2}")),
    chunk({}, "tool_calls"),
]
STREAMS: dict[str, list[bytes]] = {
    "text": [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}),
        chunk({}, "stop"),
    ],
    "reasoning, text and parallel calls": MIXED,
    "reasoning again after text": [
        chunk({"content": "a"}),
        chunk({"reasoning_content": "r"}),
        chunk({"content": "b"}),
        chunk({}, "stop"),
    ],
    "call without arguments": [chunk(call(0, "", "f")), chunk({}, "stop")],
    "nothing": [chunk({"role": "assistant", "content": ""}), chunk({}, "stop")],
}


def streamed(events: list[bytes], *, with_usage: bool = True) -> bytes:
    form = MessagesEncoder(REQUEST, "req_1")
    ends = [usage(), DONE] if with_usage else [DONE]
    return b"".join(form.events(event) for event in [*events, *ends]) + form.end


def documents(stream: bytes) -> list[dict[str, Any]]:
    return [json.loads(event.partition("\ndata: ")[2]) for event in stream.decode().split("\n\n") if event]


@pytest.fixture(scope="module", autouse=True)
def _anthropic() -> None:
    """Load the client, which takes longer than all these tests: only the worker that runs them does."""
    globals()["anthropic"] = importlib.import_module("anthropic")


def client(body: bytes, status: int = 200, media_type: str = "text/event-stream") -> anthropic.Anthropic:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": media_type})

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return anthropic.Anthropic(
        api_key="k", base_url="http://gateway.test", http_client=transport, max_retries=0
    )


def final(stream: bytes) -> anthropic.types.Message:
    with client(stream) as sdk, sdk.messages.stream(**BODY) as events:
        return events.get_final_message()


def test_the_client_gathers_thinking_text_and_the_inputs_of_parallel_calls():
    message = final(streamed(MIXED))

    assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    contents = [block.to_dict() for block in message.content]
    assert (contents[0]["thinking"], contents[1]["text"]) == ("hm", "ok")
    calls = [(c["id"], c["name"], c["input"]) for c in contents[2:]]
    assert calls == [("call_f", "f", {"a": 1}), ("call_g", "g", {"b": 2})]
    assert message.stop_reason == "tool_use"


def test_the_client_gathers_text_and_the_usage():
    message = final(streamed(STREAMS["text"]))

    assert message.content[0].to_dict()["text"] == "Hello"
    assert (message.id, message.model, message.stop_reason) == ("msg_1", "demo/m", "end_turn")
    told = message.usage
    assert (told.input_tokens, told.cache_read_input_tokens, told.output_tokens) == (7, 2, 5)


def test_a_stem_of_its_own_takes_the_place_of_an_id_that_its_provider_may_repeat():
    nameless = chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]})
    entry = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    choice = {"message": {"content": None, "tool_calls": [entry]}, "finish_reason": "tool_calls"}
    form = MessagesEncoder(REQUEST, "req_1", "own")

    begun = documents(b"".join(form.events(event) for event in (nameless, chunk({}, "tool_calls"))))
    whole = json.loads(form.whole(orjson.dumps({"id": "chatcmpl-1", "model": "m", "choices": [choice]})))

    blocks = [event["content_block"] for event in begun if event["type"] == "content_block_start"]
    assert (begun[0]["message"]["id"], whole["id"]) == ("msg_own", "msg_own")
    assert [block["id"] for block in blocks + whole["content"]] == ["call_own_0", "call_own_0"]


@pytest.mark.parametrize("name", STREAMS)
def test_one_message_starts_and_one_block_at_a_time_is_open(name):
    events = documents(streamed(STREAMS[name]))
    is_open: list[int] = []
    kinds = {}
    for event in events:
        if event["type"] == "content_block_start":
            assert not is_open
            is_open = [event["index"]]
            kinds[event["index"]] = event["content_block"]["type"]
        if event["type"] == "content_block_delta":
            assert is_open == [event["index"]]
            pair = (kinds[event["index"]], event["delta"]["type"])
            assert pair in {
                ("thinking", "thinking_delta"),
                ("text", "text_delta"),
                ("tool_use", "input_json_delta"),
            }
        if event["type"] == "content_block_stop":
            assert is_open == [event["index"]]
            is_open = []

    assert list(kinds) == list(range(len(kinds)))
    assert [e["type"] for e in events].count("message_start") == 1
    assert [e["type"] for e in events[:2]] == ["message_start", "ping"]
    assert [e["type"] for e in events[-2:]] == ["message_delta", "message_stop"]


@pytest.mark.parametrize("name", STREAMS)
def test_every_event_has_all_that_the_clients_types_require(name):
    types = TypeAdapter[Any](anthropic.types.RawMessageStreamEvent)
    events = [event for event in documents(streamed(STREAMS[name])) if event["type"] != "ping"]

    kinds = [types.validate_python(event).type for event in events]

    assert kinds == [event["type"] for event in events]


def test_a_completion_without_a_message_is_an_error():
    with pytest.raises(SiteError) as caught:
        MessagesEncoder(REQUEST).whole(b'{"choices":[]}')

    assert "without a message" in str(caught.value)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_says_the_same_split_anywhere(name):
    form = MessagesEncoder(REQUEST, "req_1")
    raw = b"".join([*STREAMS[name], usage(), DONE])

    bytewise = b"".join(form.events(raw[i : i + 1]) for i in range(len(raw))) + form.end

    assert bytewise == streamed(STREAMS[name])


@pytest.mark.parametrize(
    ("events", "reason", "sequence"),
    [
        ([chunk({"content": "a"}, "stop")], "end_turn", None),
        ([chunk({"content": "a"}, "length")], "max_tokens", None),
        ([chunk({"content": "a"}, "content_filter")], "refusal", None),
        ([chunk({"refusal": "no"}, "stop")], "refusal", None),
        ([chunk({"content": "a"}, "stop", stop_reason="END")], "stop_sequence", "END"),
        ([chunk({"content": "a"}, "stop", matched_stop="END")], "stop_sequence", "END"),
        ([chunk({"content": "a"}, "stop", stop_reason=["END"])], "end_turn", None),
        ([chunk({"content": "a"}, "model_context_window_exceeded")], "max_tokens", None),
        ([chunk({"content": "a"}, "MAX_TOKENS")], "max_tokens", None),
        ([chunk({"content": "a"}, "sensitive")], "refusal", None),
        ([chunk({"content": "a"}, "eos")], "end_turn", None),
        ([chunk({"content": "a"}, "stop", stop_reason=151643)], "end_turn", None),
        ([chunk({"content": "a"}), chunk(call(0, "{}", "f")), chunk({}, "tool_calls")], "tool_use", None),
        ([chunk({"content": "a"}), chunk(call(0, "{}", "f")), chunk({}, "stop")], "tool_use", None),
    ],
)
def test_why_the_answer_ended_is_said_in_anthropics_words(events, reason, sequence):
    message = final(streamed(events))

    assert (message.stop_reason, message.stop_sequence) == (reason, sequence)


def test_the_start_tells_an_estimate_of_what_was_read_and_the_end_the_true_number():
    events = documents(streamed(STREAMS["text"]))

    assert events[0]["message"]["usage"] == {"input_tokens": 2, "output_tokens": 0, "estimated": True}
    assert events[-2]["usage"] == {"input_tokens": 7, "cache_read_input_tokens": 2, "output_tokens": 5}


def test_usage_that_nobody_counted_is_an_estimate_that_says_so():
    events = documents(streamed(STREAMS["text"], with_usage=False))

    assert events[-2]["usage"] == {"input_tokens": 2, "output_tokens": 2, "estimated": True}


def test_a_citation_is_a_delta_of_its_text():
    citation = {"annotations": [{"type": "url_citation", "url_citation": PAGE}]}

    message = final(streamed([chunk({"content": "Hello"}), chunk(citation, "stop")]))

    block: dict[str, Any] = message.content[0].to_dict()
    assert block["citations"][0]["url"] == "https://a.test"


def test_a_whole_answer_is_what_its_stream_adds_up_to():
    calls = [
        {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for name, arguments in (("f", '{"a":1}'), ("g", '{"b":2}'))
    ]
    message = {"role": "assistant", "content": "ok", "reasoning_content": "hm", "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    completion = {"id": "chatcmpl-1", "created": 7, "model": "demo/m", "choices": [choice], "usage": USAGE}

    body = MessagesEncoder(REQUEST).whole(orjson.dumps(completion))

    with client(body, media_type="application/json") as sdk:
        whole = sdk.messages.create(**BODY)
    gathered = final(streamed(MIXED))
    assert [b.to_dict() for b in whole.content] == [b.to_dict() for b in gathered.content]
    assert (whole.stop_reason, whole.usage.output_tokens) == (gathered.stop_reason, 5)


def completion_with(arguments: str, finish_reason: str | None = "tool_calls") -> bytes:
    calls = [{"id": "c", "function": {"name": "f", "arguments": arguments}}]
    choice = {"index": 0, "message": {"content": "ok", "tool_calls": calls}, "finish_reason": finish_reason}
    return orjson.dumps({"id": "chatcmpl-1", "choices": [choice]})


@pytest.mark.parametrize("arguments", ['{"a":', "[]", "null", "seven"])
def test_arguments_that_are_no_object_are_an_error_and_never_an_empty_input(arguments):
    with pytest.raises(SiteError) as caught:
        MessagesEncoder(REQUEST).whole(completion_with(arguments))

    assert "no JSON object" in str(caught.value)


def test_the_numbers_of_a_whole_calls_input_keep_their_digits():
    numbers = '{"id": 123456789012345678901234567890, "p": 0.10000000000000000555}'

    body = MessagesEncoder(REQUEST).whole(completion_with(numbers))

    assert numbers.encode() in body


@pytest.mark.parametrize("reason", ["error", "network_error", "abort", None])
def test_an_end_for_a_reason_that_leaves_no_answer_is_an_error(reason):
    with pytest.raises(SiteError):
        MessagesEncoder(REQUEST).whole(completion_with("{}", reason))


@pytest.mark.parametrize("arguments", ["", '{"a":'])
def test_half_a_call_of_a_whole_answer_that_was_cut_is_left_out(arguments):
    message = json.loads(MessagesEncoder(REQUEST).whole(completion_with(arguments, "length")))

    assert [block["type"] for block in message["content"]] == ["text"]
    assert message["stop_reason"] == "max_tokens"


def test_half_a_call_of_a_streamed_answer_that_was_cut_is_as_far_as_it_came():
    message = final(streamed([chunk(call(0, '{"a":[1,2', "f")), chunk({}, "length")]))

    assert message.content[0].to_dict()["input"] == {"a": [1, 2]}
    assert message.stop_reason == "max_tokens"


def test_a_streamed_call_whose_arguments_break_off_is_an_error():
    form = MessagesEncoder(REQUEST)
    form.events(chunk(call(0, '{"a":', "f")) + chunk({}, "tool_calls"))

    with pytest.raises(SiteError) as caught:
        _ = form.end

    assert "no JSON object" in str(caught.value)


def test_a_stream_that_ends_before_it_said_why_is_no_complete_answer():
    form = MessagesEncoder(REQUEST)
    form.events(chunk({"content": "Hel"}) + DONE)

    with pytest.raises(SiteError) as caught:
        _ = form.end

    assert "ended" in str(caught.value)


def test_a_failure_is_an_error_event_that_the_client_raises():
    form = MessagesEncoder(REQUEST, "req_1")
    begun = form.events(chunk({"content": "Hel"}))

    failed = form.failure(ErrorReply(429, "rate_limited", "slow down", sent="yes"))

    assert form.end == form.events(chunk({"content": "lo"})) == b""
    with pytest.raises(anthropic.APIStatusError) as caught:
        final(begun + failed)
    assert "slow down" in str(caught.value)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["sent"] == "yes"


def test_an_error_among_the_chunks_is_a_failure():
    form = MessagesEncoder(REQUEST)

    out = form.events(chunk({"content": "Hel"}) + sse_event({"error": {"message": "gone"}}))

    assert documents(out)[-1]["error"]["type"] == "api_error"
    assert form.end == b""


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_request", "invalid_request_error"),
        (401, "invalid_api_key", "authentication_error"),
        (403, "not_allowed", "permission_error"),
        (404, "model_not_found", "not_found_error"),
        (409, "endpoint_not_running", "invalid_request_error"),
        (413, "prompt_too_large", "request_too_large"),
        (429, "queue_full", "rate_limit_error"),
        (502, "site_error", "api_error"),
        (503, "sign_in_required", "api_error"),
        (503, "no_account_available", "overloaded_error"),
        (504, "idle_timeout", "timeout_error"),
        (529, "overloaded", "overloaded_error"),
        (502, "overloaded", "overloaded_error"),
    ],
)
def test_errors_have_anthropics_kinds(status, code, kind):
    assert error_type(ErrorReply(status, code, "m")) == kind
