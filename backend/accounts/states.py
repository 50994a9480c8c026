"""The states of an account and the legal moves between them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class AccountState(StrEnum):
    """State of an account."""

    IDLE = "idle"
    IN_USE = "in_use"
    NEED_LOGIN = "need_login"
    NEED_CAPTCHA = "need_captcha"
    NEED_QRCODE = "need_qrcode"
    BANNED = "banned"
    RATE_LIMITED = "rate_limited"


class AccountMove(StrEnum):
    """Event that may change an account's state."""

    TURN_BEGAN = "turn_began"
    TURNS_OVER = "turns_over"
    LOGIN_NEEDED = "login_needed"
    CAPTCHA_NEEDED = "captcha_needed"
    QRCODE_NEEDED = "qrcode_needed"
    LIMITED = "limited"
    LIMIT_OVER = "limit_over"
    BANNED = "banned"
    CLEARED = "cleared"


_S, _M = AccountState, AccountMove
_FOR_A_PERSON = {
    _M.LOGIN_NEEDED: _S.NEED_LOGIN,
    _M.CAPTCHA_NEEDED: _S.NEED_CAPTCHA,
    _M.QRCODE_NEEDED: _S.NEED_QRCODE,
    _M.BANNED: _S.BANNED,
}
USABLE = frozenset({_S.IDLE, _S.IN_USE})
NEEDS_A_PERSON = frozenset(_FOR_A_PERSON.values())


def _waiting(state: AccountState) -> dict[AccountMove, AccountState]:
    """Moves of an account that waits for a person: only that person ends it; turns that still run change nothing."""
    return {
        **_FOR_A_PERSON,
        _M.LIMITED: state,
        _M.LIMIT_OVER: state,
        _M.TURN_BEGAN: state,
        _M.TURNS_OVER: state,
        _M.CLEARED: _S.IDLE,
    }


LEGAL_MOVES: Mapping[AccountState, Mapping[AccountMove, AccountState]] = MappingProxyType(
    {
        _S.IDLE: {
            **_FOR_A_PERSON,
            _M.TURN_BEGAN: _S.IN_USE,
            _M.TURNS_OVER: _S.IDLE,
            _M.LIMITED: _S.RATE_LIMITED,
            _M.LIMIT_OVER: _S.IDLE,
            _M.CLEARED: _S.IDLE,
        },
        _S.IN_USE: {
            **_FOR_A_PERSON,
            _M.TURN_BEGAN: _S.IN_USE,
            _M.TURNS_OVER: _S.IDLE,
            _M.LIMITED: _S.RATE_LIMITED,
            _M.LIMIT_OVER: _S.IN_USE,
            _M.CLEARED: _S.IN_USE,
        },
        _S.RATE_LIMITED: {
            **_FOR_A_PERSON,
            _M.TURN_BEGAN: _S.RATE_LIMITED,
            _M.TURNS_OVER: _S.RATE_LIMITED,
            _M.LIMITED: _S.RATE_LIMITED,
            _M.LIMIT_OVER: _S.IDLE,
            _M.CLEARED: _S.IDLE,
        },
        _S.NEED_LOGIN: _waiting(_S.NEED_LOGIN),
        _S.NEED_CAPTCHA: _waiting(_S.NEED_CAPTCHA),
        _S.NEED_QRCODE: _waiting(_S.NEED_QRCODE),
        # What a banned account shows besides makes it no less banned.
        _S.BANNED: dict.fromkeys(_M, _S.BANNED) | {_M.CLEARED: _S.IDLE},
    }
)


def account_state_after(state: AccountState, move: AccountMove) -> AccountState:
    """Return the state that ``move`` leads to; every move is legal in every state, most change nothing."""
    return LEGAL_MOVES[state][move]
