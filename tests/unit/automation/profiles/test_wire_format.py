"""Which keys a decoder needs, which it has no use for, and how the profile says so."""

import pytest

from automation.errors import ProfileError
from automation.profiles.validation import parse_profile
from automation.profiles.wire_format import Wire

JSON = {"decoder": "json_sse", "urls": "*", "text_path": "a", "end": "[DONE]"}
SOCKET = {"decoder": "json_socket", "urls": "*", "text_path": "a", "end": "a==b", "request": "type==ask"}


def error_of(wire):
    with pytest.raises(ProfileError) as caught:
        parse_profile({"input": "a", "assistant_turn": "b", "wire": wire})
    return f"{caught.value.key}: {caught.value.reason}"


@pytest.mark.parametrize(
    "wire",
    [
        JSON,
        {**JSON, "end": ["@close", "done==true", "finished"], "events": "message"},
        {**JSON, "decoder": "text_sse", "text_path": ()},
        {**JSON, "decoder": "json_lines", "snapshot": True},
        {"decoder": "json_body", "urls": "*", "text_path": ["a", "b.0"]},
        {**JSON, "decoder": "json_patch", "reasoning_path": "b", "sources_path": "c", "error_path": "d"},
        SOCKET,
        {**SOCKET, "request": (), "request_urls": "*/ask", "id_path": "id", "request_id_path": "id"},
        {**SOCKET, "decoder": "json_socketio", "events": ["token"]},
        {"decoder": "openai_sse", "urls": ["*/v1/*"], "methods": ["POST"]},
    ],
)
def test_a_format_that_says_enough_is_taken(wire):
    assert Wire.model_validate(wire).decoder == wire["decoder"]


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        ({**JSON, "text_path": ()}, "wire.text_path: is needed by the decoder json_sse"),
        ({**JSON, "end": []}, "wire.end: is needed by the decoder json_sse"),
        ({"decoder": "text_sse", "urls": "*"}, "wire.end: is needed by the decoder text_sse"),
        (
            {"decoder": "json_body", "urls": "*"},
            "wire.text_path: is needed by the decoder json_body",
        ),
        ({**SOCKET, "request": ()}, "wire.request: is needed by the decoder json_socket"),
        ({**JSON, "text_path": "a..b"}, "wire.text_path.0: is not a path such as"),
        ({**JSON, "end": "a..b==c"}, "wire.end.0: is not a condition such as"),
        ({**JSON, "end": ["x", ""]}, "wire.end.1: String should have at least 1 character"),
        ({**SOCKET, "request": "ask"}, "wire.request.0: is not a condition such as type==text"),
        ({**SOCKET, "end": "@close"}, "wire.end: a socket that closes is no end of an answer"),
        ({**JSON, "request": "a=b"}, "wire.request.0: is not a condition such as type==text"),
        (
            {"decoder": "streamlit", "urls": "*", "request": "a==b"},
            "wire.request: is not a key for the decoder streamlit",
        ),
        ({**JSON, "response_id_path": "a..b"}, "wire.response_id_path.0: is not a path such as"),
        (
            {**JSON, "decoder": "json_lines", "events": "x"},
            "wire.events: is not a key for the decoder json_lines",
        ),
        (
            {"decoder": "openai_sse", "urls": "*", "text_path": "a"},
            "wire.text_path: is not a key for the decoder openai_sse",
        ),
        ({**JSON, "text_pth": "a"}, "wire.text_pth: is not a key of a profile"),
        ({**JSON, "urls": []}, "wire.urls: Value should have at least 1 item"),
        ({**JSON, "decoder": "sse"}, "wire.decoder: Input should be 'openai_sse'"),
    ],
)
def test_what_is_missing_or_useless_is_told_by_its_key(wire, error):
    assert error_of(wire).startswith(error)
