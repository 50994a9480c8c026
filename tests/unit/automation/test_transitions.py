"""Moves are looked up in a table, and what is not in it is a bug."""

from enum import StrEnum

import pytest

from automation.transitions import IllegalTransitionError, next_state


class Door(StrEnum):
    OPEN = "open"
    SHUT = "shut"


class Push(StrEnum):
    CLOSE = "close"


TABLE = {Door.OPEN: {Push.CLOSE: Door.SHUT}}


def test_a_legal_move_leads_to_its_state():
    assert next_state(TABLE, Door.OPEN, Push.CLOSE) is Door.SHUT


def test_a_move_that_the_table_does_not_have_is_an_error_that_names_both():
    with pytest.raises(IllegalTransitionError, match="close is not possible while shut") as caught:
        next_state(TABLE, Door.SHUT, Push.CLOSE)

    assert (caught.value.state, caught.value.move) == (Door.SHUT, Push.CLOSE)
