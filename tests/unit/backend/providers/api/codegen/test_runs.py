"""Codegen's runs: how one is asked for, and what is made of what it says."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from backend.errors import InvalidRequestError
from backend.provider_errors import ApiFailedError
from backend.providers.api.codegen import runs as codegen
from backend.providers.api.codegen.runs import ALIASES, CodegenDefaults, Run
from backend.wire.chat_response import CompletionHead

HEAD = CompletionHead("chatcmpl-1", 1, "codegen/codegen-standard")
OPTIONS = CodegenDefaults(org_id="3/2")
USER = {"role": "user", "content": "hi"}
URL = "https://codegen.com/agent/trace/7"


def test_a_run_is_asked_for_with_its_prompt_and_its_model():
    request = codegen.creation("hi", "gpt-4", OPTIONS)

    assert (request.method, request.path) == ("POST", "/v1/organizations/3%2F2/agent/run")
    assert orjson.loads(request.body) == {"prompt": "hi", "model": "codegen-advanced"}


def test_the_model_is_left_out_where_the_endpoint_says_so():
    options = codegen.parse_options({"org_id": 323, "sends_model": False}, CodegenDefaults())

    assert options.org_id == "323"
    assert orjson.loads(codegen.creation("hi", "gpt-4", options).body) == {"prompt": "hi"}
    assert codegen.ignored({"model": "gpt-4", "messages": [USER], "seed": 1}, options) == ["model", "seed"]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        *ALIASES.items(),
        ("codegen-advanced", "codegen-advanced"),
        ("new", "new"),
        (None, "codegen-standard"),
        ("", "codegen-standard"),
    ],
)
def test_names_of_other_models_stand_for_codegens(name, model):
    assert codegen.parse_model_name(name, "codegen-standard") == model


def test_a_conversation_becomes_one_prompt():
    messages = [{"role": "system", "content": "S"}, USER, {"role": "assistant", "content": "ho"}, USER]

    prompt = codegen.build_run_prompt({"messages": messages})

    assert prompt == "S\n\nUser:\nhi\n\nAssistant:\nho\n\nUser:\nhi"


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "wizard", "content": "hi"}]}, "messages"),
    ],
)
def test_what_an_agent_cannot_do_is_refused_by_name(asked, param):
    with pytest.raises(InvalidRequestError) as caught:
        codegen.build_run_prompt({"messages": [USER], **asked})

    assert caught.value.param == param


@pytest.mark.parametrize(
    ("status", "is_over"),
    [
        ("ACTIVE", False),
        ("pending", False),
        ("", False),
        (None, False),
        ("COMPLETE", True),
        ("Succeeded", True),
        ("ERROR", True),
        ("cancelled", True),
    ],
)
def test_a_run_is_over_with_a_status_that_says_so(status, is_over):
    assert codegen.parse_run(orjson.dumps({"id": 7, "status": status})).is_over is is_over


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"status": "ACTIVE"}, "no id"),
        ({"id": True, "status": "ACTIVE"}, "no id"),
        ({"id": 8, "status": "COMPLETE", "result": "a"}, "another run"),
        ({"id": 7, "status": "COMPLETE", "result": {"a": 1}}, "no text"),
        ([], "not a JSON object"),
    ],
)
def test_what_is_no_run_is_an_error(document, words):
    with pytest.raises(ApiFailedError) as caught:
        codegen.parse_run(orjson.dumps(document), "7")

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (Run("7", "failed", "no such repo"), "ended as failed: no such repo"),
        (Run("7", "out_of_tokens", "half an ans"), "ended as out_of_tokens"),
        (Run("7", "complete"), "no result"),
        (Run("7", "complete", ""), "no result"),
    ],
)
def test_a_run_without_a_whole_result_has_no_answer(run, words):
    with pytest.raises(ApiFailedError) as caught:
        run.answer()

    assert words in str(caught.value)


def test_the_result_is_the_answer_and_the_runs_address_an_annotation():
    whole = codegen.completion(Run("7", "complete", "Grüße 👋", URL), HEAD, 8)

    document = orjson.loads(whole.body)
    message = document["choices"][0]["message"]
    assert message["content"] == "Grüße 👋"
    assert message["annotations"][0]["url_citation"]["url"] == URL
    assert document["usage"] == {
        "prompt_tokens": 2,
        "completion_tokens": 2,
        "total_tokens": 4,
        "estimated": True,
    }
    assert whole.usage is None


@pytest.mark.parametrize("size", [1, 511, 512, 513, 2000])
def test_the_pieces_of_a_streamed_result_are_the_result(size):
    text = "ü👋" * size

    events = list(codegen.chunks(Run("7", "complete", text, URL), HEAD, 8, with_usage=True))

    documents: list[dict[str, Any]] = [orjson.loads(event[6:]) for event in events]
    deltas = [document["choices"][0]["delta"].get("content", "") for document in documents[:-1]]
    assert "".join(deltas) == text
    assert documents[-2]["choices"][0]["finish_reason"] == "stop"
    assert documents[-1]["usage"]["estimated"] is True


def test_waits_grow_to_a_limit_and_follow_the_server():
    assert [codegen.resend_wait_s(n, 2.0, None) for n in (1, 2, 3, 20)] == [2.0, 4.0, 8.0, 60.0]
    assert codegen.resend_wait_s(1, 2.0, 0.5) == 0.5
    assert [codegen.poll_wait_s(n, 2.0) for n in (0, 1, 20)] == [2.0, 3.0, 10.0]
