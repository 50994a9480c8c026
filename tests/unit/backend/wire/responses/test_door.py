"""A request of OpenAI's Responses API as it came."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from backend.wire.errors import ErrorReply
from backend.wire.responses.door import ResponsesDoor


def test_it_is_translated_with_the_names_of_what_is_lost():
    translated = ResponsesDoor({"model": "demo", "input": "hi", "client_metadata": {"a": "b"}}).translate()

    assert translated.body == {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}
    assert translated.ignored == ("client_metadata",)


def test_it_is_checked_only_when_it_is_translated():
    door = ResponsesDoor({"model": "demo"})

    with pytest.raises(ValidationError):
        door.translate()


def test_a_refusal_is_openais_error():
    body = ResponsesDoor({}).refusal(ErrorReply(400, "invalid_request", "no", "input"))

    assert json.loads(body)["error"]["param"] == "input"
