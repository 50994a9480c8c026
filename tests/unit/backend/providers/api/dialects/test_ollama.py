"""Ollama's dialect: what is sent, what is made of its lines, and what is refused to be called an answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from backend.errors import InvalidRequestError
from backend.provider_errors import ApiFailedError, KeyLimitedError
from backend.providers.api.dialect import Refusal
from backend.providers.api.dialects.ollama import Ollama, OllamaStream
from backend.wire.chat_response import CompletionHead
from backend.wire.usage import TokenUsage

HEAD = CompletionHead("chatcmpl-0a1b", 1, "local/qwen3")
USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def sent(**body: object) -> dict[str, Any]:
    request = Ollama().chat({"model": "qwen3:4b", "messages": [USER], **body}, is_streamed=True)
    assert request.path == "/api/chat"
    document: dict[str, Any] = orjson.loads(request.body)
    return document


def line(content: str = "", *, done: bool = False, message: Any = None, **more: Any) -> bytes:
    said = {"role": "assistant", "content": content, **(message or {})}
    about = {"model": "qwen3:4b", "created_at": "2025-09-12T10:00:00.123456Z"}
    return orjson.dumps({**about, "message": said, "done": done, **more}) + b"\n"


def last(reason: str = "stop") -> bytes:
    counts: dict[str, Any] = {"total_duration": 4883583458, "prompt_eval_count": 26, "eval_count": 282}
    return line(done=True, done_reason=reason, **counts)


def call(name: str, **arguments: object) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


def read(data: bytes, size: int = 1, *, with_usage: bool = True) -> tuple[list[dict[str, Any]], OllamaStream]:
    stream = Ollama().stream(HEAD, with_usage=with_usage)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    events = b"".join([*map(stream.feed, pieces), stream.close()]).split(b"\n\n")
    return [orjson.loads(event.removeprefix(b"data: ")) for event in events if event], stream


def joined(chunks: list[dict[str, Any]], name: str) -> str:
    return "".join(chunk["choices"][0]["delta"].get(name, "") for chunk in chunks if chunk["choices"])


@pytest.mark.parametrize("size", [1, 2, 5, 10_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_text_and_thinking_come_out_exact_wherever_the_stream_is_split(size, line_end):
    lines = [
        line(message={"thinking": "Hm… "}),
        line(message={"thinking": "ja"}),
        line("Grüße "),
        line("👋\r\n"),
        last(),
    ]

    chunks, stream = read(b"".join(lines).replace(b"\n", line_end), size)

    assert joined(chunks, "content") == "Grüße 👋\r\n"
    assert joined(chunks, "reasoning_content") == "Hm… ja"
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"] == TokenUsage(26, 282).document()
    assert stream.usage == TokenUsage(26, 282)


def test_usage_that_nobody_asked_for_is_not_written():
    chunks, stream = read(line("a") + last(), with_usage=False)

    assert all(chunk["choices"] for chunk in chunks)
    assert stream.usage == TokenUsage(26, 282)


def test_two_calls_have_ids_of_their_own_and_end_with_tool_calls():
    lines = line(message={"tool_calls": [call("weather", city="Köln"), call("weather", city="Rom")]}) + last()

    chunks, _ = read(lines)

    calls = [
        c for chunk in chunks if chunk["choices"] for c in chunk["choices"][0]["delta"].get("tool_calls", [])
    ]
    assert [(c["index"], c["id"], c["function"]["arguments"]) for c in calls] == [
        (0, "call_0a1b_0", '{"city":"Köln"}'),
        (1, "call_0a1b_1", '{"city":"Rom"}'),
    ]
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_an_id_that_ollama_gives_is_kept():
    chunks, _ = read(line(message={"tool_calls": [{"id": "call_x1", **call("weather")}]}) + last())

    assert chunks[0]["choices"][0]["delta"]["tool_calls"][0]["id"] == "call_x1"


def test_an_answer_that_met_its_limit_ends_with_length():
    chunks, _ = read(line("a") + last("length"))

    assert chunks[-2]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (line("a"), ApiFailedError, "ended in the middle"),
        (line("a") + last()[:40], ApiFailedError, "not JSON"),
        (b"", ApiFailedError, "ended in the middle"),
        (
            line("a") + b'{"error":"model runner has unexpectedly stopped"}\n',
            ApiFailedError,
            "unexpectedly stopped",
        ),
        (b'{"error":"you have reached your hourly usage limit"}\n', KeyLimitedError, "usage limit"),
        (line("a") + b"[1]\n", ApiFailedError, "not a JSON object"),
        (line(done=True, done_reason="load"), ApiFailedError, "without an answer"),
        (b'{"done":true}\n', ApiFailedError, "no message"),
        (b'{"message":{"content":1},"done":false}\n', ApiFailedError, "is no text"),
        (line("a") + b'{"message":{"content":"\xff"}}\n', ApiFailedError, "can't be read"),
        (line(message={"tool_calls": [{"function": {}}]}), ApiFailedError, "has no name"),
    ],
)
@pytest.mark.parametrize("size", [1, 10_000])
def test_what_is_no_whole_answer_is_an_error(data, error, words, size):
    with pytest.raises(error, match=words) as caught:
        read(data, size)

    assert words in str(caught.value)


def test_text_that_came_together_with_an_error_is_told_before_it():
    stream = Ollama().stream(HEAD, with_usage=False)

    written = stream.feed(line("a") + b'{"error":"gone"}\n')

    assert b'"content":"a"' in written
    with pytest.raises(ApiFailedError, match="gone"):
        stream.feed(b"")


def test_a_whole_answer_is_a_completion():
    body = line(
        "Grüße", done=True, message={"thinking": "Hm"}, done_reason="stop", prompt_eval_count=3, eval_count=2
    )

    whole = Ollama().completion(body, HEAD)

    document = orjson.loads(whole.body)
    assert document["choices"][0]["message"]["content"] == "Grüße"
    assert document["choices"][0]["message"]["reasoning_content"] == "Hm"
    assert document["choices"][0]["finish_reason"] == "stop"
    assert (document["id"], document["model"]) == ("chatcmpl-0a1b", "local/qwen3")
    assert whole.usage == TokenUsage(3, 2)


def test_usage_that_ollama_does_not_tell_is_not_made_up():
    whole = Ollama().completion(line("a", done=True, done_reason="stop", eval_count=2), HEAD)

    assert whole.usage is None
    assert "usage" not in orjson.loads(whole.body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "not JSON"),
        (line("a"), "may be cut"),
        (b'{"error":"out of memory"}', "out of memory"),
    ],
)
def test_a_body_that_is_no_answer_is_an_error(body, words):
    with pytest.raises(ApiFailedError) as caught:
        Ollama().completion(body, HEAD)

    assert words in str(caught.value)


def test_options_are_ollamas_own_with_openais_over_them():
    options = {"num_ctx": 8192, "temperature": 1.0}

    body = sent(temperature=0, seed=7, stop="END", max_tokens=5, max_completion_tokens=9, options=options)

    assert body["options"] == {
        "num_ctx": 8192,
        "temperature": 0,
        "seed": 7,
        "num_predict": 9,
        "stop": ["END"],
    }


@pytest.mark.parametrize(
    ("asked", "name", "value"),
    [
        ({"reasoning_effort": "none"}, "think", False),
        ({"reasoning_effort": "minimal"}, "think", "low"),
        ({"reasoning_effort": "high", "think": True}, "think", True),
        ({"response_format": {"type": "json_object"}}, "format", "json"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "x", "schema": {"type": "object"}},
                }
            },
            "format",
            {"type": "object"},
        ),
        ({"tools": [TOOL]}, "tools", [TOOL]),
        ({"keep_alive": "5m"}, "keep_alive", "5m"),
    ],
)
def test_a_field_is_said_in_ollamas_words(asked, name, value):
    assert sent(**asked)[name] == value


@pytest.mark.parametrize(
    "asked",
    [
        {"response_format": {"type": "text"}},
        {"tools": [TOOL], "tool_choice": "none"},
        {"stop": None},
        {"n": 1},
    ],
)
def test_a_field_that_asks_for_nothing_is_not_sent(asked):
    assert sent(**asked).keys() == {"model", "messages", "stream"}


def test_a_conversation_with_tools_and_images_is_said_in_ollamas_words():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    function = {"name": "weather", "arguments": '{"city": "Rom"}'}
    messages = [
        {"role": "developer", "content": "Be short."},
        {"role": "user", "content": [{"type": "text", "text": "Look:"}, image]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "22 °C"},
    ]

    body = sent(messages=messages)

    assert body["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Look:", "images": ["aGk="]},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "c1", "function": {"index": 0, "name": "weather", "arguments": {"city": "Rom"}}}
            ],
        },
        {"role": "tool", "content": "22 °C", "tool_name": "weather", "tool_call_id": "c1"},
    ]


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"audio": {"voice": "a"}}, "audio"),
        ({"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": "json"}, "response_format"),
        ({"reasoning_effort": ["high"]}, "reasoning_effort"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": [1]}, "stop"),
        ({"options": []}, "options"),
        ({"messages": []}, "messages"),
        ({"messages": ["hi"]}, "messages.0"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages.0.content.0"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b"}}]}
                ]
            },
            "messages.0.content.0",
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "tool_calls": [{"function": {"name": "x", "arguments": "{"}}]}
                ]
            },
            "messages.0.tool_calls.0.function.arguments",
        ),
    ],
)
def test_what_ollama_cannot_honour_is_refused_by_name(asked, param):
    with pytest.raises(InvalidRequestError) as caught:
        sent(**asked)

    assert caught.value.param == param


def test_fields_without_a_word_at_ollama_are_named():
    body = {
        "model": "m",
        "messages": [USER],
        "logit_bias": {"1": 2},
        "user": "u",
        "n": 1,
        "seed": 3,
        "store": None,
    }

    assert Ollama().ignored(body) == ["logit_bias", "user"]


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b'{"error":"model \\"x\\" not found, try pulling it first"}', "model_not_found"),
        (b'{"error":"invalid options"}', ""),
    ],
)
def test_an_error_body_is_told_in_ollamas_words(body, refusal):
    said = Ollama().refusal(body)

    assert said.message == orjson.loads(body)["error"]
    assert said.code == refusal


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 5}'])
def test_any_error_body_can_be_read(body):
    assert Ollama().refusal(body) == Refusal("")


def test_models_are_the_tags():
    body = orjson.dumps(
        {"models": [{"name": "qwen3:4b", "model": "qwen3:4b"}, {"name": "nomic-embed-text:latest"}]}
    )

    assert Ollama().models(body) == ["qwen3:4b", "nomic-embed-text:latest"]


def test_embeddings_go_there_and_back():
    request = Ollama().embeddings({"model": "nomic", "input": ["a", "b"], "encoding_format": "float"})
    answer = Ollama().embedded(
        b'{"model":"nomic","embeddings":[[0.5,1.0],[0.25,2.0]],"prompt_eval_count":4}', "e/nomic", "float"
    )

    assert request is not None
    assert (request.path, orjson.loads(request.body)) == (
        "/api/embed",
        {"model": "nomic", "input": ["a", "b"]},
    )
    document = orjson.loads(answer)
    assert [entry["embedding"] for entry in document["data"]] == [[0.5, 1.0], [0.25, 2.0]]
    assert document["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


def test_tokens_cannot_be_embedded():
    with pytest.raises(InvalidRequestError) as caught:
        Ollama().embeddings({"model": "nomic", "input": [[1, 2]]})

    assert caught.value.param == "input"
