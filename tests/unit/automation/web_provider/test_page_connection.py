"""A page is closed whatever happens, and whoever waits for one that is lost is told so at once."""

from collections import defaultdict
from contextlib import nullcontext
from typing import Any

import anyio
import pytest
from playwright.async_api import Error as PlaywrightError

from automation.browser.pool import BrowserPool
from automation.errors import PageLostError
from automation.page.cdp import TargetTree
from automation.profiles.validation import parse_profile
from automation.timing import Timeouts
from automation.web_provider.page_connection import PageConnection, build_network_tap, open_page_connection
from tests.unit.automation.capture.fake_channel import FakeChannel

PROFILE = parse_profile({"input": "textarea", "assistant_turn": ".bot"})
TIMEOUTS = Timeouts(close_s=0.01)


class Channel(FakeChannel):
    """The page's target, which can be closed."""

    def __init__(self):
        super().__init__()
        self.end = ""

    def close(self, reason):
        self.end = reason


class Page:
    """Playwright's page: it tells events, and closes unless it hangs."""

    def __init__(self):
        self.context = self
        self.browser = self
        self.is_closed = False
        self.hangs = False
        self.error: Exception | None = None
        self.session = Session()
        self._listeners: dict[str, list[Any]] = defaultdict(list)

    def on(self, event, listener):
        self._listeners[event].append(listener)

    def tell(self, event, given=None):
        for listener in self._listeners[event]:
            listener(given)

    async def new_cdp_session(self, page):
        if self.error is not None:
            raise self.error
        return self.session

    async def close(self):
        if self.hangs:
            await anyio.sleep_forever()
        self.is_closed = True
        self.tell("close")


class Session:
    """A DevTools session of the page."""

    def __init__(self):
        self.sent: list[str] = []
        self.error: Exception | None = None

    def on(self, event, listener):
        pass

    async def send(self, method, params):
        if self.error is not None:
            raise self.error
        self.sent.append(method)
        return {}


class Parts:
    """The agent and the life of a page."""

    def __init__(self):
        self.forgot = 0
        self.watches_turn = True
        self.ended = 0
        self.hung = anyio.Event()

    def forget(self):
        self.forgot += 1

    async def has_turn(self):
        return self.watches_turn

    async def until_hung(self):
        await self.hung.wait()

    async def end_renderers(self):
        self.ended += 1


class Turn:
    def __init__(self):
        self.reasons = []
        self.words = []
        self.follows = False

    def hear(self, words):
        self.words.append(words)

    async def follow(self):
        return self.follows

    def lost(self, reason):
        self.reasons.append(reason)


class Connected:
    """A connection and what it is made of; ``spawned`` keeps its side work, which the test runs."""

    def __init__(self):
        self.page = Page()
        self.channel = Channel()
        self.parts = Parts()
        self.network = None  # nothing of it is asked here
        self.gone = anyio.Event()
        self.spawned = []
        self.connection = connection_of(self)

    async def until_gone(self):
        await self.gone.wait()
        return "driver_gone"

    async def run_spawned(self):
        while self.spawned:
            await self.spawned.pop(0)


def connection_of(connected):
    async def prepare(channel, kind):
        pass

    parts = connected.parts
    targets = TargetTree(connected.channel, prepare, connected.spawned.append)
    return PageConnection(
        connected.page,
        targets,
        parts,
        connected.network,
        parts,
        until_browser_gone=connected.until_gone,
        spawn=connected.spawned.append,
    )


# -- losing --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "reason"), [("crash", "The page's renderer crashed."), ("close", "The page was closed.")]
)
async def test_what_the_page_tells_of_its_end_ends_its_calls_and_its_turn(event, reason):
    connected, turn = Connected(), Turn()
    connected.connection.check_alive()

    with connected.connection.telling(turn):
        connected.page.tell(event)

    await connected.connection.until_lost()
    with pytest.raises(PageLostError, match=reason):
        connected.connection.check_alive()
    assert (connected.channel.end, turn.reasons) == (reason, [reason])


@pytest.mark.parametrize(
    ("loses", "reason"),
    [
        (lambda connected: connected.parts.hung.set(), "hangs"),
        (lambda connected: connected.gone.set(), r"browser was lost \(driver_gone\)"),
    ],
)
async def test_what_the_page_does_not_tell_is_noticed_by_watching(loses, reason):
    connected = Connected()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connected.connection.watch)
        await anyio.wait_all_tasks_blocked()
        loses(connected)
        await connected.connection.until_lost()
        tasks.cancel_scope.cancel()

    with pytest.raises(PageLostError, match=reason):
        connected.connection.check_alive()


