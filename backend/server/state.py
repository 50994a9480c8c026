"""State that the connections of one server share."""

from __future__ import annotations

from uvicorn.server import ServerState

from backend.server.connections import WaitingConnections
from backend.server.limits import ConnectionLimits


class BoundedServerState(ServerState):
    """uvicorn's, with the bounds of this server and the connections that wait for their client."""

    def __init__(self, limits: ConnectionLimits) -> None:
        super().__init__()
        self.limits = limits
        self.waiting = WaitingConnections(limits.most_connections, limits.most_unknown_sockets)
