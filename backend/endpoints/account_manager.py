"""Adds, changes and removes the accounts of endpoints, whether the endpoint is open or not."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from automation.account.session_import import SessionImportError, parse_session
from automation.account.session_state import SessionNotKeptError, StorageState
from backend.accounts.account_config import (
    DEFAULT_ACCOUNT,
    AccountConfig,
    AccountDraft,
    AccountRepository,
    AccountStatus,
    own_account,
    session_key,
)
from backend.accounts.sign_ins import SignInHost, SignInSession
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.manager import EndpointManager
from backend.errors import (
    AccountNotFoundError,
    EndpointNotRunningError,
    InvalidRequestError,
    StorageError,
)
from backend.providers.account_control import AccountControl, AccountSnapshot, summarize
from backend.providers.kinds import SessionsFor


class _SignInPlace:
    """Where one account of an open endpoint signs in; a ``SignInHost``."""

    def __init__(self, control: AccountControl, account_id: str) -> None:
        self._control = control
        self._account_id = account_id

    def open_sign_in(self) -> AbstractAsyncContextManager[SignInSession]:
        """Open the page on which a person signs in."""
        return self._control.open_sign_in(self._account_id)

    async def sign_in_by_form(self) -> None:
        """Fill the site's form with the account's credentials."""
        await self._control.sign_in_by_form(self._account_id)


class AccountManager:
    """Stores accounts, and applies changes to open endpoints."""

    def __init__(
        self, *, manager: EndpointManager, repository: AccountRepository, sessions_for: SessionsFor
    ) -> None:
        self._manager = manager
        self._repository = repository
        self._sessions_for = sessions_for

    async def list_accounts(self, slug: str) -> list[AccountSnapshot]:
        """Return an endpoint's accounts, oldest first; its own one is there while no other is, or while it has a user name.

        Raises:
            EndpointNotFoundError, StorageError, VaultError: They can't be listed.
        """
        endpoint = self._manager.get(slug)
        if endpoint.accounts is not None:
            return await endpoint.accounts.list_accounts()
        stored = await self._repository.list_accounts(slug)
        views = [summarize(one.config, one.account_status) for one in stored]
        own = own_account(endpoint.config.username, endpoint.config.password)
        return [summarize(own, AccountStatus()), *views] if own.username or not views else views

    async def get(self, slug: str, account_id: str) -> AccountSnapshot:
        """Return one account.

        Raises:
            EndpointNotFoundError, AccountNotFoundError, StorageError, VaultError: There is none, or it can't be read.
        """
        for view in await self.list_accounts(slug):
            if view.id == account_id:
                return view
        raise AccountNotFoundError(slug, account_id)

    async def add(self, slug: str, draft: AccountDraft, session: object = None) -> AccountSnapshot:
        """Add an account, with an imported session if there is one.

        Raises:
            EndpointNotFoundError, InvalidRequestError, StorageError: It can't be added.
        """
        endpoint = self._manager.get(slug)
        state = None if session is None else _parsed(session, endpoint)
        if state is None and (draft.username is None or draft.password is None):
            msg = "An account needs username and password, cookies, or a storage_state."
            raise InvalidRequestError(msg, "password" if draft.username else "username")
        config = AccountConfig(id=f"acc_{secrets.token_hex(8)}", **_values(draft))
        await self._repository.add_account(slug, config)
        if state is not None:
            await self._keep_first_session(slug, config.id, state)
        await self._follow(endpoint)
        return await self.get(slug, config.id)

    async def _keep_first_session(self, slug: str, account_id: str, state: StorageState) -> None:
        """Keep the session of a new account, or not the account either."""
        try:
            await self._sessions_for(slug, account_id).save(state)
        except (StorageError, SessionNotKeptError) as exc:
            await self._repository.delete_account(slug, account_id)
            raise StorageError from exc

    async def update(
        self, slug: str, account_id: str, change: Callable[[AccountConfig], AccountDraft]
    ) -> AccountSnapshot:
        """Change an account; if it waits for a person, it is tried again.

        Raises:
            EndpointNotFoundError, AccountNotFoundError, InvalidRequestError, StorageError: It can't be changed.
        """
        before = await self._changeable(slug, account_id)
        config = AccountConfig(id=account_id, **_values(change(before)))
        await self._repository.update_account(slug, config, AccountStatus())
        endpoint = self._manager.get(slug)
        if endpoint.accounts is None and config.username != before.username:
            # Another person: the session of the one before is not to answer in this one's name.
            await self._sessions_for(slug, account_id).clear()
        if endpoint.accounts is not None:
            await endpoint.accounts.clear(account_id)
        await self._follow(endpoint)
        return await self.get(slug, account_id)

    async def delete(self, slug: str, account_id: str) -> None:
        """Forget an account and its session.

        Raises:
            EndpointNotFoundError, AccountNotFoundError, InvalidRequestError, StorageError: It can't be forgotten.
        """
        await self._changeable(slug, account_id)
        await self._repository.delete_account(slug, account_id)
        await self._follow(self._manager.get(slug))
        await self._sessions_for(slug, account_id).clear()

    async def session(self, slug: str, account_id: str) -> StorageState:
        """Return an account's session, as secret as a password.

        Raises:
            EndpointNotFoundError, AccountNotFoundError: There is no such account, or it has no session.
            AutomationError: Its browser is going away in this moment.
        """
        view = await self.get(slug, account_id)
        accounts = self._manager.get(slug).accounts
        if accounts is not None:
            state = await accounts.session(account_id)
        else:
            state = await self._sessions_for(slug, _session_key(view)).load()
        return state or {"cookies": [], "origins": []}

    async def replace_session(self, slug: str, account_id: str, session: object) -> None:
        """Replace an account's session by an imported one.

        Raises:
            EndpointNotFoundError, AccountNotFoundError, InvalidRequestError: There is no such account, or it is no session.
        """
        view = await self.get(slug, account_id)
        endpoint = self._manager.get(slug)
        state = _parsed(session, endpoint)
        if endpoint.accounts is not None:
            await endpoint.accounts.replace_session(account_id, state)
            return
        sessions = self._sessions_for(slug, _session_key(view))
        await sessions.clear()
        await sessions.save(state)
        if account_id != DEFAULT_ACCOUNT:
            await self._repository.save_status(slug, account_id, AccountStatus())

    async def find_sign_in_host(self, slug: str, account_id: str) -> SignInHost:
        """Return an account's sign-in host.

        Raises:
            EndpointNotFoundError, AccountNotFoundError: There is no such account.
            EndpointNotRunningError: Its endpoint is not started, so that it has no browser.
        """
        await self.get(slug, account_id)
        endpoint = self._manager.get(slug)
        if endpoint.accounts is None:
            raise EndpointNotRunningError(slug, endpoint.state, endpoint.board.reason)
        return _SignInPlace(endpoint.accounts, account_id)

    async def _changeable(self, slug: str, account_id: str) -> AccountConfig:
        """Return what is stored of an account that may be changed."""
        await self.get(slug, account_id)
        if account_id == DEFAULT_ACCOUNT:
            msg = (
                f"Account {DEFAULT_ACCOUNT!r} is what the endpoint's own settings describe: change username and password "
                f"by PATCH /api/endpoints/{slug}, or add an account."
            )
            raise InvalidRequestError(msg, "id")
        for stored in await self._repository.list_accounts(slug):
            if stored.config.id == account_id:
                return stored.config
        raise AccountNotFoundError(slug, account_id)

    @staticmethod
    async def _follow(endpoint: Endpoint) -> None:
        if endpoint.accounts is not None:
            await endpoint.accounts.reload()


def _session_key(account: AccountSnapshot) -> str:
    return session_key(AccountConfig(id=account.id, username=account.username))


def _values(draft: AccountDraft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in AccountDraft.model_fields}


def _parsed(session: object, endpoint: Endpoint) -> StorageState:
    config = endpoint.config
    try:
        return parse_session(session, [config.base_url, config.login_url or config.base_url])
    except SessionImportError as exc:
        raise InvalidRequestError(str(exc), exc.field) from exc
