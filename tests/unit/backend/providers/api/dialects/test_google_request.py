"""Chat bodies as Gemini wants them, or refused with the name of the field."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from backend.errors import InvalidRequestError
from backend.providers.api.dialects.google_request import embed_request, generate_request, model_path
from backend.wire.chat_response import to_json

ASK = {"role": "user", "content": "hi"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}
SIGNED = {"extra_content": {"google": {"thought_signature": "c2ln"}}}


def call(call_id: str, name: str, **extra: object) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": '{"a": 1}'}, **extra}


def request(*messages: dict[str, Any], model: str = "gemini-2.5-flash", **fields: object) -> dict[str, Any]:
    """The request's body as it is sent."""
    body = {"model": model, "messages": list(messages or [ASK]), **fields}
    document: dict[str, Any] = orjson.loads(to_json(generate_request(body, is_streamed=False)))
    return document


def test_system_messages_leave_the_conversation_and_neighbours_of_a_role_are_merged():
    made = request({"role": "system", "content": "A"}, ASK, ASK, {"role": "assistant", "content": "yes"})

    assert made["systemInstruction"] == {"parts": [{"text": "A"}]}
    assert made["contents"] == [
        {"role": "user", "parts": [{"text": "hi"}, {"text": "hi"}]},
        {"role": "model", "parts": [{"text": "yes"}]},
    ]


def test_content_of_every_kind_is_translated():
    parts = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "file", "file": {"file_data": "JVBE"}},
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
    ]

    made = request({"role": "user", "content": parts})

    assert made["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"fileData": {"fileUri": "https://example.com/a.png"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
    ]


NUMBERS = '{"id": 123456789012345678901234567890, "p": 0.10000000000000000555}'


@pytest.mark.parametrize(
    ("result", "sent"),
    [
        (NUMBERS, NUMBERS),
        ("42", '{"result":"42"}'),
        ("[1.50]", '{"result":"[1.50]"}'),
        ("1e999", '{"result":"1e999"}'),
    ],
)
def test_a_result_is_sent_as_the_tool_wrote_it(result, sent):
    conversation = [ASK, {"role": "assistant", "tool_calls": [call("c1", "f")]}]
    answered = [*conversation, {"role": "tool", "tool_call_id": "c1", "content": result}]

    made = generate_request({"model": "m", "messages": answered}, is_streamed=False)

    assert f'"response":{sent}'.encode() in to_json(made)


def test_the_numbers_of_earlier_calls_keep_their_digits():
    called = {"id": "c1", "function": {"name": "f", "arguments": NUMBERS}}

    made = generate_request(
        {"model": "m", "messages": [ASK, {"role": "assistant", "tool_calls": [called]}]}, is_streamed=False
    )

    assert f'"args":{NUMBERS}'.encode() in to_json(made)


