"""The accounts of every endpoint: added, changed and removed here, whether the endpoint is open or not."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
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
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.manager import EndpointManager
from backend.errors import (
    AccountNotFoundError,
    EndpointNotRunningError,
    InvalidRequestError,
    StorageError,
)
from backend.providers.kinds import SessionsFor
from backend.providers.web_chat.account_pool import AccountPool
from backend.providers.web_chat.account_sign_in import AccountSignIn


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account as it can be shown.

    Attributes:
        in_flight: Turns that run on it.
        left: Requests that it may still be asked in its period; None without a limit.
        is_awake: Its pages are open.
    """

    config: AccountConfig
    standing: AccountStatus
    in_flight: int = 0
    left: int | None = None
    is_awake: bool = False


class AccountManager:
    """Keeps accounts, and has open endpoints follow what is changed."""

    def __init__(
        self, manager: EndpointManager, repository: AccountRepository, sessions_for: SessionsFor
    ) -> None:
        self._manager = manager
        self._repository = repository
        self._sessions_for = sessions_for

    async def list_accounts(self, slug: str) -> list[AccountView]:
        """Return an endpoint's accounts, oldest first; its own one is there while no other is, or while it has a user name.

        Raises:
            EndpointNotFoundError, StorageError, VaultError: They can't be listed.
        """
        endpoint = self._manager.get(slug)
        if endpoint.roster is not None:
            return _of_roster(endpoint.roster)
        stored = await self._repository.list_accounts(slug)
        views = [AccountView(one.config, one.standing) for one in stored]
        own = own_account(endpoint.config.username, endpoint.config.password)
        return [AccountView(own, AccountStatus()), *views] if own.username or not views else views

    async def get(self, slug: str, account_id: str) -> AccountView:
        """Return one account.

        Raises:
            EndpointNotFoundError, AccountNotFoundError, StorageError, VaultError: There is none, or it can't be read.
        """
        for view in await self.list_accounts(slug):
            if view.config.id == account_id:
                return view
        raise AccountNotFoundError(slug, account_id)

    async def add(self, slug: str, draft: AccountDraft, session: object = None) -> AccountView:
        """Add an account, with a session that was brought along if there is one.

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
    ) -> AccountView:
        """Change an account; what it waited for a person for is taken as put right.

        Raises:
            EndpointNotFoundError, AccountNotFoundError, InvalidRequestError, StorageError: It can't be changed.
        """
        view = await self._changeable(slug, account_id)
        config = AccountConfig(id=account_id, **_values(change(view.config)))
        await self._repository.update_account(slug, config, AccountStatus())
        endpoint = self._manager.get(slug)
        if endpoint.roster is None and config.username != view.config.username:
            # Another person: the session of the one before is not to answer in this one's name.
            await self._sessions_for(slug, account_id).clear()
        if endpoint.roster is not None and (member := endpoint.roster.member(account_id)) is not None:
            member.clear()
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
        roster = self._manager.get(slug).roster
        member = roster.member(account_id) if roster is not None else None
        if roster is not None and member is not None:
            state = await roster.session(member)
        else:
            state = await self._sessions_for(slug, session_key(view.config)).load()
        return state or {"cookies": [], "origins": []}

    async def replace_session(self, slug: str, account_id: str, session: object) -> None:
        """Have an account go on with a session that was brought.

        Raises:
            EndpointNotFoundError, AccountNotFoundError, InvalidRequestError: There is no such account, or it is no session.
        """
        view = await self.get(slug, account_id)
        endpoint = self._manager.get(slug)
        state = _parsed(session, endpoint)
        member = endpoint.roster.member(account_id) if endpoint.roster is not None else None
        if endpoint.roster is not None and member is not None:
            await endpoint.roster.replace_session(member, state)
            return
        sessions = self._sessions_for(slug, session_key(view.config))
        await sessions.clear()
        await sessions.save(state)
        if account_id != DEFAULT_ACCOUNT:
            await self._repository.save_standing(slug, account_id, AccountStatus())

    async def find_sign_in_host(self, slug: str, account_id: str) -> AccountSignIn:
        """Return where an account signs in.

        Raises:
            EndpointNotFoundError, AccountNotFoundError: There is no such account.
            EndpointNotRunningError: Its endpoint is not started, so that it has no browser.
        """
        endpoint = self._manager.get(slug)
        if endpoint.roster is None:
            await self.get(slug, account_id)
            raise EndpointNotRunningError(slug, endpoint.state, endpoint.board.reason)
        member = endpoint.roster.member(account_id)
        if member is None:
            raise AccountNotFoundError(slug, account_id)
        return AccountSignIn(endpoint.roster, member)

    async def _changeable(self, slug: str, account_id: str) -> AccountView:
        view = await self.get(slug, account_id)
        if account_id == DEFAULT_ACCOUNT:
            msg = (
                f"Account {DEFAULT_ACCOUNT!r} is what the endpoint's own settings describe: change username and password "
                f"by PATCH /api/endpoints/{slug}, or add an account."
            )
            raise InvalidRequestError(msg, "id")
        return view

    @staticmethod
    async def _follow(endpoint: Endpoint) -> None:
        if endpoint.roster is not None:
            await endpoint.roster.reload()


def _of_roster(roster: AccountPool) -> list[AccountView]:
    return [
        AccountView(
            member.config,
            member.standing,
            in_flight=member.usage.in_flight,
            left=None if member.limits.max_requests is None else int(roster.requests_left(member)),
            is_awake=member.is_awake,
        )
        for member in roster.members
    ]


def _values(draft: AccountDraft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in AccountDraft.model_fields}


def _parsed(session: object, endpoint: Endpoint) -> StorageState:
    config = endpoint.config
    try:
        return parse_session(session, [config.base_url, config.login_url or config.base_url])
    except SessionImportError as exc:
        raise InvalidRequestError(str(exc), exc.field) from exc
