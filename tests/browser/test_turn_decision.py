"""The agent's decision which turns are ours, by a table of what a page shows before and after a prompt is sent.

A turn is written as ``Q1:text`` or ``A2:text``: its role, the number of its element, and its text; ``#7`` after the number is an
id that the page gives it. Ours is told in the same way, ``?`` for the question that was found, then the elements of the answer.
"""

import re
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fakes.agent_page import open_agent_page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SCRIPT = Path(__file__).resolve().parents[2] / "automation/page/scripts/turn_decision.js"
DECIDE = """([facts]) => {
  const { turnOf, described, decide } = globalThis.decision;
  const turns = (list) => list.map(turnOf);
  return decide({ ...facts, prompt: facts.prompt === null ? null : described(facts.prompt), before: turns(facts.before), now: turns(facts.now) });
}"""
ASKED = "What of the till?"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page():
    async with open_agent_page() as shown:
        await shown.run(f"globalThis.decision = {SCRIPT.read_text('utf-8').rstrip().rstrip(';')}; true")
        yield shown.page


def parse_turns(line):
    turns = []
    for one in filter(None, (part.strip() for part in line.split("|"))):
        head, text = one.split(":", 1)
        match = re.fullmatch(r"([QA])(\d+)(?:#(\w+))?", head)
        assert match, one
        role = "user" if match[1] == "Q" else "assistant"
        turns.append({"node": int(match[2]), "role": role, "key": match[3], "text": text})
    return turns


async def decide(page, before, now, prompt=ASKED, **facts):
    shown = parse_turns(now)
    given = {
        "prompt": prompt,
        "hasUserTurns": True,
        "before": parse_turns(before),
        "now": shown,
        "asked": None,
        "bound": [],
        "boundText": "",
        "order": None,
        "isArea": False,
        "areaChanged": False,
        **facts,
    }
    found = await page.evaluate(DECIDE, [given])
    question = "?" if found["question"] is None else f"Q{shown[found['question']]['node']}"
    return " ".join([question, *(f"A{shown[i]['node']}" for i in found["answer"])]), found["order"]


WITH_QUESTIONS = [
    # A fresh chat, on either side.
    ("", f"Q1:{ASKED}", "Q1"),
    ("", f"Q1:{ASKED} | A2:It", "Q1 A2"),
    ("", f"A2:It | Q1:{ASKED}", "Q1 A2"),
    ("A1:Hello, I am Ada.", f"A1:Hello, I am Ada. | Q2:{ASKED} | A3:It", "Q2 A3"),
    ("A1:Hello, I am Ada.", f"A3:It | Q2:{ASKED} | A1:Hello, I am Ada.", "Q2 A3"),
    # A chat that goes on: below the older turns, above them, and above them in pairs.
    ("Q1:One? | A2:Yes.", f"Q1:One? | A2:Yes. | Q3:{ASKED} | A4:It | A5:More", "Q3 A4 A5"),
    ("A2:Yes. | Q1:One?", f"A4:It | Q3:{ASKED} | A2:Yes. | Q1:One?", "Q3 A4"),
    ("A2:Yes. | Q1:One?", f"Q3:{ASKED} | A2:Yes. | Q1:One?", "Q3"),
    ("Q1:One? | A2:Yes.", f"Q3:{ASKED} | A4:It | Q1:One? | A2:Yes.", "Q3 A4"),
    # Somebody else's turn after ours is not our answer.
    ("Q1:One? | A2:Yes.", f"Q1:One? | A2:Yes. | Q3:{ASKED} | A4:It | Q5:Other? | A6:No", "Q3 A4"),
    # Old turns whose text changes: times, suggestions, also made anew.
    ("Q1:One? just now | A2:Yes. Copy", "Q1:One? 3 s ago | A2:Yes. Copied", "?"),
    ("Q1:What of the cart? just now | A2:It rolls.", "Q7:What of the cart? 3 s ago | A8:It rolls.", "?"),
    (
        "Q1:What of the cart? just now | A2:It rolls.",
        f"Q7:What of the cart? 3 s ago | A8:It rolls. | Q9:{ASKED} just now | A10:It",
        "Q9 A10",
    ),
    # A page that makes every element anew, and one that gives an element another message.
    ("Q1:One? | A2:Yes.", f"Q5:One? | A6:Yes. | Q7:{ASKED} | A8:Yes.", "Q7 A8"),
    ("A1:Yes. | Q2:One?", f"A1:It | Q2:{ASKED} | A3:Yes. | Q4:One?", "Q2 A1"),
    ("Q1:One? | A2:Yes.", f"Q1:{ASKED} | A2:It", "Q1 A2"),
    # A window: older turns go, numbers are those of places.
    ("Q1#0:One? | A2#1:Yes.", f"A2#0:Yes. | Q3#1:{ASKED} | A4#2:It", "Q3 A4"),
    ("Q1:One? | A2:Yes.", f"Q3:{ASKED} | A4:Yes.", "Q3 A4"),
    ("Q1:One? | A2:Yes.", "Q8:Earlier? | A9:Earlier. | Q1:One? | A2:Yes.", "?"),
    # The same prompt again.
    (f"Q1:{ASKED} | A2:It", f"Q1:{ASKED} | A2:It", "?"),
    (f"Q1:{ASKED} | A2:It", f"Q1:{ASKED} | A2:It | Q3:{ASKED} | A4:It", "Q3 A4"),
    (f"Q1:{ASKED} | A2:It", f"Q5:{ASKED} | A6:It | Q7:{ASKED}", "Q7"),
    (f"A2:It | Q1:{ASKED}", f"Q3:{ASKED} | A2:It | Q1:{ASKED}", "Q3"),
    (
        f"A1:B | Q2:Two? | A3:A | Q4:{ASKED}",
        f"A0:It | Q1:{ASKED} | A2:B | Q3:Two? | A4:A | Q5:{ASKED}",
        "Q1 A0",
    ),
    # A history that comes late is not ours, whatever stands in it.
    ("", "Q1:One? | A2:Yes.", "?"),
]


