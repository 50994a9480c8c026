"""Tools and structured output as OpenAI's own client sees them, at a page that has neither."""

from __future__ import annotations

import json
from typing import Any

import openai
import pydantic
import pytest

from automation.turn import Message, Prompt, ReasoningDelta, TextDelta
from tests.fakes.scripted_provider import DONE, ScriptedSite, plays, says

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
ASK: Any = [{"role": "user", "content": "How is the weather?"}]


def call(city: str) -> str:
    arguments = json.dumps({"city": city}, ensure_ascii=False)
    return f'```toolcall\n{{"toolcall": "get_weather", "arguments": {arguments}}}\n```\n'


def answers(*texts: str):
    """A script that gives one answer after the other."""
    left = iter(texts)
    return lambda _prompt: [*(TextDelta(c) for c in next(left)), DONE]


@pytest.fixture
def site() -> ScriptedSite:
    return ScriptedSite(keeps_chats=True)


@pytest.fixture
async def client(gateway):
    await gateway.started()
    return gateway.openai


def told(site: ScriptedSite) -> list[list[tuple[str, str]]]:
    return [[(message.role, message.text) for message in sent] for sent in site.sent]


async def test_a_call_comes_with_its_arguments_and_no_text(client, site):
    site.script = answers(call("Zürich"))

    got = await client.chat.completions.create(model="demo", messages=ASK, tools=[WEATHER])

    choice = got.choices[0]
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    (called,) = choice.message.tool_calls
    assert (called.type, called.function.name) == ("function", "get_weather")
    assert json.loads(called.function.arguments) == {"city": "Zürich"}
    assert "get_weather: Tells the weather." in site.sent[0][0].text


async def test_calls_are_streamed_as_deltas_that_the_client_puts_together(client, site):
    site.script = answers("Let me look.\n\n" + call("Paris") + call("Rome"))

    async with client.chat.completions.stream(model="demo", messages=ASK, tools=[WEATHER]) as stream:
        events = [event async for event in stream]
        final = await stream.get_final_completion()

    texts = [e.delta for e in events if e.type == "content.delta"]
    assert "".join(texts) == "Let me look.\n\n"
    assert len(texts) > 5
    message = final.choices[0].message
    assert [json.loads(c.function.arguments)["city"] for c in message.tool_calls] == ["Paris", "Rome"]
    assert len({c.id for c in message.tool_calls}) == 2
    assert final.choices[0].finish_reason == "tool_calls"


async def test_the_deltas_of_a_call_have_the_shape_of_openais(client, site):
    site.script = answers(call("Paris"))

    stream = await client.chat.completions.create(model="demo", messages=ASK, tools=[WEATHER], stream=True)
    chunks = [chunk async for chunk in stream]

    first, second, last = (chunk.choices[0] for chunk in chunks)
    assert first.delta.role == "assistant"
    assert (first.delta.tool_calls[0].index, first.delta.tool_calls[0].function.arguments) == (0, "")
    assert (second.delta.tool_calls[0].id, second.delta.tool_calls[0].function.name) == (None, None)
    assert second.delta.tool_calls[0].function.arguments == '{"city": "Paris"}'
    assert (last.delta.tool_calls, last.finish_reason) == (None, "tool_calls")


@pytest.mark.parametrize("rewrite", [False, True], ids=["as it came", "written anew"])
async def test_results_go_on_in_the_same_chat_and_only_they_are_sent(client, site, rewrite):
    site.script = answers(call("Paris") + call("Rome"), "Sun and rain.", "You're welcome.")
    ask = {"model": "demo", "tools": [WEATHER]}

    first = await client.chat.completions.create(messages=ASK, **ask)
    message = first.choices[0].message.model_dump(exclude_none=True)
    if rewrite:
        message["content"] = ""
        for entry in message["tool_calls"]:
            entry["function"]["arguments"] = json.dumps(
                json.loads(entry["function"]["arguments"]), separators=(",", ":")
            )
    results = [
        {"role": "tool", "tool_call_id": entry["id"], "content": weather}
        for entry, weather in zip(message["tool_calls"], ("Sun", "Rain"), strict=True)
    ]
    history = [*ASK, message, *results]
    second = await client.chat.completions.create(messages=history, **ask)
    history += [
        {"role": "assistant", "content": second.choices[0].message.content},
        {"role": "user", "content": "Thanks"},
    ]
    third = await client.chat.completions.create(messages=history, tool_choice="auto", **ask)

    assert second.choices[0].message.content == "Sun and rain."
    assert third.choices[0].message.content == "You're welcome."
    assert len(site.chats) == 1
    assert told(site)[1:] == [
        [
            ("tool", "Result of call 1, get_weather:\n```\nSun\n```"),
            ("tool", "Result of call 2, get_weather:\n```\nRain\n```"),
        ],
        [("user", "Thanks")],
    ]


