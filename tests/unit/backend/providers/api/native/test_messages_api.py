"""What is read of a message that passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backend.provider_errors import ApiFailedError, KeyLimitedError, ModelLimitedError
from backend.providers.api.native.messages_api import NativeMessages, NativeMessageStream
from backend.wire.usage import TokenUsage


def named(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


START = named("message_start", message={"usage": {"input_tokens": 3, "cache_creation_input_tokens": 4}})
TEXT = named("content_block_start", index=0, content_block={"type": "text", "text": ""})
DELTA = named("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hi"})
CALL = named("content_block_start", index=0, content_block={"type": "server_tool_use", "name": "f"})
END = named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5})
STOP = named("message_stop")
LIMIT = named("error", error={"type": "rate_limit_error", "message": "slow"})


@pytest.mark.parametrize(
    ("events", "has_begun"), [([START], False), ([START, TEXT], False), ([TEXT, DELTA], True), ([CALL], True)]
)
def test_it_has_begun_with_the_first_words_or_call(events, has_begun):
    stream = NativeMessageStream()

    assert stream.feed(b"".join(events)) == b"".join(events)
    assert stream.has_begun is has_begun


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_its_events_pass_however_they_are_split(size, line_end):
    whole = START + TEXT + DELTA + END + STOP
    raw = b"\xef\xbb\xbf: hello\n\n".replace(b"\n", line_end) + whole.replace(b"\n", line_end)
    stream = NativeMessageStream()

    passed = b"".join(stream.feed(raw[i : i + size]) for i in range(0, len(raw), size)) + stream.close()

    assert passed == whole
    assert stream.usage == TokenUsage(7, 5, 0, 0, 4)


def test_a_message_without_its_end_is_not_whole():
    stream = NativeMessageStream()
    stream.feed(START + TEXT + DELTA + END)

    with pytest.raises(ApiFailedError, match="middle"):
        stream.close()


def test_an_error_before_the_first_words_is_raised_at_once():
    with pytest.raises(ModelLimitedError, match="slow"):
        NativeMessageStream().feed(START + LIMIT)


def test_an_error_behind_words_passes_and_is_raised_then():
    stream = NativeMessageStream()

    passed = stream.feed(DELTA + LIMIT + STOP)

    assert passed == DELTA + LIMIT
    with pytest.raises(ModelLimitedError, match="slow"):
        stream.feed(b"")


def test_an_error_that_repeats_a_secret_passes_without_it():
    stream = NativeMessageStream(lambda words: words.replace("slow", "…"))

    assert stream.feed(DELTA + LIMIT) == DELTA + LIMIT.replace(b"slow", "…".encode())


@pytest.mark.parametrize("data", [b"{oops", b"[1]", b"7"])
def test_what_is_no_event_of_this_api_never_passes(data):
    with pytest.raises(ApiFailedError):
        NativeMessageStream().feed(b"data: " + data + b"\n\n")


def test_half_of_a_surrogate_pair_passes():
    event = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"\\ud83d"}}\n\n'

    assert NativeMessageStream().feed(event) == event


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"type": "error", "error": {"type": "billing_error", "message": "pay"}}, KeyLimitedError),
        ({"content": [], "stop_reason": None}, ApiFailedError),
        ({"content": "Hi", "stop_reason": "end_turn"}, ApiFailedError),
    ],
)
def test_a_body_that_is_no_whole_message_is_an_error(body, kind):
    with pytest.raises(kind):
        NativeMessages().completion(json.dumps(body).encode())
