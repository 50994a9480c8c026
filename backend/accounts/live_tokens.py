"""Access tokens of a live view: a link's one-time token, and the ticket that its page exchanges it for."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

from backend.errors import LiveTokenExpiredError

TOKEN_S = 600.0
TICKET_S = 60.0

Owner = TypeVar("Owner")


@dataclass(slots=True)
class _Pass(Generic[Owner]):
    owner: Owner
    until_s: float
    inside: int = 0


class LiveTokens(Generic[Owner]):
    """The tokens and tickets of all live views.

    A token lives for ``TOKEN_S`` seconds or until it is used. A ticket lives for ``TICKET_S`` seconds, which begin anew
    whenever its page leaves, so that a page whose line broke can come back.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._tokens: dict[str, _Pass[Owner]] = {}
        self._tickets: dict[str, _Pass[Owner]] = {}

    def issue(self, owner: Owner) -> str:
        """Return a new token; an older one of this owner that nobody used is void."""
        self._forget_expired()
        _drop(self._tokens, owner)
        token = secrets.token_urlsafe()
        self._tokens[token] = _Pass(owner, self._clock() + TOKEN_S)
        return token

    def redeem(self, token: str) -> tuple[Owner, str]:
        """Use the token up; return its owner and a ticket.

        Raises:
            LiveTokenExpiredError: There is no such token, it was used, or it is too old.
        """
        self._forget_expired()
        found = self._tokens.pop(token, None)
        if found is None:
            raise LiveTokenExpiredError
        ticket = secrets.token_urlsafe()
        self._tickets[ticket] = _Pass(found.owner, self._clock() + TICKET_S)
        return found.owner, ticket

    def claim(self, ticket: str) -> Owner:
        """Redeem a ticket for its owner; it doesn't expire until ``release``.

        Raises:
            LiveTokenExpiredError: There is no such ticket, or it is too old.
        """
        self._forget_expired()
        found = self._tickets.get(ticket)
        if found is None:
            raise LiveTokenExpiredError
        found.until_s = math.inf
        found.inside += 1
        return found.owner

    def release(self, ticket: str) -> None:
        """Let the ticket expire from now on, unless its page has reconnected meanwhile."""
        found = self._tickets.get(ticket)
        if found is None:
            return
        found.inside -= 1
        if not found.inside:
            found.until_s = self._clock() + TICKET_S

    def revoke(self, owner: Owner) -> None:
        """Make every token and ticket of this owner void."""
        _drop(self._tokens, owner)
        _drop(self._tickets, owner)

    def _forget_expired(self) -> None:
        now_s = self._clock()
        for passes in (self._tokens, self._tickets):
            for secret in [secret for secret, each in passes.items() if each.until_s <= now_s]:
                del passes[secret]


def _drop(passes: dict[str, _Pass[Owner]], owner: Owner) -> None:
    for secret in [secret for secret, each in passes.items() if each.owner is owner]:
        del passes[secret]
