"""Interface between the app and the kinds of providers: the storage that they get, the openers that they give."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from automation.account.session_state import SessionStore
from automation.browser.profile_folder import ProfileFolder
from automation.errors import BrowserUnavailableError
from automation.workbench.report import TrialReport
from backend.accounts.account_config import AccountRepository
from backend.providers.config import EndpointConfig
from backend.providers.protocol import PageProviderOpener, ProviderKind
from backend.settings import Settings


@dataclass(frozen=True, slots=True)
class TrialOrder:
    """A profile to be tried on its page.

    Attributes:
        profile: A profile's name, or an inline profile.
        ask: The one prompt that is sent; None to look only.
    """

    url: str
    profile: str | Mapping[str, Any]
    ask: str | None = None


TryProfile = Callable[[TrialOrder], Awaitable[TrialReport]]


async def _refuse_trial(_order: TrialOrder) -> TrialReport:
    msg = "This gateway has no browser to try a profile in."
    raise BrowserUnavailableError(msg)


class SessionsFor(Protocol):
    """Returns the session store of one account of an endpoint."""

    def __call__(self, slug: str, account: str) -> SessionStore:
        """Return the store."""
        ...


class ProfilesFor(Protocol):
    """Returns the profile folder of one account's own browser."""

    def __call__(self, slug: str, account: str) -> ProfileFolder:
        """Return the folder; nothing is read yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStores:
    """Storage of accounts, their sessions and the profiles of their browsers."""

    accounts: AccountRepository
    sessions_for: SessionsFor
    profiles_for: ProfilesFor


@dataclass(frozen=True, slots=True)
class OpenedProviders:
    """Openers of every provider type, with what they share open.

    Attributes:
        kinds: By provider type.
        check: Raises ``ProfileError`` when a configuration can't work.
        status: Facts about the browser for ``GET /ready``.
        pages: By provider type, the openers of providers that take prompts: the gateway makes kinds of them.
        try_profile: Tries a profile on its page. Raises ``ProfileError``, ``BrowserUnavailableError``, ``PoolFullError``.
    """

    kinds: Mapping[str, ProviderKind]
    check: Callable[[EndpointConfig], None]
    status: Callable[[], dict[str, Any]]
    pages: Mapping[str, PageProviderOpener] = field(default_factory=dict)
    try_profile: TryProfile = _refuse_trial


OpenProviders = Callable[[Settings, AccountStores], AbstractAsyncContextManager[OpenedProviders]]
