"""Answers as the four kinds of APIs send them, with everything in them that the gateway reads; and what a client gets of one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from backend.api.errors import describe_error
from backend.api.inference.reply_response import ChatEncoder, ResponseEncoder
from backend.providers.api.dialect import Dialect
from backend.providers.api.dialects.anthropic import Anthropic
from backend.providers.api.dialects.google import Google
from backend.providers.api.dialects.ollama import Ollama
from backend.providers.api.dialects.openai_compatible import OpenAICompatible
from backend.wire.chat_response import CompletionHead
from backend.wire.messages.encoder import MessagesEncoder
from backend.wire.messages.request import MessagesRequest
from backend.wire.responses.encoder import ResponsesEncoder
from backend.wire.responses.request import ResponsesRequest

HEAD = CompletionHead("chatcmpl-ours", 7, "demo/m")
ARGUMENTS = '{"path":"/tmp","id":123456789012345678901234567890}'
MORE_ARGUMENTS = '{"all":true}'

_CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
_USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 5,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
_CITED = {
    "type": "url_citation",
    "url_citation": {"url": "https://a.test", "title": "A", "start_index": 0, "end_index": 2},
}
_CALL = {"id": "call_1", "type": "function", "function": {"name": "list_files", "arguments": ARGUMENTS}}
_NEXT_CALL = {
    "id": "call_2",
    "type": "function",
    "function": {"name": "drop_files", "arguments": MORE_ARGUMENTS},
}


def _choice(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {**_CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


OPENAI_WHOLE: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Grüße 👋",
                "reasoning_content": "hm",
                "refusal": None,
                "annotations": [_CITED],
                "tool_calls": [_CALL, _NEXT_CALL],
            },
            "logprobs": None,
            "finish_reason": "tool_calls",
        }
    ],
    "usage": _USAGE,
}
OPENAI_EVENTS: list[dict[str, Any]] = [
    _choice(role="assistant", content=""),
    _choice(reasoning_content="hm"),
    _choice(content="Grüße "),
    _choice(content="👋", annotations=[_CITED]),
    _choice(tool_calls=[{"index": 0, **_CALL, "function": {"name": "list_files", "arguments": ""}}]),
    _choice(tool_calls=[{"index": 0, "function": {"arguments": ARGUMENTS[:9]}}]),
    _choice(tool_calls=[{"index": 0, "function": {"arguments": ARGUMENTS[9:]}}]),
    _choice(tool_calls=[{"index": 1, **_NEXT_CALL}]),
    _choice("tool_calls"),
    {**_CHUNK, "choices": [], "usage": _USAGE},
]
_ANTHROPIC_USAGE = {
    "input_tokens": 5,
    "cache_read_input_tokens": 2,
    "cache_creation_input_tokens": 0,
    "output_tokens": 5,
    "output_tokens_details": {"thinking_tokens": 1},
}
_TOOL_USE = {"type": "tool_use", "id": "call_1", "name": "list_files"}
_NEXT_TOOL_USE = {"type": "tool_use", "id": "call_2", "name": "drop_files"}
ANTHROPIC_WHOLE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "text", "text": "Grüße 👋"},
        {**_TOOL_USE, "input": json.loads(ARGUMENTS)},
        {**_NEXT_TOOL_USE, "input": json.loads(MORE_ARGUMENTS)},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": _ANTHROPIC_USAGE,
}


def _block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    more = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    begun = {"type": "content_block_start", "index": index, "content_block": start}
    return [begun, *more, {"type": "content_block_stop", "index": index}]


ANTHROPIC_EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**ANTHROPIC_WHOLE, "content": [], "stop_reason": None}},
    {"type": "ping"},
    *_block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": "sig"},
    ),
    *_block(
        1,
        {"type": "text", "text": ""},
        {"type": "text_delta", "text": "Grüße "},
        {"type": "text_delta", "text": "👋"},
    ),
    *_block(
        2,
        {**_TOOL_USE, "input": {}},
        {"type": "input_json_delta", "partial_json": ""},
        {"type": "input_json_delta", "partial_json": ARGUMENTS[:9]},
        {"type": "input_json_delta", "partial_json": ARGUMENTS[9:]},
    ),
    *_block(3, {**_NEXT_TOOL_USE, "input": {}}, {"type": "input_json_delta", "partial_json": MORE_ARGUMENTS}),
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": _ANTHROPIC_USAGE,
    },
    {"type": "message_stop"},
]
_GOOGLE_USAGE = {
    "promptTokenCount": 7,
    "candidatesTokenCount": 4,
    "thoughtsTokenCount": 1,
    "cachedContentTokenCount": 2,
    "toolUsePromptTokenCount": 0,
    "totalTokenCount": 12,
}
_FUNCTION_CALL = {
    "functionCall": {"id": "call_1", "name": "list_files", "args": json.loads(ARGUMENTS)},
    "thoughtSignature": "sig",
}


def _candidate(*parts: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "candidates": [
            {
                "content": {"parts": list(parts), "role": "model"},
                "index": 0,
                **({"finishReason": finish} if finish else {}),
            }
        ],
        "usageMetadata": _GOOGLE_USAGE,
        "modelVersion": "m",
        "responseId": "r",
    }


_NEXT_FUNCTION_CALL = {
    "functionCall": {"id": "call_2", "name": "drop_files", "args": json.loads(MORE_ARGUMENTS)}
}
GOOGLE_WHOLE = _candidate(
    {"text": "hm", "thought": True}, {"text": "Grüße 👋"}, _FUNCTION_CALL, _NEXT_FUNCTION_CALL, finish="STOP"
)
GOOGLE_EVENTS = [
    _candidate({"text": "hm", "thought": True}),
    _candidate({"text": "Grüße "}),
    _candidate({"text": "👋"}, _FUNCTION_CALL),
    _candidate(_NEXT_FUNCTION_CALL),
    _candidate({"text": ""}, finish="STOP"),
]
_OLLAMA_CALL = {
    "id": "call_1",
    "function": {"index": 0, "name": "list_files", "arguments": json.loads(ARGUMENTS)},
}


def _line(done: bool = False, **message: Any) -> dict[str, Any]:
    end = {"done_reason": "stop", "prompt_eval_count": 7, "eval_count": 5} if done else {}
    return {"model": "m", "message": {"role": "assistant", "content": "", **message}, "done": done, **end}


_NEXT_OLLAMA_CALL = {
    "id": "call_2",
    "function": {"index": 1, "name": "drop_files", "arguments": json.loads(MORE_ARGUMENTS)},
}
OLLAMA_WHOLE = _line(
    done=True, content="Grüße 👋", thinking="hm", tool_calls=[_OLLAMA_CALL, _NEXT_OLLAMA_CALL]
)
OLLAMA_EVENTS = [
    _line(thinking="hm"),
    _line(content="Grüße "),
    _line(content="👋"),
    _line(tool_calls=[_OLLAMA_CALL]),
    _line(tool_calls=[_NEXT_OLLAMA_CALL]),
    _line(done=True),
]


def _sse(documents: Sequence[Any]) -> bytes:
    return b"".join(b"data: " + to_bytes(one) + b"\n\n" for one in documents)


def _named_sse(documents: Sequence[Any]) -> bytes:
    def name(one: Any) -> str:
        kind = one.get("type") if isinstance(one, dict) else None
        return kind if isinstance(kind, str) and kind.isidentifier() else "message"

    return b"".join(
        f"event: {name(one)}\n".encode() + b"data: " + to_bytes(one) + b"\n\n" for one in documents
    )


def to_bytes(document: Any) -> bytes:
    """JSON with every number of the document, and half a surrogate pair escaped."""
    return json.dumps(document).encode()


@dataclass(frozen=True)
class Sample:
    """One API's answer, whole and in events."""

    dialect: Dialect
    whole: dict[str, Any]
    events: list[dict[str, Any]]
    frame: Callable[[Sequence[Any]], bytes]
    end: bytes = b""

    def stream(self, events: Sequence[Any] | None = None) -> bytes:
        return self.frame(self.events if events is None else events) + self.end