def test_results_carry_the_names_of_their_calls():
    made = request(
        ASK,
        {"role": "assistant", "tool_calls": [call("c1", "f"), call("c2", "g")]},
        {"role": "tool", "tool_call_id": "c2", "content": '{"t": 3}'},
        {"role": "tool", "tool_call_id": "c1", "content": "sun"},
    )

    assert made["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"name": "f", "args": {"a": 1}, "id": "c1"}},
                {"functionCall": {"name": "g", "args": {"a": 1}, "id": "c2"}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "c2", "name": "g", "response": {"t": 3}}},
                {"functionResponse": {"id": "c1", "name": "f", "response": {"result": "sun"}}},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("model", "extra", "signatures"),
    [
        ("gemini-2.5-pro", {}, [None, None]),
        ("gemini-2.5-pro", SIGNED, ["c2ln", None]),
        ("gemini-3-pro-preview", SIGNED, ["c2ln", None]),
        ("gemini-3-pro-preview", {}, ["skip_thought_signature_validator", None]),
        ("gemini-flash-latest", {}, ["skip_thought_signature_validator", None]),
    ],
)
def test_calls_come_back_with_the_signature_that_newer_models_insist_on(model, extra, signatures):
    made = request(
        ASK, {"role": "assistant", "tool_calls": [call("a", "f", **extra), call("b", "f")]}, model=model
    )

    assert [part.get("thoughtSignature") for part in made["contents"][1]["parts"]] == signatures


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (None, {"mode": "AUTO"}),
        ("required", {"mode": "ANY"}),
        ("none", {"mode": "NONE"}),
        ({"type": "function", "function": {"name": "f"}}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_tools_and_which_of_them_are_translated(choice, told):
    made = request(tools=[TOOL], tool_choice=choice)

    declared = {"name": "f", "description": "d", "parametersJsonSchema": SCHEMA}
    assert made["tools"] == [{"functionDeclarations": [declared]}]
    assert made["toolConfig"] == {"functionCallingConfig": told}


@pytest.mark.parametrize(
    ("fields", "config"),
    [
        ({"max_tokens": 5, "max_completion_tokens": 7}, {"maxOutputTokens": 7}),
        ({"stop": "END"}, {"stopSequences": ["END"]}),
        ({"temperature": 1.7, "top_p": 0.5, "seed": 3}, {"temperature": 1.7, "topP": 0.5, "seed": 3}),
        ({"presence_penalty": 1, "frequency_penalty": 0}, {"presencePenalty": 1, "frequencyPenalty": 0}),
        ({"n": 3}, {"candidateCount": 3}),
        ({"response_format": {"type": "json_object"}}, {"responseMimeType": "application/json"}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        ),
        (
            {"reasoning_effort": "medium"},
            {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 8192}},
        ),
        ({"reasoning_effort": "none"}, {"thinkingConfig": {"includeThoughts": False, "thinkingBudget": 0}}),
        (
            {"reasoning_effort": "high", "model": "gemini-3.1-pro"},
            {"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "high"}},
        ),
    ],
)
def test_fields_are_translated(fields, config):
    assert request(**fields)["generationConfig"] == config


def user(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"audio": {"voice": "a"}}, "audio"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"messages": [{"role": "system", "content": "A"}]}, "messages"),
        ({"messages": [{"role": "tool", "tool_call_id": "x", "content": ""}]}, "messages.0.tool_call_id"),
        ({"messages": [{"role": "system", "content": [{"type": "file"}]}]}, "messages.0.content.0"),
        (
            user({"type": "input_audio", "input_audio": {"data": "A", "format": "ogg"}}),
            "messages.0.content.0.input_audio",
        ),
        (user({"type": "video"}), "messages.0.content.0.type"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(fields, param):
    body = {"model": "gemini-2.5-flash", "messages": [ASK], **fields}

    with pytest.raises(InvalidRequestError) as caught:
        generate_request(body, is_streamed=True)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("models/gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("tunedModels/mine-1", "tunedModels/mine-1"),
    ],
)
def test_a_models_name_leads_to_its_path(model, path):
    assert model_path({"model": model}) == path


@pytest.mark.parametrize("model", ["", "..", "a/b", "models/../files", "a?key=1", "a:deleteAll", "a b"])
def test_a_models_name_leads_nowhere_else(model):
    with pytest.raises(InvalidRequestError) as caught:
        model_path({"model": model})
    assert caught.value.param == "model"


def test_texts_are_embedded_all_at_once():
    made = embed_request({"model": "gemini-embedding-001", "input": ["a", "b"], "dimensions": 8})

    assert made["requests"][1] == {
        "model": "models/gemini-embedding-001",
        "content": {"parts": [{"text": "b"}]},
        "outputDimensionality": 8,
    }
    assert len(embed_request({"model": "m", "input": "a"})["requests"]) == 1


@pytest.mark.parametrize("given", [None, [], [1, 2], [[1, 2]], 3])
def test_what_is_no_text_is_not_embedded(given):
    with pytest.raises(InvalidRequestError) as caught:
        embed_request({"model": "m", "input": given})
    assert caught.value.param == "input"
