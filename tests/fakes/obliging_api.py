"""An API upstream that does what it is asked, always alike: calls the tool, fills the schema, counts, keeps to ``stop``.

It is no model: what it says is worked out from the request alone. So suites that want a model's obedience, such as that of
LangChain, can be run against the gateway, and what fails is the gateway's.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.fakes.scripted_api import (
    CHUNK,
    STREAM_END,
    STREAM_HEAD,
    Asked,
    ScriptedApi,
    Step,
    answers,
    event,
    serving,
)

_NUMBER = re.compile(r"-?\d+")
_QUOTED = re.compile(r"""['"“]([^'"”]+)['"”]|named (\S+?)\.?$""")
_WORDS = "One two three four five six seven eight nine ten."


class ObligingApi(ScriptedApi):
    """Answers every chat request; ``asked`` keeps them."""

    def script_for(self, asked: Asked) -> list[Step]:
        """Return the answer to a request, whole or streamed as it says."""
        body = asked.json
        message = self.message_for(body)
        finish = "tool_calls" if "tool_calls" in message else message.pop("finish", "stop")
        usage = _usage(body, message)
        common = {**CHUNK, "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
            return answers({**common, "object": "chat.completion", "choices": [choice], "usage": usage})
        with_usage = (body.get("stream_options") or {}).get("include_usage")
        counted = [event({**common, "choices": [], "usage": usage})] if with_usage else []
        deltas = [{"role": "assistant", "content": ""}, *_deltas(message), {}]
        choices: list[dict[str, Any]] = [{"index": 0, "delta": d, "finish_reason": None} for d in deltas]
        choices[-1]["finish_reason"] = finish
        chunks = [event({**common, "choices": [choice]}) for choice in choices]
        return [STREAM_HEAD, *chunks, *counted, event(b"[DONE]"), STREAM_END]

    def message_for(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the message of the answer; ``finish`` in it is a reason to end of its own."""
        return _message(body)


@asynccontextmanager
async def obliging_api() -> AsyncIterator[ObligingApi]:
    """Serve on a free port until the block is left."""
    async with serving(ObligingApi()) as api:
        yield api


def _message(body: dict[str, Any]) -> dict[str, Any]:
    asked = _text(body["messages"][-1])
    functions = [tool["function"] for tool in body.get("tools") or ()]
    chosen = body.get("tool_choice") or "auto"
    if isinstance(chosen, dict):
        functions = [f for f in functions if f["name"] == chosen["function"]["name"]]
    is_result = body["messages"][-1]["role"] == "tool"
    if functions and chosen != "none" and (chosen != "auto" or not is_result):
        arguments = json.dumps(_value(functions[0].get("parameters") or {}, asked), ensure_ascii=False)
        call = {"name": functions[0]["name"], "arguments": arguments}
        return {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": call}]}
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return {"content": json.dumps(_value(form["json_schema"]["schema"], asked))}
    if form.get("type") == "json_object":
        return {"content": json.dumps({"setup": "Why?", "punchline": "Because."})}
    return _told(f"You said: {asked}" if is_result else _WORDS, body)


def _told(text: str, body: dict[str, Any]) -> dict[str, Any]:
    stops = body.get("stop") or []
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.partition(stop)[0]
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    words = text.split(" ")
    if most is not None and len(words) > most:
        return {"content": " ".join(words[:most]), "finish": "length"}
    return {"content": text}


def _value(schema: dict[str, Any], asked: str, root: dict[str, Any] | None = None) -> Any:
    """Return what fits a JSON Schema: numbers and quoted words out of the question, in their order."""
    root = root or schema
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _value(schema["anyOf"][0], asked, root)
    match schema.get("type"):
        case "object":
            names = schema.get("properties") or {}
            return {name: _value(of, asked, root) for name, of in names.items()}
        case "array":
            return [_value(schema.get("items") or {"type": "string"}, asked, root)]
        case "integer" | "number":
            return int((_NUMBER.findall(asked) or ["3"])[0])
        case "boolean":
            return True
        case _:
            found = _QUOTED.search(asked)
            return next((word for word in found.groups() if word), "Why?") if found else "Why?"


def _deltas(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the deltas of a message, a few characters each; a call's name comes with its first one."""
    if "tool_calls" not in message:
        text = message["content"] or ""
        return [{"content": text[at : at + 7]} for at in range(0, len(text), 7)]
    (call,) = message["tool_calls"]
    arguments = call["function"]["arguments"]
    first = {**call, "index": 0, "function": {**call["function"], "arguments": ""}}
    more = [
        {"index": 0, "function": {"arguments": arguments[at : at + 7]}} for at in range(0, len(arguments), 7)
    ]
    return [{"tool_calls": [piece]} for piece in (first, *more)]


def _usage(body: dict[str, Any], message: dict[str, Any]) -> dict[str, int]:
    sent = sum(len(_text(m).split()) + 3 for m in body["messages"])
    got = len(json.dumps(message).split())
    return {"prompt_tokens": sent, "completion_tokens": got, "total_tokens": sent + got}


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text") or "" for part in content)
