"""What is read of a response that passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backend.provider_errors import ApiFailedError, KeyLimitedError, ModelLimitedError
from backend.providers.api.native.responses_api import (
    NativeResponses,
    NativeResponseStream,
    read_response_usage,
)
from backend.wire.usage import TokenUsage


def named(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


CREATED = named("response.created", response={"id": "resp_1"})
DELTA = named("response.output_text.delta", delta="Hi")
USAGE = {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 2}
COMPLETED = named("response.completed", response={"id": "resp_1", "usage": USAGE})
SLOW = {"code": "rate_limit_exceeded", "message": "slow"}


def test_its_events_pass_and_the_last_one_tells_the_usage():
    stream = NativeResponseStream()

    assert stream.feed(CREATED) == CREATED
    assert stream.has_begun is False
    assert stream.feed(DELTA + COMPLETED) + stream.close() == DELTA + COMPLETED
    assert stream.usage == TokenUsage(3, 2, 1, 0)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (named("response.failed", response={"error": SLOW}), ModelLimitedError),
        (named("response.failed", response={"error": {"code": "insufficient_quota"}}), KeyLimitedError),
        (named("response.failed", response={"error": None}), ApiFailedError),
        (named("error", **SLOW), ModelLimitedError),
        (named("error", error=SLOW), ModelLimitedError),
    ],
)
def test_a_failure_is_raised_before_and_passed_on_after_the_first_words(event, kind):
    with pytest.raises(kind):
        NativeResponseStream().feed(CREATED + event)
    begun = NativeResponseStream()

    assert begun.feed(DELTA + event) == DELTA + event
    with pytest.raises(kind):
        begun.feed(b"")


@pytest.mark.parametrize("status", ["completed", "incomplete"])
def test_a_whole_response_passes_as_it_is(status):
    body = json.dumps({"output": [], "status": status, "usage": USAGE}).encode()

    assert NativeResponses().completion(body) == (body, TokenUsage(3, 2, 1, 0))


@pytest.mark.parametrize(
    "body", [{"output": [], "status": "queued"}, {"status": "completed"}, {"error": SLOW}]
)
def test_a_body_that_is_no_whole_response_is_an_error(body):
    with pytest.raises((ApiFailedError, KeyLimitedError)):
        NativeResponses().completion(json.dumps(body).encode())


@pytest.mark.parametrize("usage", [None, 7, {}, {"input_tokens": "3"}])
def test_counts_that_are_none_are_not_told(usage):
    assert read_response_usage(usage) is None
