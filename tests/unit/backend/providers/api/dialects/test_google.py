"""Gemini's answers: told as OpenAI's wherever a stream is split, or refused to be called an answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from backend.provider_errors import ApiContentBlockedError, ApiFailedError, KeyLimitedError
from backend.providers.api.dialects.google import ContentStream, Google
from backend.wire.chat_response import CompletionHead
from backend.wire.usage import TokenUsage

HEAD = CompletionHead("chatcmpl-1", 1, "gemini")
USAGE = {
    "promptTokenCount": 30,
    "cachedContentTokenCount": 20,
    "candidatesTokenCount": 12,
    "thoughtsTokenCount": 40,
    "totalTokenCount": 82,
}
COUNTED = TokenUsage(30, 52, 20, 40)
LIMIT = {
    "error": {
        "code": 429,
        "message": "You exceeded your current quota.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "27.5s"}],
    }
}


def piece(*parts: dict[str, Any], finish: str | None = None, **fields: object) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini", "responseId": "r", **fields}


def events(*documents: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + orjson.dumps(document) + b"\r\n\r\n" for document in documents)


THOUGHT = {"text": "Let me see.", "thought": True}
CALL = {"functionCall": {"name": "get_weather", "args": {"city": "Köln"}}, "thoughtSignature": "c2ln"}
OTHER_CALL = {"functionCall": {"name": "get_time", "args": {}, "id": "fc-2"}}
PIECES = [
    piece(THOUGHT),
    piece({"text": "Grüße "}),
    piece({"text": "👋"}, CALL, OTHER_CALL),
    piece({"text": ""}, finish="STOP", usageMetadata=USAGE),
]


def read(
    data: bytes, size: int = 10_000, *, with_usage: bool = False
) -> tuple[list[dict[str, Any]], ContentStream]:
    stream = Google().stream(HEAD, with_usage=with_usage)
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    told = b"".join([*map(stream.feed, parts), stream.close()])
    return [orjson.loads(chunk.removeprefix(b"data: ")) for chunk in told.split(b"\n\n") if chunk], stream


def deltas(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]


def calls_in(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [call for delta in deltas(chunks) for call in delta.get("tool_calls", ())]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_a_stream_is_told_alike_wherever_it_is_split(size):
    chunks, stream = read(events(*PIECES), size, with_usage=True)

    told = deltas(chunks)
    assert "".join(d.get("content", "") for d in told) == "Grüße 👋"
    assert "".join(d.get("reasoning_content", "") for d in told) == "Let me see."
    assert [(c["index"], c["function"]) for c in calls_in(chunks)] == [
        (0, {"name": "get_weather", "arguments": '{"city":"Köln"}'}),
        (1, {"name": "get_time", "arguments": "{}"}),
    ]
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert chunks[-1]["usage"]["completion_tokens_details"] == {"reasoning_tokens": 40}
    assert stream.usage == COUNTED


def test_calls_have_ids_of_their_own_and_keep_their_signatures():
    first, second = calls_in(read(events(*PIECES))[0])

    other_head = CompletionHead("chatcmpl-2", 1, "gemini")
    elsewhere = Google().completion(orjson.dumps(piece(CALL, finish="STOP")), other_head)
    other = orjson.loads(elsewhere.body)["choices"][0]["message"]["tool_calls"][0]
    assert first["extra_content"] == other["extra_content"] == {"google": {"thought_signature": "c2ln"}}
    assert first["id"].startswith("call_")
    assert first["id"] != other["id"]
    assert (second["id"], "extra_content" in second) == ("fc-2", False)


def test_calls_of_different_pieces_are_counted_on():
    chunks, _ = read(events(piece(CALL), piece(CALL), piece(finish="STOP")))

    calls = calls_in(chunks)
    assert [call["index"] for call in calls] == [0, 1]
    assert len({call["id"] for call in calls}) == 2


def test_usage_behind_the_finish_still_counts():
    chunks, stream = read(events(piece({"text": "a"}, finish="STOP"), {"usageMetadata": USAGE}))

    assert stream.usage == COUNTED
    assert all("usage" not in chunk for chunk in chunks)


@pytest.mark.parametrize(
    ("reason", "finish_reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
    ],
)
def test_the_end_is_told_in_openais_words(reason, finish_reason):
    chunks, _ = read(events(piece({"text": "a"}), piece(finish=reason)))

    assert chunks[-1]["choices"][0]["finish_reason"] == finish_reason


def test_an_answer_without_text_has_ended_too():
    chunks, stream = read(events({"candidates": [{"finishReason": "SAFETY", "index": 0}]}))

    assert chunks[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert (stream.is_finished, stream.has_begun) == (True, False)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_stream_cut_before_its_finish_is_no_answer(count):
    with pytest.raises(ApiFailedError) as caught:
        read(events(*PIECES[:count]))
    assert "middle" in caught.value.site_message


def test_a_limit_behind_text_is_raised_once_the_text_is_told():
    stream = Google().stream(HEAD, with_usage=False)

    told = stream.feed(events(piece({"text": "Hello"}), LIMIT))

    assert b"Hello" in told
    with pytest.raises(KeyLimitedError) as caught:
        stream.feed(b"")
    assert (caught.value.retry_after_s, caught.value.kind) == (27.5, "requests")


BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": USAGE}
UNAVAILABLE = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (BLOCKED, ApiContentBlockedError),
        (LIMIT, KeyLimitedError),
        (UNAVAILABLE, ApiFailedError),
        (piece(finish="MALFORMED_FUNCTION_CALL"), ApiFailedError),
        (piece(finish="NOVELTY"), ApiFailedError),
        (piece({"inlineData": {"mimeType": "image/png", "data": "AA"}}, finish="STOP"), ApiFailedError),
        (piece({"executableCode": {"code": "1"}}, finish="STOP"), ApiFailedError),
        (piece({"functionCall": {"args": {}}}, finish="STOP"), ApiFailedError),
        (piece({"functionCall": {"name": "f", "willContinue": True}}, finish="STOP"), ApiFailedError),
        ({"candidates": [{"content": {"parts": ["a"]}, "finishReason": "STOP"}]}, ApiFailedError),
        ({"candidates": [{"content": "a", "finishReason": "STOP"}]}, ApiFailedError),
        ({"candidates": ["a"]}, ApiFailedError),
    ],
)
def test_what_is_no_answer_is_an_error_whole_or_streamed(document, error):
    with pytest.raises(error) as whole:
        Google().completion(orjson.dumps(document), HEAD)
    with pytest.raises(error) as streamed:
        Google().stream(HEAD, with_usage=False).feed(events(document))

    assert whole.type is streamed.type


@pytest.mark.parametrize(
    "data", [b"data: {broken\n\n", b"data: 3\n\n", b"data: \xff\n\n", events({"candidates": [{"index": 1}]})]
)
def test_a_stream_that_cannot_be_read_is_an_error(data):
    with pytest.raises(ApiFailedError) as caught:
        Google().stream(HEAD, with_usage=False).feed(data)
    assert len(caught.value.site_message) < 120


@pytest.mark.parametrize("document", [{}, {"candidates": []}, piece({"text": "half of an ans"})])
def test_a_whole_answer_without_candidates_or_finish_is_none(document):
    with pytest.raises(ApiFailedError) as caught:
        Google().completion(orjson.dumps(document), HEAD)
    assert caught.value.site_message


def test_every_candidate_is_a_choice():
    document = piece(THOUGHT, {"text": "a"}, finish="STOP", usageMetadata=USAGE)
    document["candidates"] += piece({"text": "b"}, CALL, finish="STOP")["candidates"]

    whole = Google().completion(orjson.dumps(document), HEAD)

    told = orjson.loads(whole.body)
    choices = told["choices"]
    assert [choice["index"] for choice in choices] == [0, 1]
    assert [choice["message"]["content"] for choice in choices] == ["a", "b"]
    assert [choice["finish_reason"] for choice in choices] == ["stop", "tool_calls"]
    assert choices[0]["message"]["reasoning_content"] == "Let me see."
    assert (told["usage"]["total_tokens"], whole.usage) == (82, COUNTED)


@pytest.mark.parametrize(
    ("error", "code", "wait_s"),
    [
        (LIMIT["error"], "RESOURCE_EXHAUSTED", 27.5),
        (
            {
                **LIMIT["error"],
                "details": [
                    {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},
                    {"retryDelay": "27s"},
                ],
            },
            "insufficient_quota",
            None,
        ),
        (
            {
                "status": "INVALID_ARGUMENT",
                "message": "API key not valid.",
                "details": [{"reason": "API_KEY_INVALID"}],
            },
            "invalid_api_key",
            None,
        ),
        (
            {
                "status": "INVALID_ARGUMENT",
                "message": "The input token count (2) exceeds the maximum number of tokens allowed (1).",
            },
            "context_length_exceeded",
            None,
        ),
        (
            {"status": "NOT_FOUND", "message": "models/x is not found for API version v1beta"},
            "model_not_found",
            None,
        ),
    ],
)
def test_a_refusal_has_its_words_and_openais_code_where_there_is_one(error, code, wait_s):
    said = Google().refusal(orjson.dumps([{"error": error}]))

    assert (said.message, said.code, said.retry_after_s) == (error["message"], code, wait_s)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b'{"error": 3}', b'{"error": {"details": 4}}']
)
def test_a_refusal_is_read_from_anything(body):
    said = Google().refusal(body)

    assert said.message == ""


def test_only_models_that_generate_content_are_listed():
    listed = {
        "models": [
            {
                "name": "models/gemini-2.5-flash",
                "supportedGenerationMethods": ["generateContent", "countTokens"],
            },
            {"name": "models/gemini-embedding-001", "supportedGenerationMethods": ["embedContent"]},
        ]
    }

    assert Google().models(orjson.dumps(listed)) == ["gemini-2.5-flash"]


@pytest.mark.parametrize(
    ("is_streamed", "path"),
    [
        (True, "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        (False, "/models/gemini-2.5-flash:generateContent"),
    ],
)
def test_the_path_names_the_model_and_whether_it_is_streamed(is_streamed, path):
    body = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}]}

    assert Google().chat(body, is_streamed=is_streamed).path == path


def test_fields_without_effect_are_named():
    body = {"model": "m", "messages": [], "parallel_tool_calls": False, "logit_bias": {}, "seed": 1}

    assert Google().ignored(body) == ["logit_bias", "parallel_tool_calls"]


def test_embeddings_come_out_in_order_without_a_count_that_nobody_told():
    request = Google().embeddings({"model": "gemini-embedding-001", "input": ["a", "b"]})

    told = orjson.loads(
        Google().embedded(b'{"embeddings": [{"values": [0.5]}, {"values": [1]}]}', "e/m", None)
    )

    assert request is not None
    assert request.path == "/models/gemini-embedding-001:batchEmbedContents"
    assert [(d["index"], d["embedding"]) for d in told["data"]] == [(0, [0.5]), (1, [1])]
    assert told.keys() == {"object", "data", "model"}


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"embeddings": [{}]}', orjson.dumps(UNAVAILABLE)])
def test_what_holds_no_vectors_is_no_embedding(body):
    with pytest.raises(ApiFailedError) as caught:
        Google().embedded(body, "m", None)
    assert caught.value.site_message
