"""Wires the gateway together: settings in, an ASGI application out. Nothing else knows all the parts."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from backend import __version__
from backend.accounts.browser_profiles import BrowserProfiles
from backend.accounts.sealed_sessions import SealedSessions
from backend.accounts.sign_ins import open_sign_ins
from backend.accounts.vault import Vault
from backend.alerts.alerts import open_alerts
from backend.alerts.channels import AlertChannel, AppriseChannel, Webhook
from backend.api import health
from backend.api.admin import accounts as account_routes
from backend.api.admin import conversations, endpoints, metrics, rotations, usage
from backend.api.error_schema import ERROR_RESPONSES
from backend.api.errors import install_error_handlers
from backend.api.inference import chat, embeddings, messages_api, responses_api
from backend.api.live_sign_in import live
from backend.api.live_sign_in import sign_ins as sign_in
from backend.api.openapi_document import document_operations
from backend.api.operations import OperationRouter
from backend.api.services import Services
from backend.asgi import ASGIApp, Receive, Scope, Send
from backend.endpoints.accounts import AccountManager
from backend.endpoints.manager import EndpointDependencies, open_manager
from backend.endpoints.screenshots import ScreenshotFolder
from backend.gateway.attachments import FileFetcher
from backend.gateway.cache.in_flight import open_in_flight
from backend.gateway.cache.response_cache import AnswerStore, MemoryAnswers, ResponseCache
from backend.gateway.cache.shared_answers import SharedAnswers
from backend.gateway.gateway import Gateway
from backend.gateway.page_turns import PageServices, page_kinds
from backend.gateway.placement.background import BackgroundPatterns
from backend.gateway.placement.placement import ConversationPlacer
from backend.gateway.routing.breaker import BreakerLimits
from backend.gateway.routing.endpoint_stats import EndpointStatsRegistry
from backend.gateway.routing.rotation_registry import RotationBook
from backend.gateway.routing.router import Router
from backend.imports.import_file import Import, ImportFileError
from backend.imports.imports import bring_in, import_files, read_imports
from backend.ledger.usage_log import open_usage_log
from backend.observability.request_scope import RequestScope
from backend.persistence.accounts import SqlAccounts
from backend.persistence.address import parse_database_url
from backend.persistence.conversations import SqlConversations
from backend.persistence.endpoints import SqlEndpoints
from backend.persistence.engine import database_problem, open_database
from backend.persistence.key_rotation import reseal
from backend.persistence.redis_answers import open_redis_answers
from backend.persistence.rotations import SqlRotations
from backend.persistence.sessions import SqlSessions
from backend.persistence.usage import SqlUsage
from backend.providers.kinds import AccountStores, OpenProviders
from backend.providers.registry import open_providers as open_all_providers
from backend.security.addresses import is_public_address
from backend.security.api_key import ApiKeyAuth
from backend.security.body_limit import BodyLimit
from backend.security.cross_origin import CrossOrigin
from backend.security.exposure import check_exposure
from backend.security.local_guard import LocalGuard
from backend.security.rate_limit import RateLimit
from backend.security.secret_files import load_or_create_secret
from backend.security.socket_origin import SocketOrigin
from backend.settings import Settings
from backend.wire.attachments import FileLimits

logger = logging.getLogger(__name__)

OPERATIONS = (*chat.OPERATIONS, *responses_api.OPERATIONS, *messages_api.OPERATIONS, *embeddings.OPERATIONS)


class App(FastAPI):
    """The application behind its front: every request passes the same guards, and chat takes no way through FastAPI."""

    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
        else:
            scope["app"] = self
            await self.front(scope, receive, send)

    async def behind_front(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve what FastAPI's routes serve."""
        await super().__call__(scope, receive, send)


def create_app(
    settings: Settings, open_providers: OpenProviders = open_all_providers, imports: Sequence[Path] = ()
) -> FastAPI:
    """Return the application; its lifespan opens and closes everything.

    ``open_providers`` is another one in tests only. ``imports`` are files with endpoints and rotations, besides those
    that lie in the data directory.

    Raises:
        ImportFileError: One of them is wrong.
        ExposureError: It would be open to the network without anyone having said so.
        DatabaseAddressError: ``DATABASE_URL`` can't be used.
        OSError, ValueError: The data directory or a key in it can't be used.
    """
    parse_database_url(settings.effective_database_url)
    warning = check_exposure(settings.host, settings.auth, is_auth_on=settings.is_auth_on)
    if warning:
        logger.warning(warning)
    described = read_imports(import_files(settings.data_dir, imports), settings.provider_keys)
    # FastAPI would wrap every chunk that is sent for telemetry that nobody collects.
    no_telemetry: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
    app = App(
        title="Parley",
        version=__version__,
        telemetry=no_telemetry,
        lifespan=partial(_lifespan, settings, open_providers, described),
    )
    routers = (
        endpoints.router,
        account_routes.router,
        sign_in.router,
        live.router,
        conversations.router,
        rotations.router,
        usage.router,
        chat.router,
        health.router,
        metrics.router,
    )
    for routes in routers:
        app.include_router(routes, responses=ERROR_RESPONSES)
    install_error_handlers(app)
    document_operations(app, OPERATIONS)
    router = OperationRouter(OPERATIONS, app.behind_front, _rate_limit(settings))
    app.front = _guarded(router, settings)
    return app