@pytest.mark.parametrize(("before", "now", "ours"), WITH_QUESTIONS)
async def test_the_question_is_the_new_turn_that_holds_the_prompt(page, before, now, ours):
    assert (await decide(page, before, now))[0] == ours


@pytest.mark.parametrize(
    ("prompt", "shown", "is_ours"),
    [
        ("Hi", "You\nHi\n10:31", True),
        ("Hi", "this", False),
        ("  What of\n\nthe **till**?  ", "What of the till?", True),
        ("1. one\n2. two\n3. three and four", "You one two three and four", True),
        (
            "Ask @ada-l about the engine and its cards",
            "Ask Ada Lovelace about the engine and its cards",
            True,
        ),
        ("word " * 200 + "end", "word " * 20 + "Show more", True),
        ("👍", "👍", True),
        ("[here](https://example.com/a/b)", "here", True),
        ("那个收银机怎么样", "你 那个收银机怎么样", True),
        ("One thing entirely", "Another subject", False),
    ],
)
async def test_a_prompt_is_known_as_pages_change_it(page, prompt, shown, is_ours):
    found, _ = await decide(page, "Q1:One? | A2:Yes.", f"Q1:One? | A2:Yes. | Q3:{shown}", prompt)

    assert found == ("Q3" if is_ours else "?")


ALONE = [
    ("", "A1:It", "? A1"),
    ("A1:Hello, I am Ada.", "A1:Hello, I am Ada. | A2:It", "? A2"),
    ("A1:It is one. Why? More?", "A1:It is one.", "?"),
    ("A1:It is one. Why? More?", "A1:It is one. | A2:It is two.", "? A2"),
    ("A1:Yes. just now", "A1:Yes. 2 s ago", "?"),
    ("A1:It is one. just now", "A5:It is one. 2 s ago | A6:It is two.", "? A6"),
    ("A1:Yes.", "A5:Yes. | A6:Yes.", "? A6"),
    ("A1:Answer 1 of this chat.", "A1:Answer 2 of | A3:Answer 1 of this chat.", "? A1"),
    ("A1:Answer 2. | A3:Answer 1.", "A1: | A3:Answer 2. | A5:Answer 1.", "? A1"),
    ("A1:", "A1:It", "? A1"),
]


@pytest.mark.parametrize(("before", "now", "ours"), ALONE)
async def test_without_questions_what_finds_no_partner_is_the_answer(page, before, now, ours):
    assert (await decide(page, before, now, hasUserTurns=False))[0] == ours


@pytest.mark.parametrize(
    ("now", "facts", "ours"),
    [
        # The question goes off the page, and its answer stays where it is or is made anew.
        ("A4:It is so", {"asked": 3, "bound": [4]}, "? A4"),
        ("A4:It is so | A5:More", {"asked": 3, "bound": [4]}, "? A4 A5"),
        ("A9:It is so", {"asked": 3, "bound": [4], "boundText": "It is"}, "? A9"),
        ("A9:Something", {"asked": 3, "bound": [4], "boundText": "It is"}, "?"),
        ("A2:Yes. | A4:It", {"asked": None}, "?"),
        # It is folded once it was known.
        ("Q3:What | A4:It", {"asked": 3, "bound": [4]}, "Q3 A4"),
        # One element for every answer.
        (f"Q1:One? | Q3:{ASKED} | A2:Yes.", {"isArea": True}, "Q3"),
        (f"A2:Yes. | Q1:One? | Q3:{ASKED}", {"isArea": True, "areaChanged": True}, "Q3 A2"),
    ],
)
async def test_what_was_found_is_kept(page, now, facts, ours):
    assert (await decide(page, "Q1:One? | A2:Yes.", now, **facts))[0] == ours


@pytest.mark.parametrize(
    ("before", "now", "order"),
    [
        ("", f"Q1:{ASKED} | A2:It", None),
        ("Q1:One? | A2:Yes.", f"Q1:One? | A2:Yes. | Q3:{ASKED}", "last"),
        ("A2:Yes. | Q1:One?", f"Q3:{ASKED} | A2:Yes. | Q1:One?", "first"),
        ("A1:Hello, I am Ada.", f"A1:Hello, I am Ada. | Q2:{ASKED}", "last"),
    ],
)
async def test_where_new_turns_stand_is_seen_by_the_older_ones(page, before, now, order):
    assert (await decide(page, before, now))[1] == order