async def test_other_tools_begin_another_chat_which_is_told_of_them(client, site):
    site.script = answers("Fine.", "Fine again.")
    other = {"type": "function", "function": {"name": "now"}}
    history = [*ASK, {"role": "assistant", "content": "Fine."}, {"role": "user", "content": "And now?"}]

    await client.chat.completions.create(model="demo", messages=ASK, tools=[WEATHER])
    await client.chat.completions.create(model="demo", messages=history, tools=[other])

    assert len(site.chats) == 2
    assert "now\n" in site.sent[1][0].text


async def test_a_choice_for_one_turn_does_not_part_the_conversation(client, site):
    site.script = answers(call("Paris"), "Sun.")

    first = await client.chat.completions.create(
        model="demo", messages=ASK, tools=[WEATHER], tool_choice="required"
    )
    message = first.choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Sun"}
    await client.chat.completions.create(model="demo", messages=[*ASK, message, result], tools=[WEATHER])

    assert "must call a tool" in site.sent[0][-1].text
    assert len(site.chats) == 1


async def test_a_broken_call_is_repaired_in_its_chat_which_goes_on_afterwards(client, site):
    site.script = answers(call("Paris").replace("}}", "}"), call("Paris"), "Sun.")

    raw = await client.chat.completions.with_raw_response.create(model="demo", messages=ASK, tools=[WEATHER])
    message = raw.parse().choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Sun"}
    got = await client.chat.completions.create(
        model="demo", messages=[*ASK, message, result], tools=[WEATHER]
    )

    assert raw.headers["x-gateway-notes"] == "answer-repaired"
    assert got.choices[0].message.content == "Sun."
    assert len(site.chats) == 1
    assert [len(sent) for sent in told(site)] == [2, 1, 1]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_that_stays_broken_is_a_plain_error(client, site, stream):
    site.script = says('{"toolcall": "get_weather", "arguments": {"town": "Paris"}}')

    with pytest.raises(openai.APIStatusError) as caught:
        await client.chat.completions.create(model="demo", messages=ASK, tools=[WEATHER], stream=stream)

    assert caught.value.status_code == 502
    assert caught.value.code == "invalid_tool_call"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(site.prompts) == 2


async def test_a_call_that_stays_broken_after_text_ends_the_stream_with_an_error(client, site):
    site.script = says("Well.\n", '{"toolcall": "nothing", "arguments": {}}')

    stream = await client.chat.completions.create(model="demo", messages=ASK, tools=[WEATHER], stream=True)
    chunk = await anext(stream)
    with pytest.raises(openai.APIError, match="no tool"):
        await anext(stream)

    assert chunk.choices[0].delta.content == "Well.\n"


async def test_tools_that_may_not_be_called_are_not_even_told(client, site):
    site.script = says("Fine.")

    got = await client.chat.completions.create(
        model="demo", messages=ASK, tools=[WEATHER], tool_choice="none"
    )

    assert got.choices[0].message.content == "Fine."
    assert told(site) == [[("user", "How is the weather?")]]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools.0"),
        ({"tools": [WEATHER], "tool_choice": "sometimes"}, "tool_choice"),
        ({"functions": [WEATHER["function"]]}, "functions"),
        ({"function_call": {"name": "get_weather"}}, "function_call"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"tools": [WEATHER], "logprobs": True}, "logprobs"),
        ({"tools": [WEATHER], "n": 2}, "n"),
    ],
)
async def test_what_cannot_be_honoured_is_refused_before_anything_is_sent(gateway, client, body, param):
    refused = await gateway.ask(**body)

    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)
    assert gateway.site.prompts == []


