"""The states of the chat that a page shows, and the legal moves between them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from automation.transitions import next_state
from automation.turn import ChatLink


class ChatState(StrEnum):
    """What stands on the page, and so what it needs before its next turn."""

    UNKNOWN = "unknown"  # it has to be loaded anew
    EMPTY = "empty"
    HELD = "held"  # a chat that can go on
    PREPARING = "preparing"  # in a turn, before anything can have been sent
    ANSWERING = "answering"  # a prompt may have been sent, and its answer isn't over
    ANSWERED = "answered"  # a chat with which nobody goes on
    THROWAWAY = "throwaway"  # the same, and it is to be deleted at the site


class ChatMove(StrEnum):
    """What can happen to the chat of a page."""

    LEAVE = "leave"
    FIND = "find"
    BEGIN_TURN = "begin_turn"
    SEND = "send"
    KEEP = "keep"
    FINISH = "finish"
    DISCARD = "discard"
    FAIL = "fail"
    TAKE_BACK = "take_back"  # nothing was sent: the chat stands there as before the turn
    GIVE_UP = "give_up"
    EMPTY = "empty"


_S, _M = ChatState, ChatMove
_AT_REST = {_M.LEAVE: _S.UNKNOWN, _M.BEGIN_TURN: _S.PREPARING}
_IN_TURN = {_M.FAIL: _S.UNKNOWN, _M.TAKE_BACK: _S.HELD, _M.EMPTY: _S.EMPTY}

CHAT_MOVES: Mapping[ChatState, Mapping[ChatMove, ChatState]] = MappingProxyType(
    {
        _S.UNKNOWN: {_M.FIND: _S.HELD, _M.EMPTY: _S.EMPTY},
        _S.EMPTY: _AT_REST,
        _S.HELD: {**_AT_REST, _M.GIVE_UP: _S.ANSWERED},
        _S.PREPARING: {**_IN_TURN, _M.SEND: _S.ANSWERING},
        _S.ANSWERING: {
            **_IN_TURN,
            _M.KEEP: _S.HELD,
            _M.FINISH: _S.ANSWERED,
            _M.DISCARD: _S.THROWAWAY,
        },
        _S.ANSWERED: {_M.EMPTY: _S.EMPTY},
        _S.THROWAWAY: {_M.EMPTY: _S.EMPTY},
    }
)

# The next turn can be taken as it is.
READY_STATES = frozenset({_S.EMPTY, _S.HELD})


class ShownChat:
    """The chat of one page: its state, and while it can go on, how it is found again.

    Attributes:
        is_single_turn: It has one turn only.
        is_being_written: The page showed only a part of its last answer when that was complete on the wire.
    """

    def __init__(self) -> None:
        self.is_single_turn = True
        self.is_being_written = False
        self._state = ChatState.UNKNOWN
        self._link: ChatLink | None = None

    @property
    def state(self) -> ChatState:
        """What stands on the page."""
        return self._state

    @property
    def link(self) -> ChatLink | None:
        """The link of a chat that can go on; None in every state but ``HELD``."""
        return self._link

    def move(self, move: ChatMove, link: ChatLink | None = None) -> None:
        """Change the state; ``link`` belongs to the moves that lead to ``HELD``.

        Raises:
            IllegalTransitionError: It can't happen in this state.
        """
        state = next_state(CHAT_MOVES, self._state, move)
        assert (link is not None) == (state is ChatState.HELD)
        self._state, self._link = state, link
