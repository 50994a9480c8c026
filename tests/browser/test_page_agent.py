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


# -- the turns of an answer -----------------------------------------------------------------------------------------------

CHAT = {"user_turn": ".user", "assistant_turn": ".bot", "answer": ".answer"}
ADD = """globalThis.add = (role, text, into = document.body) => {
  const turn = document.createElement("div");
  turn.className = role;
  turn.innerHTML = role === "bot" ? `<div class=answer>${text}</div>` : text;
  into.append(turn);
  return turn;
}; true"""


async def begin(shown, html, profile, prompt="What of it?"):
    """Show a page, and have the agent expect an answer to the prompt."""
    await shown.show(f"<textarea></textarea>{html}", profile)
    await shown.run(ADD)
    await shown.call("beginTurn", "read")
    await shown.call("expect", prompt)


async def read(shown):
    return (await shown.call("readTurn"))["markdown"]


async def test_columns_are_alternatives_of_which_the_first_is_the_answer(shown):
    await begin(shown, "", CHAT)
    await shown.run("""add("user", "What of it?"); const bot = add("bot", "");
    bot.innerHTML = "<div style='display:flex'><section style='flex:1'><h4>A</h4><div class=answer></div></section>"
      + "<section style='flex:1'><h4>B</h4><div class=answer>Second to come.</div></section></div>"; true""")
    before = await read(shown)
    await shown.run("document.querySelector('.answer').textContent = 'First.'; true")

    assert (before, await read(shown)) == ("", "First.")


async def test_in_a_script_from_right_to_left_the_first_column_is_the_right_one(shown):
    await begin(shown, "", CHAT)
    await shown.run("""add("user", "What of it?"); const bot = add("bot", ""); bot.dir = "rtl";
    bot.innerHTML = "<div style='display:flex'><p style='flex:1' class=answer>First.</p><p style='flex:1' class=answer>Second.</p></div>"; true""")

    assert await read(shown) == "First."


async def test_bodies_below_each_other_are_parts_of_one_answer_and_of_tabs_one_shows(shown):
    await begin(shown, "", CHAT)
    await shown.run("""add("user", "What of it?"); const bot = add("bot", "One.");
    bot.insertAdjacentHTML("beforeend", "<p>a tool</p><div class=answer>Two.</div><div class=answer hidden>Other.</div>"); true""")

    assert await read(shown) == "One.\n\nTwo."


async def test_what_stands_beside_the_chat_belongs_to_the_turn_in_which_it_appears_or_changes(shown):
    await begin(
        shown,
        "<aside class=old>Old.</aside><aside class=kept>Kept.</aside>",
        {**CHAT, "answer_beside": "aside"},
    )
    await shown.run("add('user', 'What of it?'); add('bot', 'See there.'); true")
    without = await read(shown)
    await shown.run("""document.querySelector(".old").textContent = "New.";
    document.body.insertAdjacentHTML("beforeend", "<aside>Made.</aside>"); true""")

    assert (without, await read(shown)) == ("See there.", "See there.\n\nNew.\n\nMade.")


async def test_an_answer_stays_bound_when_its_question_goes_off_the_page(shown):
    await begin(shown, "", CHAT)
    await shown.run("globalThis.user = add('user', 'What of it?'); add('bot', 'It is'); true")
    first = await read(shown)
    await shown.run("user.remove(); document.querySelector('.answer').textContent = 'It is so.'; true")

    assert (first, await read(shown)) == ("It is", "It is so.")


async def test_turns_that_stood_there_before_are_not_the_answer_however_they_change(shown):
    html = "<div class=user>One? <small>now</small></div><div class=bot><div class=answer>Yes.</div><i>Why?</i></div>"
    await begin(shown, html, CHAT)
    await shown.run(
        "document.querySelector('small').textContent = '2 s ago'; document.querySelector('i').remove(); true"
    )

    assert await read(shown) == ""


AREA = {"assistant_turn": "#out", "stop": "#stop"}


