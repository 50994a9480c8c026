import base64
import json

import pytest
from pydantic import ValidationError

from automation.sign_in.live_events import (
    MOST_FILE_BYTES,
    ChooseOption,
    FrameSeen,
    GiveFiles,
    Key,
    Pointer,
    parse_input,
)


def test_each_kind_of_message_becomes_its_event():
    assert parse_input('{"kind": "seen"}') == FrameSeen()
    assert parse_input('{"kind":"pointer","action":"move","x":1.5,"y":2}') == Pointer(
        action="move", x=1.5, y=2
    )
    assert parse_input('{"kind":"choose","number":3,"index":null}') == ChooseOption(number=3, index=None)
    key = parse_input('{"kind":"key","action":"down","key":"a","code":"KeyA","key_code":65}')
    assert key == Key(action="down", key="a", code="KeyA", key_code=65)


def test_files_arrive_as_bytes():
    data = base64.b64encode(b"\x00\xff").decode()

    event = parse_input(
        json.dumps({"kind": "files", "number": 1, "files": [{"name": "a.bin", "data": data}]})
    )

    assert isinstance(event, GiveFiles)
    assert event.files[0].data == b"\x00\xff"


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        '{"kind":"evaluate","text":"1"}',
        '{"kind":"pointer","action":"move","x":-1,"y":0}',
        '{"kind":"pointer","action":"move","x":1e9,"y":0}',
        '{"kind":"pointer","action":"move","x":NaN,"y":0}',
        '{"kind":"pointer","action":"drag","x":1,"y":0}',
        '{"kind":"wheel","x":1,"y":0,"dy":1e7}',
        '{"kind":"key","action":"down","key":"","code":""}',
        '{"kind":"key","action":"down","key":"a","key_code":70000}',
        '{"kind":"text","text":""}',
        '{"kind":"text","text":"\\ud800"}',
        '{"kind":"dialog","number":1}',
        '{"kind":"text","text":"a","and":"more"}',
        '{"kind":"navigate","to":"https://example.com"}',
        '{"kind":"files","number":1,"files":[{"name":"a","data":"a"}]}',
    ],
)
def test_what_is_out_of_bounds_is_refused(message):
    with pytest.raises(ValidationError):
        parse_input(message)


def test_pasted_text_has_a_limit():
    parse_input(json.dumps({"kind": "text", "text": "a" * 100_000}))

    with pytest.raises(ValidationError):
        parse_input(json.dumps({"kind": "text", "text": "a" * 100_001}))


def test_files_together_have_a_limit():
    half = base64.b64encode(b"0" * (MOST_FILE_BYTES // 2 + 1)).decode()
    files = [{"name": "a", "data": half}, {"name": "b", "data": half}]

    with pytest.raises(ValidationError, match="bytes"):
        parse_input(json.dumps({"kind": "files", "number": 1, "files": files}))
