"""A turn sends once, tells what came of it, and leaves the page's chat in the state that says what it needs next."""

import asyncio
import json
from typing import Any

import anyio
import pytest

from automation.capture.tap_events import BodyEnded
from automation.errors import (
    ChallengeRequiredError,
    FirstTokenTimeout,
    IdleTimeout,
    PageLostError,
    PromptRejectedError,
    RateLimitedError,
    SendUnconfirmedError,
    SentState,
    SiteChangedError,
    SiteError,
)
from automation.turn import ChatLink, TextDelta, TurnFinished
from automation.web_provider.chat_states import ChatMove, ChatState, ShownChat
from automation.web_provider.chat_turn import ChatTurn
from automation.web_provider.composing.attachments import PROMPT_FILE_NOTE
from automation.web_provider.composing.composer import PromptLeftTraces
from automation.web_provider.turn_input import TurnInput
from tests.fakes.capture_taps import BY_WIRE, TapModel, answer_of, piece, request_left, response_began
from tests.fakes.page_connection import ConnectionModel
from tests.fakes.page_model import PageModel, chat_config

BEFORE = ChatLink("c1")


class Account:
    """Notes what is done for the turn's session."""

    def __init__(self, log):
        self.log = log
        self.keeps_network = True

    async def restore_lost_cookies(self):
        self.log.append("mend")

    async def is_network_process_unchanged(self):
        return self.keeps_network

    def mark_active(self):
        self.log.append("used")


def turn_of(chat, config):
    parts = dict.fromkeys(("loader", "composer", "attachments", "finder", "wire_check"), chat)
    return ChatTurn(chat.connection, chat.account, config, chat.chat, hands=chat.page, **parts)


class Chat:
    """A page with an empty chat, or with one that is held; it answers what is sent with ``answer``."""

    def __init__(self, held=None, **profile):
        self.page = PageModel()
        self.page.answers["readTurn"] = {"markdown": "Hello", "thinking": "", "sources": []}
        self.log = self.page.log
        self.network = TapModel()
        self.account = Account(self.log)
        self.connection = ConnectionModel(self.page, self.network)
        self.chat = ShownChat()
        self.chat.move(ChatMove.FIND if held else ChatMove.EMPTY, held)
        self.answer = answer_of("Hello")
        self.error: Exception | None = None
        self.clicks = True
        self.may_have_sent = False
        self.sent = anyio.Event()
        self.written: str | None = None
        self.expected: list[str | None] = []
        self.told: list[Any] = []
        self.turn = turn_of(self, chat_config(**BY_WIRE, **profile))

    async def take(self, ask=None):
        send, receive = anyio.create_memory_object_stream[object](100)
        looks = asyncio.create_task(self.page.keep_looking())
        async with receive:
            try:
                with send:
                    await self.turn.take(ask or TurnInput("Hi"), send)
            finally:
                looks.cancel()
                self.told += [event async for event in receive]
        return self.told[-1]

    # -- arrival, attachments, composer, finder and check

    async def ensure_ready(self):
        self.log.append("ready")

    async def write_prompt(self, composer, text, files):
        assert composer is self
        self.log.append("write")
        return self.written or text

    async def send(self, capture):
        self.log.append("send")
        await capture.expect("Hi")
        self.may_have_sent = self.clicks
        self.sent.set()
        if self.error is not None:
            raise self.error
        self.network.tell(*self.answer)
        self.page.push(answered=True, chars=5, head="Hello")
        await capture.until_effect()

    async def link_after(self, ask, before, answer):
        if ask.is_throwaway:
            return None
        return ChatLink(before.id if before else "new", fingerprint=ask.text)

    def expect(self, told):
        self.expected.append(told)


async def test_a_turn_writes_sends_and_tells_its_answer():
    chat = Chat()

    finished = await chat.take()

    assert chat.log == ["beginTurn watch", "write", "mend", "expect", "send", "readTurn", "used"]
    assert chat.told[:-1] == [TextDelta("Hello")]
    assert finished == TurnFinished("stop", "wire", chat=ChatLink("new", fingerprint="Hi"))


async def test_a_chat_that_can_go_on_is_held_and_found_by_its_link():
    chat = Chat(BEFORE)

    finished = await chat.take(TurnInput("And then?", is_continued=True, is_single_turn=False))

    assert chat.chat.state is ChatState.HELD
    assert finished.chat == chat.chat.link == ChatLink("c1", fingerprint="And then?")
    assert (finished.is_continued, chat.chat.is_single_turn) == (True, False)


