"""Opens everything that the gateway consists of, and closes it again: the only wiring."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from backend.accounts.browser_profiles import BrowserProfiles
from backend.accounts.sealed_sessions import SealedSessions
from backend.accounts.sign_ins import SignIns, open_sign_ins
from backend.accounts.vault import Vault
from backend.alerts.alerts import open_alerts
from backend.alerts.channels import AlertChannel, AppriseChannel, Webhook
from backend.api.services import Services
from backend.endpoints.account_manager import AccountManager
from backend.endpoints.manager import EndpointDependencies, EndpointManager, open_manager
from backend.endpoints.screenshots import ScreenshotFolder
from backend.gateway.attachments import FileFetcher
from backend.gateway.cache.in_flight import open_in_flight
from backend.gateway.cache.response_cache import AnswerStore, MemoryAnswers, ResponseCache
from backend.gateway.cache.shared_answers import SharedAnswers
from backend.gateway.gateway import Gateway
from backend.gateway.kept_responses import ResponseKeeper
from backend.gateway.page_turns import PageServices, page_kinds
from backend.gateway.placement.background import BackgroundPatterns
from backend.gateway.placement.placement import ConversationPlacer
from backend.gateway.routing.breaker import BreakerLimits
from backend.gateway.routing.endpoint_stats import EndpointStatsRegistry
from backend.gateway.routing.rotation_registry import RotationRegistry
from backend.gateway.routing.router import Router
from backend.identity.authenticator import Authenticator, LocalAuthenticator
from backend.imports.import_file import Import, ImportFileError
from backend.imports.imports import bring_in
from backend.ledger.usage_log import UsageLog, open_usage_log
from backend.persistence.database import Repositories, open_repositories
from backend.persistence.redis_answers import open_redis_answers
from backend.providers.kinds import AccountStores, OpenedProviders, OpenProviders
from backend.security.addresses import is_public_address
from backend.security.api_key import StaticKeyAuthenticator
from backend.security.secret_files import load_or_create_secret, make_private
from backend.settings import Settings
from backend.wire.attachments import FileLimits

logger = logging.getLogger(__name__)

OpenAuthenticator = Callable[[Settings], AbstractAsyncContextManager[Authenticator]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedGateway:
    """What the application serves while its lifespan runs."""

    services: Services
    sign_ins: SignIns
    authenticator: Authenticator


@dataclass(frozen=True, slots=True, kw_only=True)
class _Storage:
    repositories: Repositories
    profiles: BrowserProfiles
    stores: AccountStores
    responses: ResponseKeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class _Routing:
    manager: EndpointManager
    rotations: RotationRegistry
    endpoint_stats: EndpointStatsRegistry
    providers: OpenedProviders
    pages: PageServices


@asynccontextmanager
async def open_gateway(
    settings: Settings,
    described: Import,
    *,
    open_providers: OpenProviders,
    open_authenticator: OpenAuthenticator,
) -> AsyncIterator[OpenedGateway]:
    """Open everything, and create what the imported files describe; closed in the reverse order at the end.

    Raises:
        VaultError: A stored secret was sealed with a key that is not known.
        sqlalchemy.exc.SQLAlchemyError, OSError, ValueError: The database, the data directory or a key can't be used.
    """
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(_open_storage(settings))
        authenticator = await stack.enter_async_context(open_authenticator(settings))
        routing = await stack.enter_async_context(
            _open_routing(settings, storage, open_providers=open_providers)
        )
        await _import(described, routing)
        accounts = AccountManager(
            manager=routing.manager,
            repository=storage.stores.accounts,
            sessions_for=storage.stores.sessions_for,
        )
        sign_ins = await stack.enter_async_context(open_sign_ins(accounts))
        services = await stack.enter_async_context(
            _open_services(settings, storage, routing=routing, accounts=accounts)
        )
        yield OpenedGateway(services=services, sign_ins=sign_ins, authenticator=authenticator)


@asynccontextmanager
async def open_authenticator(settings: Settings) -> AsyncIterator[Authenticator]:
    """Hand out who knows the administrator's key, or with authentication off who takes everybody for the administrator.

    Raises:
        OSError, ValueError: The key can't be read or made.
    """
    if settings.is_auth_on:
        yield StaticKeyAuthenticator(_load_admin_key(settings)[0])
    else:
        yield LocalAuthenticator()


def ensure_admin_key(settings: Settings) -> None:
    """Make the administrator's key at the first use, and print it this once.

    Raises:
        OSError, ValueError: It can't be read or made.
    """
    key, is_new = _load_admin_key(settings)
    if is_new:
        print(f"API key of the administrator, shown this once: {key}", flush=True)  # noqa: T201  for the operator's eyes, never the log
    logger.info("authentication_on", extra={"key_file": str(find_admin_key_file(settings))})


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
async def _open_storage(settings: Settings) -> AsyncIterator[_Storage]:
    make_private(settings.data_dir)
    _warn_of_new_database(settings)
    vault = open_vault(settings)
    profiles = BrowserProfiles(settings.data_dir / "profiles", vault)
    async with open_repositories(
        settings.effective_database_url,
        vault,
        has_old_keys=bool(settings.old_secret_keys),
        max_conversations=settings.max_conversations,
        conversation_max_age=_days(settings.conversation_ttl),
        max_responses=settings.responses_kept,
        response_max_age=timedelta(hours=settings.responses_ttl),
    ) as repositories:
        await profiles.seal_left()
        stores = _build_stores(repositories, vault, profiles=profiles)
        keeper = ResponseKeeper(
            repositories.responses,
            vault,
            most_bytes=settings.max_request_bytes,
            is_on=settings.responses_kept > 0,
        )
        yield _Storage(repositories=repositories, profiles=profiles, stores=stores, responses=keeper)


def _warn_of_new_database(settings: Settings) -> None:
    """Say that a database is begun where there was one: its file was removed, or the folder is another one."""
    database = settings.data_dir / "parley.db"
    had_key = (settings.data_dir / "secret_key").exists()
    if had_key and not settings.database_url and not database.exists():
        logger.warning("database_begun_anew", extra={"path": str(database)})


def _build_stores(repositories: Repositories, vault: Vault, *, profiles: BrowserProfiles) -> AccountStores:
    def sessions_for(slug: str, account: str) -> SealedSessions:
        return SealedSessions(
            repositories.sessions,
            vault,
            slug=slug,
            account=account,
            forget_rest=profiles.profile(slug, account).clear,
        )

    return AccountStores(
        accounts=repositories.accounts, sessions_for=sessions_for, profiles_for=profiles.profile
    )


@asynccontextmanager
async def _open_routing(
    settings: Settings, storage: _Storage, *, open_providers: OpenProviders
) -> AsyncIterator[_Routing]:
    """Open the endpoints that were started before, and what chooses among them."""
    async with (
        open_providers(settings, storage.stores) as providers,
        open_alerts(build_channels(settings), settings.alert_min_interval) as alerts,
    ):
        limits = BreakerLimits(settings.disable_after_failures, settings.disable_seconds)
        endpoint_stats = EndpointStatsRegistry(limits, alerts.on_breaker)
        rotations = RotationRegistry(storage.repositories.rotations)
        await rotations.load()
        pages = PageServices(
            conversations=ConversationPlacer(storage.repositories.conversations),
            background=_build_background(settings),
            files=build_file_fetcher(settings),
        )
        dependencies = EndpointDependencies(
            repository=storage.repositories.endpoints,
            kinds={**providers.kinds, **page_kinds(providers.pages, pages)},
            check=providers.check,
            screenshots=ScreenshotFolder(settings.data_dir / "screenshots"),
            forget=storage.profiles.forget,
            check_names=rotations.check_endpoint,
            watchers=(alerts.on_state, endpoint_stats.on_state),
        )
        async with open_manager(dependencies) as manager:
            yield _Routing(
                manager=manager,
                rotations=rotations,
                endpoint_stats=endpoint_stats,
                providers=providers,
                pages=pages,
            )


@asynccontextmanager
async def _open_services(
    settings: Settings, storage: _Storage, *, routing: _Routing, accounts: AccountManager
) -> AsyncIterator[Services]:
    async with (
        open_usage_log(storage.repositories.usage) as usage,
        _open_answers(settings) as answers,
    ):
        yield Services(
            manager=routing.manager,
            accounts=accounts,
            gateway=_build_gateway(settings, routing, usage=usage),
            conversations=routing.pages.conversations,
            rotations=routing.rotations,
            usage=usage,
            answers=answers,
            responses=storage.responses,
            started_at=time.monotonic(),
            find_database_problem=storage.repositories.problem,
            browser_status=routing.providers.status,
            try_profile=routing.providers.try_profile,
        )


async def _import(described: Import, routing: _Routing) -> None:
    try:
        await bring_in(described, manager=routing.manager, registry=routing.rotations)
    except ImportFileError as exc:
        # It fits its format, but not what is stored: that goes on being served.
        logger.error("import_failed", extra={"reason": str(exc)})  # noqa: TRY400  its reason says all


def _build_gateway(settings: Settings, routing: _Routing, *, usage: UsageLog) -> Gateway:
    router = Router(
        manager=routing.manager,
        rotations=routing.rotations,
        endpoint_stats=routing.endpoint_stats,
        alias_strategy=settings.routing_strategy,
    )
    return Gateway(
        manager=routing.manager,
        router=router,
        rotations=routing.rotations,
        background=routing.pages.background,
        conversations=routing.pages.conversations,
        usage=usage,
        background_model=settings.background_model,
    )


@asynccontextmanager
async def _open_answers(settings: Settings) -> AsyncIterator[SharedAnswers]:
    async with open_answer_store(settings) as store, open_in_flight() as in_flight:
        cache = ResponseCache(
            store, ttl_s=settings.response_cache_ttl, most_bytes=settings.response_cache_size
        )
        yield SharedAnswers(cache, in_flight)


@asynccontextmanager
async def open_answer_store(settings: Settings) -> AsyncIterator[AnswerStore]:
    """Hand out where answers are kept: Redis where there is one and the cache is on, else this process's memory."""
    if settings.redis_url and settings.response_cache_ttl:
        async with open_redis_answers(settings.redis_url) as store:
            yield store
    else:
        yield MemoryAnswers(settings.response_cache_size)


def build_channels(settings: Settings) -> list[AlertChannel]:
    """Return the ways in which people hear of alerts; none where none is set."""
    webhook = [Webhook(settings.alert_webhook_url)] if settings.alert_webhook_url else []
    return [*webhook, *([AppriseChannel(settings.alert_urls)] if settings.alert_urls else [])]


def build_file_fetcher(settings: Settings) -> FileFetcher:
    """Return what fetches a request's files: from public addresses only, unless private ones are allowed."""
    limits = FileLimits(settings.max_attachments, settings.max_attachment_bytes)
    return FileFetcher(limits, (lambda _: True) if settings.allow_private_urls else is_public_address)


def _build_background(settings: Settings) -> BackgroundPatterns:
    more = settings.background_request_patterns
    return BackgroundPatterns([more] if more else [])


def _days(days: float | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


def find_admin_key_file(settings: Settings) -> Path:
    """Return where the administrator's key is kept."""
    return settings.data_dir / "admin_key"


def _load_admin_key(settings: Settings) -> tuple[str, bool]:
    return load_or_create_secret(find_admin_key_file(settings), prefix="sk-parley-")
