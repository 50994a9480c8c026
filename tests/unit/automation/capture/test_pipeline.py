"""One answer is read from the page's traffic and its agent, from before the send to its end, and nothing is left listening."""

import asyncio
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from automation.capture.pipeline import TurnCapture
from automation.capture.tap_events import BodyBytes, BodyEnded, RequestSent, ResponseBegan
from automation.errors import (
    CaptureDisagreesError,
    PageLostError,
    PromptRejectedError,
    RateLimitedError,
    SignInRequiredError,
    SiteError,
)
from automation.page.cdp import CALL_S
from automation.timing import Timeouts
from automation.turn import ReasoningDelta, SourceFound, TextDelta, TurnFinished
from tests.fakes.capture_taps import (
    BY_WIRE,
    TapModel,
    answer_of,
    end,
    piece,
    request_left,
    response_began,
)
from tests.fakes.page_model import PageModel, chat_config


def capture_of(turn, config):
    return TurnCapture(turn.network, turn.page, config.profile, config.timeouts, turn.page)


class Capture:
    """A capture, the page and the traffic that it watches, and the events that it told."""

    def __init__(self, **profile):
        self.page = PageModel()
        self.network = TapModel()
        config = chat_config(**profile)
        self.capture = capture_of(self, config)
        self.page.answers["readTurn"] = self.shown_answer
        self.told: list[Any] = []

    async def read(self):
        """Read to the end and return the last event."""
        send, receive = anyio.create_memory_object_stream[object](100)
        looks = asyncio.create_task(self.page.keep_looking())
        async with receive:
            try:
                with send:
                    return await self.capture.read(send)
            finally:
                looks.cancel()
                self.told += [event async for event in receive]

    def shown_answer(self):
        """What the page shows: all that was told."""
        return {"markdown": self.capture.answer, "thinking": "", "sources": []}

    @property
    def text(self):
        return "".join(event.text for event in self.told if isinstance(event, TextDelta))

    @property
    def listens(self):
        return (self.network.sink is not None, self.page.sink is not None)


async def test_an_answer_that_came_before_it_is_read_is_told_whole():
    turn = Capture(**BY_WIRE)

    async with turn.capture.watching():
        turn.network.tell(*answer_of("Hel", "lo"))
        await turn.capture.until_effect()
        finished = await turn.read()

    assert (turn.text, turn.capture.answer) == ("Hello", "Hello")
    assert finished == TurnFinished("stop", "wire")


async def test_pieces_are_told_as_they_come():
    turn = Capture(**BY_WIRE)
    send, receive = anyio.create_memory_object_stream[object](100)

    async with turn.capture.watching(), anyio.create_task_group() as tasks, receive:
        turn.network.tell(request_left(), response_began())
        tasks.start_soon(turn.capture.read, send)
        turn.network.tell(piece("Hel"))
        first = await receive.receive()
        turn.network.tell(piece("lo"), end())
        second = await receive.receive()
        send.close()

    assert (first, second) == (TextDelta("Hel"), TextDelta("lo"))


@pytest.mark.parametrize(("profile", "mode"), [(BY_WIRE, "watch"), ({}, "read")])
async def test_both_are_listened_to_before_the_agent_begins_and_neither_after_the_end(profile, mode):
    turn = Capture(**profile)
    heard = []
    turn.page.answers["beginTurn"] = lambda _: heard.append(turn.listens)

    async with turn.capture.watching():
        pass

    assert turn.page.log == [f"beginTurn {mode}"]
    assert (heard, turn.listens) == ([(True, True)], (False, False))


async def test_a_page_that_is_lost_when_the_turn_begins_is_not_listened_to():
    turn = Capture()
    turn.page.answers["beginTurn"] = PageLostError("It was closed.")

    with pytest.raises(PageLostError):
        async with turn.capture.watching():
            pass

    assert turn.listens == (False, False)


@pytest.mark.parametrize("proof", ["request", "page"])
async def test_a_send_is_proven_by_its_request_or_by_the_page(proof):
    turn = Capture(**BY_WIRE)

    async with turn.capture.watching(), anyio.create_task_group() as tasks:
        done = anyio.Event()

        async def prove():
            await turn.capture.until_effect()
            done.set()

        tasks.start_soon(prove)
        turn.page.push(chars=0)
        await anyio.wait_all_tasks_blocked()
        early = done.is_set()
        if proof == "request":
            turn.network.tell(request_left())
        else:
            turn.page.push(asked=True)
        await done.wait()

    assert not early


