"""A page gets an empty chat by its own control where that is proven to work, else by being loaded anew."""

import pytest

from automation.errors import PageLostError, SiteChangedError
from automation.web_provider.chat_reset import ChatReset
from automation.web_provider.chat_states import ChatState
from tests.fakes.page_model import PageModel, chat_config

NEW_CHAT = {"new_chat": {"click": ".new"}}
STOP = {"stop": ".stop"}


class Network:
    """Traffic with one socket, whose streams end or don't."""

    def __init__(self):
        self.sockets_made = 1
        self.streams_end = True

    async def until_streams_end(self, timeout_s):
        return self.streams_end


class ChatLoader:
    """Loads the page, which shows an empty chat then."""

    def __init__(self, page):
        self.page = page
        self.shows_empty = True
        self.opens = False

    async def load(self, url):
        self.page.log.append(f"load {url}")
        self.page.change(no_turns=self.shows_empty, stop=False, input_ready=True)

    async def ensure_ready(self):
        self.page.log.append("ready")

    async def open_chat(self):
        self.page.log.extend(["open"] if self.opens else [])

    async def until_socket(self, after):
        self.page.log.append(f"socket after {after}")


LOADED = ["load https://chat.example/", "ready"]


def reset_of(chat, config):
    return ChatReset(chat.page, chat.page, chat.page, chat.network, chat.loader, config)


class Chat:
    """A page after a turn, and what resets it."""

    def __init__(self, shown=None, **profile):
        self.page = PageModel(no_turns=False, new_chat=True, **(shown or {}))
        self.page.on_click["new_chat"] = lambda: self.page.change(no_turns=True)
        self.page.on_click["stop"] = lambda: self.page.change(stop=False, input_ready=True)
        self.network = Network()
        self.loader = ChatLoader(self.page)
        config = chat_config(**profile)
        self.reset = reset_of(self, config)

    async def make_empty(self, state):
        """Return what was done after the agent's turn was ended."""
        await self.reset.make_empty(state)
        first, *done = self.page.log
        assert first == "endTurn"
        assert self.page.shown["no_turns"]
        return done


async def test_a_chat_that_was_answered_is_left_by_the_new_chat_control():
    assert await Chat(**NEW_CHAT).make_empty(ChatState.ANSWERED) == ["click new_chat"]


@pytest.mark.parametrize("state", [ChatState.UNKNOWN, ChatState.PREPARING])
async def test_of_a_page_in_an_unknown_state_nothing_is_clicked(state):
    assert await Chat(**NEW_CHAT).make_empty(state) == LOADED


async def test_a_profile_without_a_control_has_the_page_loaded():
    assert await Chat().make_empty(ChatState.ANSWERED) == LOADED


async def test_a_page_that_goes_on_generating_is_loaded_anew():
    shown = {"stop": True, "input_ready": False}

    assert await Chat(shown, **NEW_CHAT).make_empty(ChatState.ANSWERED) == LOADED


async def test_a_new_chat_that_is_not_empty_is_none():
    chat = Chat(**NEW_CHAT)
    chat.page.on_click = {}

    assert await chat.make_empty(ChatState.ANSWERED) == ["click new_chat", *LOADED]


async def test_a_new_chat_waits_for_what_proves_it_and_for_its_socket():
    chat = Chat(new_chat={"click": ".new", "ready": ".hello", "opens_socket": True})
    chat.page.on_click["new_chat"] = lambda: chat.page.change(no_turns=True, new_chat_ready=True)

    assert await chat.make_empty(ChatState.ANSWERED) == ["click new_chat", "socket after 1"]


# -- stopping ------------------------------------------------------------------------------------------------------------


async def test_an_answer_is_stopped_before_its_chat_is_left():
    chat = Chat({"stop": True, "input_ready": False}, **NEW_CHAT, **STOP)

    assert await chat.make_empty(ChatState.ANSWERING) == ["click stop", "click new_chat"]


async def test_a_stop_that_leaves_the_stream_running_is_no_proof():
    chat = Chat({"stop": True, "input_ready": False}, **NEW_CHAT, **STOP)
    chat.network.streams_end = False

    assert await chat.make_empty(ChatState.ANSWERING) == ["click stop", *LOADED]


async def test_what_can_not_be_stopped_is_left_by_loading():
    assert await Chat(**NEW_CHAT).make_empty(ChatState.ANSWERING) == LOADED
    assert await Chat({"stop": False}, **NEW_CHAT, **STOP).make_empty(ChatState.ANSWERING) == LOADED


@pytest.mark.parametrize("streams_end", [True, False])
async def test_a_page_that_is_to_be_retired_after_a_stop_is_lost_however_the_stop_went(streams_end):
    chat = Chat({"stop": True}, **NEW_CHAT, **STOP, retire_after_stop=True)
    chat.network.streams_end = streams_end

    with pytest.raises(PageLostError, match="as its profile says"):
        await chat.make_empty(ChatState.ANSWERING)
    assert chat.page.log == ["endTurn", "click stop"]


# -- deleting ------------------------------------------------------------------------------------------------------------

DELETE = {"conversation": {"delete": [".menu", ".yes"]}}


async def test_a_throwaway_chat_is_deleted_step_by_step_and_then_left():
    chat = Chat({"delete_chat_0": True, "delete_chat_1": True}, **NEW_CHAT, **DELETE)

    assert await chat.make_empty(ChatState.THROWAWAY) == [
        "click delete_chat_0",
        "click delete_chat_1",
        "click new_chat",
    ]