async def test_what_is_honoured_is_not_named_as_ignored(gateway, client):
    gateway.site.script = says(call("Paris"))

    got = await gateway.ask(tools=[WEATHER], parallel_tool_calls=True, tool_choice="auto")

    assert got.status_code == 200
    assert "x-gateway-ignored-params" not in got.headers


class Weather(pydantic.BaseModel):
    city: str
    degrees: int


@pytest.mark.parametrize(
    "answer",
    [
        '{"city": "Paris", "degrees": 20}',
        'Sure!\n\n```json\n{"city": "Paris", "degrees": 20}\n```\nAnything else?',
        "{“city”: “Paris”, “degrees”: 20,}",
    ],
)
async def test_a_model_of_the_client_is_parsed_out_of_the_answer(client, site, answer):
    site.script = answers(answer)

    got = await client.chat.completions.parse(model="demo", messages=ASK, response_format=Weather)

    assert got.choices[0].message.parsed == Weather(city="Paris", degrees=20)
    assert '"degrees"' in site.sent[0][-1].text


async def test_json_of_the_wrong_form_is_asked_for_once_more(client, site):
    site.script = answers('{"city": "Paris"}', '{"city": "Paris", "degrees": 20}')

    got = await client.chat.completions.parse(model="demo", messages=ASK, response_format=Weather)

    assert got.choices[0].message.parsed == Weather(city="Paris", degrees=20)
    assert len(site.chats) == 1
    assert '"degrees" is missing' in site.sent[1][-1].text


async def test_json_that_stays_wrong_is_a_plain_error(client, site):
    site.script = says("I would rather not.")

    with pytest.raises(openai.APIStatusError) as caught:
        await client.chat.completions.create(
            model="demo", messages=ASK, response_format={"type": "json_object"}
        )

    assert (caught.value.status_code, caught.value.code) == (502, "invalid_structured_answer")


async def test_json_is_streamed_behind_the_reasoning_and_goes_on_in_its_chat(client, site):
    site.script = plays(ReasoningDelta("hm"), TextDelta('{"a"'), TextDelta(": 1}"), DONE)
    ask = {"model": "demo", "response_format": {"type": "json_object"}}
    history = [*ASK, {"role": "assistant", "content": '{"a": 1}'}, {"role": "user", "content": "Again"}]

    stream = await client.chat.completions.create(messages=ASK, stream=True, **ask)
    chunks = [chunk.choices[0].delta async for chunk in stream]
    await client.chat.completions.create(messages=history, **ask)

    assert [c.content for c in chunks if c.content] == ['{"a": 1}']
    assert chunks[0].reasoning_content == "hm"
    assert len(site.chats) == 1
    assert [message.text.split("\n")[0] for message in site.sent[1]] == ["Again"]


async def test_a_tool_of_the_client_is_parsed_with_its_types(client, site):
    class GetWeather(pydantic.BaseModel):
        city: str

    site.script = answers('```toolcall\n{"toolcall": "GetWeather", "arguments": {"city": "Paris"}}\n```')

    got = await client.chat.completions.parse(
        model="demo", messages=ASK, tools=[openai.pydantic_function_tool(GetWeather)]
    )

    assert got.choices[0].message.tool_calls[0].function.parsed_arguments == GetWeather(city="Paris")


async def test_with_tools_and_a_format_the_final_answer_is_the_json(client, site):
    site.script = answers("One moment.\n" + call("Paris"), '{"city": "Paris", "degrees": 20}')
    tool = {**WEATHER, "function": {**WEATHER["function"], "strict": True}}
    ask = {"model": "demo", "tools": [tool], "response_format": Weather}

    first = await client.chat.completions.parse(messages=ASK, **ask)
    message = first.choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "20"}
    sent_back = message.model_dump(
        exclude_none=True,
        exclude={"parsed": True, "tool_calls": {"__all__": {"function": {"parsed_arguments"}}}},
    )
    second = await client.chat.completions.parse(messages=[*ASK, sent_back, result], **ask)

    assert message.content is None
    assert second.choices[0].message.parsed == Weather(city="Paris", degrees=20)
    assert len(site.chats) == 1


def test_the_scripts_of_these_tests_play_one_answer_each():
    script = answers("a", "b")

    assert [next(iter(script(Prompt((Message("user", "x"),))))) for _ in range(2)] == [
        TextDelta("a"),
        TextDelta("b"),
    ]
