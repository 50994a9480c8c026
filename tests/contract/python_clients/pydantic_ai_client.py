"""Pydantic AI as a client of the gateway; prints what it got as JSON."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import pydantic
import pydantic_ai
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

CALLED: list[str] = []


class City(pydantic.BaseModel):
    """What a structured answer tells."""

    name: str
    people: int


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    CALLED.append(city)
    return f"rain in {city}"


async def main() -> dict[str, Any]:
    """Run agents, and return what they did."""
    place = OpenAIProvider(base_url=os.environ["GATEWAY_URL"], api_key="not-needed")
    model = OpenAIChatModel(os.environ["GATEWAY_MODEL"], provider=place)
    plain = pydantic_ai.Agent(model, instructions="Be kind.")
    tooled = pydantic_ai.Agent(model, tools=[get_weather])
    typed = pydantic_ai.Agent(model, output_type=City)
    native = pydantic_ai.Agent(model, output_type=pydantic_ai.NativeOutput(City))
    text = await plain.run("Say something.")
    async with plain.run_stream("Say something.") as answer:
        pieces = [piece async for piece in answer.stream_text(delta=True, debounce_by=None)]
    weather = await tooled.run("How is the weather in 'Zürich'?")
    ask = "Tell of 'Basel' and its 170000 people."
    return {
        "text": text.output,
        "tokens": text.usage.total_tokens,
        "pieces": pieces,
        "weather": weather.output,
        "called": CALLED,
        "cities": [(await agent.run(ask)).output.model_dump() for agent in (typed, native)],
    }


print(json.dumps(asyncio.run(main())))
