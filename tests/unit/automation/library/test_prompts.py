"""Texts and OpenAI's messages become prompts, and what asks nothing is refused by the name of its field."""

from __future__ import annotations

import pytest

from automation.library.prompts import build_prompt
from automation.turn import Message

USER = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ("Hi", (Message("user", "Hi"),)),
        ([USER], (Message("user", "Hi"),)),
        (
            [{"role": "developer", "content": "Be brief"}, USER],
            (Message("system", "Be brief"), Message("user", "Hi")),
        ),
        (
            [{"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]}],
            (Message("user", "H\n\ni"),),
        ),
    ],
)
def test_what_is_asked_becomes_the_prompts_messages(messages, expected):
    prompt = build_prompt(messages, "m")

    assert (prompt.messages, prompt.model) == (expected, "m")


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ("", "last message"),
        ([], "last message"),
        ([{"role": "user", "content": "  "}], "last message"),
        ([{"role": "oracle", "content": "x"}], r"messages\.0\.role"),
        ([{"content": "x"}], r"messages\.0\.role"),
        ([USER, {"role": "user", "content": None}], r"messages\.1\.content"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], r"messages\.0\.content"),
    ],
)
def test_what_asks_nothing_is_refused_by_name(messages, words):
    with pytest.raises(ValueError, match=words) as caught:
        build_prompt(messages)
    assert caught.value.args
