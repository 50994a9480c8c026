"""The states of an endpoint and the legal moves between them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from automation.transitions import next_state


class EndpointState(StrEnum):
    """State of an endpoint."""

    INACTIVE = "inactive"
    INITIALIZING = "initializing"
    ACTIVE = "active"
    BUSY = "busy"
    AUTHENTICATION_REQUIRED = "authentication_required"
    RATE_LIMITED = "rate_limited"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class StateChange:
    """A state and since when; ``reason`` says why it is not a good one, ``cause`` the name of the error behind it."""

    state: EndpointState
    reason: str | None
    at: datetime
    cause: str | None = None


class Move(StrEnum):
    """Event that may change an endpoint's state."""

    START = "start"
    OPENED = "opened"
    TURN_BEGAN = "turn_began"
    TURNS_OVER = "turns_over"
    SIGN_IN_NEEDED = "sign_in_needed"
    LIMITED = "limited"
    FAILED = "failed"
    RECOVERED = "recovered"
    STOP = "stop"


_S, _M = EndpointState, Move
_TROUBLE = {
    _M.SIGN_IN_NEEDED: _S.AUTHENTICATION_REQUIRED,
    _M.LIMITED: _S.RATE_LIMITED,
    _M.FAILED: _S.ERROR,
    _M.STOP: _S.INACTIVE,
}
_IN_TROUBLE = {**_TROUBLE, _M.START: _S.INITIALIZING, _M.RECOVERED: _S.ACTIVE}

LEGAL_MOVES: Mapping[EndpointState, Mapping[Move, EndpointState]] = MappingProxyType(
    {
        _S.INACTIVE: {_M.START: _S.INITIALIZING, _M.STOP: _S.INACTIVE, _M.TURNS_OVER: _S.INACTIVE},
        _S.INITIALIZING: {**_TROUBLE, _M.OPENED: _S.ACTIVE, _M.TURNS_OVER: _S.INITIALIZING},
        _S.ACTIVE: {**_TROUBLE, _M.TURN_BEGAN: _S.BUSY, _M.TURNS_OVER: _S.ACTIVE, _M.RECOVERED: _S.ACTIVE},
        _S.BUSY: {**_TROUBLE, _M.TURN_BEGAN: _S.BUSY, _M.TURNS_OVER: _S.ACTIVE, _M.RECOVERED: _S.BUSY},
        _S.AUTHENTICATION_REQUIRED: {
            **_IN_TROUBLE,
            _M.TURN_BEGAN: _S.AUTHENTICATION_REQUIRED,  # it waits for the person who is at work
            _M.TURNS_OVER: _S.AUTHENTICATION_REQUIRED,
            _M.LIMITED: _S.AUTHENTICATION_REQUIRED,  # waiting doesn't replace the person who is needed
        },
        # Each model that is known is limited; another one that a client names is asked all the same.
        _S.RATE_LIMITED: {
            **_IN_TROUBLE,
            _M.TURN_BEGAN: _S.RATE_LIMITED,
            _M.TURNS_OVER: _S.RATE_LIMITED,
        },
        # A turn may be tried in `error`: its success is how a repaired page is noticed.
        _S.ERROR: {**_IN_TROUBLE, _M.TURN_BEGAN: _S.ERROR, _M.TURNS_OVER: _S.ERROR},
    }
)


def endpoint_state_after(state: EndpointState, move: Move) -> EndpointState:
    """Return the state that ``move`` leads to.

    Raises:
        IllegalTransitionError: It can't happen in ``state``.
    """
    return next_state(LEGAL_MOVES, state, move)
