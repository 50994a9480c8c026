"""A chat is found again only where the page proves to show it, answered and at rest."""

from urllib.parse import urljoin

import pytest
from playwright.async_api import Error as PlaywrightError

from automation.errors import SiteChangedError, UnreachableError
from automation.page import chat_identity
from automation.page.chat_identity import LastTurn, build_fingerprint
from automation.turn import ChatLink
from automation.web_provider.chat_finder import ChatFinder
from automation.web_provider.turn_input import TurnInput
from tests.fakes.page_model import PageModel, chat_config

FAR = "It is far."
AT_END = LastTurn("How far is the moon?", FAR, is_answered=True, turns=2)
CHAT = ChatLink("c1", "https://chat.example/c/1", build_fingerprint("How far is the moon?", FAR, AT_END))


class Page(PageModel):
    """The page, which also loads addresses; after a while it may have one of its own."""

    def __init__(self, **shown):
        super().__init__(no_turns=False, **shown)
        self.loaded = []
        self.error = None
        self.address = ""

    async def load(self, url):
        self.loaded.append(url)

    async def ensure_ready(self):
        if self.error is not None:
            raise self.error

    async def wait_for_url(self, matches, wait_until, timeout):
        if not matches(self.address):
            raise PlaywrightError("Timeout 500ms exceeded.")
        self.url = urljoin(self.url, self.address)


def finder_on(page, **profile):
    return ChatFinder(page, page, page, chat_config(**profile))


def last_asked(page, text, *, answer=FAR, answered=True):
    told = {"answered": answered, "text": text, "answer": answer, "order": "last", "turns": 2}
    page.answers["lastAsked"] = lambda *_: told
    return page


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch):
    """The rests that the page needs are those of ``chat_identity``'s own tests."""
    for name in ("_REST_SURE_S", "_REST_LIKELY_S", "_REST_OTHER_S"):
        monkeypatch.setattr(chat_identity, name, 0.0)


async def test_a_chat_is_reopened_at_its_address_and_known_by_its_last_prompt():
    page = last_asked(Page(), "You said: How far is the moon?")

    assert await finder_on(page).reopen(CHAT)
    assert page.loaded == [CHAT.url]


async def test_a_page_that_does_not_show_prompts_is_believed_by_its_address():
    assert await finder_on(last_asked(Page(), None)).reopen(CHAT)


@pytest.mark.parametrize(
    "page",
    [
        last_asked(Page(), "Something else entirely, please"),
        last_asked(Page(), "How far is the moon?", answered=False),
        last_asked(Page(), "How far is the moon?", answer="Nothing of the kind."),
        last_asked(Page(stop=True), "How far is the moon?"),
    ],
    ids=["another chat", "no answer", "another answer", "still generating"],
)
async def test_what_is_not_this_chat_at_rest_is_not_gone_on_with(page):
    assert not await finder_on(page).reopen(CHAT)


@pytest.mark.parametrize("error", [UnreachableError("u", "HTTP 404"), SiteChangedError("input", "opening")])
async def test_an_address_that_leads_to_no_chat_is_a_chat_that_is_gone(error):
    page = Page()
    page.error = error

    assert not await finder_on(page).reopen(CHAT)


@pytest.mark.parametrize(("answered", "stop", "is_there"), [(1, 0, True), (0, 0, False), (1, 1, False)])
async def test_a_chat_that_stands_here_goes_on_once_it_is_answered_and_at_rest(answered, stop, is_there):
    page = last_asked(Page(stop=bool(stop)), "How far is the moon?", answered=bool(answered))

    assert await finder_on(page).still_shows(CHAT) is is_there


async def test_an_answer_that_is_typed_out_still_is_waited_for():
    page = last_asked(Page(), "How far is the moon?")
    looks = iter(["384", "384 400", FAR, FAR])
    told = page.answers["lastAsked"]()
    page.answers["lastAsked"] = lambda *_: {**told, "answer": next(looks, FAR)}

    assert await finder_on(page).still_shows(CHAT, is_being_written=True)
    assert next(looks, None) is None


async def test_a_new_chat_gets_an_id_and_the_fingerprint_of_what_was_asked():
    shown = last_asked(Page(), "How far is the moon?")
    first = await finder_on(shown).link_after(TurnInput("How far is the moon?"), None, FAR)
    second = await finder_on(shown).link_after(TurnInput("How far is the moon?"), None, FAR)

    assert first is not None
    assert second is not None
    assert (first.url, first.fingerprint) == (None, CHAT.fingerprint)
    assert first.id != second.id


async def test_a_chat_that_goes_on_keeps_its_id():
    after = await finder_on(Page()).link_after(TurnInput("And the sun?"), CHAT, FAR)

    assert after is not None
    assert (after.id, after.url) == ("c1", None)
    assert after.fingerprint != CHAT.fingerprint


@pytest.mark.parametrize(
    ("profile", "ask"),
    [
        ({"conversation": {"remembers": False}}, TurnInput("Hi")),
        ({}, TurnInput("Hi", is_throwaway=True)),
    ],
)
async def test_nobody_goes_on_with_a_page_that_forgets_or_with_a_throwaway_chat(profile, ask):
    assert await finder_on(Page(), **profile).link_after(ask, None, FAR) is None


@pytest.mark.parametrize(("address", "url"), [("/c/7", "https://chat.example/c/7"), ("/", None)])
async def test_a_chat_has_an_address_once_the_page_gives_it_one(address, url):
    page = Page()
    page.address = address

    link = await finder_on(page, conversation={"url": "/c/\\d+"}).link_after(TurnInput("Hi"), None, FAR)

    assert link is not None
    assert link.url == url
