"""The states of a page in the lease pool and the legal moves between them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class SlotState(StrEnum):
    """What a page of the pool is doing."""

    OPENING = "opening"
    FREE = "free"  # with an empty chat, and nobody uses it
    KEPT = "kept"  # with a chat that can go on, and nobody uses it
    PROMISED = "promised"  # given to a waiting turn whose task has not run since
    LENT = "lent"
    SETTLING = "settling"  # being made ready after a turn
    CLEARING = "clearing"  # giving up the chat that it was kept with
    CLOSING = "closing"


class SlotMove(StrEnum):
    """What can happen to a page of the pool."""

    PROMISE = "promise"
    LEND = "lend"
    SET_FREE = "set_free"
    KEEP = "keep"
    GIVE_BACK = "give_back"
    CLEAR = "clear"
    RETIRE = "retire"


_S, _M = SlotState, SlotMove
# A page whose waiting turn was cancelled in the moment it was served is offered again, to the next in line.
_OFFERED = {_M.PROMISE: _S.PROMISED, _M.SET_FREE: _S.FREE, _M.KEEP: _S.KEPT}

SLOT_MOVES: Mapping[SlotState, Mapping[SlotMove, SlotState]] = MappingProxyType(
    {
        _S.OPENING: _OFFERED,
        _S.FREE: {_M.LEND: _S.LENT, _M.RETIRE: _S.CLOSING},
        _S.KEPT: {_M.LEND: _S.LENT, _M.CLEAR: _S.CLEARING, _M.RETIRE: _S.CLOSING},
        _S.PROMISED: {**_OFFERED, _M.LEND: _S.LENT},
        _S.LENT: {_M.GIVE_BACK: _S.SETTLING},
        _S.SETTLING: {**_OFFERED, _M.RETIRE: _S.CLOSING},
        _S.CLEARING: {**_OFFERED, _M.RETIRE: _S.CLOSING},
        _S.CLOSING: {},
    }
)

# Nobody uses these, and they can be lent at once.
IDLE_STATES = frozenset({_S.FREE, _S.KEPT})
# Their keeper makes them ready for their next turn.
BACK_STATES = frozenset({_S.SETTLING, _S.CLEARING})
IN_USE_STATES = frozenset({_S.PROMISED, _S.LENT})
