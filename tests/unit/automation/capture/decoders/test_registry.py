"""Every decoder that a profile may name can be made, as what it is."""

from collections.abc import Callable
from typing import get_args

import pytest

from automation.capture.decoders.chainlit import ChainlitDecoder
from automation.capture.decoders.gradio_queue import GradioQueueDecoder
from automation.capture.decoders.open_webui import OpenWebUiDecoder
from automation.capture.decoders.openai_sse import OpenAiSseDecoder
from automation.capture.decoders.registry import SOCKET_DECODERS, make_body_decoder, make_socket_decoder
from automation.capture.decoders.streamlit import StreamlitDecoder
from automation.wire_format import DecoderName, Wire

CLASSES = {
    "openai_sse": OpenAiSseDecoder,
    "gradio_queue": GradioQueueDecoder,
    "chainlit": ChainlitDecoder,
    "open_webui": OpenWebUiDecoder,
    "streamlit": StreamlitDecoder,
}


@pytest.mark.parametrize("name", get_args(DecoderName))
def test_each_name_makes_its_decoder_and_only_in_its_own_way(name):
    wire = Wire(decoder=name, urls="*")
    makers: list[Callable[[Wire], object]] = [make_body_decoder, make_socket_decoder]
    refuse, make = makers if name in SOCKET_DECODERS else makers[::-1]

    decoder = make(wire)

    assert type(decoder) is CLASSES[name]
    with pytest.raises(ValueError, match=name):
        refuse(wire)
