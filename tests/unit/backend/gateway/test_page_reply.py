"""A chat page's answer as OpenAI's events or document."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from automation.errors import SiteError
from automation.turn import (
    Message,
    Prompt,
    ReasoningDelta,
    SourceFound,
    TextDelta,
    TurnEvent,
    TurnFinished,
    UsageReported,
)
from backend.gateway.answer_stream import AnswerStream
from backend.gateway.page_reply import PageReply
from backend.wire.chat_response import CompletionHead
from backend.wire.translate import AnswerLimits
from backend.wire.usage import TokenUsage

HEAD = CompletionHead("chatcmpl-1", 1, "demo")
DONE = TurnFinished("stop", "wire")
PROMPT = Prompt((Message("user", "Hello"),))


async def _told(events: Iterable[TurnEvent | Exception]) -> AsyncIterator[TurnEvent]:
    for event in events:
        if isinstance(event, Exception):
            raise event
        yield event


def reply_of(
    *events: TurnEvent | Exception,
    is_streamed: bool = True,
    with_usage: bool = False,
    conversation: str | None = None,
    notes: tuple[str, ...] = (),
) -> PageReply:
    answer = AnswerStream(_told(events), PROMPT, AnswerLimits(), conversation=conversation, notes=notes)
    headers = {"x-gateway-endpoint": "demo"}
    return PageReply(answer, HEAD, headers, is_streamed=is_streamed, with_usage=with_usage)


async def chunks_of(reply: PageReply) -> list[dict[str, Any]]:
    await reply.begin()
    raw = b"".join([events async for events in reply])
    return [json.loads(event.removeprefix(b"data: ")) for event in raw.split(b"\n\n") if event]


async def test_each_delta_is_an_event_and_the_last_one_tells_why_it_ended():
    chunks = await chunks_of(reply_of(ReasoningDelta("Hm."), TextDelta("Hel"), TextDelta("lo"), DONE))

    choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    assert "".join(choice["delta"].get("content") or "" for choice in choices) == "Hello"
    assert "".join(choice["delta"].get("reasoning_content") or "" for choice in choices) == "Hm."
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]
    assert {chunk["id"] for chunk in chunks} == {"chatcmpl-1"}


@pytest.mark.parametrize("with_usage", [True, False])
async def test_usage_is_streamed_only_to_who_asked_for_it(with_usage):
    chunks = await chunks_of(reply_of(TextDelta("x"), UsageReported(3, 4), DONE, with_usage=with_usage))

    told = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    assert [usage["completion_tokens"] for usage in told] == ([4] if with_usage else [])


async def test_an_answer_without_a_word_is_an_event_that_ends_it():
    chunks = await chunks_of(reply_of(DONE))

    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks][-1] == "stop"


async def test_a_failure_before_the_first_delta_is_raised_before_anything_is_sent():
    reply = reply_of(SiteError("HTTP 500"))

    with pytest.raises(SiteError):
        await reply.begin()


async def test_a_failure_after_the_first_delta_comes_where_it_is_in_the_answer():
    reply = reply_of(TextDelta("Hel"), SiteError("HTTP 500"))
    await reply.begin()

    first = await anext(reply)

    assert b"Hel" in first
    with pytest.raises(SiteError):
        await anext(reply)


async def test_a_whole_answer_is_one_document():
    reply = reply_of(
        ReasoningDelta("Hm."),
        TextDelta("Hello"),
        SourceFound("http://x/", "X"),
        DONE,
        is_streamed=False,
    )

    await reply.begin()

    message = json.loads(reply.body)["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Hello", "Hm.")
    assert message["annotations"][0]["url_citation"]["url"] == "http://x/"


@pytest.mark.parametrize(
    ("events", "usage", "is_estimated"),
    [
        ((TextDelta("Hello"), UsageReported(30, 40), DONE), TokenUsage(30, 40), False),
        ((TextDelta("Hello"), DONE), None, True),
    ],
    ids=["the site counts", "the site doesn't"],
)
async def test_tokens_are_the_sites_or_said_to_be_an_estimate(events, usage, is_estimated):
    reply = reply_of(*events, is_streamed=False)

    await reply.begin()

    assert reply.is_usage_estimated is is_estimated
    assert usage is None or reply.usage == usage
    assert reply.usage is not None
    assert reply.usage.output_tokens > 0


async def test_headers_name_the_conversation_and_what_is_known_of_the_answer_by_now():
    reply = reply_of(TextDelta("x"), DONE, conversation="conv_1", notes=("background-request",))

    assert reply.headers == {
        "x-gateway-endpoint": "demo",
        "x-gateway-conversation": "conv_1",
        "x-gateway-notes": "background-request",
    }
    assert reply_of(DONE).headers == {"x-gateway-endpoint": "demo"}


async def test_a_whole_answer_is_the_final_text_of_a_page_that_replaced_its_words():
    end = TurnFinished("stop", "dom", final_text="Goodbye", is_rewritten=True)
    answer = AnswerStream(_told([TextDelta("Hello"), end]), PROMPT, AnswerLimits(), is_streamed=False)
    reply = PageReply(answer, HEAD, {}, is_streamed=False, with_usage=False)

    await reply.begin()

    assert json.loads(reply.body)["choices"][0]["message"]["content"] == "Goodbye"