async def test_one_element_that_takes_every_answer_is_read_once_another_one_is_written(shown):
    await begin(shown, "<output id=out style='display:block'></output>", AREA)
    texts = []
    for text in ("It is late.", None, "It", "It is", "It is late."):
        if text is None:
            await shown.call("expect", "Again?")
        else:
            await shown.run(f"document.querySelector('#out').textContent = '{text}'; true")
        texts.append(await read(shown))

    # What only got shorter may have lost a label.
    assert texts == ["It is late.", "", "", "It is", "It is late."]


async def test_an_element_that_was_filled_first_is_not_the_one_for_every_answer(shown):
    await begin(shown, "<main><div class=bot></div></main>", {})
    await shown.run("document.querySelector('.bot').innerHTML = 'Yes.<i>Why?</i>'; true")
    first = await read(shown)
    await shown.call("expect", "Again?")
    await shown.run("document.querySelector('i').remove(); true")
    second = await read(shown)
    await shown.run(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<div class=bot>No.</div>'); true"
    )

    assert (first, second, await read(shown)) == ("Yes.*Why?*", "", "No.")


async def test_the_same_words_again_in_one_element_are_the_answer_once_the_work_is_done(shown):
    await begin(
        shown, "<output id=out style='display:block'></output><button id=stop hidden>Stop</button>", AREA
    )
    await shown.run("document.querySelector('#out').textContent = 'Yes.'; true")
    await read(shown)
    await shown.call("expect", "Again?")
    await shown.run("document.querySelector('#stop').hidden = false; true")
    await shown.call("setMode", "read")
    during = await read(shown)
    await shown.run("document.querySelector('#stop').hidden = true; true")
    await shown.call("setMode", "read")

    assert (during, await read(shown)) == ("", "Yes.")


async def test_the_control_for_going_on_is_that_of_this_answer(shown):
    old = "<div class=user>One?</div><div class=bot><div class=answer>Yes.</div><button class=more>Continue</button></div>"
    await begin(shown, old, {**CHAT, "continue": {"click": ".more"}})
    await shown.run("add('user', 'What of it?'); add('bot', 'It is'); true")
    without = await shown.call("point", "continue")
    await shown.run(
        "document.querySelectorAll('.bot')[1].insertAdjacentHTML('beforeend', '<button class=more>Continue</button>'); true"
    )

    assert without is None
    assert (await shown.call("point", "continue"))["enabled"]


async def test_an_empty_chat_is_one_that_shows_no_more_than_its_greeting(shown):
    await shown.show("<textarea></textarea><div class=bot>Hello!</div>", {})
    greeting = (await shown.call("restingTurns", 0, 0))["assistants"]
    ground = {"ground": greeting, "left": []}
    looks = [
        await shown.call("until", {"no_turns": True}, 0),
        await shown.call("until", {"no_turns": ground}, 0),
        await shown.call("until", {"no_turns": {**ground, "all": True}}, 0),
    ]
    await shown.run("document.body.insertAdjacentHTML('beforeend', '<div class=bot>Yes.</div>'); true")

    assert looks == [False, True, True]
    assert not await shown.call("until", {"no_turns": ground}, 0)
    assert not await shown.call("until", {"no_turns": {"ground": ["other", "more"], "left": ["yes"]}}, 0)


def chat(*turns):
    """HTML of a chat, ``(question, answer)`` after ``(question, answer)``."""
    return "".join(
        f"<div class=user>{q}</div><div class=bot><div class=answer>{a}</div></div>" for q, a in turns
    )