async def test_a_throwaway_chat_is_to_be_deleted():
    chat = Chat(conversation={"temporary": ".temporary"})
    chat.page.change(temporary_chat=True)

    finished = await chat.take(TurnInput("Hi", is_throwaway=True))

    assert (finished.chat, chat.chat.state) == (None, ChatState.THROWAWAY)
    assert chat.log[0] == "click temporary_chat"


async def test_a_page_that_forgets_needs_a_new_chat():
    chat = Chat()

    async def forget(ask, before, answer):
        return None

    chat.link_after = forget  # type: ignore[method-assign]
    await chat.take()

    assert chat.chat.state is ChatState.ANSWERED


@pytest.mark.parametrize(
    ("shown", "done"),
    [
        ({"signed_out": True}, ["ready"]),
        ({"input": False}, ["ready"]),
        ({"dismiss": True}, ["dismiss"]),
        ({}, []),
    ],
)
async def test_before_anything_is_written_the_page_is_brought_to_its_chat(shown, done):
    chat = Chat()
    chat.page.change(**shown)

    await chat.take()

    assert chat.log[: len(done) + 1] == [*done, "beginTurn watch"]


async def test_a_prompt_that_went_as_a_file_is_noted_and_the_chat_known_by_what_stands_there():
    chat = Chat()
    chat.written = "See the file."

    finished = await chat.take()

    assert finished.notes == (PROMPT_FILE_NOTE,)
    assert finished.chat.fingerprint == "See the file."


async def test_what_the_wire_told_is_compared_later_and_nothing_of_the_turn_before():
    chat = Chat()

    await chat.take()

    assert chat.expected == [None, "Hello"]


async def test_the_page_is_watched_closely_while_the_turn_runs():
    chat, seen = Chat(), []

    async def look(ask, before, answer):
        seen.append(chat.connection.life.is_in_turn)

    chat.link_after = look  # type: ignore[method-assign]
    await chat.take()

    assert (seen, chat.connection.life.is_in_turn) == ([True], False)


# -- failures ------------------------------------------------------------------------------------------------------------


async def test_a_page_that_is_lost_ends_its_turn():
    chat = Chat()
    chat.answer = [request_left(), response_began()]

    async with anyio.create_task_group() as tasks:

        async def take():
            with pytest.raises(PageLostError, match="was closed"):
                await chat.take()

        tasks.start_soon(take)
        await chat.sent.wait()
        chat.connection.lose("The page was closed.")

    assert chat.chat.state is ChatState.UNKNOWN
    assert chat.connection.turn is None


@pytest.mark.parametrize("held", [None, BEFORE])
async def test_a_refused_prompt_leaves_the_chat_as_it_was_before(held):
    chat = Chat(held)
    chat.error, chat.clicks = PromptRejectedError("changed"), False

    with pytest.raises(PromptRejectedError) as caught:
        await chat.take()

    assert caught.value.sent is SentState.NO

    assert chat.chat.link == held
    assert chat.chat.state is (ChatState.HELD if held else ChatState.UNKNOWN)


async def test_a_prompt_that_left_the_page_changed_was_sent_and_its_chat_is_not_kept():
    chat = Chat(BEFORE)
    chat.page.answers["beginTurn"] = True
    prompt = "first line\n\n\tsecond line, indented"
    chat.answer = [request_left(json.dumps({"text": prompt.replace("\n\n\t", " ")})), *answer_of("Hello")[1:]]

    async def send(capture):
        await capture.expect(prompt)
        chat.may_have_sent = True
        chat.network.tell(*chat.answer)
        await capture.until_effect()

    chat.send = send  # type: ignore[method-assign]
    with pytest.raises(PromptRejectedError, match="It was sent") as caught:
        await chat.take(TurnInput(prompt))

    assert caught.value.sent is SentState.YES
    assert (chat.chat.state, chat.chat.link) == (ChatState.UNKNOWN, None)


async def test_a_composer_that_holds_more_than_a_refused_prompt_is_not_kept():
    chat = Chat(BEFORE)
    chat.error, chat.clicks = PromptLeftTraces(), False

    with pytest.raises(PromptLeftTraces):
        await chat.take()

    assert chat.chat.state is ChatState.UNKNOWN


