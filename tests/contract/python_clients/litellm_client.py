"""LiteLLM's library as a client of the gateway; prints what it got as JSON."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the internet at its import

import litellm

litellm.telemetry = False
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
PLACE = {"api_base": os.environ["GATEWAY_URL"], "api_key": "not-needed"}
MODEL = f"openai/{os.environ['GATEWAY_MODEL']}"
ASK = [{"role": "user", "content": "Say something."}]
ASK_WEATHER = [{"role": "user", "content": "How is the weather in 'Zürich'?"}]


async def main() -> dict[str, Any]:
    """Ask in every way, and return what came."""
    common = {"model": MODEL, "messages": ASK, "num_retries": 0, **PLACE}
    whole = litellm.completion(**common)
    pieces = litellm.completion(**common, stream=True, stream_options={"include_usage": True})
    built = litellm.stream_chunk_builder(list(pieces), messages=ASK)
    later = [chunk async for chunk in await litellm.acompletion(**common, stream=True)]
    asked = {**common, "messages": ASK_WEATHER, "tools": [WEATHER]}
    call = litellm.completion(**asked).choices[0]
    streamed = litellm.stream_chunk_builder(list(litellm.completion(**asked, stream=True))).choices[0]
    try:
        litellm.completion(**{**common, "model": "openai/no-such-model"})
        refused = ""
    except litellm.NotFoundError as exc:
        refused = str(exc)
    return {
        "whole": whole.choices[0].message.content,
        "tokens": whole.usage.total_tokens,
        "built": built.choices[0].message.content,
        "built_tokens": built.usage.total_tokens,
        "later": "".join(chunk.choices[0].delta.content or "" for chunk in later),
        "calls": [_call(call), _call(streamed)],
        "refused": refused,
    }


def _call(choice: Any) -> list[Any]:
    (call,) = choice.message.tool_calls
    return [choice.finish_reason, call.function.name, json.loads(call.function.arguments)]


print(json.dumps(asyncio.run(main())))
