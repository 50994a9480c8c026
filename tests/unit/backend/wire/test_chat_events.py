from __future__ import annotations

import pytest

from automation.errors import SiteError
from backend.wire.chat_events import ChatEvents, completion_id_stem, find_choice, find_error, named_event

STREAM = b': ping\n\ndata: {"a":1}\r\n\r\ndata:{"b":"\xc3\xa4"}\n\ndata: [DONE]\n\n'


def test_events_are_read_at_once():
    assert ChatEvents().feed(STREAM) == [{"a": 1}, {"b": "ä"}]


def test_events_are_read_byte_by_byte():
    chunks = ChatEvents()

    found = [document for i in range(len(STREAM)) for document in chunks.feed(STREAM[i : i + 1])]

    assert found == [{"a": 1}, {"b": "ä"}]


@pytest.mark.parametrize("data", [b"data: <html>\n\n", b"data: 7\n\n"])
def test_what_is_no_json_object_is_an_error(data):
    with pytest.raises(SiteError) as caught:
        ChatEvents().feed(data)

    assert "JSON" in str(caught.value)


def test_a_named_event_has_its_type_as_its_name():
    assert named_event({"type": "ping"}) == b'event: ping\ndata: {"type":"ping"}\n\n'


def test_a_usage_chunk_has_no_choice():
    assert find_choice({"choices": []}) == {}


def test_only_the_first_choice_counts():
    assert find_choice({"choices": [{"index": 1, "x": 1}, {"index": 0, "x": 0}]}) == {"index": 0, "x": 0}


@pytest.mark.parametrize(
    ("document", "code", "message"),
    [
        ({"error": {"code": "rate_limited", "message": "slow"}}, "rate_limited", "slow"),
        ({"error": "plain words"}, "site_error", "plain words"),
    ],
)
def test_an_error_event_is_an_error(document, code, message):
    error = find_error(document)

    assert error is not None
    assert (error.code, error.message) == (code, message)


def test_a_chunk_is_no_error():
    assert find_error({"choices": [], "error": None}) is None


def test_the_stem_is_what_is_its_own_in_an_id():
    assert completion_id_stem({"id": "chatcmpl-abc"}) == "abc"
