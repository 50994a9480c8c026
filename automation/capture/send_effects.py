"""Judges from what is seen after a click on Send whether the page did anything, and whether it has the prompt. Pure.

A second click sends twice, so it rests on proof alone: the first one was heard by another element than the control, and
nothing at all happened. Whatever else is seen, or isn't, only waiting is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from automation.capture.tap_events import OtherSocketSent, RequestSent, SocketMessage, TapEvent
from automation.errors import (
    AccountBannedError,
    AutomationError,
    ChallengeRequiredError,
    RateLimitedError,
    SentState,
    SignInRequiredError,
)

_ASKING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Effect(StrEnum):
    """Something that happened after the click."""

    # Of the page's traffic.
    PROMPT_LEFT = "prompt_left"  # with the prompt in it, or to the address of the profile's wire
    REQUEST_LEFT = "request_left"
    MESSAGE_LEFT = "message_left"
    # Of its chat.
    USER_TURN = "user_turn"
    ASSISTANT_TURN = "assistant_turn"
    ANSWER = "answer"
    STOP = "stop"
    ERROR = "error"
    # Of its composer, as scripts/composer_watch.js names them.
    CONTROL_GONE = "control_gone"
    CONTROL_DISABLED = "control_disabled"
    CONTROL_RELABELLED = "control_relabelled"
    FIELD_GONE = "field_gone"
    FIELD_EMPTIED = "field_emptied"
    FIELD_CHANGED = "field_changed"
    FIELD_CLOSED = "field_closed"
    BUSY = "busy"
    ADDRESS = "address"


_PROOFS = frozenset({Effect.PROMPT_LEFT, Effect.USER_TURN, Effect.ASSISTANT_TURN, Effect.ANSWER})
_OF_COMPOSER = frozenset(Effect) - _PROOFS - {Effect.REQUEST_LEFT, Effect.MESSAGE_LEFT, Effect.ERROR}


class Landing(StrEnum):
    """Where the click, or the key, was heard."""

    ON_CONTROL = "control"
    ELSEWHERE = "elsewhere"
    BLOCKED = "blocked"  # by us, on the control, as the field held another text than the prompt
    UNKNOWN = "unknown"


class SendEffects:
    """Collects what happens from ``begin`` on."""

    def __init__(self) -> None:
        self._effects: set[Effect] = set()
        self.landing = Landing.UNKNOWN

    def begin(self) -> None:
        """Forget what was seen so far: the control is about to be clicked."""
        self._effects.clear()
        self.landing = Landing.UNKNOWN

    def see(self, event: TapEvent, *, has_prompt: bool) -> None:
        """Take an event of the page's traffic; ``has_prompt`` where what left holds the prompt."""
        if has_prompt or (isinstance(event, RequestSent) and event.matches):
            self._effects.add(Effect.PROMPT_LEFT)
        elif isinstance(event, RequestSent):
            if event.body is not None or event.method not in _ASKING_METHODS:
                self._effects.add(Effect.REQUEST_LEFT)
        elif isinstance(event, OtherSocketSent) or (isinstance(event, SocketMessage) and event.outgoing):
            self._effects.add(Effect.MESSAGE_LEFT)

    def look(self, facts: Mapping[str, Any]) -> None:
        """Take one sample of the page."""
        if facts.get("asked"):
            self._effects.add(Effect.USER_TURN)
        if facts.get("answered"):
            self._effects.add(Effect.ASSISTANT_TURN)
        if facts.get("error"):
            self._effects.add(Effect.ERROR)
        told = facts.get("send") or {}
        self._effects.update(_OF_COMPOSER & {Effect(name) for name in told.get("effects", ())})
        self.landing = Landing(told.get("landing", self.landing))

    def note_document(self) -> None:
        """Note that the page loaded another document."""
        self._effects.add(Effect.ADDRESS)

    def note_answer(self) -> None:
        """Note that something of an answer was read."""
        self._effects.add(Effect.ANSWER)

    @property
    def has_any(self) -> bool:
        """Whether anything happened."""
        return bool(self._effects)

    @property
    def may_click_again(self) -> bool:
        """Whether it is proven that the click did nothing: another element heard it, and nothing happened."""
        return self.landing is Landing.ELSEWHERE and not self._effects

    @property
    def sent(self) -> SentState:
        """Whether the site has the prompt, as far as what was seen goes."""
        return SentState.YES if self._effects & _PROOFS else SentState.MAYBE

    def decide_sent(self, error: AutomationError) -> SentState:
        """Return whether the site may have got the prompt of a turn that ended so after its click."""
        if Effect.ANSWER not in self._effects and isinstance(error, _REFUSALS):
            return SentState.NO
        return self.sent


# What a site says in the answer's place when it does not take a prompt.
_REFUSALS = (RateLimitedError, SignInRequiredError, AccountBannedError, ChallengeRequiredError)
