"""One answer as each kind of site would stream it, in as many pieces as wanted, and a page that only streams it.

What the sites' own servers send is in ``tests/recordings``; these streams are for what recordings are too short for.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from automation.page.cdp import Listener, Params
from tests.fakes.protobuf_writer import write

Json = dict[str, Any]
URL = "https://site.example/api/chat"
_WORDS = (
    "The ",
    "quick ",
    "brown ",
    "fox, ",
    "dõg ",
    "jumps. ",
    "Then\n",
    "- it ",
    "**rests** ",
    "🎉 ",
    "\n\n",
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of the page's traffic: a DevTools event and its parameters."""

    event: str
    params: Json


@dataclass(frozen=True, slots=True)
class StreamKind:
    """A kind of stream.

    Attributes:
        wire: The profile's ``wire`` for it.
        write: Returns the answer's frames, each piece in one of its own.
        is_cumulative: Each frame holds the whole answer so far, so that already its bytes grow with the square.
    """

    wire: Json
    write: Callable[[Sequence[str]], list[Frame]]
    is_cumulative: bool = False


def pieces_of_answer(count: int) -> list[str]:
    """Return an answer in ``count`` pieces, as models stream them: words, lists, characters of several bytes."""
    return [_WORDS[i * 7 % len(_WORDS)] for i in range(count)]


class SilentPage:
    """A DevTools channel to a page of which nothing is told but what ``tell`` says."""

    target_id = ""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = defaultdict(list)

    def on(self, event: str, listener: Listener) -> None:
        """Have ``listener`` hear an event."""
        self._listeners[event].append(listener)

    async def send(self, method: str, params: Params | None = None, timeout_s: float = 5.0) -> Params:
        """Answer nothing to any call."""
        return {}

    def tell(self, frame: Frame) -> None:
        """Tell an event to those who listen."""
        for listener in self._listeners[frame.event]:
            listener(frame.params)


Spawn = Callable[[Coroutine[Any, Any, None]], None]


# -- bodies of responses ------------------------------------------------------------------------------------------------


def _body(parts: Sequence[bytes]) -> list[Frame]:
    request = {"url": URL, "method": "POST", "postData": "{}"}
    response = {"url": URL, "status": 200, "mimeType": "text/event-stream", "headers": {}}
    data = [
        Frame(
            "Network.dataReceived",
            {"requestId": "1", "dataLength": len(part), "data": base64.b64encode(part).decode()},
        )
        for part in parts
    ]
    return [
        Frame("Network.requestWillBeSent", {"requestId": "1", "type": "Fetch", "request": request}),
        Frame("Network.responseReceived", {"requestId": "1", "response": response}),
        *data,
        Frame("Network.loadingFinished", {"requestId": "1"}),
    ]


def _sse(messages: Sequence[Any]) -> list[Frame]:
    return _body([f"data: {_text(message)}\n\n".encode() for message in messages])


def _text(message: Any) -> str:
    return message if isinstance(message, str) else json.dumps(message)


def _openai(pieces: Sequence[str]) -> list[Frame]:
    chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    return _sse([*chunks, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, "[DONE]"])


def _vercel(pieces: Sequence[str]) -> list[Frame]:
    deltas = [{"type": "text-delta", "id": "1", "delta": piece} for piece in pieces]
    return _sse([{"type": "text-start", "id": "1"}, *deltas, {"type": "finish"}, "[DONE]"])


