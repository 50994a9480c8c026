"""A site takes each turn on a page of its pool, tries it again only where nothing can have been sent, and loses no page."""

from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from automation.account.credentials import Credentials
from automation.browser.pool import BrowserPool
from automation.errors import (
    AttachmentRejectedError,
    ConversationGoneError,
    PageLostError,
    SignInRequiredError,
    SiteError,
    UnreachableError,
)
from automation.turn import Attachment, ChatLink, Message, Prompt, TextDelta, TurnFinished
from automation.web_provider.chat_site import ChatSite
from tests.fakes.page_model import chat_config

HI = Prompt((Message("user", "Hi"),))
DONE = TurnFinished("stop", "dom")
CHAT = ChatLink("c1", "https://chat.example/c/1")


class Page:
    """A page that takes turns as its site's script says."""

    is_single_turn = True

    def __init__(self, site):
        self.site = site
        self.holds: str | None = None
        self.has_sent_nothing = True
        self.settled = 0

    async def show_chat(self, chat):
        self.site.log.append(f"enter {chat.id if chat else None}")
        return chat is not None and self.site.finds_chats

    async def take_turn(self, ask, out):
        self.site.log.append(f"turn {ask.text}")
        for step in self.site.turns.pop(0) if self.site.turns else [DONE]:
            match step:
                case "sent":
                    self.has_sent_nothing = False
                case "hold":
                    self.site.held.set()
                    await anyio.sleep_forever()
                case Exception():
                    raise step
                case _:
                    await out.send(step)

    async def delete_chat(self):
        self.site.log.append("delete")
        return True

    async def visit(self):
        self.site.log.append("visit")

    async def settle(self):
        self.settled += 1

    async def clear(self):
        self.settled += 1

    async def until_lost(self):
        await anyio.sleep_forever()

    async def memory_bytes(self):
        return None


class Site:
    """The account of a site, and its pages. ``turns`` holds what each turn does, step by step."""

    def __init__(self, credentials=None):
        self.browsers = BrowserPool(None, 10, 10)
        self.credentials = credentials
        self.refusal: Exception | None = None
        self.finds_chats = True
        self.turns: list[list[Any]] = []
        self.log: list[str] = []
        self.pages: list[Page] = []
        self.error: Exception | None = None
        self.held = anyio.Event()
        self.uses = 0

    @asynccontextmanager
    async def open_page(self):
        if self.error is not None:
            raise self.error
        self.pages.append(Page(self))
        yield self.pages[-1]

    async def keep_saved(self):
        await anyio.sleep_forever()

    def mark_active(self):
        self.uses += 1


def opened(site, **profile):
    """Open the site with its pages in memory."""

    class Provider(ChatSite):
        def open_page(self):
            return site.open_page()

    return Provider.open(site, chat_config(**profile))


async def read(provider, prompt=HI):
    async with provider.open_turn(prompt) as events:
        return [event async for event in events]


@pytest.fixture
def site():
    return Site()


async def test_a_site_is_open_once_a_page_is_and_fails_as_that_does(site):
    async with opened(site):
        count = len(site.pages)
    site.error = UnreachableError("https://chat.example/", "the connection was refused")

    with pytest.raises(UnreachableError):
        async with opened(site):
            pass
    assert count == 1


async def test_a_turns_events_come_in_order_and_end_with_its_end(site):
    site.turns = [[TextDelta("Hel"), TextDelta("lo"), DONE]]

    async with opened(site) as provider:
        told = await read(provider)

    assert told == [TextDelta("Hel"), TextDelta("lo"), DONE]
    assert site.log == ["enter None", "turn Hi"]


async def test_an_error_comes_after_what_was_told_before_it(site):
    site.turns = [["sent", TextDelta("Hel"), SiteError("overloaded")]]

    async with opened(site) as provider, provider.open_turn(HI) as events:
        first = await anext(events)
        with pytest.raises(SiteError, match="overloaded"):
            await anext(events)

    assert first == TextDelta("Hel")


async def test_an_error_in_which_the_site_repeats_the_accounts_password_does_not_tell_it():
    site = Site(Credentials("ada", "correct horse", "JBSWY3DPEHPK3PXP"))
    site.turns = [[SiteError("ada may not ask with correct horse and JBSWY3DPEHPK3PXP")]]

    async with opened(site) as provider:
        with pytest.raises(SiteError) as caught:
            await read(provider)

    assert caught.value.site_message == "ada may not ask with … and …"


async def test_a_turn_that_tells_no_end_is_no_whole_answer(site):
    site.turns = [[TextDelta("Hel")]]

    async with opened(site) as provider:
        with pytest.raises(SiteError, match="without an end"):
            await read(provider)


# -- second tries --------------------------------------------------------------------------------------------------------