async def test_a_step_that_is_missing_is_a_changed_page():
    with pytest.raises(SiteChangedError) as caught:
        await Chat({"delete_chat_0": True}, **DELETE).reset.delete_chat()

    assert caught.value.profile_key == "delete_chat_1"


async def test_without_steps_nothing_is_deleted():
    chat = Chat(**NEW_CHAT)

    assert not await chat.reset.delete_chat()
    assert chat.page.log == []


# -- confirming ----------------------------------------------------------------------------------------------------------

CONFIRM = {"new_chat": {"click": ".new", "confirm": ".yes"}}


def asking(chat, times=1):
    """The page asks back after the click, and takes the answer at the given click on it."""
    chat.page.on_click["new_chat"] = lambda: chat.page.change(new_chat_confirm=True)
    left = iter(range(times - 1, -1, -1))

    def confirm():
        if next(left) == 0:
            chat.page.change(new_chat_confirm=False, no_turns=True)

    chat.page.on_click["new_chat_confirm"] = confirm


async def test_a_dialog_that_asks_back_is_confirmed_in_front():
    chat = Chat(**CONFIRM)
    asking(chat)

    assert await chat.make_empty(ChatState.ANSWERED) == ["click new_chat", "front", "click new_chat_confirm"]


async def test_a_dialog_that_does_not_come_needs_no_confirmation():
    assert await Chat(**CONFIRM).make_empty(ChatState.ANSWERED) == ["click new_chat"]


@pytest.mark.parametrize(("times", "more"), [(3, []), (9, LOADED)])
async def test_a_dialog_is_confirmed_three_times_at_most(times, more):
    chat = Chat(**CONFIRM)
    asking(chat, times)

    done = await chat.make_empty(ChatState.ANSWERED)

    assert done == ["click new_chat", "front", *["click new_chat_confirm"] * 3, *more]


async def test_a_new_chat_is_brought_into_view_where_that_takes_clicks():
    chat = Chat(**NEW_CHAT)
    chat.loader.opens = True

    assert await chat.make_empty(ChatState.ANSWERED) == ["click new_chat", "open"]


# -- loading -------------------------------------------------------------------------------------------------------------


async def test_a_loaded_page_that_shows_its_last_chat_gets_a_new_one():
    chat = Chat(**NEW_CHAT)
    chat.loader.shows_empty = False

    await chat.reset.load_empty()

    assert chat.page.log == [*LOADED, "click new_chat"]


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({}, "its address shows a chat with 1 'user_turn' and 0 'assistant_turn'"),
        (NEW_CHAT, "after 'new_chat.click' the chat still shows 1 'user_turn' and 0 'assistant_turn'"),
    ],
)
async def test_a_page_that_never_shows_an_empty_chat_has_changed(profile, words):
    chat = Chat(**profile)
    chat.loader.shows_empty = False
    chat.page.on_click = {}

    with pytest.raises(SiteChangedError, match=words) as caught:
        await chat.reset.load_empty()
    assert (caught.value.profile_key, caught.value.screenshot) == ("new_chat", b"picture")


# -- greetings -----------------------------------------------------------------------------------------------------------


class Greeting:
    """A page on which an empty chat shows a greeting, as the agent in it tells."""

    def __init__(self, chat, *, greets=True):
        self.page = chat.page
        self.turns = ["hello"] if greets else []
        self.users = 0
        self.page.answers["restingTurns"] = lambda *_: {"users": self.users, "assistants": list(self.turns)}
        self.page.meets = self.meets

    def meets(self, want):
        told = want.get("no_turns")
        if told is None:
            return True
        if not isinstance(told, dict):
            return not (self.users or self.turns)
        if told.get("any"):
            return not self.users
        is_enough = len(self.turns) == len(told["ground"]) or not told.get("all")
        return not self.users and is_enough and len(self.turns) <= len(told["ground"])


async def test_what_a_first_load_shows_is_an_empty_chat():
    chat = Chat(user_turn=".user", **NEW_CHAT)
    Greeting(chat)

    await chat.reset.load_empty()
    await chat.reset.make_empty(ChatState.ANSWERED)

    assert chat.page.log == [*LOADED, "endTurn", "click new_chat"]


async def test_where_no_questions_tell_a_greeting_from_an_old_chat_a_new_one_is_begun():
    chat = Chat(**NEW_CHAT)
    Greeting(chat)

    await chat.reset.load_empty()

    assert chat.page.log == [*LOADED, "click new_chat"]


async def test_a_load_that_shows_more_than_the_first_one_did_is_no_empty_chat():
    chat = Chat(user_turn=".user")
    page = Greeting(chat)
    await chat.reset.load_empty()
    page.turns = ["hello", "an old answer"]

    with pytest.raises(SiteChangedError, match="0 'user_turn' and 2 'assistant_turn'"):
        await chat.reset.load_empty()


async def test_a_greeting_that_does_not_come_again_is_not_waited_for_twice():
    chat = Chat(user_turn=".user")
    page = Greeting(chat)
    await chat.reset.load_empty()
    page.turns = []
    await chat.reset.load_empty()
    chat.page.limits.clear()

    await chat.reset.load_empty()

    assert ("until", 8.0) not in chat.page.limits
