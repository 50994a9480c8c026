"""Gives routers the services that the app's lifespan opened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from backend.endpoints.account_manager import AccountManager
from backend.endpoints.manager import EndpointManager
from backend.gateway.cache.shared_answers import SharedAnswers
from backend.gateway.gateway import Gateway
from backend.gateway.kept_responses import ResponseKeeper
from backend.gateway.placement.placement import ConversationPlacer
from backend.gateway.routing.rotation_registry import RotationRegistry
from backend.identity.principal import Principal
from backend.identity.request_principal import get_principal
from backend.ledger.usage_log import UsageLog
from backend.providers.kinds import TryProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Services of the app that its lifespan opened.

    Attributes:
        started_at: On the clock of ``time.monotonic``.
        database_problem: What is wrong with the database, or None.
        browser_status: Facts about the browser for ``GET /ready``.
        try_profile: Tries a profile on its page.
    """

    manager: EndpointManager
    accounts: AccountManager
    gateway: Gateway
    conversations: ConversationPlacer
    rotations: RotationRegistry
    usage: UsageLog
    answers: SharedAnswers
    responses: ResponseKeeper
    started_at: float
    find_database_problem: Callable[[], Awaitable[str | None]]
    browser_status: Callable[[], dict[str, Any]]
    try_profile: TryProfile


def _get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _principal(request: Request) -> Principal:
    return get_principal(request.scope)


ServicesOf = Annotated[Services, Depends(_get_services)]
PrincipalOf = Annotated[Principal, Depends(_principal)]
