"""Every decoder that a profile may name can be made, as what it is."""

from collections.abc import Callable
from typing import Any, get_args

import pytest

from automation.capture.decoders.by_path.json_body import JsonBodyDecoder
from automation.capture.decoders.by_path.json_lines import JsonLinesDecoder
from automation.capture.decoders.by_path.json_patch import JsonPatchDecoder
from automation.capture.decoders.by_path.json_socket import JsonSocketDecoder, JsonSocketIoDecoder
from automation.capture.decoders.by_path.json_sse import JsonSseDecoder, TextSseDecoder
from automation.capture.decoders.by_path.text_stream import TextStreamDecoder
from automation.capture.decoders.registry import SOCKET_DECODERS, make_body_decoder, make_socket_decoder
from automation.capture.decoders.uis.chainlit import ChainlitDecoder
from automation.capture.decoders.uis.gradio_queue import GradioQueueDecoder
from automation.capture.decoders.uis.open_webui import OpenWebUiDecoder
from automation.capture.decoders.uis.openai_sse import OpenAiSseDecoder
from automation.capture.decoders.uis.streamlit import StreamlitDecoder
from automation.capture.decoders.uis.vercel_ai import VercelAiDecoder
from automation.profiles.wire_format import DecoderName, Wire

CLASSES = {
    "openai_sse": OpenAiSseDecoder,
    "gradio_queue": GradioQueueDecoder,
    "chainlit": ChainlitDecoder,
    "open_webui": OpenWebUiDecoder,
    "streamlit": StreamlitDecoder,
    "vercel_ai": VercelAiDecoder,
    "text": TextStreamDecoder,
    "text_sse": TextSseDecoder,
    "json_sse": JsonSseDecoder,
    "json_lines": JsonLinesDecoder,
    "json_body": JsonBodyDecoder,
    "json_patch": JsonPatchDecoder,
    "json_socket": JsonSocketDecoder,
    "json_socketio": JsonSocketIoDecoder,
}
TEXT: dict[str, Any] = {"text_path": "text"}
STREAM: dict[str, Any] = {**TEXT, "end": "[DONE]"}
SOCKET: dict[str, Any] = {**STREAM, "request": "event==send"}
NEEDED: dict[str, dict[str, Any]] = {
    "text_sse": {"end": "[DONE]"},
    "json_sse": STREAM,
    "json_lines": STREAM,
    "json_body": TEXT,
    "json_patch": STREAM,
    "json_socket": SOCKET,
    "json_socketio": SOCKET,
}


@pytest.mark.parametrize("name", get_args(DecoderName))
def test_each_name_makes_its_decoder_and_only_in_its_own_way(name):
    wire = Wire(decoder=name, urls="*", **NEEDED.get(name, {}))
    makers: list[Callable[[Wire], object]] = [make_body_decoder, make_socket_decoder]
    refuse, make = makers if name in SOCKET_DECODERS else makers[::-1]

    decoder = make(wire)

    assert type(decoder) is CLASSES[name]
    with pytest.raises(ValueError, match=name):
        refuse(wire)
