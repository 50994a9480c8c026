"""An API that its operator describes: what is sent, what is read, and which descriptions are refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from backend.errors import InvalidRequestError
from backend.provider_errors import ApiFailedError
from backend.providers.api.dialect import ApiRequest, ChatStream
from backend.providers.api.dialects.custom import Custom
from backend.providers.api.dialects.custom_api import parse_api
from backend.wire.chat_response import CompletionHead
from backend.wire.usage import TokenUsage

HEAD = CompletionHead("chatcmpl-1", 1, "own/m")
USER = {"role": "user", "content": 'say "hi", {{model}}'}
REQUEST: dict[str, Any] = {"path": "/ask", "body": {"q": "{{prompt}}"}}
RESPONSE: dict[str, Any] = {
    "text": "answer.text",
    "reasoning": "answer.thought",
    "error": "problem.message",
    "input_tokens": "count.in",
    "output_tokens": "count.out",
}
SSE: dict[str, Any] = {
    "kind": "sse",
    "text": "delta",
    "reasoning": "thought",
    "error": "error",
    "end": "[DONE]",
}


def dialect(*, request: Any = REQUEST, response: Any = RESPONSE, **more: Any) -> Custom:
    return Custom(parse_api({"request": request, "response": response, **more}))


def sent(request: Any, *, is_streamed: bool = False, **body: Any) -> ApiRequest:
    custom = dialect(request=request, stream=SSE)
    return custom.chat({"model": "m/1", "messages": [USER], **body}, is_streamed=is_streamed)


def filled(template: dict[str, Any], **body: Any) -> Any:
    return orjson.loads(sent({"path": "/", "body": {"q": "{{prompt}}", **template}}, **body).body)


def read(custom: Custom, data: bytes, size: int = 1) -> tuple[list[dict[str, Any]], ChatStream]:
    stream = custom.stream(HEAD, with_usage=True)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    events = b"".join([*map(stream.feed, pieces), stream.close()]).split(b"\n\n")
    return [orjson.loads(event.removeprefix(b"data: ")) for event in events if event], stream


def joined(chunks: list[dict[str, Any]], name: str = "content") -> str:
    return "".join(chunk["choices"][0]["delta"].get(name, "") for chunk in chunks if chunk["choices"])


def finish_reason(chunks: list[dict[str, Any]]) -> Any:
    return [chunk for chunk in chunks if chunk["choices"]][-1]["choices"][0]["finish_reason"]


def test_placeholders_are_values_whatever_a_client_writes():
    messages = [{"role": "system", "content": "S"}, USER]
    template = {
        "all": "{{messages}}",
        "about": "for {{ model }}: {{prompt}}",
        "live": "{{stream}}",
        "list": ["{{model}}"],
    }

    body = filled(template, messages=messages, is_streamed=True)

    assert body == {
        "q": 'S\n\nsay "hi", {{model}}',
        "all": messages,
        "about": 'for m/1: S\n\nsay "hi", {{model}}',
        "live": True,
        "list": ["m/1"],
    }


def test_the_system_text_stands_in_its_own_place_where_it_has_one():
    body = filled({"s": "{{system}}"}, messages=[{"role": "developer", "content": "S"}, USER])

    assert body == {"q": USER["content"], "s": "S"}


@pytest.mark.parametrize("name", ["system", "temperature", "max_tokens", "stop", "seed"])
def test_a_member_for_what_was_not_sent_is_left_out(name):
    assert filled({"x": f"{{{{{name}}}}}"}) == {"q": USER["content"]}


def test_options_keep_their_types():
    template = {"t": "{{temperature}}", "n": "{{max_tokens}}", "s": "{{stop}}"}

    body = filled(template, temperature=0, max_completion_tokens=9, stop="END")

    assert body == {"q": USER["content"], "t": 0, "n": 9, "s": ["END"]}


def test_a_path_is_escaped():
    request = sent({"path": "/models/{{model}}/ask?q={{prompt}}", "method": "GET"})

    assert request.path == "/models/m%2F1/ask?q=say%20%22hi%22%2C%20%7B%7Bmodel%7D%7D"
    assert (request.method, request.body) == ("GET", b"")


def test_a_conversation_is_one_prompt_with_the_calls_of_tools_in_it():
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rom"}'}}
    messages = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "22"},
    ]

    prompt = filled({}, messages=messages)["q"]

    assert "weather" in prompt
    assert "Rom" in prompt
    assert prompt.endswith("22")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "system", "content": "S"}]}, "messages.0.role"),
    ],
)
def test_what_the_template_cannot_say_is_refused_by_name(body, param):
    with pytest.raises(InvalidRequestError) as caught:
        sent(REQUEST, **body)

    assert caught.value.param == param


def test_fields_without_a_place_are_named():
    custom = dialect(request={"path": "/", "body": {"q": "{{prompt}}", "t": "{{temperature}}"}})

    assert custom.ignored({"messages": [USER], "temperature": 1, "top_p": 1, "user": None}) == ["top_p"]


@pytest.mark.parametrize(
    ("description", "param"),
    [
        (None, "api"),
        ({"response": RESPONSE}, "api.request"),
        ({"request": REQUEST}, "api.response"),
        ({"request": {**REQUEST, "path": "ask"}, "response": RESPONSE}, "api.request.path"),
        ({"request": {"path": "/", "body": {"q": "hi"}}, "response": RESPONSE}, "api.request"),
        ({"request": {"path": "/", "body": {"q": "{{promt}}"}}, "response": RESPONSE}, "api.request.body"),
        (
            {"request": {"path": "/", "body": {"q": "a {{messages}}"}}, "response": RESPONSE},
            "api.request.body",
        ),
        ({"request": {**REQUEST, "method": "GET"}, "response": RESPONSE}, "api.request"),
        ({"request": {**REQUEST, "path": "/{{messages}}"}, "response": RESPONSE}, "api.request.path"),
        ({"request": REQUEST, "response": {"text": "a b"}}, "api.response.text"),
        ({"request": REQUEST, "response": RESPONSE, "stream": {"kind": "sse"}}, "api.stream"),
        ({"request": REQUEST, "response": RESPONSE, "stream": {"kind": "text", "end": "x"}}, "api.stream"),
        ({"request": REQUEST, "response": RESPONSE, "finish_reasons": {"a": "b"}}, "api.finish_reasons.a"),
        ({"request": REQUEST, "response": RESPONSE, "surprise": 1}, "api.surprise"),
    ],
)
def test_a_description_that_cannot_work_is_refused_with_its_field(description, param):
    with pytest.raises(InvalidRequestError) as caught:
        parse_api(description)

    assert caught.value.param == param
    assert str(caught.value).startswith(param)


def test_a_whole_answer_is_found_by_its_paths():
    body = {"answer": {"text": "Grüße", "thought": "Hm"}, "count": {"in": 3, "out": 2}, "problem": None}

    whole = dialect().completion(orjson.dumps(body), HEAD)

    message = orjson.loads(whole.body)["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Grüße", "Hm")
    assert whole.usage == TokenUsage(3, 2)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "not JSON"),
        (b'{"answer": {}}', "nothing where response.text says"),
        (b'{"answer": {"text": 5}}', "something else"),
        (b'{"answer": {"text": "a"}, "problem": {"message": "too busy"}}', "too busy"),
    ],
)
def test_a_body_that_is_no_answer_is_an_error(body, words):
    with pytest.raises(ApiFailedError) as caught:
        dialect().completion(body, HEAD)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("stop", "stop"),
        ("MAX_TOKENS", "length"),
        (True, "stop"),
        ("cut", "length"),
        ("SAFETY", "content_filter"),
    ],
)
def test_a_reason_is_translated(said, reason):
    custom = dialect(response={"text": "t", "finish": "why"}, finish_reasons={"cut": "length"})

    whole = custom.completion(orjson.dumps({"t": "a", "why": said}), HEAD)

    assert orjson.loads(whole.body)["choices"][0]["finish_reason"] == reason


@pytest.mark.parametrize(
    ("said", "words"), [("moon", "finish_reasons"), (None, "may be cut"), (False, "may be cut")]
)
def test_a_whole_answer_without_a_known_end_is_an_error(said, words):
    custom = dialect(response={"text": "t", "finish": "why"})

    with pytest.raises(ApiFailedError) as caught:
        custom.completion(orjson.dumps({"t": "a", "why": said}), HEAD)

    assert words in str(caught.value)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_events_are_read_wherever_they_are_split(size, line_end):
    data = ': hello\n\ndata: {"thought":"Hm"}\n\ndata: {"delta":"Grüße "}\n\ndata: {"delta":"👋"}\n\ndata: [DONE]\n\n'

    chunks, _ = read(dialect(stream=SSE), data.replace("\n", line_end).encode(), size)

    assert (joined(chunks), joined(chunks, "reasoning_content")) == ("Grüße 👋", "Hm")
    assert finish_reason(chunks) == "stop"


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_lines_are_read_to_their_finish(size):
    stream = {"kind": "ndjson", "text": "t", "finish": "done", "input_tokens": "i", "output_tokens": "o"}
    data = '{"t":"Grü"}\n{"t":"ße","done":false}\n{"t":"","done":true,"i":3,"o":2}\n'.encode()

    chunks, reader = read(dialect(stream=stream), data, size)

    assert joined(chunks) == "Grüße"
    assert chunks[-1]["usage"] == TokenUsage(3, 2).document()
    assert reader.usage == TokenUsage(3, 2)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_text_body_is_the_text_and_its_end_the_end(size):
    chunks, _ = read(dialect(stream={"kind": "text"}), "Grüße 👋\r\n".encode(), size)

    assert joined(chunks) == "Grüße 👋\r\n"
    assert finish_reason(chunks) == "stop"


def test_without_a_marker_the_end_of_the_body_is_the_end():
    chunks, _ = read(dialect(stream={"kind": "ndjson", "text": "t"}), b'{"t":"a"}\n{"t":"b"}')

    assert joined(chunks) == "ab"
    assert finish_reason(chunks) == "stop"


@pytest.mark.parametrize("size", [1, 1000])
def test_an_api_without_streams_answers_in_one_delta(size):
    custom = dialect()

    chunks, _ = read(custom, '{"answer":{"text":"Grüße"},"count":{"in":3,"out":2}}'.encode(), size)

    assert joined(chunks) == "Grüße"
    assert finish_reason(chunks) == "stop"
    assert custom.chat({"messages": [USER]}, is_streamed=True).takes_json


@pytest.mark.parametrize(
    ("stream", "data", "words"),
    [
        (SSE, b'data: {"delta":"a"}\n\n', "ended in the middle"),
        (SSE, b'data: {"delta":"a"}\n\ndata: {"del', "not JSON"),
        (SSE, b'data: {"delta":"a"}\n\ndata: {"error":{"code":7}}\n\n', '{"code":7}'),
        (SSE, b'data: {"delta":5}\n\n', "something else"),
        (SSE, b"", "ended in the middle"),
        ({"kind": "ndjson", "text": "t", "finish": "f"}, b'{"t":"a"}\n', "ended in the middle"),
        ({"kind": "ndjson", "text": "t"}, b"", "ended in the middle"),
        ({"kind": "ndjson", "text": "t"}, b'{"t":"a"}\n{"t":"b', "not JSON"),
        ({"kind": "text"}, b"", "ended in the middle"),
        ({"kind": "text"}, b"a\xc3", "not UTF-8"),
        ({"kind": "none"}, b'{"answer":{"te', "not JSON"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_a_stream_that_is_not_whole_is_an_error(stream, data, words, size):
    with pytest.raises(ApiFailedError) as caught:
        read(dialect(stream=stream), data, size)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"problem":{"message":"no such q"}}', "no such q"),
        (b'{"error":{"message":"wrong"}}', "wrong"),
        (b"<html>", ""),
        (b"[]", ""),
    ],
)
def test_any_error_body_can_be_read(body, words):
    assert dialect().refusal(body).message == words


def test_models_are_listed_where_the_api_is_said_to_tell_them():
    custom = dialect(models={"path": "/models", "names": "data.*.id"})

    request = custom.list_models()

    assert request is not None
    assert (request.path, request.method) == ("/models", "GET")
    assert custom.models(b'{"data":[{"id":"a"},{"id":"b"}]}') == ["a", "b"]
    assert dialect().list_models() is None