REDRAW = """globalThis.redraw = (turns, at = document.querySelector("main")) => {
  at.replaceChildren();
  for (const [role, text] of turns) add(role, text, at);
}; true"""
# What the page shows before, what it does after the prompt "What of the till?" was sent, and the answer that is right then.
KINDS = {
    "drawn anew, with times that go on": (
        "<main></main>",
        """redraw([["user", "What of the cart? <i>now</i>"], ["bot", "It rolls."]])""",
        """redraw([["user", "What of the cart? <i>1 min ago</i>"], ["bot", "It rolls."]]);
        redraw([["user", "What of the cart? <i>2 min ago</i>"], ["bot", "It rolls."], ["user", "What of the till? <i>now</i>"], ["bot", "It rings."]])""",
        "It rings.",
    ),
    "drawn anew before the question shows": (
        "<main></main>",
        """redraw([["user", "What of the cart? <i>now</i>"], ["bot", "It rolls."]])""",
        """redraw([["user", "What of the cart? <i>1 min ago</i>"], ["bot", "It rolls."]])""",
        "",
    ),
    "pairs, the newest above": (
        "<main></main>",
        """redraw([["user", "One?"], ["bot", "Yes."]])""",
        """const main = document.querySelector("main"); add("bot", "It rings.", main); main.prepend(main.lastElementChild);
        add("user", "What of the till?", main); main.prepend(main.lastElementChild)""",
        "It rings.",
    ),
    "the newest above, the answer above its question": (
        "<main></main>",
        """redraw([["bot", "Yes."], ["user", "One?"]])""",
        """const main = document.querySelector("main"); add("user", "What of the till?", main); main.prepend(main.lastElementChild);
        add("bot", "It rings.", main); main.prepend(main.lastElementChild)""",
        "It rings.",
    ),
    "a history that comes late, above": (
        "<main></main>",
        "true",
        """redraw([["user", "What of the till?"], ["bot", "It rings."]]);
        const main = document.querySelector("main"); add("bot", "Yes.", main); main.prepend(main.lastElementChild);
        add("user", "One?", main); main.prepend(main.lastElementChild)""",
        "It rings.",
    ),
    "a history that comes late instead of an answer": (
        "<main></main>",
        "true",
        """redraw([["user", "One?"], ["bot", "Yes."]])""",
        "",
    ),
    "a row that is given another message": (
        "<main></main>",
        """redraw([["user", "One?"], ["bot", "Yes."]])""",
        """const [user, bot] = document.querySelector("main").children;
        user.textContent = "What of the till?"; bot.firstElementChild.textContent = "It rings." """,
        "It rings.",
    ),
    "each message in a shadow root of its own": (
        "<main></main>",
        """globalThis.item = (role, text) => {
          const host = document.createElement("chat-item"); document.querySelector("main").append(host);
          add(role, text, inShadow(host, ""));
        }; item("user", "One?"); item("bot", "Yes.")""",
        """item("user", "What of the till?"); item("bot", "It rings.")""",
        "It rings.",
    ),
    "a mention that becomes a chip": (
        "<main></main>",
        """redraw([["user", "One?"], ["bot", "Yes."]])""",
        """const main = document.querySelector("main");
        add("user", "What <span class=chip>of <b>the</b></span> <em>till</em>?<button>Edit</button>", main); add("bot", "It rings.", main)""",
        "It rings.",
    ),
    "a note of the page's own after the answer's question": (
        "<main></main>",
        """redraw([["bot", "Hello, I am Ada."], ["user", "One?"], ["bot", "Yes."]])""",
        """const main = document.querySelector("main"); add("user", "What of the till?", main); add("bot", "It", main);
        add("bot", "rings.", main); document.querySelector(".user").remove()""",
        "It\n\nrings.",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_answer_is_found_on_pages_of_many_kinds(shown, kind):
    html, before, then, right = KINDS[kind]
    await shown.show(f"<textarea></textarea>{html}", CHAT)
    await shown.run(ADD)
    await shown.run(REDRAW)
    await shown.run(f"(() => {{ {before}; }})()")
    await shown.call("beginTurn", "read")
    await shown.call("expect", "What of the till?")
    nothing = await read(shown)

    await shown.run(f"(() => {{ {then}; }})()")

    assert (nothing, await read(shown)) == ("", right)


async def test_an_exchange_that_holds_both_is_read_by_its_answer(shown):
    await begin(shown, "", {"user_turn": ".exchange .q", "assistant_turn": ".exchange", "answer": ".a"})
    await shown.run("""document.body.insertAdjacentHTML("beforeend",
      "<div class=exchange><p class=q>What of it?</p><p class=a>It is so.</p></div>"); true""")

    assert await read(shown) == "It is so."


async def test_the_last_turn_of_a_chat_is_told_from_both_ends(shown):
    await shown.show(chat(("One?", "Yes."), ("Two?", "No.")), CHAT)
    last = await shown.call("lastAsked", "last")
    first = await shown.call("lastAsked", "first")

    assert (last["text"], last["answer"], last["answered"]) == ("Two?", "No.", True)
    assert (first["text"], first["answer"]) == ("One?", "Yes.")
