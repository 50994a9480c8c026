"""Anthropic's answers: told as OpenAI's wherever a stream is split, or refused to be called an answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from backend.provider_errors import ApiFailedError, KeyLimitedError
from backend.providers.api.dialects.anthropic import Anthropic, MessageStream
from backend.providers.api.dialects.anthropic_request import JSON_TOOL
from backend.wire.chat_response import CompletionHead
from backend.wire.usage import TokenUsage

HEAD = CompletionHead("chatcmpl-1", 1, "claude")


def event(kind: str, **fields: object) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **fields}) + b"\n\n"


def delta(index: int, kind: str, **fields: str) -> bytes:
    return event("content_block_delta", index=index, delta={"type": kind, **fields})


def begin(index: int, kind: str, **fields: object) -> bytes:
    return event("content_block_start", index=index, content_block={"type": kind, **fields})


def stop(index: int) -> bytes:
    return event("content_block_stop", index=index)


USAGE = {
    "input_tokens": 5,
    "cache_read_input_tokens": 20,
    "cache_creation_input_tokens": 3,
    "output_tokens": 1,
}
START = event("message_start", message={"id": "msg_1", "role": "assistant", "content": [], "usage": USAGE})
PING = event("ping")
TEXT = [
    begin(1, "text", text=""),
    delta(1, "text_delta", text="Grüße "),
    delta(1, "text_delta", text="👋"),
    stop(1),
]
THINKING = [
    begin(0, "thinking", thinking="", signature=""),
    delta(0, "thinking_delta", thinking="Let me "),
    delta(0, "thinking_delta", thinking="see."),
    delta(0, "signature_delta", signature="EqQBCg=="),
    stop(0),
]
CALLS = [
    begin(2, "tool_use", id="toolu_a", name="get_weather", input={}),
    delta(2, "input_json_delta", partial_json=""),
    delta(2, "input_json_delta", partial_json='{"city": "Kö'),
    delta(2, "input_json_delta", partial_json='ln"}'),
    stop(2),
    begin(3, "tool_use", id="toolu_b", name="get_time", input={}),
    delta(3, "input_json_delta", partial_json=""),
    stop(3),
]


def end(stop_reason: str) -> bytes:
    closing = {"stop_reason": stop_reason, "stop_sequence": None}
    return event(
        "message_delta",
        delta=closing,
        usage={"output_tokens": 42, "output_tokens_details": {"thinking_tokens": 9}},
    ) + event("message_stop")


ANSWER = b"".join([START, PING, *THINKING, *TEXT, *CALLS, end("tool_use")])


def read(
    data: bytes, size: int = 10_000, *, with_usage: bool = False
) -> tuple[list[dict[str, Any]], MessageStream]:
    stream = Anthropic().stream(HEAD, with_usage=with_usage)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    told = b"".join([*map(stream.feed, pieces), stream.close()])
    return [orjson.loads(chunk.removeprefix(b"data: ")) for chunk in told.split(b"\n\n") if chunk], stream


def deltas(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_a_stream_is_told_alike_wherever_it_is_split(size):
    chunks, stream = read(ANSWER, size, with_usage=True)

    told = deltas(chunks)
    calls = [call for d in told for call in d.get("tool_calls", ())]
    assert "".join(d.get("content", "") for d in told) == "Grüße 👋"
    assert "".join(d.get("reasoning_content", "") for d in told) == "Let me see."
    assert [(c["index"], c["id"], c["function"]["name"]) for c in calls if "id" in c] == [
        (0, "toolu_a", "get_weather"),
        (1, "toolu_b", "get_time"),
    ]
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert chunks[-1]["usage"]["prompt_tokens"] == 28
    assert stream.usage == TokenUsage(28, 42, 20, 9, 3)


def test_the_pieces_of_each_calls_arguments_make_one_json_object_also_of_a_call_without_any():
    chunks, _ = read(ANSWER)

    arguments = ["", ""]
    for call in (call for d in deltas(chunks) for call in d.get("tool_calls", ())):
        arguments[call["index"]] += call["function"]["arguments"]
    assert arguments == ['{"city": "Köln"}', "{}"]


def test_usage_that_nobody_asked_for_is_not_told():
    chunks, _ = read(ANSWER)

    assert all("usage" not in chunk for chunk in chunks)


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
    ],
)
def test_the_end_is_told_in_openais_words(stop_reason, finish_reason):
    chunks, _ = read(b"".join([START, *TEXT, end(stop_reason)]))

    assert chunks[-1]["choices"][0]["finish_reason"] == finish_reason


@pytest.mark.parametrize("count", range(1, 7))
def test_a_stream_cut_before_its_end_is_no_answer(count):
    events = [START, *TEXT, *end("end_turn").split(b"\n\n", 1)]

    with pytest.raises(ApiFailedError) as caught:
        read(b"".join(events[:count]))
    assert "middle" in caught.value.site_message


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", ApiFailedError),
        ("rate_limit_error", KeyLimitedError),
        ("api_error", ApiFailedError),
    ],
)
def test_an_error_behind_text_is_raised_once_the_text_is_told(kind, error):
    stream = Anthropic().stream(HEAD, with_usage=False)

    told = stream.feed(
        b"".join([START, *TEXT]) + event("error", error={"type": kind, "message": "Overloaded"})
    )

    assert "👋".encode() in told
    with pytest.raises(error, match="Overloaded"):
        stream.feed(b"")
    with pytest.raises(error):
        stream.close()


def test_an_error_at_once_is_raised_at_once_and_nothing_has_begun():
    stream = Anthropic().stream(HEAD, with_usage=False)

    with pytest.raises(ApiFailedError, match="Overloaded"):
        stream.feed(START + event("error", error={"type": "overloaded_error", "message": "Overloaded"}))
    assert not stream.has_begun


@pytest.mark.parametrize(
    "data",
    [
        b"data: {broken\n\n",
        b"data: []\n\n",
        b"data: \xff\n\n",
        event("content_block_delta", index=0),
        delta(0, "input_json_delta", partial_json="{}"),
        delta(0, "citations_delta"),
        event("content_block_stop", index=1) + delta(1, "input_json_delta", partial_json="{}"),
        begin(0, "server_tool_use", id="x", name="web_search", input={}),
        begin(0, "tool_use", name="no_id"),
        end("pause_turn"),
    ],
)
def test_what_cannot_be_told_exactly_is_an_error(data):
    stream = Anthropic().stream(HEAD, with_usage=False)

    with pytest.raises(ApiFailedError) as caught:
        stream.feed(data)
    assert len(caught.value.site_message) < 120


def test_unknown_events_and_redacted_thinking_are_passed_over():
    chunks, _ = read(
        b"".join(
            [
                START,
                event("novelty"),
                begin(0, "redacted_thinking", data="x"),
                stop(0),
                *TEXT,
                end("end_turn"),
            ]
        )
    )

    assert "".join(d.get("content", "") for d in deltas(chunks)) == "Grüße 👋"


MESSAGE = {
    "type": "message",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "x"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "toolu_a", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "toolu_b", "name": "g", "input": {}},
    ],
    "stop_reason": "tool_use",
    "usage": USAGE,
}


def test_the_sequence_that_stopped_an_answer_is_told():
    closing = {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    message = {"content": [{"type": "text", "text": "a"}], **closing}

    whole = orjson.loads(Anthropic().completion(orjson.dumps(message), HEAD).body)
    chunks, _ = read(START + event("message_delta", delta=closing, usage={}) + event("message_stop"))

    for choice in (whole["choices"][0], chunks[-1]["choices"][0]):
        assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", "END")


def test_a_whole_message_is_told_with_its_thinking_and_both_calls():
    whole = Anthropic().completion(orjson.dumps(MESSAGE), HEAD)

    document = orjson.loads(whole.body)
    message = document["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Let me look.", "Hm.")
    assert [c["function"] for c in message["tool_calls"]] == [
        {"name": "f", "arguments": '{"a":1}'},
        {"name": "g", "arguments": "{}"},
    ]
    assert document["choices"][0]["finish_reason"] == "tool_calls"
    assert document["usage"]["prompt_tokens_details"] == {"cached_tokens": 20, "cache_write_tokens": 3}
    assert whole.usage == TokenUsage(28, 1, 20, 0, 3)


@pytest.mark.parametrize(
    "changed",
    [
        {"stop_reason": None},
        {"stop_reason": "pause_turn"},
        {"content": None},
        {"content": ["text"]},
        {"content": [{"type": "web_search_tool_result"}]},
        {"type": "error", "error": {"type": "api_error", "message": "Internal"}},
    ],
)
def test_a_message_that_is_not_whole_is_no_answer(changed):
    with pytest.raises(ApiFailedError) as caught:
        Anthropic().completion(orjson.dumps(MESSAGE | changed), HEAD)
    assert caught.value.site_message


def test_a_message_without_usage_is_told_without():
    whole = Anthropic().completion(orjson.dumps(MESSAGE | {"usage": None}), HEAD)

    assert whole.usage is None
    assert "usage" not in orjson.loads(whole.body)


@pytest.mark.parametrize(
    ("kind", "message", "code"),
    [
        (
            "invalid_request_error",
            "prompt is too long: 210000 tokens > 200000 maximum",
            "context_length_exceeded",
        ),
        ("invalid_request_error", "Your credit balance is too low to access the API", "insufficient_balance"),
        ("not_found_error", "model: claude-9", "model_not_found"),
        ("invalid_request_error", "messages: at least one message is required", "invalid_request_error"),
    ],
)
def test_a_refusal_has_its_words_and_openais_code_where_there_is_one(kind, message, code):
    body = orjson.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})

    said = Anthropic().refusal(body)

    assert (said.message, said.code) == (message, code)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b'{"error": 3}', b'{"error": {"message": 4}}']
)
def test_a_refusal_is_read_from_anything(body):
    said = Anthropic().refusal(body)

    assert said.message == ""


def test_models_are_listed_by_id():
    dialect = Anthropic()

    request = dialect.list_models()
    names = dialect.models(b'{"data": [{"type": "model", "id": "claude-a"}, {"id": 3}], "has_more": false}')

    assert request is not None
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert names == ["claude-a"]
    assert dialect.embeddings({"input": "a"}) is None


@pytest.mark.parametrize("pieces", [['{"a":', "1}"], []])
def test_an_answer_by_the_tool_that_stands_for_json_is_text(pieces):
    call = {"id": "t", "name": JSON_TOOL, "input": {} if pieces else {"a": 1}}
    parts = [delta(0, "input_json_delta", partial_json=piece) for piece in pieces]
    body = {"content": [{"type": "tool_use", **call, "input": {"a": 1}}], "stop_reason": "tool_use"}

    chunks, stream = read(b"".join([START, begin(0, "tool_use", **call), *parts, stop(0), end("tool_use")]))
    whole = orjson.loads(Anthropic().completion(orjson.dumps(body), HEAD).body)["choices"][0]

    choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    assert "".join(choice["delta"].get("content") or "" for choice in choices) == '{"a":1}'
    assert whole["message"]["content"] == '{"a":1}'
    assert choices[-1]["finish_reason"] == "stop" == whole["finish_reason"]
    assert not any("tool_calls" in choice["delta"] for choice in choices)
    assert stream.has_begun


@pytest.mark.parametrize("name", ["get_weather", JSON_TOOL])
def test_a_call_that_has_no_end_is_not_told_as_whole(name):
    begun = [
        START,
        begin(0, "tool_use", id="t", name=name, input={}),
        delta(0, "input_json_delta", partial_json='{"a'),
    ]

    with pytest.raises(ApiFailedError, match="tool call"):
        read(b"".join([*begun, end("tool_use")]))
    chunks, _ = read(b"".join([*begun, end("max_tokens")]))

    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "length"


def test_calls_without_an_end_are_an_error():
    calls = [begin(number, "tool_use", id="t", name=JSON_TOOL, input={}) for number in range(2_000)]

    with pytest.raises(ApiFailedError, match="more calls"):
        read(b"".join([START, *calls, end("tool_use")]))
