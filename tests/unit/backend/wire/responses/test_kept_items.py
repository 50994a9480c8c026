"""Requests that refer to what was kept."""

from __future__ import annotations

from typing import Any

import pytest

from backend.errors import InvalidRequestError
from backend.wire.responses.kept_items import find_previous, find_references, unfold

USER = {"role": "user", "content": "hi"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}
SAID = {"type": "message", "id": "msg_1", "role": "assistant", "content": "yo"}
KNOWN: dict[str, dict[str, Any]] = {"rs_1": THOUGHT, "msg_1": SAID}


def reference(item_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "item_reference", "id": item_id, **more}


@pytest.mark.parametrize(
    ("given", "items"),
    [
        ("go on", [USER, {"type": "message", "role": "user", "content": "go on"}]),
        ([SAID], [USER, SAID]),
        ([reference("rs_1"), {"id": "msg_1"}, USER], [USER, THOUGHT, SAID, USER]),
        ([reference("rs_gone"), USER], [USER, USER]),
        (
            [{"id": "msg_1", "role": "user", "content": "x"}],
            [USER, {"id": "msg_1", "role": "user", "content": "x"}],
        ),
        (None, [USER]),
    ],
    ids=["a text", "items", "references", "reasoning that is gone", "an item with an id", "nothing"],
)
def test_all_that_a_request_refers_to_is_in_its_input(given, items):
    body = {"model": "m", "previous_response_id": "resp_1", "input": given}

    assert unfold(body, [USER], KNOWN) == {"model": "m", "input": items}
    assert body["input"] is given


def test_a_reference_to_what_is_gone_is_refused_by_its_place():
    with pytest.raises(InvalidRequestError) as caught:
        unfold({"input": [USER, reference("msg_gone")]}, [], KNOWN)

    assert caught.value.param == "input.1"


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ([reference("a"), USER, {"id": "b", "type": None}], ["a", "b"]),
        ([reference(7), "x", {}], []),  # type: ignore[arg-type]
        ("a text", []),
        (None, []),
    ],
)
def test_references_are_found(given, ids):
    assert find_references({"input": given}) == ids


def test_an_id_must_be_a_text():
    assert find_previous({"previous_response_id": "resp_1"}) == "resp_1"
    assert find_previous({"previous_response_id": None}) is None
    with pytest.raises(InvalidRequestError) as caught:
        find_previous({"previous_response_id": {"id": "resp_1"}})

    assert caught.value.param == "previous_response_id"
