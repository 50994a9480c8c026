"""The HTTP server: listens, and serves an ASGI application within bounds."""

from __future__ import annotations

from collections.abc import Collection

import uvicorn

from backend.asgi import ASGIApp
from backend.server.http_protocol import BoundedHttpProtocol
from backend.server.limits import ConnectionLimits
from backend.server.socket_protocol import BoundedSocketProtocol
from backend.server.state import BoundedServerState

_GRACE_S = 2  # what running answers get at SIGTERM before they are ended


class GatewayServer(uvicorn.Server):
    """uvicorn's server, whose connections have bounds."""

    server_state: BoundedServerState

    def __init__(self, config: uvicorn.Config, limits: ConnectionLimits) -> None:
        super().__init__(config)
        self.server_state = BoundedServerState(limits)


def build_server_config(
    app: ASGIApp, host: str, port: int, *, trusted_proxies: Collection[str] = ()
) -> uvicorn.Config:
    """Return uvicorn's configuration for an application.

    Args:
        app: What is served.
        host: The address to listen on.
        port: 0 for any that is free.
        trusted_proxies: Addresses and networks whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedHttpProtocol,
        ws=BoundedSocketProtocol,
        # One frame of 16 KB would unpack to 16 MB; what is sent here is mostly JPEG, which doesn't get smaller.
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=_GRACE_S,
    )
