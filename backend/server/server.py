"""The HTTP server: listens, and serves an ASGI application within bounds."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Collection
from types import FrameType

import anyio
import uvicorn

from backend.asgi import ASGIApp
from backend.ending import Ending
from backend.server.http_protocol import BoundedHttpProtocol
from backend.server.limits import ConnectionLimits
from backend.server.socket_protocol import BoundedSocketProtocol
from backend.server.state import BoundedServerState

logger = logging.getLogger(__name__)

_TELLING_S = 5.0  # what answers that are cut get for their error, and pages for being stopped
_CLOSING_S = 2  # what everything else gets that is still going on


class GatewayServer(uvicorn.Server):
    """uvicorn's server, whose connections have bounds, and which ends by steps.

    At the first signal answers that run are let finish for ``grace_s``, and everything new is refused; then, or at the second
    signal, they are ended by an error. The address is let go of last, so that probes are told meanwhile.
    """

    server_state: BoundedServerState

    def __init__(
        self,
        config: uvicorn.Config,
        limits: ConnectionLimits,
        ending: Ending | None = None,
        grace_s: float = 0.0,
    ) -> None:
        super().__init__(config)
        self.server_state = BoundedServerState(limits)
        self._ending = ending or Ending()
        self._grace_s = grace_s
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the end at the first signal, cut answers at the second, and let go of everything at the third."""
        if self.should_exit and self._loop is not None and not self._ending.is_cut:
            self._loop.call_soon_threadsafe(self._ending.cut)
        else:
            super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let what runs finish, cut the rest, and stop."""
        ending = self._ending
        ending.begin()
        logger.info("gateway_stopping", extra={"running": ending.running, "grace_s": self._grace_s})
        with anyio.move_on_after(self._grace_s):
            await ending.until_idle_or_cut()
        if ending.running:
            logger.warning("answers_cut", extra={"running": ending.running})
        ending.cut()
        with anyio.move_on_after(_TELLING_S):
            await ending.until_idle()
        await super().shutdown(sockets)


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
        timeout_graceful_shutdown=_CLOSING_S,
    )
