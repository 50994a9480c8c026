"""The page's agent in a real Chromium: what selectors find, and what it tells of the profile's roles."""

import json

import pytest
import pytest_asyncio

from automation.page.agent import agent_profile
from automation.profiles.validation import parse_profile
from tests.fakes.agent_page import open_agent_page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown():
    async with open_agent_page() as page:
        yield page


# Rows with the same classes; the name is three shadow roots down, and so is the text.
ROWS = """
const list = inShadow(document.querySelector("chat-list"), "<section></section>").querySelector("section");
const row = (name, text) => {
  const host = document.createElement("message-row");
  host.className = "row";
  list.append(host);
  const inner = inShadow(host, `<message-head></message-head><div class=body>${text}</div>`).querySelector("message-head");
  inShadow(inShadow(inner, "<name-tag></name-tag>").querySelector("name-tag"), `<style>b { color: red }</style><b class=name>${name}</b>`);
};
row("You", "How far is the moon?");
row("Assistant", "Far.");
row("You", "And the sun?");
row("Assistant", "Farther.");
"""
BY_NAME = {
    "user_turn": {"css": ".row", "has": {"css": ".name", "text": "You"}},
    "assistant_turn": {"css": ".row", "has": {"css": ".name", "text": ["Helper", "Assistant"]}},
}


async def test_turns_that_differ_only_by_a_name_in_shadow_roots_are_told_apart(shown):
    await shown.show("<chat-list></chat-list>", BY_NAME)
    await shown.run(ROWS)

    roles = await shown.call("roles")

    assert roles["user_turn"] == {"count": 2, "visible": 2, "text": "You How far is the moon?"}
    assert roles["assistant_turn"] == {"count": 2, "visible": 2, "text": "Assistant Far."}


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ({"css": ".row", "has": ".name"}, "abc"),
        ({"css": ".row", "not": ".name"}, "d"),
        ({"css": ".row", "not": {"css": ".name", "text": "You"}}, "bcd"),
        ({"css": ".row", "has": {"css": ".name", "text": "you"}}, "a"),
        ({"css": ".row", "has": {"css": ".head", "has": {"css": ".name", "not": ".badge"}}}, "ab"),
        ({"css": ".row", "has": ".name", "not": ".badge"}, "ab"),
        ({"css": ".row", "text": "No name"}, "d"),
        ({"css": ".row", "has": ".row"}, ""),
    ],
)
async def test_a_selector_looks_inside_for_what_it_wants_and_what_it_does_not(shown, selector, found):
    html = "".join(
        f"<div class=row id={key}><div class=head>{head}</div></div>"
        for key, head in [
            ("a", "<b class=name>You</b>"),
            ("b", "<b class=name>Bot</b>"),
            ("c", "<b class=name>Bot <i class=badge>new</i></b>"),
            ("d", "No name"),
        ]
    )
    await shown.show(html, {})

    told = agent_profile(parse_profile({"input": "a", "assistant_turn": selector}))["assistant_turn"]
    asked = (
        f"parleyFinding({{ role: {json.dumps(told)} }}, () => undefined).findAll('role').map((el) => el.id)"
    )
    ids = await shown.run(asked)

    assert "".join(ids) == found


@pytest.mark.parametrize(("label", "is_found"), [("Stop", True), ("stop gen", True), ("Generating", False)])
async def test_a_label_is_read_through_shadow_roots_and_slots(shown, label, is_found):
    await shown.show(
        "<fancy-button><i>Stop</i></fancy-button>", {"stop": {"css": "fancy-button", "text": label}}
    )
    await shown.run(
        "inShadow(document.querySelector('fancy-button'), "
        "'<style>span { color: red }</style><b style=\"display:none\">Hidden</b><span><slot></slot> <em>generating</em></span>')"
    )

    assert (await shown.call("look", ["stop"])) == {"stop": is_found}


async def test_roles_tell_what_matches_and_never_what_was_entered(shown):
    await shown.show(
        "<input type=password id=secret value=hunter2 placeholder='Your password'><textarea>my prompt</textarea>"
        "<button id=go hidden>Go</button><div class=bot><p class=answer>One</p></div><div class=bot>Two</div>",
        {
            "send": "#go",
            "stop": "#stop",
            "answer": ".answer",
            "sign_in": {"username": "#nobody", "password": "#secret"},
        },
    )

    roles = await shown.call("roles")

    assert roles == {
        "input": {"count": 1, "visible": 1, "text": ""},
        "send": {"count": 1, "visible": 0, "text": ""},
        "stop": {"count": 0, "visible": 0, "text": ""},
        "assistant_turn": {"count": 2, "visible": 2, "text": "One"},
        "answer": {"count": 1, "visible": 1, "text": "One"},
        "username": {"count": 0, "visible": 0, "text": ""},
        "password": {"count": 1, "visible": 1, "text": "Your password"},
        "captcha": roles["captcha"],
    }


CLOCKED = """(() => {
  let clock = 0;
  const pace = parleyPace(SHARE, MOST, () => clock);
  const due = [];
  for (const [cost, pause] of LOOKS) {
    clock += pause;
    due.push(pace.isDue());
    if (pace.isDue()) pace.spend(() => { clock += cost; });
  }
  return due;
})()"""


@pytest.mark.parametrize(
    ("share", "most_ms", "looks", "due"),
    [
        (1 / 4, 1000, [(10, 0), (10, 29), (10, 1)], [True, False, True]),
        (1 / 4, 1000, [(0, 0), (0, 0), (0, 0)], [True, True, True]),
        (1 / 4, 1000, [(900, 0), (10, 999), (10, 1), (10, 29), (10, 1)], [True, False, True, False, True]),
        (1 / 2, 1000, [(50, 0), (50, 50), (50, 49)], [True, True, False]),
    ],
)
async def test_a_look_that_cost_much_is_followed_by_a_long_pause(shown, share, most_ms, looks, due):
    await shown.show("", {})

    script = CLOCKED.replace("SHARE", str(share)).replace("MOST", str(most_ms))

    assert await shown.run(script.replace("LOOKS", json.dumps(looks))) == due