async def test_a_page_that_is_lost_before_anything_was_sent_costs_only_a_second_try(site):
    site.turns = [[PageLostError("It crashed.")], [TextDelta("Hello"), DONE]]

    async with opened(site) as provider:
        told = await read(provider)

    assert told == [TextDelta("Hello"), DONE]
    assert site.log.count("turn Hi") == 2


@pytest.mark.parametrize(
    ("turns", "tries"),
    [
        ([["sent", PageLostError("It crashed.")]], 1),
        ([[SiteError("overloaded")]], 1),
        ([[PageLostError("It crashed.")], [PageLostError("It crashed.")]], 2),
    ],
    ids=["sent", "no loss", "twice"],
)
async def test_what_may_have_been_sent_or_failed_otherwise_or_twice_is_not_tried_again(site, turns, tries):
    error = turns[-1][-1]
    site.turns = turns

    async with opened(site) as provider:
        with pytest.raises(type(error)):
            await read(provider)

    assert site.log.count("turn Hi") == tries


# -- leaving -------------------------------------------------------------------------------------------------------------


async def test_who_leaves_a_turn_ends_it_and_its_page_is_made_ready(site):
    site.turns = [["sent", TextDelta("Hel"), "hold"]]

    async with opened(site) as provider:
        async with provider.open_turn(HI) as events:
            first = await anext(events)
            in_use = (await provider.check())["pages"]["in_use"]
        await anyio.wait_all_tasks_blocked()
        after = (await provider.check())["pages"]

    assert first == TextDelta("Hel")
    assert (in_use, after["in_use"], after["free"]) == (1, 0, 1)
    # After its opening's lease, and after this one.
    assert site.pages[0].settled == 2
    assert site.browsers.status()["streaming"] == 0


async def test_a_turn_that_is_left_before_it_began_takes_no_page(site):
    async with opened(site) as provider:
        async with provider.open_turn(HI):
            pass
        await anyio.wait_all_tasks_blocked()
        pages = (await provider.check())["pages"]

    assert (pages["in_use"], pages["free"]) == (0, 1)
    assert site.log == []


# -- chats ---------------------------------------------------------------------------------------------------------------

GOES_ON = Prompt(
    (Message("user", "one"), Message("assistant", "1"), Message("user", "two")), chat=CHAT, said=2
)


@pytest.mark.parametrize(
    ("finds_chats", "text"), [(True, "two"), (False, "User:\none\n\nAssistant:\n1\n\nUser:\ntwo")]
)
async def test_a_chat_that_is_found_gets_what_is_new_and_another_everything(site, finds_chats, text):
    site.finds_chats = finds_chats

    async with opened(site) as provider:
        await read(provider, GOES_ON)

    assert site.log == ["enter c1", f"turn {text}"]


async def test_where_a_chat_must_go_on_and_is_gone_nothing_is_sent(site):
    site.finds_chats = False

    async with opened(site) as provider:
        with pytest.raises(ConversationGoneError):
            await read(provider, Prompt(GOES_ON.messages, chat=CHAT, said=2, must_continue=True))

    assert site.log == ["enter c1"]


async def test_a_chat_is_deleted_where_it_can_be_found(site):
    async with opened(site) as provider:
        was_deleted = await provider.forget_chat(CHAT)
        site.finds_chats = False
        is_gone = await provider.forget_chat(CHAT)

    assert (was_deleted, is_gone) == (True, False)
    assert site.log == ["enter c1", "delete", "enter c1"]


async def test_a_chat_that_is_on_no_page_and_has_no_address_is_not_looked_for(site):
    async with opened(site) as provider:
        assert not await provider.forget_chat(ChatLink("c9"))

    assert site.log == []


async def test_files_that_the_page_would_not_take_are_refused_before_a_page_is_taken(site):
    prompt = Prompt((Message("user", "Look", (Attachment("a.png", "image/png", b"png"),)),))

    async with opened(site) as provider:
        with pytest.raises(AttachmentRejectedError):
            await read(provider, prompt)

    assert site.log == []


async def test_a_visit_counts_as_a_use_of_the_session(site):
    async with opened(site) as provider:
        await provider.visit()

    assert (site.log, site.uses) == (["visit"], 1)


# -- signing in ----------------------------------------------------------------------------------------------------------

ADA = Credentials("ada", "lovelace")
SIGNED_OUT = SignInRequiredError("the session expired")


@pytest.mark.parametrize(
    ("credentials", "refusal", "error"),
    [(None, None, SignInRequiredError), (ADA, None, SiteError), (ADA, SIGNED_OUT, SignInRequiredError)],
    ids=["nobody", "can sign in", "was refused"],
)
async def test_who_was_signed_out_and_can_sign_in_again_needs_no_person(credentials, refusal, error):
    site = Site(credentials)
    site.refusal = refusal
    site.turns = [[SignInRequiredError("the session expired")]]

    async with opened(site) as provider:
        with pytest.raises(error, match="the session expired"):
            await read(provider)
