"""The ASGI application: its routes, the guards before them, and a lifespan that opens what they serve."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.routing import Route

from backend import __version__
from backend.accounts.vault import VaultError
from backend.api import health
from backend.api.admin import accounts, conversations, endpoints, metrics, profiles, rotations, usage
from backend.api.docs_page import serve_docs_page
from backend.api.error_schema import ERROR_RESPONSES
from backend.api.errors import install_error_handlers
from backend.api.inference import chat, embeddings, messages_api, responses_api
from backend.api.live_sign_in import live_routes as live
from backend.api.live_sign_in import sign_ins as sign_in
from backend.api.openapi_document import document_operations
from backend.api.operations import OperationRouter
from backend.asgi import ASGIApp, Message, Receive, Scope, Send
from backend.assembly import OpenAuthenticator, ensure_admin_key, open_gateway
from backend.assembly import open_authenticator as open_default_authenticator
from backend.ending import Ending
from backend.errors import GatewayError
from backend.imports.import_file import Import
from backend.imports.imports import import_files, read_imports
from backend.observability.request_scope import RequestScope
from backend.persistence.address import parse_database_url
from backend.providers.kinds import OpenProviders
from backend.providers.registry import open_providers as open_all_providers
from backend.security.authentication import Authentication
from backend.security.body_encoding import BodyEncoding
from backend.security.body_limit import BodyLimit
from backend.security.cross_origin import CrossOrigin
from backend.security.ending_guard import EndingGuard
from backend.security.exposure import check_exposure, find_open_doors
from backend.security.host_header import HostHeader
from backend.security.local_guard import LocalGuard
from backend.security.rate_limit import RateLimit
from backend.security.response_headers import SECURITY_HEADERS
from backend.security.secret_files import SecretFileError
from backend.security.socket_origin import SocketOrigin
from backend.settings import Settings

logger = logging.getLogger(__name__)

_ROUTERS = (
    endpoints.router,
    accounts.router,
    sign_in.router,
    live.router,
    conversations.router,
    rotations.router,
    usage.router,
    profiles.router,
    chat.router,
    health.router,
    metrics.router,
)
OPERATIONS = (*chat.OPERATIONS, *responses_api.OPERATIONS, *messages_api.OPERATIONS, *embeddings.OPERATIONS)
# What is wrong outside: the database, a key, the data directory.
_NOT_STARTED = (SecretFileError, VaultError, GatewayError, OSError)
_KNOWN_PATHS = (
    *(operation.path for operation in OPERATIONS),
    *(route.path for routes in _ROUTERS for route in routes.routes if isinstance(route, Route)),
)


class App(FastAPI):
    """The ASGI application: guards for every request, then the chat operations directly and FastAPI for the rest.

    Attributes:
        problem: Why it could not start; None where it could, or where it is a bug.
    """

    front: ASGIApp
    authentication: Authentication
    ending: Ending
    known_paths: Sequence[str] = ()
    problem: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        else:
            scope["app"] = self
            await self.front(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the lifespan; what keeps it from beginning is told in one line, not by a traceback."""

        async def send_briefly(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and self.problem is not None:
                message = {"type": message["type"], "message": ""}  # it is logged already
            await send(message)

        try:
            await super().__call__(scope, receive, send_briefly)
        except _NOT_STARTED:
            if self.problem is None:
                raise

    async def behind_front(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve FastAPI's routes."""
        await super().__call__(scope, receive, send)


def create_app(
    settings: Settings,
    open_providers: OpenProviders = open_all_providers,
    imports: Sequence[Path] = (),
    *,
    open_authenticator: OpenAuthenticator = open_default_authenticator,
) -> App:
    """Return the application; its lifespan opens and closes everything.

    ``open_providers`` and ``open_authenticator`` are other ones in tests only. ``imports`` are files with endpoints and
    rotations, besides those that lie in the data directory.

    Raises:
        ImportFileError: One of them is wrong.
        ExposureError: It would be open to the network without anyone having said so.
        DatabaseAddressError: ``DATABASE_URL`` can't be used.
        OSError, ValueError: The data directory or a key in it can't be used.
    """
    parse_database_url(settings.effective_database_url)
    _warn_of_exposure(settings)
    if settings.is_auth_on:
        ensure_admin_key(settings)
    described = read_imports(import_files(settings.data_dir, imports), settings.provider_keys)
    # FastAPI would wrap every chunk that is sent for telemetry that nobody collects.
    no_telemetry: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
    app = App(
        title="Parley",
        version=__version__,
        telemetry=no_telemetry,
        # FastAPI's pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        lifespan=partial(
            _lifespan,
            settings=settings,
            described=described,
            open_providers=open_providers,
            open_authenticator=open_authenticator,
        ),
    )
    for routes in _ROUTERS:
        app.include_router(routes, responses=ERROR_RESPONSES)
    install_error_handlers(app)
    document_operations(app, OPERATIONS)
    serve_docs_page(app)
    app.known_paths = _KNOWN_PATHS
    router = OperationRouter(OPERATIONS, app.behind_front, _rate_limit(settings))
    app.authentication = Authentication(router)
    app.ending = Ending()
    app.front = _guarded(app.authentication, settings, app.ending)
    return app


def _warn_of_exposure(settings: Settings) -> None:
    warning = check_exposure(settings.host, settings.auth, is_auth_on=settings.is_auth_on)
    doors = find_open_doors(settings.cors_origins, settings.allowed_hosts, is_auth_on=settings.is_auth_on)
    for reason in (warning, *doors):
        if reason is not None:
            logger.warning("gateway_exposed", extra={"reason": reason})


def _rate_limit(settings: Settings) -> RateLimit | None:
    if settings.rate_limit_requests is None:
        return None
    return RateLimit(settings.rate_limit_requests, settings.rate_limit_window)


def _guarded(app: ASGIApp, settings: Settings, ending: Ending) -> ASGIApp:
    """Return the application behind what every request passes besides authentication, innermost first."""
    app = BodyEncoding(app, most_bytes=settings.max_request_bytes)
    app = CrossOrigin(app, settings.cors_origins)
    if not settings.is_auth_on:
        app = LocalGuard(
            app,
            allowed_hosts=settings.allowed_hosts,
            cors_origins=settings.cors_origins,
            is_public_by_choice=settings.auth == "off",
        )
    app = SocketOrigin(app, cors_origins=settings.cors_origins)
    app = BodyLimit(app, most_bytes=settings.max_request_bytes)
    return RequestScope(HostHeader(EndingGuard(app, ending)), SECURITY_HEADERS)


@asynccontextmanager
async def _lifespan(
    app: App,
    *,
    settings: Settings,
    described: Import,
    open_providers: OpenProviders,
    open_authenticator: OpenAuthenticator,
) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(
                open_gateway(
                    settings, described, open_providers=open_providers, open_authenticator=open_authenticator
                )
            )
        except _NOT_STARTED as exc:
            app.problem = " ".join(str(exc).split()) or type(exc).__name__
            logger.error("start_failed", extra={"reason": app.problem})  # noqa: TRY400  its reason says all
            raise
        app.state.services, app.state.sign_ins = opened.services, opened.sign_ins
        with app.authentication.using(opened.authenticator):
            yield
