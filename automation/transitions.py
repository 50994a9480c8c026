"""Looks up a legal move in a table of states. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)
Move = TypeVar("Move", bound=StrEnum)


class IllegalTransitionError(Exception):
    """This move is not possible in that state: a bug, not a condition."""

    def __init__(self, state: StrEnum, move: StrEnum) -> None:
        super().__init__(f"{move} is not possible while {state}")
        self.state = state
        self.move = move


def next_state(table: Mapping[State, Mapping[Move, State]], state: State, move: Move) -> State:
    """Return the state that ``move`` leads to.

    Raises:
        IllegalTransitionError: The table has no such move in ``state``.
    """
    try:
        return table[state][move]
    except KeyError:
        raise IllegalTransitionError(state, move) from None
