"""How calls and results are written as text."""

from __future__ import annotations

import pytest

from backend.wire.tool_envelope import CalledTool, assistant_text, call_block, result_block


@pytest.mark.parametrize(
    "arguments",
    ['{"b":1,"a":"ü"}', '{ "a": "\\u00fc",\n"b": 1 }', '{"a": "ü", "b": 1}'],
)
def test_arguments_are_written_alike_however_a_client_wrote_them(arguments):
    expected = '```toolcall\n{"toolcall": "f", "arguments": {"a": "ü", "b": 1}}\n```'

    assert call_block("f", arguments) == expected


@pytest.mark.parametrize("arguments", ["", "x = 1", "[" * 100_000, "9" * 5000])
def test_arguments_that_are_no_json_are_kept_as_text(arguments):
    assert arguments in call_block("f", arguments)


def test_a_message_without_calls_is_its_text_byte_for_byte():
    assert assistant_text(" x \n", ()) == " x \n"


def test_a_message_with_calls_is_its_text_trimmed_and_then_they():
    block = call_block("f", "{}")

    assert assistant_text(" x \n", [("f", "{}"), ("f", "{}")]) == f"x\n\n{block}\n\n{block}"
    assert assistant_text(" \n", [("f", "{}")]) == block


@pytest.mark.parametrize(("text", "fence"), [("", "```"), ("a ``` b", "````"), ("`````\nx", "``````")])
def test_a_result_stands_in_a_block_that_it_cannot_end(text, fence):
    assert result_block(2, "f", text) == f"Result of call 2, f:\n{fence}\n{text}\n{fence}"


def test_a_call_has_openais_shape():
    assert CalledTool("call_1", "f", "{}").document() == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
    }