async def test_a_page_that_is_lost_ends_whoever_waits_for_its_proof_or_its_answer():
    turn = Capture(**BY_WIRE)
    async with turn.capture.watching():
        turn.capture.lost("The page was closed.")
        with pytest.raises(PageLostError, match="was closed"):
            await turn.capture.until_effect()
        turn.network.tell(request_left(), piece("Hel"))
        turn.capture.lost("The page was closed.")
        with pytest.raises(PageLostError, match="was closed"):
            await turn.read()


async def test_a_status_of_the_site_is_its_error():
    turn = Capture(**BY_WIRE)

    async with turn.capture.watching():
        turn.network.tell(request_left(), response_began(429), BodyEnded("1", None))
        with pytest.raises(RateLimitedError):
            await turn.read()


async def test_a_stream_that_breaks_in_mid_answer_is_no_answer():
    turn = Capture(**BY_WIRE)

    async with turn.capture.watching():
        turn.network.tell(request_left(), response_began(), piece("Hel"), BodyEnded("1", "cut"))
        with pytest.raises(SiteError):
            await turn.read()

    assert not any(isinstance(event, TurnFinished) for event in turn.told)


async def test_a_stream_that_the_decoder_does_not_read_has_the_page_read_instead():
    turn = Capture(**BY_WIRE)

    async with turn.capture.watching(), anyio.create_task_group() as tasks:
        turn.network.tell(request_left(), response_began(), BodyBytes("1", b'data: {"choices": 1\n\n'))
        tasks.start_soon(turn.read)
        while "setMode read" not in turn.page.log:
            await checkpoint()
        tasks.cancel_scope.cancel()

    assert turn.page.log == ["beginTurn watch", "setMode read"]


async def test_a_prompt_that_the_page_changed_when_it_sent_it_gets_no_answer():
    turn = Capture(**BY_WIRE)
    await turn.capture.expect("Tell me   about\n\n\n  the distant moon of Jupiter")

    async with turn.capture.watching():
        turn.network.tell(
            request_left('{"prompt": "Tell me about the distant moon of Jupiter"}'),
            response_began(),
            piece("It is"),
        )
        with pytest.raises(PromptRejectedError, match="changed this prompt"):
            await turn.read()

    assert turn.told == []


async def test_what_only_the_page_knows_to_be_cited_is_read_from_it_at_the_end():
    turn = Capture(**BY_WIRE, sources=".cite a")
    cited = {"url": "https://moon.example/", "title": "The moon"}
    turn.page.answers["readTurn"] = {"markdown": "Hello", "thinking": "", "sources": [cited]}

    async with turn.capture.watching():
        turn.network.tell(*answer_of("Hello"))
        await turn.read()

    assert turn.told == [TextDelta("Hello"), SourceFound("https://moon.example/", "The moon")]


async def test_a_closed_thought_is_opened_once_so_that_it_can_be_read():
    turn = Capture(thinking=".thought", thinking_toggle=".open")
    turn.page.change(thinking_toggle=True)

    async with turn.capture.watching(), anyio.create_task_group() as tasks:
        send, receive = anyio.create_memory_object_stream[object](100)
        tasks.start_soon(turn.capture.read, send)
        turn.page.push(thinking_closed=True)
        while "click thinking_toggle" not in turn.page.log:
            await checkpoint()
        turn.page.push(thinking={"keep": 0, "tail": "Hm", "stable": 2}, thinking_closed=True)
        told = await receive.receive()
        tasks.cancel_scope.cancel()
        send.close()
        receive.close()

    assert told == ReasoningDelta("Hm")
    assert turn.page.log.count("click thinking_toggle") == 1


async def test_a_turn_that_is_cancelled_stops_listening():
    turn = Capture(**BY_WIRE)

    async with anyio.create_task_group() as tasks:

        async def take():
            async with turn.capture.watching():
                await turn.capture.until_effect()

        tasks.start_soon(take)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert turn.listens == (False, False)


async def test_an_answer_of_the_wire_waits_for_the_page_to_show_it():
    turn = Capture(**BY_WIRE)
    shown = iter(["", "Thinking…", "Hel"])
    turn.page.answers["readTurn"] = lambda: {"markdown": next(shown), "thinking": "", "sources": []}

    async with turn.capture.watching():
        turn.network.tell(*answer_of("Hel", "lo"))
        finished = await turn.read()

    assert (turn.text, finished) == ("Hello", TurnFinished("stop", "wire"))
    assert turn.page.log.count("readTurn") == 3


