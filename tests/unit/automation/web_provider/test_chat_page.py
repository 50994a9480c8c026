"""A page shows the chat that is asked for or an empty one, and is lent again only when it is ready."""

import pytest

from automation.errors import PageLostError
from automation.turn import ChatLink
from automation.web_provider.chat_page import ChatPage
from automation.web_provider.chat_states import ChatMove, ChatState, ShownChat
from automation.web_provider.composing.composer import PromptLeftTraces
from automation.web_provider.turn_input import TurnInput
from tests.fakes.page_connection import ConnectionModel
from tests.fakes.page_model import PageModel, chat_config

HERE = ChatLink("c1")
ELSEWHERE = ChatLink("c2", "https://chat.example/c/2")


def page_of(parts):
    others = dict.fromkeys(("composer", "finder", "reset", "turn", "wire_check"), parts)
    return ChatPage(parts.connection, parts, chat_config(), parts.chat, **others)


class Parts:
    """The parts of a chat page, each noting in one log what it is asked to do."""

    def __init__(self, held=None):
        self.agent = PageModel()
        self.log = self.agent.log
        self.connection = ConnectionModel(self.agent)
        self.chat = ShownChat()
        if held:
            self.chat.move(ChatMove.FIND, held)
        self.is_found = True
        self.may_have_sent = True
        self.error: Exception | None = None
        self.errors: list[Exception] = []
        self.page = page_of(self)

    # -- the account

    async def restore_lost_cookies(self):
        self.log.append("mend")

    async def note_cookies(self):
        self.log.append("cookies")

    # -- reset

    async def load_empty(self):
        self.log.append("load")
        if self.error is not None:
            raise self.error

    async def make_empty(self, state):
        self.log.append(f"empty {state}")
        if self.error is not None:
            raise self.error

    async def delete_chat(self):
        self.log.append("delete")
        return True

    # -- turn

    async def take(self, ask, out):
        self.log.append("take")
        held = self.chat.link
        self.chat.move(ChatMove.BEGIN_TURN)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            self.chat.move(ChatMove.FAIL)
            raise error
        self.chat.move(ChatMove.SEND)
        self.chat.move(ChatMove.KEEP, held or HERE)

    # -- finder

    async def still_shows(self, chat, *, is_being_written):
        self.log.append("look")
        return self.is_found

    async def reopen(self, chat):
        self.log.append(f"open {chat.id}")
        return self.is_found

    # -- wire check

    async def compare(self):
        self.log.append("compare")


async def opened(held=None):
    """Parts of a page that is open, with the log of what came after that."""
    parts = Parts()
    await parts.page.open()
    if held:
        parts.chat.move(ChatMove.LEAVE)
        parts.chat.move(ChatMove.FIND, held)
    parts.log.clear()
    return parts


async def test_a_page_is_open_once_it_shows_an_empty_chat_and_rests():
    parts = Parts()

    await parts.page.open()

    assert parts.log == ["load", "rest"]
    assert (parts.chat.state, parts.page.holds) == (ChatState.EMPTY, None)


async def test_a_page_that_does_not_load_is_not_ready():
    parts = Parts()
    parts.error = PageLostError("It was closed.")

    with pytest.raises(PageLostError):
        await parts.page.open()
    assert parts.chat.state is ChatState.UNKNOWN


# -- turns ---------------------------------------------------------------------------------------------------------------


async def test_a_composer_that_holds_more_than_the_prompt_is_loaded_anew_and_the_turn_taken_again():
    parts = await opened()
    parts.errors = [PromptLeftTraces(), PromptLeftTraces()]

    await parts.page.take_turn(TurnInput("Hi"), None)

    assert [step for step in parts.log if step in {"take", "empty unknown"}] == [
        "take",
        "empty unknown",
    ] * 2 + ["take"]
    assert parts.chat.state is ChatState.HELD


async def test_a_chat_is_opened_again_after_its_composer_was_loaded_anew():
    parts = await opened(ELSEWHERE)
    parts.errors = [PromptLeftTraces()]

    await parts.page.take_turn(TurnInput("Hi"), None)

    assert [step for step in parts.log if step in {"take", "open c2"}] == ["take", "open c2", "take"]


async def test_a_chat_that_can_not_be_opened_again_gets_no_prompt():
    parts = await opened(HERE)
    parts.errors = [PromptLeftTraces()]

    with pytest.raises(PromptLeftTraces):
        await parts.page.take_turn(TurnInput("Hi"), None)

    assert parts.log.count("take") == 1


