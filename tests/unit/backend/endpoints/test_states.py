from __future__ import annotations

import pytest

from automation.transitions import IllegalTransitionError
from backend.endpoints.states import LEGAL_MOVES, EndpointState, Move, endpoint_state_after

S, M = EndpointState, Move


@pytest.mark.parametrize(
    ("moves", "state"),
    [
        ([M.START, M.OPENED], S.ACTIVE),
        ([M.START, M.OPENED, M.TURN_BEGAN], S.BUSY),
        ([M.START, M.OPENED, M.TURN_BEGAN, M.TURN_BEGAN, M.TURNS_OVER], S.ACTIVE),
        ([M.START, M.SIGN_IN_NEEDED], S.AUTHENTICATION_REQUIRED),
        ([M.START, M.FAILED, M.START, M.OPENED], S.ACTIVE),
        ([M.START, M.OPENED, M.TURN_BEGAN, M.LIMITED, M.TURNS_OVER], S.RATE_LIMITED),
        ([M.START, M.OPENED, M.TURN_BEGAN, M.LIMITED, M.TURNS_OVER, M.RECOVERED], S.ACTIVE),
        ([M.START, M.OPENED, M.LIMITED, M.TURN_BEGAN, M.TURNS_OVER], S.RATE_LIMITED),
        ([M.START, M.OPENED, M.TURN_BEGAN, M.FAILED, M.TURNS_OVER, M.TURN_BEGAN, M.RECOVERED], S.ACTIVE),
        ([M.START, M.OPENED, M.SIGN_IN_NEEDED, M.LIMITED], S.AUTHENTICATION_REQUIRED),
        ([M.START, M.OPENED, M.TURN_BEGAN, M.STOP, M.TURNS_OVER], S.INACTIVE),
    ],
)
def test_moves_lead_from_inactive_to(moves, state):
    now = S.INACTIVE
    for move in moves:
        now = endpoint_state_after(now, move)

    assert now is state


@pytest.mark.parametrize(
    ("state", "move"),
    [
        (S.INACTIVE, M.OPENED),
        (S.INACTIVE, M.TURN_BEGAN),
        (S.INITIALIZING, M.TURN_BEGAN),
        (S.ACTIVE, M.START),
        (S.BUSY, M.START),
    ],
)
def test_what_cannot_happen_is_an_error(state, move):
    with pytest.raises(IllegalTransitionError) as caught:
        endpoint_state_after(state, move)

    assert (caught.value.state, caught.value.move) == (state, move)


def test_every_state_can_be_stopped_and_survives_the_end_of_its_turns():
    for state in EndpointState:
        assert endpoint_state_after(state, Move.STOP) is EndpointState.INACTIVE
        assert Move.TURNS_OVER in LEGAL_MOVES[state]
