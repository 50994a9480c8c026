"""OpenAI's Agents library as a client of the gateway, by chat completions; prints what it got as JSON."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import agents
import openai
import pydantic

agents.set_tracing_disabled(disabled=True)
CALLED: list[str] = []


class City(pydantic.BaseModel):
    """What a structured answer tells."""

    name: str
    people: int


@agents.function_tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    CALLED.append(city)
    return f"rain in {city}"


async def main() -> dict[str, Any]:
    """Run agents, and return what they did."""
    client = openai.AsyncOpenAI(base_url=os.environ["GATEWAY_URL"], api_key="not-needed", max_retries=0)
    model = agents.OpenAIChatCompletionsModel(os.environ["GATEWAY_MODEL"], client)
    plain = agents.Agent(name="plain", instructions="Be kind.", model=model)
    tooled = agents.Agent(name="tooled", model=model, tools=[get_weather])
    typed = agents.Agent(name="typed", model=model, output_type=City)
    text = await agents.Runner.run(plain, "Say something.")
    weather = await agents.Runner.run(tooled, "How is the weather in 'Zürich'?")
    streamed = agents.Runner.run_streamed(tooled, "How is the weather in 'Bern'?")
    kinds = [event.type async for event in streamed.stream_events()]
    city = await agents.Runner.run(typed, "Tell of 'Basel' and its 170000 people.")
    return {
        "text": text.final_output,
        "weather": weather.final_output,
        "streamed": streamed.final_output,
        "has_deltas": kinds.count("raw_response_event") > 3,
        "called": CALLED,
        "city": city.final_output.model_dump(),
    }


print(json.dumps(asyncio.run(main())))
