"""Maps a profile's ``wire.decoder`` to the decoder's class. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from automation.capture.decoders.by_path.json_body import JsonBodyDecoder
from automation.capture.decoders.by_path.json_lines import JsonLinesDecoder
from automation.capture.decoders.by_path.json_patch import JsonPatchDecoder
from automation.capture.decoders.by_path.json_socket import JsonSocketDecoder, JsonSocketIoDecoder
from automation.capture.decoders.by_path.json_sse import JsonSseDecoder, TextSseDecoder
from automation.capture.decoders.by_path.text_stream import TextStreamDecoder
from automation.capture.decoders.protocol import BodyDecoder, SocketDecoder
from automation.capture.decoders.uis.chainlit import ChainlitDecoder
from automation.capture.decoders.uis.gradio_queue import GradioQueueDecoder
from automation.capture.decoders.uis.open_webui import OpenWebUiDecoder
from automation.capture.decoders.uis.openai_sse import OpenAiSseDecoder
from automation.capture.decoders.uis.streamlit import StreamlitDecoder
from automation.capture.decoders.uis.vercel_ai import VercelAiDecoder
from automation.profiles.wire_format import DecoderName, Wire

_BODY_DECODERS: Final[dict[DecoderName, Callable[[Wire], BodyDecoder]]] = {
    "openai_sse": lambda _: OpenAiSseDecoder(),
    "vercel_ai": lambda _: VercelAiDecoder(),
    "gradio_queue": lambda _: GradioQueueDecoder(),
    "text": lambda _: TextStreamDecoder(),
    "text_sse": TextSseDecoder,
    "json_sse": JsonSseDecoder,
    "json_lines": JsonLinesDecoder,
    "json_body": JsonBodyDecoder,
    "json_patch": JsonPatchDecoder,
}
_SOCKET_DECODERS: Final[dict[DecoderName, Callable[[Wire], SocketDecoder]]] = {
    "chainlit": lambda _: ChainlitDecoder(),
    "open_webui": lambda _: OpenWebUiDecoder(),
    "streamlit": lambda wire: StreamlitDecoder(wire.snapshot_tail),
    "json_socket": JsonSocketDecoder,
    "json_socketio": JsonSocketIoDecoder,
}
SOCKET_DECODERS: Final[frozenset[DecoderName]] = frozenset(_SOCKET_DECODERS)


def make_body_decoder(wire: Wire) -> BodyDecoder:
    """Return a decoder for one HTTP response.

    Raises:
        ValueError: ``wire.decoder`` reads a WebSocket.
    """
    if wire.decoder not in _BODY_DECODERS:
        raise ValueError(f"{wire.decoder} reads a WebSocket, not the body of a response")
    return _BODY_DECODERS[wire.decoder](wire)


def make_socket_decoder(wire: Wire) -> SocketDecoder:
    """Return a decoder for one turn on one WebSocket.

    Raises:
        ValueError: ``wire.decoder`` reads the body of a response.
    """
    if wire.decoder not in _SOCKET_DECODERS:
        raise ValueError(f"{wire.decoder} reads the body of a response, not a WebSocket")
    return _SOCKET_DECODERS[wire.decoder](wire)
