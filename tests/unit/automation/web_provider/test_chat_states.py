"""The chat of a page changes its state by legal moves alone, and can be found again only while it is held."""

from itertools import product

import pytest

from automation.transitions import IllegalTransitionError, next_state
from automation.turn import ChatLink
from automation.web_provider.chat_states import CHAT_MOVES, READY_STATES, ChatMove, ChatState, ShownChat

S, M = ChatState, ChatMove
LINK = ChatLink("c1")

# The whole table, state by state; every pair that is not here is illegal.
LEGAL = {
    (S.UNKNOWN, M.FIND): S.HELD,
    (S.UNKNOWN, M.EMPTY): S.EMPTY,
    (S.EMPTY, M.LEAVE): S.UNKNOWN,
    (S.EMPTY, M.BEGIN_TURN): S.PREPARING,
    (S.HELD, M.LEAVE): S.UNKNOWN,
    (S.HELD, M.BEGIN_TURN): S.PREPARING,
    (S.HELD, M.GIVE_UP): S.ANSWERED,
    (S.PREPARING, M.SEND): S.ANSWERING,
    (S.PREPARING, M.FAIL): S.UNKNOWN,
    (S.PREPARING, M.TAKE_BACK): S.HELD,
    (S.PREPARING, M.EMPTY): S.EMPTY,
    (S.ANSWERING, M.KEEP): S.HELD,
    (S.ANSWERING, M.FINISH): S.ANSWERED,
    (S.ANSWERING, M.DISCARD): S.THROWAWAY,
    (S.ANSWERING, M.FAIL): S.UNKNOWN,
    (S.ANSWERING, M.TAKE_BACK): S.HELD,
    (S.ANSWERING, M.EMPTY): S.EMPTY,
    (S.ANSWERED, M.EMPTY): S.EMPTY,
    (S.THROWAWAY, M.EMPTY): S.EMPTY,
}


@pytest.mark.parametrize(("state", "move"), list(product(ChatState, ChatMove)))
def test_a_move_leads_where_the_table_says_or_is_an_error(state, move):
    expected = LEGAL.get((state, move))

    if expected is None:
        with pytest.raises(IllegalTransitionError):
            next_state(CHAT_MOVES, state, move)
    else:
        assert next_state(CHAT_MOVES, state, move) is expected


def test_every_state_is_reached_from_the_first_one():
    reached, new = set(), {ShownChat().state}
    while new:
        reached |= new
        new = {after for state in new for after in CHAT_MOVES[state].values()} - reached

    assert reached == set(ChatState)


def test_a_turn_begins_only_where_an_empty_chat_or_one_that_can_go_on_stands():
    assert {state for state in ChatState if M.BEGIN_TURN in CHAT_MOVES[state]} == READY_STATES


@pytest.mark.parametrize("state", sorted(set(ChatState) - READY_STATES))
def test_whatever_a_turn_left_behind_can_be_emptied(state):
    assert next_state(CHAT_MOVES, state, M.EMPTY) is S.EMPTY


def test_a_chat_is_found_again_only_while_it_is_held():
    chat = ShownChat()
    chat.move(M.EMPTY)
    chat.move(M.BEGIN_TURN)
    chat.move(M.SEND)
    chat.move(M.KEEP, LINK)
    held = chat.link

    chat.move(M.BEGIN_TURN)

    assert (held, chat.link) == (LINK, None)


@pytest.mark.parametrize(("move", "link"), [(M.FIND, None), (M.EMPTY, LINK)])
def test_a_link_belongs_to_a_held_chat_and_to_no_other(move, link):
    chat = ShownChat()

    with pytest.raises(AssertionError):
        chat.move(move, link)
    assert chat.state is S.UNKNOWN


def test_a_state_is_not_assigned():
    with pytest.raises(AttributeError):
        ShownChat().state = "stopp"  # type: ignore[misc, assignment]