async def test_a_composer_that_is_never_clean_ends_the_turn():
    parts = await opened()
    parts.errors = [PromptLeftTraces()] * 99

    with pytest.raises(PromptLeftTraces):
        await parts.page.take_turn(TurnInput("Hi"), None)

    assert parts.log.count("take") == 4


# -- entering ------------------------------------------------------------------------------------------------------------


async def test_without_a_chat_the_empty_one_stays_after_the_session_was_mended():
    parts = await opened()

    assert not await parts.page.show_chat(None)
    assert parts.log == ["mend"]
    assert parts.page.has_sent_nothing


async def test_a_chat_that_stands_here_goes_on_when_its_answer_is_there():
    parts = await opened(HERE)

    assert await parts.page.show_chat(HERE)
    assert (parts.log, parts.page.holds) == (["mend", "look"], "c1")


async def test_a_chat_of_another_page_is_opened_at_its_address():
    parts = await opened()

    assert await parts.page.show_chat(ELSEWHERE)
    assert (parts.log, parts.page.holds) == (["mend", "open c2"], "c2")


async def test_a_chat_without_an_address_can_not_be_found_elsewhere():
    parts = await opened()

    assert not await parts.page.show_chat(HERE)
    assert (parts.log, parts.chat.state) == (["mend"], ChatState.EMPTY)


@pytest.mark.parametrize(("held", "wanted"), [(HERE, HERE), (None, ELSEWHERE)])
async def test_where_a_chat_is_gone_the_page_shows_an_empty_one(held, wanted):
    parts = await opened(held)
    parts.is_found = False

    assert not await parts.page.show_chat(wanted)
    assert parts.log[2:] == ["compare", "empty unknown", "rest", "cookies"]
    assert (parts.chat.state, parts.page.holds) == (ChatState.EMPTY, None)


async def test_while_a_page_goes_to_a_chat_it_holds_none():
    parts = await opened(HERE)
    seen = []

    async def look(chat, *, is_being_written):
        seen.append(parts.page.holds)
        return True

    parts.still_shows = look
    await parts.page.show_chat(HERE)

    assert seen == [None]


# -- between turns -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [None, HERE])
async def test_a_page_that_needs_nothing_is_left_as_it_is(held):
    parts = await opened(held)

    await parts.page.settle()

    assert parts.log == ["compare", "rest", "cookies"]
    assert parts.page.holds == (held.id if held else None)


@pytest.mark.parametrize(
    ("moves", "state"),
    [
        ([ChatMove.BEGIN_TURN], "preparing"),
        ([ChatMove.BEGIN_TURN, ChatMove.SEND], "answering"),
        ([ChatMove.BEGIN_TURN, ChatMove.SEND, ChatMove.FINISH], "answered"),
        ([ChatMove.BEGIN_TURN, ChatMove.SEND, ChatMove.DISCARD], "throwaway"),
        ([ChatMove.BEGIN_TURN, ChatMove.FAIL], "unknown"),
    ],
)
async def test_what_a_turn_left_behind_is_emptied_by_what_it_was(moves, state):
    parts = await opened()
    for move in moves:
        parts.chat.move(move)

    await parts.page.settle()

    assert parts.log == ["compare", f"empty {state}", "rest", "cookies"]
    assert parts.chat.state is ChatState.EMPTY


async def test_a_page_that_was_lost_is_not_made_ready():
    parts = await opened()
    parts.connection.lose("The page was closed.")

    with pytest.raises(PageLostError, match="was closed"):
        await parts.page.settle()
    assert parts.log == []


async def test_a_page_that_can_not_be_emptied_is_not_ready():
    parts = await opened(HERE)
    parts.error = PageLostError("It hangs.")

    with pytest.raises(PageLostError):
        await parts.page.clear()
    assert (parts.chat.state, parts.page.holds) == (ChatState.ANSWERED, None)


async def test_a_chat_that_is_given_up_makes_room_for_an_empty_one():
    parts = await opened(HERE)

    await parts.page.clear()

    assert parts.log == ["compare", "empty answered", "rest", "cookies"]
    assert parts.page.holds is None


async def test_a_deleted_chat_is_held_no_more():
    parts = await opened(HERE)

    assert await parts.page.delete_chat()
    assert (parts.log, parts.page.holds) == (["delete"], None)


async def test_a_visit_loads_the_empty_chat_anew():
    parts = await opened()

    await parts.page.visit()

    assert (parts.log, parts.chat.state) == (["load"], ChatState.EMPTY)
