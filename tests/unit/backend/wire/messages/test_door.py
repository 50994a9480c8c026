"""A request of Anthropic's Messages API as it came."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from backend.wire.errors import ErrorReply
from backend.wire.messages.door import MessagesDoor

BODY = {"model": "demo", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def test_it_is_translated_with_the_names_of_what_is_lost():
    translated = MessagesDoor({**BODY, "top_k": 3}, headers={"anthropic-beta": "context-1m"}).translate()

    assert translated.body == {"model": "demo", "max_completion_tokens": 9, "messages": BODY["messages"]}
    assert translated.ignored == ("anthropic-beta", "top_k")


def test_it_is_checked_only_when_it_is_translated():
    door = MessagesDoor({"model": "demo"})

    with pytest.raises(ValidationError):
        door.translate()


def test_a_refusal_has_anthropics_shape_and_the_requests_id():
    body = MessagesDoor(BODY, request_id="req_1").refusal(ErrorReply(404, "model_not_found", "no such model"))

    told = json.loads(body)
    assert (told["type"], told["error"]["type"], told["request_id"]) == ("error", "not_found_error", "req_1")
