from __future__ import annotations

import pytest

from automation.errors import SiteError
from backend.wire.answers.finish_reasons import find_finish_reason, is_cut, read_finish_reason


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("eos_token", "stop"),
        ("stop_sequence", "stop"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("COMPLETE", "stop"),
        ("tool_calls", "tool_calls"),
        ("tool_use", "tool_calls"),
        ("function_call", "function_call"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("model_context_window_exceeded", "length"),
        ("content_filter", "content_filter"),
        ("content_filter: RECITATION", "content_filter"),
        ("sensitive", "content_filter"),
        ("SAFETY", "content_filter"),
    ],
)
def test_every_word_for_an_end_is_one_of_openais(said, ours):
    assert read_finish_reason(said) == ours


@pytest.mark.parametrize("said", [None, "", "null", "NULL"])
def test_an_answer_that_goes_on_has_not_ended(said):
    assert read_finish_reason(said) is None


@pytest.mark.parametrize(
    "said",
    [
        "network_error",
        "insufficient_system_resource",
        "error",
        "abort",
        "OTHER",
        "what nobody says",
        7,
        True,
        [],
        {},
    ],
)
def test_any_other_reason_is_no_end_of_an_answer(said):
    with pytest.raises(SiteError):
        read_finish_reason(said)
    assert find_finish_reason(said) is None


@pytest.mark.parametrize(
    ("reason", "cut"), [("stop", False), ("tool_calls", False), ("length", True), ("content_filter", True)]
)
def test_an_answer_is_cut_that_was_ended_from_outside(reason, cut):
    assert is_cut(reason) is cut