def _rate_limit(settings: Settings) -> RateLimit | None:
    if settings.rate_limit_requests is None:
        return None
    return RateLimit(settings.rate_limit_requests, settings.rate_limit_window)


def _guarded(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Return the application behind what every request passes, innermost first."""
    if settings.is_auth_on:
        app = ApiKeyAuth(app, key=_admin_key(settings))
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
    return RequestScope(app)


def _admin_key(settings: Settings) -> str:
    path = settings.data_dir / "admin_key"
    key, is_new = load_or_create_secret(path, prefix="sk-parley-")
    if is_new:
        print(f"API key of the administrator, shown this once: {key}", flush=True)  # noqa: T201  for the operator's eyes, never the log
    logger.info("authentication is on", extra={"key_file": str(path)})
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
async def _lifespan(
    settings: Settings, open_providers: OpenProviders, described: Import, app: FastAPI
) -> AsyncIterator[None]:
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
        alerts = await stack.enter_async_context(
            open_alerts(_channels(settings), settings.alert_min_interval)
        )
        limits = BreakerLimits(settings.disable_after_failures, settings.disable_seconds)
        standings = EndpointStatsRegistry(limits, alerts.on_breaker)
        book = RotationBook(SqlRotations(engine))
        await book.load()
        kept = SqlConversations(
            engine, most=settings.max_conversations, max_age=_days(settings.conversation_ttl)
        )
        await kept.forget_unfinished()
        conversations, background = ConversationPlacer(kept), _background(settings)
        pages = page_kinds(providers.pages, PageServices(conversations, background, _files(settings)))
        workshop = EndpointDependencies(
            SqlEndpoints(engine, vault),
            {**providers.kinds, **pages},
            providers.check,
            ScreenshotFolder(settings.data_dir / "screenshots"),
            profiles.forget,
            book.check_endpoint,
            (alerts.on_state, standings.on_state),
        )
        manager = await stack.enter_async_context(open_manager(workshop))
        try:
            await bring_in(described, manager, book)
        except ImportFileError as exc:
            # It fits its format, but not what is stored: that goes on being served.
            logger.error("nothing was imported", extra={"reason": str(exc)})
        accounts = AccountManager(manager, stores.accounts, stores.sessions_for)
        app.state.sign_ins = await stack.enter_async_context(open_sign_ins(accounts))
        usage_log = await stack.enter_async_context(open_usage_log(SqlUsage(engine)))
        chooser = Router(manager, book, standings, settings.routing_strategy)
        cache = ResponseCache(
            await _answers(settings, stack), settings.response_cache_ttl, settings.response_cache_size
        )
        app.state.parts = Services(
            manager,
            accounts,
            Gateway(manager, chooser, book, background, conversations, usage_log, settings.background_model),
            conversations,
            book,
            usage_log,
            SharedAnswers(cache, await stack.enter_async_context(open_in_flight())),
            time.monotonic(),
            partial(database_problem, engine),
            providers.status,
        )
        yield


async def _answers(settings: Settings, stack: AsyncExitStack) -> AnswerStore:
    if settings.redis_url and settings.response_cache_ttl:
        return await stack.enter_async_context(open_redis_answers(settings.redis_url))
    return MemoryAnswers(settings.response_cache_size)


def _channels(settings: Settings) -> list[AlertChannel]:
    webhook = [Webhook(settings.alert_webhook_url)] if settings.alert_webhook_url else []
    return [*webhook, *([AppriseChannel(settings.alert_urls)] if settings.alert_urls else [])]


def _days(days: float | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


def _files(settings: Settings) -> FileFetcher:
    limits = FileLimits(settings.max_attachments, settings.max_attachment_bytes)
    return FileFetcher(limits, (lambda _: True) if settings.allow_private_urls else is_public_address)


def _background(settings: Settings) -> BackgroundPatterns:
    more = settings.background_request_patterns
    return BackgroundPatterns([more] if more else [])
