"""A page of the pool changes its state by legal moves alone."""

from functools import reduce
from itertools import product

import pytest

from automation.browser.slot_states import (
    BACK_STATES,
    IDLE_STATES,
    IN_USE_STATES,
    SLOT_MOVES,
    SlotMove,
    SlotState,
)
from automation.transitions import IllegalTransitionError, next_state

S, M = SlotState, SlotMove

# The whole table, state by state; every pair that is not here is illegal.
LEGAL = {
    (S.OPENING, M.PROMISE): S.PROMISED,
    (S.OPENING, M.SET_FREE): S.FREE,
    (S.OPENING, M.KEEP): S.KEPT,
    (S.FREE, M.LEND): S.LENT,
    (S.FREE, M.RETIRE): S.CLOSING,
    (S.KEPT, M.LEND): S.LENT,
    (S.KEPT, M.CLEAR): S.CLEARING,
    (S.KEPT, M.RETIRE): S.CLOSING,
    (S.PROMISED, M.PROMISE): S.PROMISED,
    (S.PROMISED, M.SET_FREE): S.FREE,
    (S.PROMISED, M.KEEP): S.KEPT,
    (S.PROMISED, M.LEND): S.LENT,
    (S.LENT, M.GIVE_BACK): S.SETTLING,
    (S.SETTLING, M.PROMISE): S.PROMISED,
    (S.SETTLING, M.SET_FREE): S.FREE,
    (S.SETTLING, M.KEEP): S.KEPT,
    (S.SETTLING, M.RETIRE): S.CLOSING,
    (S.CLEARING, M.PROMISE): S.PROMISED,
    (S.CLEARING, M.SET_FREE): S.FREE,
    (S.CLEARING, M.KEEP): S.KEPT,
    (S.CLEARING, M.RETIRE): S.CLOSING,
}


@pytest.mark.parametrize(("state", "move"), list(product(SlotState, SlotMove)))
def test_a_move_leads_where_the_table_says_or_is_an_error(state, move):
    expected = LEGAL.get((state, move))

    if expected is None:
        with pytest.raises(IllegalTransitionError):
            next_state(SLOT_MOVES, state, move)
    else:
        assert next_state(SLOT_MOVES, state, move) is expected


@pytest.mark.parametrize(
    ("moves", "state"),
    [
        ([M.SET_FREE, M.LEND, M.GIVE_BACK, M.SET_FREE], S.FREE),
        ([M.PROMISE, M.LEND, M.GIVE_BACK, M.KEEP, M.CLEAR, M.PROMISE, M.LEND], S.LENT),
        ([M.PROMISE, M.SET_FREE, M.RETIRE], S.CLOSING),
    ],
)
def test_a_page_goes_through_its_turns(moves, state):
    assert reduce(lambda now, move: next_state(SLOT_MOVES, now, move), moves, S.OPENING) is state


def test_a_page_that_was_used_is_made_ready_before_anyone_else_gets_it():
    assert set(SLOT_MOVES[S.LENT].values()) == {S.SETTLING}


def test_every_state_is_reached_from_the_first_one():
    reached, new = set(), {S.OPENING}
    while new:
        reached |= new
        new = {after for state in new for after in SLOT_MOVES[state].values()} - reached

    assert reached == set(SlotState)


def test_every_state_belongs_to_one_group():
    groups = [IDLE_STATES, BACK_STATES, IN_USE_STATES, {S.OPENING, S.CLOSING}]

    assert sorted(state for group in groups for state in group) == sorted(SlotState)