SAMPLES: dict[str, Sample] = {
    "openai": Sample(OpenAICompatible(), OPENAI_WHOLE, OPENAI_EVENTS, _sse, b"data: [DONE]\n\n"),
    "anthropic": Sample(Anthropic(), ANTHROPIC_WHOLE, ANTHROPIC_EVENTS, _named_sse),
    "google": Sample(Google(), GOOGLE_WHOLE, GOOGLE_EVENTS, _sse),
    "ollama": Sample(
        Ollama(), OLLAMA_WHOLE, OLLAMA_EVENTS, lambda events: b"".join(to_bytes(e) + b"\n" for e in events)
    ),
}
DOORS = ("chat", "messages", "responses")


def encoder(door: str) -> ResponseEncoder:
    """What writes answers at one of our doors."""
    if door == "messages":
        asked = {"model": "demo", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        return MessagesEncoder(MessagesRequest.model_validate({**asked, "stop_sequences": ["END"]}))
    if door == "responses":
        return ResponsesEncoder(ResponsesRequest.model_validate({"model": "demo", "input": "hi"}))
    return ChatEncoder()


@dataclass
class Meaning:
    """What a client reads out of an answer: the same, whole and streamed, at every door.

    Attributes:
        end: ``complete``, ``calls``, ``cut`` or ``refused``.
        error: The code of the error that it ended with, or None.
    """

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    end: str = ""
    error: str | None = None


def gateway_gives(
    dialect: Dialect, raw: bytes, door: str, *, is_streamed: bool, size: int = 0
) -> tuple[bytes, str | None]:
    """The body that a client gets for an answer that comes as ``raw``, in pieces of ``size`` bytes, and the error's code."""
    form = encoder(door)
    out: list[bytes] = []
    try:
        if not is_streamed:
            return form.whole(dialect.completion(raw, HEAD).body), None
        stream = dialect.stream(HEAD, with_usage=True)
        size = size or len(raw) or 1
        for at in range(0, len(raw), size):
            out.append(form.events(stream.feed(raw[at : at + size])))  # noqa: PERF401  what came before an error is kept
        out += [form.events(stream.close()), form.end]
    except Exception as exc:  # noqa: BLE001  as the outermost boundary of a turn does
        told = describe_error(exc)
        if not is_streamed:
            return told.encode(), told.code
        return b"".join([*out, form.failure(told)]), told.code
    return b"".join(out), None


def client_reads(dialect: Dialect, raw: bytes, door: str, *, is_streamed: bool, size: int = 0) -> Meaning:
    """What a client makes of the body."""
    body, error = gateway_gives(dialect, raw, door, is_streamed=is_streamed, size=size)
    if is_streamed:
        return replace(read_stream(body, door), error=error)
    return read_whole(body, door) if error is None else Meaning(error=error)


def documents_in(stream: bytes) -> Iterator[dict[str, Any]]:
    """The documents of a stream's events, read as strictly as clients do."""
    for event in stream.decode().split("\n\n"):
        lines = [line[5:].removeprefix(" ") for line in event.split("\n") if line.startswith("data:")]
        if lines and lines != ["[DONE]"]:
            yield json.loads("\n".join(lines))


def arguments_in(text: str) -> Any:
    """The arguments of a call; as they came where they are no JSON, which a client tells its model."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


_ENDS = {
    "stop": "complete",
    "tool_calls": "calls",
    "function_call": "calls",
    "length": "cut",
    "content_filter": "refused",
    "end_turn": "complete",
    "stop_sequence": "complete",
    "tool_use": "calls",
    "max_tokens": "cut",
    "refusal": "refused",
}


def read_whole(body: bytes, door: str) -> Meaning:
    """The meaning of a whole answer."""
    document = json.loads(body)
    if door == "messages":
        return _of_blocks(document["content"], document["stop_reason"])
    if door == "responses":
        return _of_response(document)
    choice = document["choices"][0]
    message = choice["message"]
    calls = [
        (call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls") or ()
    ]
    return Meaning(
        message.get("content") or "",
        message.get("reasoning_content") or message.get("reasoning") or "",
        [(name, arguments_in(arguments)) for name, arguments in calls],
        _ENDS[choice["finish_reason"]],
    )


def read_stream(stream: bytes, door: str) -> Meaning:
    """The meaning of a streamed answer."""
    documents = list(documents_in(stream))
    return {"chat": _of_chunks, "messages": _of_message_events, "responses": _of_response_events}[door](
        documents
    )


def _of_blocks(blocks: list[Any], stop_reason: str) -> Meaning:
    calls = [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    thoughts = [block["thinking"] for block in blocks if block["type"] == "thinking"]
    return Meaning("".join(texts), "".join(thoughts), calls, _ENDS[stop_reason])


def _of_response(response: dict[str, Any]) -> Meaning:
    meaning = Meaning(end="complete")
    for item in response["output"]:
        if item["type"] == "function_call":
            meaning.calls.append((item["name"], arguments_in(item["arguments"])))
        elif item["type"] == "reasoning":
            meaning.reasoning += "".join(part["text"] for part in item["content"])
        else:
            meaning.text += "".join(part.get("text") or part.get("refusal") or "" for part in item["content"])
    if response["status"] == "incomplete":
        reason = response["incomplete_details"]["reason"]
        meaning.end = "cut" if reason == "max_output_tokens" else "refused"
    elif response["status"] == "failed":
        meaning.end = ""
    elif meaning.calls:
        meaning.end = "calls"
    return meaning


def _of_response_events(documents: list[dict[str, Any]]) -> Meaning:
    return _of_response(documents[-1]["response"]) if documents else Meaning()


def _of_message_events(documents: list[dict[str, Any]]) -> Meaning:
    blocks: list[Any] = []
    stop_reason = ""
    for document in documents:
        kind = document["type"]
        if kind == "content_block_start":
            blocks.append({**document["content_block"], "json": ""})
        elif kind == "content_block_delta":
            delta = document["delta"]
            for name, place in (("text", "text"), ("thinking", "thinking"), ("partial_json", "json")):
                if name in delta:
                    blocks[document["index"]][place] += delta[name]
        elif kind == "message_delta":
            stop_reason = document["delta"]["stop_reason"]
        elif kind == "error":
            return Meaning()
    for block in blocks:
        if block["type"] == "tool_use":
            block["input"] = json.loads(block["json"] or "{}") if stop_reason == "tool_use" else block["json"]
    return _of_blocks(blocks, stop_reason)


def _of_chunks(documents: list[dict[str, Any]]) -> Meaning:
    meaning = Meaning()
    calls: dict[int, list[str]] = {}
    for document in documents:
        if "error" in document:
            return Meaning()
        for choice in document["choices"]:
            delta = choice.get("delta") or {}
            meaning.text += delta.get("content") or ""
            meaning.reasoning += delta.get("reasoning_content") or delta.get("reasoning") or ""
            for call in delta.get("tool_calls") or ():
                gathered = calls.setdefault(call["index"], ["", ""])
                function = call.get("function") or {}
                gathered[0] += function.get("name") or ""
                gathered[1] += function.get("arguments") or ""
            if choice.get("finish_reason"):
                meaning.end = _ENDS[choice["finish_reason"]]
    for _, (name, arguments) in sorted(calls.items()):
        meaning.calls.append((name, arguments_in(arguments)))
    return meaning
