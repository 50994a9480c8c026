"""Interface between the app and the kinds of providers: the storage that they get, the openers that they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from automation.account.session_state import SessionStore
from automation.browser.profile_folder import ProfileFolder
from backend.accounts.account_config import AccountRepository
from backend.providers.config import EndpointConfig
from backend.providers.protocol import PageProviderOpener, ProviderKind
from backend.settings import Settings


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
    """

    kinds: Mapping[str, ProviderKind]
    check: Callable[[EndpointConfig], None]
    status: Callable[[], dict[str, Any]]
    pages: Mapping[str, PageProviderOpener] = field(default_factory=dict)


OpenProviders = Callable[[Settings, AccountStores], AbstractAsyncContextManager[OpenedProviders]]
