"""Wires the gateway together: settings in, an ASGI application out. Nothing else knows all the parts."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.cors import CORSMiddleware

from backend import __version__
from backend.accounts.browser_profiles import BrowserProfiles
from backend.accounts.sessions import SealedSessions
from backend.accounts.sign_ins import open_sign_ins
from backend.accounts.vault import Vault
from backend.api import accounts as account_routes
from backend.api import chat, conversations, endpoints, health, live, metrics, sign_in
from backend.api.access import Parts
from backend.api.errors import install_error_handlers
from backend.endpoints.accounts import AccountManager
from backend.endpoints.manager import EndpointWorkshop, open_manager
from backend.endpoints.screenshots import ScreenshotFolder
from backend.gateway.attachments import FileFetcher
from backend.gateway.background import BackgroundPatterns
from backend.gateway.completion import Gateway
from backend.gateway.conversations import Conversations
from backend.observability.request_scope import RequestScope
from backend.persistence.accounts import SqlAccounts
from backend.persistence.address import parse_database_url
from backend.persistence.conversations import SqlConversations
from backend.persistence.endpoints import SqlEndpoints
from backend.persistence.engine import database_problem, open_database
from backend.persistence.key_rotation import reseal
from backend.persistence.sessions import SqlSessions
from backend.providers.kinds import AccountStores, OpenProviders
from backend.providers.registry import open_providers as open_all_providers
from backend.security.addresses import is_public_address
from backend.security.api_key import ApiKeyAuth
from backend.security.body_limit import BodyLimit
from backend.security.exposure import check_exposure
from backend.security.local_guard import LocalGuard
from backend.security.secret_files import load_or_create_secret
from backend.security.socket_origin import SocketOrigin
from backend.settings import Settings
from backend.wire.attachments import FileLimits

_log = logging.getLogger(__name__)


def create_app(settings: Settings, open_providers: OpenProviders = open_all_providers) -> FastAPI:
    """Return the application; its lifespan opens and closes everything.

    ``open_providers`` is another one in tests only.

    Raises:
        ExposureError: It would be open to the network without anyone having said so.
        DatabaseAddressError: ``DATABASE_URL`` can't be used.
        OSError, ValueError: The data directory or a key in it can't be used.
    """
    parse_database_url(settings.effective_database_url)
    warning = check_exposure(settings.host, settings.auth, is_auth_on=settings.is_auth_on)
    if warning:
        _log.warning(warning)
    # FastAPI would wrap every chunk that is sent for telemetry that nobody collects.
    no_telemetry: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
    app = FastAPI(
        title="Parley",
        version=__version__,
        telemetry=no_telemetry,
        lifespan=partial(_lifespan, settings, open_providers),
    )
    routers = (
        endpoints.router,
        account_routes.router,
        sign_in.router,
        live.router,
        conversations.router,
        chat.router,
        health.router,
        metrics.router,
    )
    for router in routers:
        app.include_router(router)
    install_error_handlers(app)
    _add_middleware(app, settings)
    return app


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """Add them innermost first: what is added last sees a request first."""
    if settings.is_auth_on:
        app.add_middleware(ApiKeyAuth, key=_admin_key(settings))
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=[
            "x-request-id",
            "x-gateway-endpoint",
            "x-gateway-conversation",
            "x-gateway-ignored-params",
            "x-gateway-notes",
        ],
    )
    if not settings.is_auth_on:
        app.add_middleware(
            LocalGuard,
            allowed_hosts=settings.allowed_hosts,
            cors_origins=settings.cors_origins,
            is_public_by_choice=settings.auth == "off",
        )
    app.add_middleware(SocketOrigin, cors_origins=settings.cors_origins)
    app.add_middleware(BodyLimit, most_bytes=settings.max_request_bytes)
    app.add_middleware(RequestScope)


def _admin_key(settings: Settings) -> str:
    path = settings.data_dir / "admin_key"
    key, is_new = load_or_create_secret(path, prefix="sk-parley-")
    if is_new:
        print(f"API key of the administrator, shown this once: {key}", flush=True)  # noqa: T201  for the operator's eyes, never the log
    _log.info("authentication is on", extra={"key_file": str(path)})
    return key


def open_vault(settings: Settings) -> Vault:
    """Return the vault with the key of the settings, or with the one in the data directory, made at the first use.

    Raises:
        OSError, ValueError: The data directory or the key can't be used.
    """
    old = [key.get_secret_value() for key in settings.old_secret_keys]
    if settings.secret_key is not None:
        return Vault(settings.secret_key.get_secret_value(), old)
    return Vault(load_or_create_secret(settings.data_dir / "secret_key")[0], old)


@asynccontextmanager
async def _lifespan(settings: Settings, open_providers: OpenProviders, app: FastAPI) -> AsyncIterator[None]:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    vault = open_vault(settings)
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_database(settings.effective_database_url))
        if settings.old_secret_keys:
            await reseal(engine, vault)
        sessions = SqlSessions(engine)
        profiles = BrowserProfiles(settings.data_dir / "profiles", vault)
        await profiles.seal_left()
        stores = AccountStores(
            SqlAccounts(engine, vault),
            lambda slug, account: SealedSessions(
                sessions, vault, slug, account, profiles.profile(slug, account).clear
            ),
            profiles.profile,
        )
        providers = await stack.enter_async_context(open_providers(settings, stores))
        workshop = EndpointWorkshop(
            SqlEndpoints(engine, vault),
            providers.openers,
            providers.check,
            ScreenshotFolder(settings.data_dir / "screenshots"),
            profiles.forget,
        )
        kept = SqlConversations(
            engine, most=settings.max_conversations, max_age=_days(settings.conversation_ttl)
        )
        await kept.forget_unfinished()
        conversations = Conversations(kept)
        manager = await stack.enter_async_context(open_manager(workshop))
        accounts = AccountManager(manager, stores.accounts, stores.sessions_for)
        app.state.sign_ins = await stack.enter_async_context(open_sign_ins(accounts))
        app.state.parts = Parts(
            manager,
            accounts,
            Gateway(
                manager, conversations, _background(settings), _files(settings), settings.background_model
            ),
            conversations,
            time.monotonic(),
            partial(database_problem, engine),
            providers.status,
        )
        yield


def _days(days: float | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


def _files(settings: Settings) -> FileFetcher:
    limits = FileLimits(settings.max_attachments, settings.max_attachment_bytes)
    return FileFetcher(limits, (lambda _: True) if settings.allow_private_urls else is_public_address)


def _background(settings: Settings) -> BackgroundPatterns:
    more = settings.background_request_patterns
    return BackgroundPatterns([more] if more else [])
