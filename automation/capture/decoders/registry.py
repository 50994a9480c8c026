"""Which decoder reads what a profile's ``wire`` names. Pure."""

from __future__ import annotations

from typing import Final

from automation.capture.decoders.chainlit import ChainlitDecoder
from automation.capture.decoders.gradio_queue import GradioQueueDecoder
from automation.capture.decoders.open_webui import OpenWebUiDecoder
from automation.capture.decoders.openai_sse import OpenAiSseDecoder
from automation.capture.decoders.protocol import BodyDecoder, SocketDecoder
from automation.capture.decoders.streamlit import StreamlitDecoder
from automation.profiles import DecoderName, Wire

SOCKET_DECODERS: Final[frozenset[DecoderName]] = frozenset({"chainlit", "open_webui", "streamlit"})


def make_body_decoder(wire: Wire) -> BodyDecoder:
    """Return a decoder for one HTTP response.

    Raises:
        ValueError: ``wire.decoder`` reads a WebSocket.
    """
    match wire.decoder:
        case "openai_sse":
            return OpenAiSseDecoder()
        case "gradio_queue":
            return GradioQueueDecoder()
        case _:
            raise ValueError(f"{wire.decoder} reads a WebSocket, not the body of a response")


def make_socket_decoder(wire: Wire) -> SocketDecoder:
    """Return a decoder for one turn on one WebSocket.

    Raises:
        ValueError: ``wire.decoder`` reads the body of a response.
    """
    match wire.decoder:
        case "chainlit":
            return ChainlitDecoder()
        case "open_webui":
            return OpenWebUiDecoder()
        case "streamlit":
            return StreamlitDecoder(wire.snapshot_tail)
        case _:
            raise ValueError(f"{wire.decoder} reads the body of a response, not a WebSocket")