async def test_the_first_reason_of_a_loss_is_the_one_that_is_told_later():
    connected = Connected()
    connected.page.tell("crash")
    connected.page.tell("close")

    with pytest.raises(PageLostError, match="crashed"):
        connected.connection.check_alive()


async def test_a_turn_that_is_over_is_told_nothing():
    connected, turn = Connected(), Turn()
    with connected.connection.telling(turn):
        pass

    connected.page.tell("close")

    assert turn.reasons == []


# -- leaving -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("watches_turn", "follows", "losses"), [(True, False, 0), (False, False, 1), (False, True, 0)]
)
async def test_a_turn_ends_when_it_can_not_go_on_in_the_document_that_took_its_chats_place(
    watches_turn, follows, losses
):
    connected, turn = Connected(), Turn()
    connected.parts.watches_turn = watches_turn
    turn.follows = follows

    with connected.connection.telling(turn):
        connected.page.tell("framenavigated")
        await connected.run_spawned()

    assert (connected.parts.forgot, len(turn.reasons)) == (1, losses)


async def test_between_turns_a_page_may_go_where_it_likes():
    connected = Connected()

    connected.page.tell("framenavigated")

    assert (connected.parts.forgot, connected.spawned) == (1, [])


# -- closing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_page_that_does_not_let_itself_be_closed_loses_its_renderers(hangs):
    connected = Connected()
    connected.page.hangs = hangs

    await connected.connection.close(0.01)

    assert (connected.page.is_closed, connected.parts.ended) == (not hangs, int(hangs))


async def test_a_page_is_attached_to_before_it_is_handed_out_and_closed_after():
    page = Page()

    async with open_connection(page) as connection:
        was_closed = page.is_closed
        sent = list(page.session.sent)

    assert (connection.page, was_closed, page.is_closed) == (page, False, True)
    assert sent == ["Network.enable", "Page.enable", "Target.setAutoAttach"]


@pytest.mark.parametrize("where", ["page", "session"])
async def test_a_page_that_can_not_be_attached_to_is_closed(where):
    page = Page()
    refuses: Page | Session = page if where == "page" else page.session
    refuses.error = PlaywrightError("Target closed")

    with pytest.raises(PageLostError):
        async with open_connection(page):
            pass
    assert page.is_closed


async def test_a_block_that_is_cancelled_still_closes_its_page():
    page = Page()

    async with anyio.create_task_group() as tasks:

        async def hold():
            async with open_connection(page):
                await anyio.sleep_forever()

        tasks.start_soon(hold)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert page.is_closed


def open_connection(page):
    return open_page_connection(page, BrowserPool(None, 1), PROFILE, TIMEOUTS, lambda work: work.close())


async def test_without_a_wire_no_request_is_the_answers():
    tap, channel = build_network_tap(PROFILE, lambda work: work.close()), FakeChannel()
    told: list[Any] = []
    await tap.attach(channel)
    tap.listen(told.append)

    request = {"url": "https://chat.example/api/chat", "method": "POST"}
    channel.tell("Network.requestWillBeSent", requestId="1", type="Fetch", request=request)

    assert [event.matches for event in told] == [False]


# -- dialogs -------------------------------------------------------------------------------------------------------------


class Dialog:
    """A dialog that stops the page until it is answered."""

    def __init__(self, kind, error=None):
        self.type = kind
        self.message = "Rate limit exceeded."
        self.answers = []
        self.error = error

    async def accept(self):
        self.answers.append("accept")
        if self.error is not None:
            raise self.error

    async def dismiss(self):
        self.answers.append("dismiss")


@pytest.mark.parametrize(
    ("kind", "answer", "is_heard"),
    [
        ("alert", "accept", True),
        ("confirm", "dismiss", True),
        ("prompt", "dismiss", True),
        ("beforeunload", "accept", False),
    ],
)
@pytest.mark.parametrize("in_turn", [True, False])
async def test_a_dialog_is_closed_and_its_words_are_the_turns(kind, answer, is_heard, in_turn):
    connected, turn, dialog = Connected(), Turn(), Dialog(kind)

    with connected.connection.telling(turn) if in_turn else nullcontext():
        connected.page.tell("dialog", dialog)
    await connected.run_spawned()

    assert dialog.answers == [answer]
    assert turn.words == (["Rate limit exceeded."] if in_turn and is_heard else [])


async def test_a_dialog_that_goes_with_its_page_is_no_harm():
    connected, dialog = Connected(), Dialog("alert", PlaywrightError("Target closed"))

    connected.page.tell("dialog", dialog)
    await connected.run_spawned()

    assert dialog.answers == ["accept"]
