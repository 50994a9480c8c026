"""Reasoning that comes back with the next request."""

from __future__ import annotations

from typing import Any

import pytest

from backend.wire.responses.reasoning import pack_reasoning, read_reasoning
from backend.wire.responses.request import InputItem


def item(**fields: Any) -> InputItem:
    return InputItem.model_validate({"type": "reasoning", **fields})


SUMMARY = [{"type": "summary_text", "text": "short"}]
TEXT = [{"type": "reasoning_text", "text": "first "}, {"type": "reasoning_text", "text": "then"}]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"summary": SUMMARY, "content": TEXT}, "first then"),
        ({"summary": SUMMARY, "encrypted_content": pack_reasoning("whole ä\ud83d")}, "whole ä\ud83d"),
        ({"summary": SUMMARY, "encrypted_content": "gAAAA"}, "short"),
        ({"summary": [], "encrypted_content": "gateway-reasoning:?"}, ""),
        ({"summary": []}, ""),
    ],
    ids=["its text", "our own packing", "another server's", "packing that is broken", "nothing"],
)
def test_the_fullest_text_is_read(fields, text):
    assert read_reasoning(item(**fields)) == text
