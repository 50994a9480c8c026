"""What happens to an account leads to the state that tells who must act."""

import pytest

from backend.accounts.states import (
    LEGAL_MOVES,
    NEEDS_A_PERSON,
    AccountMove,
    AccountState,
    account_state_after,
)

S, M = AccountState, AccountMove


@pytest.mark.parametrize(
    ("state", "move", "after"),
    [
        (S.IDLE, M.TURN_BEGAN, S.IN_USE),
        (S.IN_USE, M.TURNS_OVER, S.IDLE),
        (S.IN_USE, M.LIMITED, S.RATE_LIMITED),
        (S.RATE_LIMITED, M.TURNS_OVER, S.RATE_LIMITED),
        (S.RATE_LIMITED, M.LIMIT_OVER, S.IDLE),
        (S.IDLE, M.LOGIN_NEEDED, S.NEED_LOGIN),
        (S.IN_USE, M.CAPTCHA_NEEDED, S.NEED_CAPTCHA),
        (S.NEED_LOGIN, M.QRCODE_NEEDED, S.NEED_QRCODE),
        (S.NEED_CAPTCHA, M.LIMITED, S.NEED_CAPTCHA),
        (S.NEED_LOGIN, M.CLEARED, S.IDLE),
        (S.BANNED, M.LOGIN_NEEDED, S.BANNED),
        (S.BANNED, M.CLEARED, S.IDLE),
    ],
)
def test_a_move_leads_to_its_state(state, move, after):
    assert account_state_after(state, move) is after


@pytest.mark.parametrize("state", list(AccountState))
def test_every_move_is_known_in_every_state(state):
    assert set(LEGAL_MOVES[state]) == set(AccountMove)


@pytest.mark.parametrize("state", sorted(NEEDS_A_PERSON))
def test_only_a_person_ends_what_needs_a_person(state):
    ways_out = {move for move in AccountMove if account_state_after(state, move) not in NEEDS_A_PERSON}

    assert ways_out == {M.CLEARED}