def _vercel_anew(pieces: Sequence[str]) -> list[Frame]:
    """A step is taken back in the middle and written anew, the same at first."""
    first = [{"type": "text-delta", "id": "1", "delta": piece} for piece in pieces[: len(pieces) // 2]]
    again = [{"type": "text-delta", "id": "1", "delta": piece} for piece in pieces[: len(pieces) // 2]]
    begin: Json = {"type": "start-step"}
    return _sse([begin, *first, {"type": "reset-step"}, *again, {"type": "finish"}, "[DONE]"])


def _plain(pieces: Sequence[str]) -> list[Frame]:
    return _body([piece.encode() for piece in pieces])


def _json_deltas(pieces: Sequence[str]) -> list[Frame]:
    return _sse([*({"text": piece} for piece in pieces), "[DONE]"])


def _json_thoughts(pieces: Sequence[str]) -> list[Frame]:
    """Every second piece is reasoning."""
    named = [{("text", "thought")[i % 2]: piece} for i, piece in enumerate(pieces)]
    return _sse([*named, "[DONE]"])


def _json_snapshots(pieces: Sequence[str]) -> list[Frame]:
    return _sse([*({"text": whole} for whole in accumulate(pieces)), "[DONE]"])


def _json_rewrites(pieces: Sequence[str]) -> list[Frame]:
    """Each snapshot ends in a cursor that the profile does not name."""
    return _sse([*({"text": whole + "▌"} for whole in accumulate(pieces)), "[DONE]"])


def _json_patch(pieces: Sequence[str]) -> list[Frame]:
    document = {"message": {"status": "wip", "content": {"parts": [""]}}}
    first = {"p": "/message/content/parts/0", "o": "append", "v": ""}
    return _sse([{"v": document}, first, *({"v": piece} for piece in pieces), "[DONE]"])


def _gradio(pieces: Sequence[str]) -> list[Frame]:
    def entry(role: str, text: str) -> Json:
        return {"role": role, "metadata": None, "content": [{"type": "text", "text": text}]}

    def message(kind: str, data: list[Any]) -> Json:
        return {"msg": kind, "event_id": "e", "success": True, "output": {"data": data}}

    edits = [["append", [1, "content", 0, "text"], piece] for piece in pieces]
    chat = [entry("user", "Hi"), entry("assistant", "".join(pieces))]
    return _sse(
        [
            message("process_generating", [[entry("user", "Hi"), entry("assistant", "")]]),
            *(message("process_generating", [[edit]]) for edit in edits),
            message("process_completed", [chat]),
        ]
    )


# -- sockets ------------------------------------------------------------------------------------------------------------


def _socket(sent: str | bytes, received: Sequence[str | bytes]) -> Iterator[Frame]:
    yield Frame("Network.webSocketCreated", {"requestId": "1", "url": URL})
    yield _frame("Network.webSocketFrameSent", sent)
    for payload in received:
        yield _frame("Network.webSocketFrameReceived", payload)


def _frame(event: str, payload: str | bytes) -> Frame:
    is_text = isinstance(payload, str)
    data = payload if isinstance(payload, str) else base64.b64encode(payload).decode()
    return Frame(event, {"requestId": "1", "response": {"opcode": 1 if is_text else 2, "payloadData": data}})


def _socket_io(name: str, argument: Json) -> str:
    return "42" + json.dumps([name, argument])


def _chainlit(pieces: Sequence[str]) -> list[Frame]:
    run = {"id": "run", "type": "run", "parentId": "q", "output": "", "end": None}
    step = {"id": "a", "type": "assistant_message", "parentId": "run", "output": ""}
    received = [
        _socket_io("new_message", run),
        _socket_io("stream_start", step),
        *(_socket_io("stream_token", {"id": "a", "token": piece}) for piece in pieces),
        _socket_io("update_message", {**step, "output": "".join(pieces)}),
        _socket_io("update_message", {**run, "end": "now"}),
        _socket_io("task_end", {}),
    ]
    return [*_socket(_socket_io("client_message", {"message": {"id": "q"}}), received)]


def _open_webui(pieces: Sequence[str]) -> list[Frame]:
    def event(kind: str, data: Json) -> str:
        return _socket_io("events", {"message_id": "m", "data": {"type": kind, "data": data}})

    def delta(piece: str) -> Json:
        return {"type": "response.output_text.delta", "item_id": "i", "delta": piece}

    output = [{"type": "message", "id": "i", "content": [{"text": "".join(pieces).strip()}]}]
    received = [
        *(event("response:completion", delta(piece)) for piece in pieces),
        event("chat:completion", {"done": True, "output": output}),
    ]
    url = "https://site.example/api/chat/completions"
    request = {"url": url, "method": "POST", "postData": json.dumps({"id": "m"})}
    asked = Frame("Network.requestWillBeSent", {"requestId": "2", "type": "Fetch", "request": request})
    created, _, *answered = _socket("", received)
    return [created, asked, *answered]


def _json_socket(pieces: Sequence[str]) -> list[Frame]:
    received = [json.dumps({"text": piece}) for piece in pieces]
    return [*_socket(json.dumps({"ask": "Hi"}), [*received, json.dumps({"done": True})])]


def _streamlit(pieces: Sequence[str]) -> list[Frame]:
    """Each update of an element holds the whole element; the answer is one."""

    def forward(*fields: tuple[int, bytes | str | int], path: tuple[int, ...] = ()) -> bytes:
        return write((2, write((2, bytes(path)), (6, write((1, "r"))))), *fields)

    def chat_message(name: str, *path: int) -> bytes:
        return forward((5, write((6, write((9, write((1, name))))))), path=path)

    def markdown(body: str, *path: int, growing: bool) -> bytes:
        element = write((29, write((1, body), (4, 1), *((6, 1) for _ in [1] if growing))))
        return forward((5, write((3, element))), path=path)

    prompt = write((15, write((1, "Hi"))))
    sent = write((11, write((2, write((1, write((1, "w"), (3, 1))), (1, prompt))))))
    received = [
        forward((4, b"")),
        forward((5, write((3, write((49, write((1, "id"))))))), path=(3, 0)),
        chat_message("user", 0, 1),
        markdown("Hi", 0, 1, 0, growing=False),
        chat_message("assistant", 0, 2),
        *(markdown(whole.strip(), 0, 2, 0, growing=True) for whole in accumulate(pieces)),
        markdown("".join(pieces).strip(), 0, 2, 0, growing=False),
        forward((6, 0)),
    ]
    return [*_socket(sent, received)]


_TEXT = {"text_path": "text", "end": "[DONE]"}

STREAMS: dict[str, StreamKind] = {
    "openai_sse": StreamKind({"decoder": "openai_sse"}, _openai),
    "vercel_ai": StreamKind({"decoder": "vercel_ai"}, _vercel),
    "vercel_ai, written anew": StreamKind({"decoder": "vercel_ai"}, _vercel_anew),
    "text": StreamKind({"decoder": "text"}, _plain),
    "json_sse": StreamKind({"decoder": "json_sse", **_TEXT}, _json_deltas),
    "json_sse, reasoning between": StreamKind(
        {"decoder": "json_sse", **_TEXT, "reasoning_path": "thought"}, _json_thoughts
    ),
    "json_patch": StreamKind(
        {"decoder": "json_patch", "text_path": "message.content.parts.*", "end": "[DONE]"}, _json_patch
    ),
    "gradio_queue": StreamKind({"decoder": "gradio_queue"}, _gradio),
    "chainlit": StreamKind({"decoder": "chainlit"}, _chainlit),
    "open_webui": StreamKind({"decoder": "open_webui"}, _open_webui),
    "json_socket": StreamKind(
        {"decoder": "json_socket", "text_path": "text", "request": "ask!=", "end": "done==true"}, _json_socket
    ),
    "json_sse, whole text": StreamKind(
        {"decoder": "json_sse", **_TEXT, "snapshot": True}, _json_snapshots, is_cumulative=True
    ),
    "json_sse, text with a cursor": StreamKind(
        {"decoder": "json_sse", **_TEXT, "snapshot": True}, _json_rewrites, is_cumulative=True
    ),
    "streamlit": StreamKind({"decoder": "streamlit"}, _streamlit, is_cumulative=True),
}
"""By the name of the decoder, and what is special about the stream."""
