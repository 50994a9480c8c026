"""Tool calls and JSON out of scripted turns, with one repair and no more."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from automation.errors import AnswerRewrittenError, IdleTimeout
from automation.turn import (
    ChatLink,
    Message,
    Prompt,
    ReasoningDelta,
    SourceFound,
    TextDelta,
    TurnEvent,
    TurnFinished,
    UsageReported,
)
from backend.errors import StructuredAnswerError, ToolCallError
from backend.gateway.answer_stream import AnswerStream
from backend.gateway.structured_output.answer_shape import parse_answer_shape
from backend.gateway.structured_output.emulated_answer import open_shaped_answer
from backend.wire.chat_request import ChatRequest
from backend.wire.translate import AnswerLimits

ASKED = Prompt((Message("user", "What time is it?"),))
CHAT = ChatLink("chat-1", "http://site.example/c/1")
TOOLS = [{"type": "function", "function": {"name": "now"}}, {"type": "function", "function": {"name": "x"}}]
CALL = '```toolcall\n{"toolcall": "now", "arguments": {}}\n```'
BROKEN = '```toolcall\n{"toolcall": "now", "arguments": {\n```'
JSON = {"type": "json_object"}


class Page:
    """Plays one list of events a turn, one turn at a time."""

    def __init__(self, *turns: list[TurnEvent | Exception]) -> None:
        self.turns = list(turns)
        self.prompts: list[Prompt] = []
        self.open = 0

    @asynccontextmanager
    async def open_turn(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[TurnEvent]]:
        assert self.open == 0, "the page is in use"
        self.open += 1
        self.prompts.append(prompt)
        try:
            yield self._play(self.turns[len(self.prompts) - 1])
        finally:
            self.open -= 1

    async def _play(self, events: list[TurnEvent | Exception]) -> AsyncIterator[TurnEvent]:
        for event in events:
            if isinstance(event, Exception):
                raise event
            yield event


def turn(*texts: str, chat: ChatLink | None = CHAT, **finish: Any) -> list[TurnEvent | Exception]:
    end = TurnFinished(finish.pop("finish_reason", "stop"), "wire", chat=chat, **finish)
    return [*(TextDelta(text) for text in texts), end]


async def run(
    page: Page,
    *,
    limits: AnswerLimits | None = None,
    prompt: Prompt = ASKED,
    remember=None,
    is_streamed: bool = True,
    **fields: Any,
):
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], **fields}
    shape = parse_answer_shape(ChatRequest.model_validate(body))
    deltas = []
    async with open_shaped_answer(
        page.open_turn,
        prompt,
        limits or AnswerLimits(),
        shape,
        remember=remember,
        is_streamed=is_streamed,
    ) as answer:
        deltas = [delta async for delta in answer]
    assert page.open == 0
    return answer, deltas


def iter_tool_calls(answer: AnswerStream) -> list[tuple[str, Any]]:
    return [(call.name, json.loads(call.arguments)) for call in answer.tool_calls]


async def test_without_a_shape_the_answer_is_as_it_comes():
    page = Page(turn("It is ", CALL))

    answer, deltas = await run(page)

    assert "".join(d.text for d in deltas) == f"It is {CALL}"
    assert (answer.finish_reason, answer.tool_calls) == ("stop", ())
    assert page.prompts == [ASKED]


async def test_text_is_passed_on_and_the_call_comes_at_the_end():
    page = Page(turn("One mo", "ment.\n", CALL[:20], CALL[20:]))

    answer, deltas = await run(page, tools=TOOLS)

    assert deltas == [TextDelta("One mo"), TextDelta("ment.\n")]
    assert iter_tool_calls(answer) == [("now", {})]
    assert answer.finish_reason == "tool_calls"
    assert answer.tool_calls[0].id.startswith("call_")
    assert len(page.prompts) == 1


async def test_an_answer_without_a_call_is_an_answer():
    answer, deltas = await run(Page(turn("It is ", "noon.")), tools=TOOLS)

    assert deltas == [TextDelta("It is "), TextDelta("noon.")]
    assert (answer.finish_reason, answer.tool_calls) == ("stop", ())


async def test_a_broken_call_is_asked_for_once_more_in_the_same_chat():
    page = Page(turn("Well.\n", BROKEN, notes=("rewritten",)), turn("Sorry!\n", CALL))

    answer, deltas = await run(page, tools=TOOLS)

    assert deltas == [TextDelta("Well.\n")]
    assert iter_tool_calls(answer) == [("now", {})]
    assert answer.notes == ("rewritten", "answer-repaired")
    repair = page.prompts[1]
    assert (repair.chat, repair.said) == (CHAT, 2)
    assert [m.role for m in repair.messages] == ["user", "assistant", "user"]
    assert repair.messages[1].text == f"Well.\n{BROKEN}"
    assert "can't be read" in repair.messages[2].text


async def test_where_the_chat_is_gone_the_repair_sends_everything():
    page = Page(turn(BROKEN, chat=None), turn(CALL, chat=None))

    await run(page, tools=TOOLS)

    assert (page.prompts[1].chat, page.prompts[1].said) == (None, 0)


async def test_what_only_the_lost_chat_knew_is_not_repaired():
    prompt = Prompt(ASKED.messages, chat=CHAT, must_continue=True)
    page = Page(turn(BROKEN, chat=None))

    with pytest.raises(ToolCallError):
        await run(page, prompt=prompt, tools=TOOLS)

    assert len(page.prompts) == 1


@pytest.mark.parametrize("second", [BROKEN, "I won't.", "", '{"toolcall": "y", "arguments": {}}'])
async def test_after_one_repair_the_answer_is_an_error(second):
    page = Page(turn(BROKEN), turn(second))

    with pytest.raises(ToolCallError, match="once more"):
        await run(page, tools=TOOLS)

    assert len(page.prompts) == 2
    assert page.open == 0


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "now"}}], ids=["any", "named"]
)
async def test_an_answer_that_must_be_a_call_is_one_or_an_error(choice):
    fields = {"tools": TOOLS, "tool_choice": choice}

    answer, _ = await run(Page(turn("It is noon."), turn(CALL)), **fields)
    with pytest.raises(ToolCallError):
        await run(Page(turn("It is noon."), turn("Still noon.")), **fields)

    assert iter_tool_calls(answer) == [("now", {})]


async def test_limits_do_not_cut_what_must_be_a_call():
    limits = AnswerLimits(stops=("now",), most_characters=3)

    answer, _ = await run(
        Page(turn("It is now.\n", CALL)), limits=limits, tools=TOOLS, tool_choice="required"
    )

    assert answer.finish_reason == "tool_calls"


async def test_a_client_that_cuts_the_text_before_the_call_gets_no_call():
    answer, deltas = await run(Page(turn("a|b\n", CALL)), limits=AnswerLimits(stops=("|",)), tools=TOOLS)

    assert deltas == [TextDelta("a")]
    assert (answer.finish_reason, answer.tool_calls) == ("stop", ())


async def test_what_the_site_filtered_is_not_repaired():
    answer, deltas = await run(Page(turn("Hm.\n", BROKEN, finish_reason="content_filter")), tools=TOOLS)

    assert deltas == [TextDelta("Hm.\n")]
    assert (answer.finish_reason, answer.tool_calls) == ("content_filter", ())


async def test_reasoning_sources_and_usage_are_kept_and_those_of_a_repair_only_counted():
    first = [ReasoningDelta("hm"), SourceFound("u", "t"), UsageReported(10, 5), *turn(BROKEN)]
    second = [ReasoningDelta("oh"), SourceFound("v", "t"), UsageReported(20, 7), *turn(CALL)]

    answer, deltas = await run(Page(first, second), tools=TOOLS)

    assert deltas == [ReasoningDelta("hm")]
    assert [c.url for c in answer.citations] == ["u"]
    assert answer.usage == {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}


async def test_estimated_usage_counts_the_envelope():
    answer, _ = await run(Page(turn(CALL)), tools=TOOLS)

    assert answer.usage["completion_tokens"] == -(-len(CALL) // 4)


async def test_a_turn_that_fails_is_no_answer():
    with pytest.raises(IdleTimeout):
        await run(Page([TextDelta(CALL), IdleTimeout(1)]), tools=TOOLS)


async def test_a_call_is_remembered_as_the_client_will_send_it_back():
    remembered = []

    async def remember(finished: TurnFinished, text: str) -> None:
        remembered.append((finished.chat, text))

    await run(Page(turn("One moment.\n", CALL)), tools=TOOLS, remember=remember)

    assert remembered == [(CHAT, f"One moment.\n\n{CALL}")]


async def test_json_comes_alone_and_at_once():
    answer, deltas = await run(Page(turn("Sure:\n```json\n", '{"a": 1}', "\n```")), response_format=JSON)

    assert deltas == [TextDelta('{"a": 1}')]
    assert answer.finish_reason == "stop"


async def test_json_that_is_wrong_is_asked_for_once_more():
    page = Page(turn("I can't."), turn('{"a": 1}'))

    answer, deltas = await run(page, response_format=JSON)

    assert deltas == [TextDelta('{"a": 1}')]
    assert answer.notes == ("answer-repaired",)
    assert "no JSON" in page.prompts[1].messages[-1].text


async def test_json_that_stays_wrong_is_an_error_and_none_of_it_is_passed_on():
    page = Page(turn("I can't."), turn("I still can't."))

    with pytest.raises(StructuredAnswerError, match="no JSON"):
        await run(page, response_format=JSON)

    assert len(page.prompts) == 2


async def test_json_that_is_longer_than_the_client_wants_says_so():
    answer, deltas = await run(
        Page(turn('{"a": 1}')), limits=AnswerLimits(most_characters=4), response_format=JSON
    )

    assert deltas == [TextDelta('{"a"')]
    assert answer.finish_reason == "length"


async def test_with_both_a_call_comes_instead_of_the_json():
    both: Any = {"tools": TOOLS, "response_format": JSON}

    called, no_text = await run(Page(turn("One moment.\n", CALL)), **both)
    answered, text = await run(Page(turn('{"a": 1}')), **both)

    assert (iter_tool_calls(called), no_text) == ([("now", {})], [])
    assert (answered.tool_calls, text) == ((), [TextDelta('{"a": 1}')])


@pytest.mark.parametrize(
    ("final", "calls", "text"),
    [(CALL, [("now", {})], ""), ("No call.", [], "No call."), (f"Hm.\n{CALL}", [("now", {})], "Hm.\n")],
)
async def test_calls_are_read_in_the_final_text_of_a_page_that_replaced_its_words(final, calls, text):
    page = Page(turn("Well.\n", final_text=final, is_rewritten=True))

    answer, _ = await run(page, tools=TOOLS, is_streamed=False)

    assert (iter_tool_calls(answer), answer.text) == (calls, text)


async def test_a_repair_s_final_text_follows_what_the_first_answer_said():
    page = Page(turn("Well.\n", BROKEN), turn("Sorry!\n", final_text=CALL, is_rewritten=True))

    answer, _ = await run(page, tools=TOOLS, is_streamed=False)

    assert (iter_tool_calls(answer), answer.text) == ([("now", {})], "Well.\n")


async def test_text_that_was_streamed_and_then_replaced_is_an_error_beside_tools_too():
    page = Page(turn("Well.\n", final_text=CALL, is_rewritten=True))

    with pytest.raises(AnswerRewrittenError):
        await run(page, tools=TOOLS)
