"""An answer that is passed on: what is mended in it, and what is refused to be called one."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from automation.errors import SiteError
from backend.providers.api.chat.passed_answer import PassedChoice, mend_whole, parse_passed

CALL = {"id": "a", "function": {"name": "f", "arguments": "{}"}}


def test_a_choice_as_openai_writes_it_is_left_alone():
    choice = {"index": 0, "message": {"content": "a", "tool_calls": [CALL]}, "finish_reason": "tool_calls"}
    before = orjson.dumps(choice)

    assert not mend_whole(choice)
    assert orjson.dumps(choice) == before


def test_why_it_ended_is_said_in_openais_words():
    choice: dict[str, Any] = {"message": {"content": "a"}, "finish_reason": "MAX_TOKENS"}

    assert mend_whole(choice)
    assert choice["finish_reason"] == "length"


@pytest.mark.parametrize("reason", ["error", "network_error", None, "", 7])
def test_an_answer_that_may_be_cut_is_none(reason):
    with pytest.raises(SiteError):
        mend_whole({"message": {"content": "a"}, "finish_reason": reason})


def test_arguments_that_are_an_object_become_its_json_with_all_their_digits():
    number = "123456789012345678901234567890"
    message = '{"tool_calls":[{"function":{"name":"f","arguments":{"n": %s}}}]}' % number  # noqa: UP031
    document = parse_passed(f'{{"choices":[{{"message":{message},"finish_reason":"stop"}}]}}'.encode())

    assert mend_whole(document["choices"][0])
    [call] = document["choices"][0]["message"]["tool_calls"]
    assert call["function"]["arguments"] == '{"n":%s}' % number  # noqa: UP031


def test_calls_of_a_stream_get_indexes_that_tell_them_apart():
    choice = PassedChoice()
    pieces: list[Any] = [{"delta": {"tool_calls": [{**CALL, "id": call_id}]}} for call_id in ("a", "b")]

    mended = [choice.mend(piece) for piece in pieces]

    assert mended == [True, True]
    assert [piece["delta"]["tool_calls"][0]["index"] for piece in pieces] == [0, 1]


def test_indexes_that_tell_calls_apart_are_left_alone():
    choice = PassedChoice()
    pieces = [{"delta": {"tool_calls": [{**CALL, "id": str(index), "index": index}]}} for index in (1, 4)]

    assert not any(choice.mend(piece) for piece in pieces)


def test_a_whole_message_in_the_place_of_a_first_delta_is_one_and_behind_deltas_is_none():
    message = {"role": "assistant", "content": "all"}
    first, last = PassedChoice(), PassedChoice()
    last.mend({"delta": {"content": "all"}})
    piece: dict[str, Any] = {"message": message, "finish_reason": "stop"}

    assert first.mend(dict(piece) | {"message": message})
    assert not last.mend(piece)
    assert "delta" not in piece


def test_a_choice_stays_finished_whatever_follows():
    choice = PassedChoice()
    choice.mend({"delta": {"content": "a"}, "finish_reason": "stop"})
    choice.mend({"delta": {}, "finish_reason": None})

    assert (choice.has_begun, choice.is_finished) == (True, True)