@pytest.mark.parametrize(
    ("clicks", "answer", "sent"),
    [
        (False, [], SentState.NO),
        (True, [], SentState.MAYBE),
        (True, [request_left()], SentState.YES),
        (True, [request_left(), response_began(), piece("Hel")], SentState.YES),
    ],
)
async def test_an_error_says_whether_the_site_may_have_the_prompt(clicks, answer, sent):
    chat = Chat()
    chat.answer = answer

    async def send(capture):
        await capture.expect("Hi")
        chat.may_have_sent = clicks
        chat.network.tell(*answer)
        if answer:
            await capture.until_effect()
        raise PageLostError("gone")

    chat.send = send  # type: ignore[method-assign]
    with pytest.raises(PageLostError) as caught:
        await chat.take()

    assert caught.value.sent is sent


async def test_a_refusal_in_the_answers_place_means_that_nothing_was_sent():
    chat = Chat()
    chat.answer = [request_left(), response_began(429), BodyEnded("1", None)]

    with pytest.raises(RateLimitedError) as caught:
        await chat.take()

    assert caught.value.sent is SentState.NO


async def test_an_answer_that_never_began_blames_the_role_that_matches_nothing():
    chat = Chat()
    chat.error = FirstTokenTimeout(120.0)
    chat.page.answers["roles"] = {
        "user_turn": {"count": 0, "visible": 0},
        "assistant_turn": {"count": 1, "visible": 1},
    }

    with pytest.raises(FirstTokenTimeout, match="correct 'user_turn', or leave it out") as caught:
        await chat.take()

    assert caught.value.sent is SentState.MAYBE


@pytest.mark.parametrize("error", [SiteChangedError("send", "sending"), IdleTimeout(45.0)])
async def test_a_check_around_the_chat_explains_what_fails_in_it(error):
    chat = Chat()
    chat.error, chat.page.check_around = error, True

    with pytest.raises(ChallengeRequiredError):
        await chat.take()


async def test_a_changed_page_is_pictured():
    chat = Chat()
    chat.error = SiteChangedError("send", "sending")

    with pytest.raises(SiteChangedError) as caught:
        await chat.take()
    assert (caught.value.profile_key, caught.value.step) == ("send", "sending")
    assert caught.value.screenshot == b"picture"


@pytest.mark.parametrize(
    "error",
    [SiteChangedError("send", "sending"), FirstTokenTimeout(120.0), SendUnconfirmedError("a turn", 10)],
)
async def test_an_error_that_a_wrong_key_may_cause_says_what_each_role_matched(error):
    chat = Chat()
    chat.error = error
    chat.page.answers["roles"] = {
        "input": {"count": 1, "visible": 1, "text": "Ask"},
        "send": {"count": 2, "visible": 0, "text": ""},
        "assistant_turn": {"count": 0, "visible": 0, "text": None},
    }

    with pytest.raises(type(error)) as caught:
        await chat.take()

    assert caught.value.screenshot == b"picture"
    assert "input 1 visible, send 2 hidden, assistant_turn 0 (not in the profile: stop, user_turn)" in str(
        caught.value
    )


async def test_an_error_of_the_site_is_the_turns_and_the_page_is_loaded_anew():
    chat = Chat(BEFORE)
    chat.answer = [request_left(), response_began(), piece("Hel"), BodyEnded("1", "cut")]

    with pytest.raises(SiteError):
        await chat.take()

    assert (chat.chat.state, chat.chat.link) == (ChatState.UNKNOWN, None)
    assert chat.log[-1] == "used"


async def test_an_end_that_the_wire_told_holds_whatever_became_of_the_network_process():
    chat = Chat()
    chat.account.keeps_network = False

    assert (await chat.take()).source == "wire"


# -- cancellation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "state"), [("write", ChatState.PREPARING), ("answer", ChatState.ANSWERING)])
async def test_a_turn_that_is_left_says_whether_an_answer_may_have_to_be_stopped(at, state):
    chat, reached = Chat(BEFORE), anyio.Event()
    chat.answer = [request_left(), response_began()]

    async def write(composer, text, files):
        reached.set()
        await anyio.sleep_forever()

    if at == "write":
        chat.write_prompt = write  # type: ignore[method-assign]
    else:
        reached = chat.sent
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(chat.take)
        await reached.wait()
        tasks.cancel_scope.cancel()

    assert (chat.chat.state, chat.chat.link) == (state, None)
    assert (chat.connection.turn, chat.connection.life.is_in_turn) == (None, False)
    assert (chat.network.sink, chat.page.sink) == (None, None)
