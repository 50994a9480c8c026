"""What a trial says to change, by what it saw."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.errors import (
    ChallengeRequiredError,
    FirstTokenTimeout,
    IdleTimeout,
    SendUnconfirmedError,
    SignInRequiredError,
    SiteChangedError,
    SiteError,
    UnreachableError,
)
from automation.page.roles import RoleMatch
from automation.profiles.validation import parse_profile
from automation.workbench.advice import Findings, find_hints, find_problems
from automation.workbench.report import AnswerReport, RequestRow

KEYS = {"input": "textarea", "assistant_turn": ".bot", "send": "#send", "stop": "#stop", "user_turn": ".user"}
WIRE = {"wire": {"decoder": "openai_sse", "urls": "*/api/chat*"}}
NONE, ONE, TWO, HIDDEN = RoleMatch(0, 0), RoleMatch(1, 1, "One"), RoleMatch(2, 2, "One"), RoleMatch(1, 0)
EMPTY = {"input": ONE, "send": NONE, "stop": HIDDEN, "user_turn": NONE, "assistant_turn": NONE}
DURING = {**EMPTY, "send": ONE, "stop": ONE, "user_turn": ONE, "assistant_turn": ONE}
ENDED = {**DURING, "send": NONE, "stop": HIDDEN}
POSTED = RequestRow(
    "fetch", "POST", "https://x.example/api/ask", 200, "text/event-stream", 900, has_prompt=True
)
SUGGESTED = replace(POSTED, suggestion='wire: {decoder: text, urls: "*/api/ask*"}')
ANSWER = AnswerReport(
    prompt="When do you open?",
    text="We open at nine.",
    reasoning="",
    source="dom",
    wire_text=None,
    page_text="We open at nine.",
    notes=(),
    finish_reason="stop",
    end="",
    first_s=0.5,
    seconds=3.0,
)
FAILED = replace(ANSWER, text=None, source=None, page_text="", first_s=None)
UNSENT = SendUnconfirmedError("nothing happened", 10)


def findings(keys=KEYS, **changes):
    values = {
        "profile": parse_profile(keys),
        "opened": EMPTY,
        "answering": {},
        "ended": {},
        "answer": None,
        "requests": (),
        "error": None,
        "could_be": {"input": ("textarea#q",), "send": ("button#go",)},
    }
    return Findings(**{**values, **changes})


def asked(keys=KEYS, **changes):
    turn = {"answering": DURING, "ended": ENDED, "answer": ANSWER, "requests": (POSTED,)}
    return findings(keys, **{**turn, **changes})


def without(roles, *names):
    return {role: match for role, match in roles.items() if role not in names}


def test_a_profile_that_does_what_it_should_is_left_as_it_is():
    assert find_problems(findings()) == ()
    assert find_problems(asked()) == ()


OPENING = [
    (
        {"opened": {**EMPTY, "input": NONE}, "error": SiteChangedError("input", "opening the chat")},
        "'input' matches nothing on the page (on the page: textarea#q).",
    ),
    (
        {"opened": {**EMPTY, "input": HIDDEN}, "error": SiteChangedError("input", "opening the chat")},
        "'input' matches 1 hidden: name what opens the chat in 'open'",
    ),
    ({"opened": {**EMPTY, "stop": ONE}}, "'stop' is visible in a chat in which nothing was asked (“One”)"),
    ({"opened": {**EMPTY, "error": ONE}}, "'error' is visible in a chat in which nothing was asked"),
    (
        {"opened": {**EMPTY, "user_turn": TWO}, "error": SiteChangedError("new_chat", "starting a new chat")},
        "The chat is not empty when it opens: 'user_turn' matches 2 (“One”)",
    ),
    (
        {"opened": {**EMPTY, "user_turn": ONE, "assistant_turn": ONE}},
        "'user_turn' and 'assistant_turn' match the same (“One”)",
    ),
    ({"error": SignInRequiredError("it shows a form")}, "Sign-in is required: it shows a form Name its form"),
    ({"error": ChallengeRequiredError("captcha")}, "A person must pass the site's check (captcha)."),
    ({"opened": {}, "error": UnreachableError("http://x/", "refused")}, "http://x/ can't be used: refused"),
]


@pytest.mark.parametrize(("changes", "said"), OPENING)
def test_what_is_wrong_as_the_chat_opens_is_said_first(changes, said):
    assert find_problems(findings(**changes))[0].startswith(said)


TURN = [
    (
        {"error": SiteChangedError("send", "sending"), "answering": EMPTY, "requests": (), "answer": FAILED},
        "'send' matches nothing once there is text in the field (on the page: button#go).",
    ),
    (
        {
            "error": SiteChangedError("send", "sending: no enabled send control"),
            "answering": {**EMPTY, "send": ONE},
            "requests": (),
            "answer": FAILED,
        },
        "'send' matches 1 of which none can be clicked",
    ),
    (
        {"error": UNSENT, "answering": {**EMPTY, "send": ONE}, "requests": (), "answer": FAILED},
        "'send' was clicked (“One”) and nothing of the prompt left the page",
    ),
    (
        {
            "error": UNSENT,
            "opened": without(EMPTY, "send"),
            "answering": without(EMPTY, "send"),
            "requests": (),
            "answer": FAILED,
        },
        "The Enter key sends nothing here: name the button in 'send' (on the page: button#go).",
    ),
    (
        {"error": UNSENT, "answering": {**DURING, "user_turn": NONE}, "answer": FAILED},
        "'user_turn' matched nothing new although the page took the prompt",
    ),
    (
        {"answering": {**DURING, "user_turn": NONE}},
        "'user_turn' matched nothing new although the page took the prompt",
    ),
    (
        {"error": FirstTokenTimeout(45), "answering": {**DURING, "assistant_turn": NONE}, "answer": FAILED},
        "'assistant_turn' matched nothing new although the page took the prompt",
    ),
    (
        {
            "opened": {**EMPTY, "answer": NONE},
            "answering": {**DURING, "answer": NONE},
            "error": FirstTokenTimeout(45),
            "answer": FAILED,
        },
        "'answer' matches nothing inside 'assistant_turn'",
    ),
    ({"error": IdleTimeout(30), "ended": {**ENDED, "stop": ONE}}, "'stop' is visible after the answer, too"),
    ({"answering": {**DURING, "stop": HIDDEN}}, "'stop' was never visible while the answer came"),
    (
        {"opened": {**EMPTY, "finished": NONE}, "answering": {**DURING, "finished": NONE}},
        "'finished' was never visible",
    ),
    (
        {"answer": replace(ANSWER, text="When do you open?\n\nWe open at nine.")},
        "The answer begins with the prompt: 'assistant_turn' matches the user's turn",
    ),
    (
        {"opened": {**EMPTY, "new_chat": ONE}, "ended": {**ENDED, "new_chat": NONE}},
        "'new_chat.click' matches nothing after an answer",
    ),
    ({"error": SiteError("overloaded"), "answer": FAILED}, "The site reported: overloaded"),
]


@pytest.mark.parametrize(("changes", "said"), TURN)
def test_what_is_wrong_in_the_turn_is_said(changes, said):
    assert find_problems(asked(**changes))[0].startswith(said)


def test_a_short_answer_that_shows_no_stop_proves_nothing():
    short = asked(answering={**DURING, "stop": HIDDEN}, answer=replace(ANSWER, seconds=0.5))

    assert find_problems(short) == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"requests": (SUGGESTED,)},
            (
                "'wire.urls' matched no request; the answer's looks like POST https://x.example/api/ask "
                '(wire: {decoder: text, urls: "*/api/ask*"}).'
            ),
        ),
        ({"requests": ()}, "'wire.urls' matched no request."),
        (
            {"requests": (replace(POSTED, is_of_profile=True),)},
            "'wire.decoder' openai_sse reads no answer from what 'wire.urls' matched.",
        ),
        (
            {
                "answer": replace(
                    ANSWER, source="wire", wire_text=ANSWER.text, page_text="Ada We open at nine. Copy"
                )
            },
            "The page's answer has words that the wire's has not (Ada Copy): leave them out by 'answer' or 'exclude'.",
        ),
        (
            {"answer": replace(ANSWER, source="wire", wire_text=ANSWER.text, page_text="We open")},
            "The page shows less than the wire told (at nine): does 'answer' match all of it?",
        ),
    ],
)
def test_where_the_wire_and_the_page_differ_the_key_is_named(changes, said):
    assert find_problems(asked({**KEYS, **WIRE}, **changes)) == (said,)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (findings(), "Only the empty chat was looked at"),
        (
            findings(opened={**EMPTY, "assistant_turn": ONE}),
            "'assistant_turn' matches 1 in the empty chat (“One”)",
        ),
        (
            asked(requests=(SUGGESTED,)),
            "The answer is on the wire, which is exact and comes at once: wire: {decoder: text",
        ),
        (asked(opened=without(EMPTY, "stop")), "The end was seen by rest alone"),
    ],
)
def test_what_could_be_better_is_a_hint_and_no_problem(found, said):
    assert any(hint.startswith(said) for hint in find_hints(found))
    assert find_problems(found) == ()
