"""Caps the connections that are open at once: the oldest one that keeps the server waiting makes room for the next."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

logger = logging.getLogger(__name__)

_LOG_EVERY_S = 10.0
_ON_ITS_WAY_S = 0.5
# To open a WebSocket costs a millisecond, so that they must not replace each other as fast as they come.
_PATIENCE_S = 1.0


class OpenConnection(Protocol):
    """A connection that can be ended at once."""

    def abort(self) -> None:
        """End it, whatever waits to be sent."""
        ...


class Waiting:
    """Connections that wait for the same, from the oldest to the newest."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[OpenConnection, float] = {}

    def __len__(self) -> int:
        return len(self._since)

    def add(self, connection: OpenConnection) -> None:
        """Add one that begins to wait; one that waits already goes on."""
        self._since.setdefault(connection, self._clock())

    def discard(self, connection: OpenConnection) -> None:
        """Take one out, if it is there."""
        self._since.pop(connection, None)

    def oldest(self, least_s: float = 0.0) -> OpenConnection | None:
        """Return the one that waits longest, if it has waited for so long."""
        for connection, since in self._since.items():
            return connection if self._clock() - since >= least_s else None
        return None


class WaitingConnections:
    """Connections that wait for their client, each kind from the oldest to the newest.

    Attributes:
        without_head: Nothing, or not all of a request's head has come; also those that are kept open between requests.
        without_body: The rest of a request's body is to come.
        unread: The client doesn't take what it is sent.
        unknown_sockets: WebSockets whose client has not shown who it is.
    """

    def __init__(
        self, most: int, most_unknown_sockets: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.without_head = Waiting(clock)
        self.without_body = Waiting(clock)
        self.unread = Waiting(clock)
        self.unknown_sockets = Waiting(clock)
        self._most = most
        self._most_unknown_sockets = most_unknown_sockets
        self._clock = clock
        self._logged_at = -_LOG_EVERY_S
        self._closed = self._refused = 0

    def admit(self, open_now: int) -> bool:
        """Return whether one more connection may be served; of as many as there may be, the oldest that waits is ended.

        Args:
            open_now: How many there are, the new one included.
        """
        if open_now <= self._most:
            return True
        return self._replace(self._find_oldest())

    def admit_socket(self) -> bool:
        """Return whether a WebSocket of somebody unknown may be opened; of too many, one that waits for a while is ended."""
        if len(self.unknown_sockets) < self._most_unknown_sockets:
            return True
        return self._replace(self.unknown_sockets.oldest(_PATIENCE_S))

    def _replace(self, oldest: OpenConnection | None) -> bool:
        """End this connection for a new one; without one the new one is refused."""
        if oldest is None:
            self._refused += 1
        else:
            self._closed += 1
            self.forget(oldest)
            oldest.abort()
        self._log()
        return oldest is not None

    def forget(self, connection: OpenConnection) -> None:
        """Take out a connection that doesn't wait any more, or is gone."""
        self.without_head.discard(connection)
        self.without_body.discard(connection)
        self.unread.discard(connection)
        self.unknown_sockets.discard(connection)

    def _find_oldest(self) -> OpenConnection | None:
        """Return the oldest without a head, unless it is so new that its head may be on its way; else another one."""
        return (
            self.without_head.oldest(_ON_ITS_WAY_S)
            or self.without_body.oldest()
            or self.unread.oldest()
            or self.without_head.oldest()
        )

    def _log(self) -> None:
        now = self._clock()
        if now - self._logged_at < _LOG_EVERY_S:
            return
        self._logged_at = now
        facts = {"most": self._most, "closed": self._closed, "refused": self._refused}
        self._closed = self._refused = 0
        logger.warning("connections_capped", extra=facts)
