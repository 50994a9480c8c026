"""A hand that moves and types as a person's: the page sees trusted events in a person's order, and the text is exact."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from automation.browser.pool import BrowserPool
from automation.page.hands import PageInput
from automation.profiles.validation import parse_profile
from automation.stealth.pacing import HumanMotion
from automation.timing import Timeouts
from automation.web_provider.composing.composer import Composer
from tests.fakes.chat_provider import ask, open_provider
from tests.fakes.chat_site import MARKDOWN, FakeChatSite
from tests.fakes.editors import NoEditors, editor_pages
from tests.fakes.editors.field import EditorField, open_field

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PROMPT = "Why is (a + b) > 'C'?\n\n- Größe, 日本語 🙂"
NOTE_EVENTS = """() => {
  window.noted = [];
  for (const kind of ['mousemove', 'mousedown', 'mouseup', 'click', 'keydown', 'keyup', 'input'])
    document.addEventListener(kind, (e) => noted.push({
      kind, trusted: e.isTrusted, at: performance.now(), key: e.key, shift: e.shiftKey, x: e.clientX, y: e.clientY,
    }), true);
}"""


@pytest.fixture(scope="module")
def _editors():
    try:
        editor_pages()
    except NoEditors as exc:
        pytest.skip(str(exc))


def hands_on(field: EditorField) -> PageInput:
    return PageInput(field.page, field.dom, "typed", HumanMotion(Random(1)))


def composer_on(field: EditorField) -> Composer:
    profile = parse_profile({"input": ".prompt", "send": "#send", "assistant_turn": ".none"})
    return Composer(field.dom, hands_on(field), profile, Timeouts(compose_s=10.0))


async def noted(field: EditorField, *kinds: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = await field.page.evaluate("noted")
    return [event for event in events if event["kind"] in kinds]


@pytest.mark.usefixtures("_editors")
@pytest.mark.parametrize("editor", ["textarea", "prosemirror", "lexical-rich", "slate"])
async def test_a_typed_prompt_stands_there_exactly(editor: str, browsers: BrowserPool):
    async with open_field(browsers, editor) as field:
        await composer_on(field).write(PROMPT)

        assert (await field.model()).rstrip("\n") == PROMPT


@pytest.mark.usefixtures("_editors")
async def test_keys_are_trusted_held_and_apart(browsers: BrowserPool):
    async with open_field(browsers, "textarea") as field:
        await field.page.evaluate(NOTE_EVENTS)

        await composer_on(field).write("Is it so?")

        events = await noted(field, "keydown", "keyup", "input")
    letters = [e for e in events if e["kind"] == "keydown" and e["key"] != "Shift"]
    ups = [e for e in events if e["kind"] == "keyup" and e["key"] != "Shift"]
    assert all(event["trusted"] for event in events)
    assert "".join(event["key"] for event in letters) == "Is it so?"
    assert [event["key"] for event in letters if event["shift"]] == ["I", "?"]
    assert len([event for event in events if event["kind"] == "input"]) == 9
    assert all(up["at"] - down["at"] >= 45 for down, up in zip(letters, ups, strict=True))


@pytest.mark.usefixtures("_editors")
async def test_the_pointer_goes_a_way_and_clicks_beside_the_middle(browsers: BrowserPool):
    async with open_field(browsers, "textarea") as field:
        await field.page.evaluate(NOTE_EVENTS)
        await field.page.evaluate("document.querySelector('#send').disabled = false")

        await hands_on(field).click("send", "sending")

        moves = await noted(field, "mousemove")
        down, up, click = await noted(field, "mousedown", "mouseup", "click")
        box = await field.page.locator("#send").bounding_box()
    assert box is not None
    assert len(moves) >= 20
    assert all(event["trusted"] for event in (*moves, down, up, click))
    assert up["at"] - down["at"] >= 75
    assert (down["x"], down["y"]) != (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert box["x"] < down["x"] < box["x"] + box["width"]


@pytest.mark.parametrize("human_input", ["paste", "typed"])
async def test_a_turn_by_such_a_hand_comes_out_exactly(
    human_input, browsers: BrowserPool, site: FakeChatSite
):
    prompt = "[[md:prose]] naïve 日本語 🙂"

    async with open_provider(browsers, site, "fetch-sse", human_input=human_input) as provider:
        reply = await ask(provider, prompt)

    assert reply.text == MARKDOWN["prose"]
    assert [request.prompt for request in site.requests] == [prompt]
