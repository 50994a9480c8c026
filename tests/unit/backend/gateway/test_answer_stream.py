from __future__ import annotations

from typing import Any

import pytest

from automation.errors import AnswerRewrittenError, IdleTimeout, SiteError
from automation.turn import (
    Message,
    Prompt,
    ReasoningDelta,
    SourceFound,
    TextDelta,
    TurnFinished,
    UsageReported,
)
from backend.gateway.answer_stream import AnswerStream
from backend.wire.translate import AnswerLimits

PROMPT = Prompt((Message("user", "12345"),))
DONE = TurnFinished("stop", "wire", ("rewritten",))


async def told(*events):
    for event in events:
        if isinstance(event, Exception):
            raise event
        yield event


def answer(*events, limits: AnswerLimits = AnswerLimits(), **rest: Any) -> AnswerStream:  # noqa: B008
    return AnswerStream(told(*events), PROMPT, limits, **rest)


class Memory:
    """Remembers what it was told, and how much the client had got by then."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.remembered: list[tuple[TurnFinished, str, int]] = []

    async def remember(self, finished: TurnFinished, text: str) -> None:
        self.remembered.append((finished, text, len(self.got)))


async def test_deltas_come_in_order_and_the_rest_is_known_afterwards():
    got = answer(
        ReasoningDelta("hm"), TextDelta("a"), SourceFound("u", "t"), TextDelta("b"), UsageReported(1, 2), DONE
    )

    deltas = [delta async for delta in got]

    assert deltas == [ReasoningDelta("hm"), TextDelta("a"), TextDelta("b")]
    assert (got.finish_reason, got.notes) == ("stop", ("rewritten",))
    assert [(c.url, c.title, c.position) for c in got.citations] == [("u", "t", 1)]
    assert got.usage == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


async def test_empty_deltas_are_left_out():
    assert [d async for d in answer(TextDelta(""), ReasoningDelta(""), TextDelta("x"), DONE)] == [
        TextDelta("x")
    ]


async def test_usage_is_estimated_from_what_was_passed_on():
    got = answer(
        ReasoningDelta("12345"), TextDelta("123456789"), DONE, limits=AnswerLimits(most_characters=8)
    )

    assert [d.text async for d in got] == ["12345", "12345678"]
    assert got.usage == {
        "prompt_tokens": 2,
        "completion_tokens": 4,
        "total_tokens": 6,
        "completion_tokens_details": {"reasoning_tokens": 2},
        "estimated": True,
    }


async def test_the_sites_reason_to_finish_is_passed_on():
    got = answer(TextDelta("x"), TurnFinished("content_filter", "wire"))

    assert [d.text async for d in got] == ["x"]
    assert got.finish_reason == "content_filter"


async def test_a_cut_answer_asks_the_site_for_nothing_more():
    got = answer(TextDelta("a|b"), SiteError("never reached"), limits=AnswerLimits(stops=("|",)))

    assert [d.text async for d in got] == ["a"]
    assert got.finish_reason == "stop"


async def test_what_was_held_back_for_a_stop_sequence_comes_with_the_end():
    got = answer(TextDelta("a<e"), DONE, limits=AnswerLimits(stops=("<end>",)))

    assert [d.text async for d in got] == ["a", "<e"]
    assert got.finish_reason == "stop"


@pytest.mark.parametrize("error", [IdleTimeout(1), ValueError("bug")])
async def test_a_failure_is_passed_on_and_the_answer_is_not_complete(error):
    got = answer(TextDelta("half"), error)

    assert await anext(got) == TextDelta("half")
    with pytest.raises(type(error)):
        await anext(got)
    assert got.finish_reason is None


async def test_an_end_without_the_word_for_it_is_a_failure():
    got = answer(TextDelta("half"))

    await anext(got)
    with pytest.raises(SiteError, match="without its end"):
        await anext(got)


async def test_a_whole_answer_is_remembered_as_the_client_got_it_before_it_is_told_the_end():
    memory = Memory()
    events = (ReasoningDelta("hm"), TextDelta("a"), TextDelta("b<e"), DONE)

    async for delta in answer(*events, limits=AnswerLimits(stops=("<end>",)), remember=memory.remember):
        memory.got.append(delta.text)

    assert memory.got == ["hm", "a", "b", "<e"]
    assert memory.remembered == [(DONE, "ab<e", 4)]


@pytest.mark.parametrize(
    "limits", [AnswerLimits(stops=("|",)), AnswerLimits(most_characters=2), AnswerLimits(stops=("|e",))]
)
async def test_an_answer_that_was_cut_is_not_remembered(limits):
    memory = Memory()

    got = [d async for d in answer(TextDelta("abc|e"), DONE, limits=limits, remember=memory.remember)]

    assert got
    assert memory.remembered == []


async def test_an_answer_that_is_cut_in_its_last_breath_is_not_remembered():
    memory = Memory()
    limits = AnswerLimits(stops=("<end>",), most_characters=2)

    got = [d async for d in answer(TextDelta("a<e"), DONE, limits=limits, remember=memory.remember)]

    assert "".join(d.text for d in got) == "a<"
    assert memory.remembered == []


async def test_an_answer_that_failed_is_not_remembered():
    memory = Memory()
    got = answer(TextDelta("half"), IdleTimeout(1), remember=memory.remember)

    with pytest.raises(IdleTimeout):
        [d async for d in got]

    assert memory.remembered == []


async def test_what_is_known_before_the_answer_begins_comes_first_among_its_notes():
    got = answer(TextDelta("x"), DONE, notes=("background-request",), conversation="conv_1")

    assert (got.notes, got.conversation) == (("background-request",), "conv_1")
    assert [d async for d in got]
    assert got.notes == ("background-request", "rewritten")


REWRITTEN = TurnFinished("stop", "dom", final_text="Goodbye all", is_rewritten=True)


async def test_a_stream_whose_words_the_page_replaced_ends_with_an_error_and_is_not_remembered():
    memory = Memory()
    got = answer(TextDelta("Hello"), REWRITTEN, remember=memory.remember)

    with pytest.raises(AnswerRewrittenError):
        [delta async for delta in got]

    assert memory.remembered == []


async def test_who_gets_the_whole_answer_gets_its_final_text_and_that_is_remembered():
    memory = Memory()
    got = answer(TextDelta("Hello"), REWRITTEN, is_streamed=False, remember=memory.remember)

    async for _ in got:
        pass

    assert (got.text, got.finish_reason) == ("Goodbye all", "stop")
    assert [text for _, text, _ in memory.remembered] == ["Goodbye all"]
    assert got.usage["completion_tokens"] == 3


async def test_the_final_text_is_cut_where_the_client_asked():
    got = answer(TextDelta("Hello"), REWRITTEN, is_streamed=False, limits=AnswerLimits(stops=("bye",)))

    async for _ in got:
        pass

    assert (got.text, got.finish_reason) == ("Good", "stop")


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_stream_that_differs_in_white_space_alone_is_the_answer(is_streamed):
    end = TurnFinished("stop", "dom", final_text="One\n\ntwo")
    got = answer(TextDelta("One\n"), TextDelta("two"), end, is_streamed=is_streamed)

    deltas = [delta.text async for delta in got]

    assert "".join(deltas) == "One\ntwo"
    assert got.text == ("One\ntwo" if is_streamed else "One\n\ntwo")
