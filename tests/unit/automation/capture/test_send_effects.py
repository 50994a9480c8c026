"""What is seen after a click on Send decides whether it may be repeated, and what is said of the prompt."""

import pytest

from automation.capture.send_effects import Effect, Landing, SendEffects
from automation.capture.tap_events import (
    BodyBytes,
    OtherSocketSent,
    RequestSent,
    ResponseBegan,
    SocketClosed,
    SocketMessage,
)
from automation.errors import (
    AccountBannedError,
    ChallengeRequiredError,
    ContentBlockedError,
    FirstTokenTimeout,
    PageLostError,
    PromptRejectedError,
    RateLimitedError,
    SentState,
    SignInRequiredError,
    SiteError,
)

NO, MAYBE, YES = SentState.NO, SentState.MAYBE, SentState.YES


def request(method="POST", body=None, *, matches=False):
    return RequestSent("1", "https://chat.example/api", method, body, matches=matches)


def page(*effects, landing="control", **facts):
    return {"send": {"effects": list(effects), "landing": landing}, **facts}


def seen(*events, has_prompt=False):
    effects = SendEffects()
    effects.begin()
    for event in events:
        if isinstance(event, dict):
            effects.look(event)
        else:
            effects.see(event, has_prompt=has_prompt)
    return effects


# -- of the traffic ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "has_prompt", "has_any", "sent"),
    [
        (request(), False, True, MAYBE),
        (request(body="{}"), False, True, MAYBE),
        (request("GET", "{}"), False, True, MAYBE),
        (request("GET"), False, False, MAYBE),
        (request("HEAD"), False, False, MAYBE),
        (request("OPTIONS"), False, False, MAYBE),
        (request("GET"), True, True, YES),
        (request(body="{}"), True, True, YES),
        (request("GET", matches=True), False, True, YES),
        (request(matches=True), False, True, YES),
        (SocketMessage("1", "{}", outgoing=True), False, True, MAYBE),
        (SocketMessage("1", "{}", outgoing=True), True, True, YES),
        (SocketMessage("1", "{}", outgoing=False), False, False, MAYBE),
        (OtherSocketSent("1"), False, True, MAYBE),
        (SocketClosed("1"), False, False, MAYBE),
        (ResponseBegan("1", "https://chat.example/", 200, "", None), False, False, MAYBE),
        (BodyBytes("1", b"x"), False, False, MAYBE),
    ],
)
def test_what_leaves_the_page_is_an_effect_and_with_the_prompt_a_proof(event, has_prompt, has_any, sent):
    effects = seen(event, has_prompt=has_prompt)

    assert (effects.has_any, effects.sent) == (has_any, sent)


# -- of the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "has_any", "sent"),
    [
        ({}, False, MAYBE),
        ({"asked": False, "answered": False, "error": None, "send": None}, False, MAYBE),
        ({"asked": True}, True, YES),
        ({"answered": True, "chars": 0}, True, YES),
        ({"error": "Slow down."}, True, MAYBE),
        (page(), False, MAYBE),
        (page("control_gone"), True, MAYBE),
        (page("control_disabled"), True, MAYBE),
        (page("control_relabelled"), True, MAYBE),
        (page("field_gone"), True, MAYBE),
        (page("field_emptied"), True, MAYBE),
        (page("field_changed"), True, MAYBE),
        (page("field_closed"), True, MAYBE),
        (page("stop"), True, MAYBE),
        (page("busy"), True, MAYBE),
        (page("address"), True, MAYBE),
        (page("field_emptied", asked=True), True, YES),
    ],
)
def test_what_the_page_shows_is_an_effect_and_a_new_turn_a_proof(facts, has_any, sent):
    effects = seen(facts)

    assert (effects.has_any, effects.sent) == (has_any, sent)


def test_something_of_an_answer_is_a_proof():
    effects = seen()
    effects.note_answer()

    assert (effects.has_any, effects.sent) == (True, YES)


def test_what_was_seen_before_the_click_is_no_effect_of_it():
    effects = seen(request(body="a draft"), page("stop", landing="elsewhere"))

    effects.begin()

    assert (effects.has_any, effects.landing) == (False, Landing.UNKNOWN)


# -- another click -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("landing", "effect", "again"),
    [
        ("elsewhere", None, True),
        ("control", None, False),
        ("unknown", None, False),
        *(("elsewhere", effect, False) for effect in Effect),
    ],
)
def test_only_a_click_that_another_element_heard_in_total_silence_is_repeated(landing, effect, again):
    effects = seen(page(landing=landing))
    if effect is not None:
        effects._effects.add(effect)

    assert effects.may_click_again is again


def test_a_place_that_was_told_stays_known_where_a_later_sample_names_none():
    assert seen(page(landing="control"), {"send": None}, {"chars": 1}).landing is Landing.ON_CONTROL


# -- what is said of the prompt ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (RateLimitedError("slow down"), NO),
        (SignInRequiredError("signed out"), NO),
        (AccountBannedError("closed"), NO),
        (ChallengeRequiredError("captcha"), NO),
        (SiteError("HTTP 500"), YES),
        (ContentBlockedError("no"), YES),
        (FirstTokenTimeout(1.0), YES),
        (PageLostError("gone"), YES),
        (PromptRejectedError("changed on its way out"), YES),
    ],
)
@pytest.mark.parametrize("proof", [{"asked": True}, {"answered": True}, request(matches=True)])
def test_a_site_that_refuses_to_take_the_prompt_has_it_not(error, sent, proof):
    assert seen(proof).decide_sent(error) is sent


@pytest.mark.parametrize("error", [RateLimitedError("slow down"), ChallengeRequiredError("captcha")])
def test_after_something_of_an_answer_a_refusal_is_none(error):
    effects = seen({"asked": True})
    effects.note_answer()

    assert effects.decide_sent(error) is YES


def test_without_a_proof_nobody_knows():
    assert seen(page("field_emptied")).decide_sent(FirstTokenTimeout(1.0)) is MAYBE