async def test_a_page_that_is_busy_with_a_long_answer_is_given_its_time():
    turn = Capture(**BY_WIRE)

    async with turn.capture.watching():
        turn.network.tell(*answer_of("Hello"))
        await turn.read()

    assert dict(turn.page.limits)["readTurn"] > CALL_S


async def test_an_answer_of_the_wire_that_the_page_contradicts_is_none():
    turn = Capture(**BY_WIRE, answer=".body", timeouts=Timeouts(witness_s=0.01))
    turn.page.answers["readTurn"] = {"markdown": "It rains in Bergen.", "thinking": "", "sources": []}

    async with turn.capture.watching():
        turn.network.tell(*answer_of("The capital of France ", "is Paris."))
        with pytest.raises(CaptureDisagreesError):
            await turn.read()

    assert not any(isinstance(event, TurnFinished) for event in turn.told)


async def test_a_page_that_is_lost_before_it_shows_the_answer_ends_the_turn():
    turn = Capture(**BY_WIRE)

    async with turn.capture.watching():

        def lose():
            turn.capture.lost("The page was closed.")
            return {"markdown": "", "thinking": "", "sources": []}

        turn.page.answers["readTurn"] = lose
        turn.network.tell(*answer_of("Hello"))
        with pytest.raises(PageLostError, match="was closed"):
            await turn.read()


async def test_a_page_that_goes_to_its_sign_in_page_tells_a_session_that_is_over():
    turn = Capture(**BY_WIRE)
    await turn.capture.expect("Tell me")

    async with turn.capture.watching():
        turn.network.tell(
            RequestSent("9", "https://chat.example/ask", "POST", '{"text": "Tell me"}', matches=False),
            ResponseBegan("9", "https://chat.example/login", 200, "text/html", None, was_redirected=True),
        )
        turn.capture.lost("The page left the chat.")
        with pytest.raises(SignInRequiredError):
            await turn.read()

    assert turn.capture.refused_status == 401


@pytest.mark.parametrize(
    ("profile", "shows", "is_followed"),
    [
        ({"user_turn": ".you"}, True, True),
        ({"user_turn": ".you"}, False, False),
        ({}, True, False),
    ],
)
async def test_a_document_that_sending_loads_is_the_turns_where_it_shows_the_prompt(
    profile, shows, is_followed
):
    turn = Capture(**BY_WIRE, **profile)
    turn.page.answers["expect"] = [{"role": "assistant", "text": "Welcome"}]
    turn.page.change(asked=shows)
    await turn.capture.note_page("Tell me")
    await turn.capture.expect("Tell me")

    async with turn.capture.watching():
        assert await turn.capture.follow() is is_followed

    assert turn.capture.effects.has_any is is_followed


async def test_a_document_is_not_followed_before_anything_was_sent_or_after_the_answer_began():
    turn = Capture(**BY_WIRE, user_turn=".you")
    turn.page.answers["expect"] = []
    turn.page.change(asked=True)

    async with turn.capture.watching():
        await turn.capture.note_page("Tell me")
        before = await turn.capture.follow()
        await turn.capture.expect("Tell me")
        turn.page.push(chars=5, answered=True)
        await turn.capture.until_effect()
        after = await turn.capture.follow()

    assert (before, after) == (False, False)


async def test_text_is_told_once_the_page_shows_whose_it_is():
    turn = Capture(**BY_WIRE)
    await turn.capture.expect("Tell me about the moon")

    async with turn.capture.watching():
        turn.network.tell(
            request_left('{"q": "Tell me about the moon"}'), response_began(), piece("Two "), piece("moons")
        )
        turn.page.push(head="Two mo", chars=6)
        turn.network.tell(end())
        turn.page.answers["readTurn"] = {"markdown": "Two moons", "thinking": "", "sources": []}
        await turn.read()

    assert turn.text == "Two moons"


@pytest.mark.parametrize(("is_arming", "is_read"), [(True, False), (False, True)])
async def test_a_page_is_not_read_instead_of_a_response_that_is_about_to_stream(is_arming, is_read):
    class Arming(TapModel):
        looks = 0

        @property
        def is_arming(self):  # type: ignore[override]
            self.looks += 1
            if self.looks > 2:
                turn.capture.lost("The page went away.")
            return is_arming

    turn = Capture(**BY_WIRE)
    turn.network.__class__ = Arming

    async with turn.capture.watching():
        turn.network.tell(request_left(), response_began(), BodyEnded("1", None))
        turn.page.push(chars=500)
        with pytest.raises(PageLostError):
            await turn.read()

    assert ("setMode read" in turn.page.log) is is_read
