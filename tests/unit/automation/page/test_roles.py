from __future__ import annotations

import pytest

from automation.page.roles import (
    RoleMatch,
    advise_on_turns,
    describe_roles,
    find_profile_key,
    merge_most,
    parse_roles,
)

SEEN = {
    "input": RoleMatch(1, 1, "Ask anything"),
    "send": RoleMatch(1, 0),
    "user_turn": RoleMatch(3, 2),
    "assistant_turn": RoleMatch(0, 0),
}


@pytest.mark.parametrize(
    ("found", "roles", "said"),
    [
        ({}, ("input", "send"), ""),
        (SEEN, ("input",), "input 1 visible"),
        (SEEN, ("input", "send"), "input 1 visible, send 1 hidden"),
        (SEEN, ("user_turn",), "user_turn 3, 2 visible"),
        (SEEN, ("stop", "continue"), "(not in the profile: stop, continue)"),
        (SEEN, ("assistant_turn", "stop"), "assistant_turn 0 (not in the profile: stop)"),
    ],
)
def test_roles_are_said_in_the_order_asked_for_and_those_without_selectors_last(found, roles, said):
    assert describe_roles(found, roles) == said


def test_a_turn_says_the_roles_that_it_needs_and_no_text_of_the_page():
    said = describe_roles(SEEN)

    assert said == (
        "input 1 visible, send 1 hidden, user_turn 3, 2 visible, assistant_turn 0 (not in the profile: stop)"
    )
    assert "Ask" not in said


@pytest.mark.parametrize(
    ("user", "assistant", "said"),
    [
        (0, 1, "correct 'user_turn', or leave it out"),
        (0, 0, "correct 'assistant_turn'"),
        (1, 0, "correct 'assistant_turn'"),
        (None, 0, "correct 'assistant_turn'"),
        (1, 1, ""),
        (None, 1, ""),
        (None, None, ""),
    ],
)
def test_a_missing_answer_blames_the_role_of_a_turn_that_matches_nothing(user, assistant, said):
    counts = {"user_turn": user, "assistant_turn": assistant}

    advice = advise_on_turns({role: RoleMatch(n, n) for role, n in counts.items() if n is not None})

    assert advice.endswith(said)
    assert bool(advice) == bool(said)


def test_what_the_page_tells_is_read_role_by_role():
    told = {
        "input": {"count": 2, "visible": 1, "text": "Hi"},
        "stop": {"count": 0, "visible": 0, "text": None},
    }

    assert parse_roles(told) == {"input": RoleMatch(2, 1, "Hi"), "stop": RoleMatch(0, 0, "")}
    assert parse_roles(None) == {}


@pytest.mark.parametrize(
    ("role", "key"),
    [
        ("input", "input"),
        ("assistant_turn", "assistant_turn"),
        ("new_chat", "new_chat.click"),
        ("continue", "continue.click"),
        ("open_1", "open.1"),
        ("delete_chat_0", "conversation.delete.0"),
        ("signed_out", "sign_in.signed_out"),
        ("captcha", "challenge.captcha"),
        ("attachments.input", "attachments.input"),
    ],
)
def test_a_role_is_told_by_its_key_of_the_profile(role, key):
    assert find_profile_key(role) == key


def test_the_most_that_matched_at_one_time_is_kept_and_the_later_of_equals():
    before = {"stop": RoleMatch(1, 1, "Stop"), "send": RoleMatch(1, 1, "Send"), "error": RoleMatch(2, 0)}
    now = {
        "stop": RoleMatch(3, 0),
        "send": RoleMatch(1, 1, "Later"),
        "error": RoleMatch(1, 1),
        "new": RoleMatch(0, 0),
    }

    assert merge_most(before, now) == {**now, "stop": before["stop"]}
