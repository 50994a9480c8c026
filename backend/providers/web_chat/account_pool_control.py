"""Controls the accounts of an open endpoint whose browsers run in this process: ``AccountControl`` on an ``AccountPool``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from backend.accounts.open_account import OpenAccount
from backend.accounts.sign_ins import SignInSession
from backend.errors import AccountNotFoundError
from backend.providers.account_control import AccountSnapshot, summarize
from backend.providers.web_chat.account_pool import AccountPool
from backend.providers.web_chat.account_sign_in import AccountSignIn
from backend.providers.web_chat.site_browsers import AccountPages


class AccountPoolControl:
    """An ``AccountControl``; see there what each method does."""

    def __init__(self, account_pool: AccountPool) -> None:
        self._account_pool = account_pool

    async def list_accounts(self) -> list[AccountSnapshot]:
        """Return how each account stands."""
        return [
            summarize(
                member.config,
                member.account_status,
                in_flight=member.usage.in_flight,
                left=None
                if member.limits.max_requests is None
                else int(self._account_pool.requests_left(member)),
                is_awake=member.is_awake,
            )
            for member in self._account_pool.members
        ]

    async def reload(self) -> None:
        """Take on what was stored since."""
        await self._account_pool.reload()

    async def clear(self, account_id: str) -> None:
        """Let an account take turns again."""
        self._member(account_id).clear()

    async def session(self, account_id: str) -> dict[str, Any] | None:
        """Return an account's session."""
        return await self._account_pool.session(self._member(account_id))

    async def replace_session(self, account_id: str, state: dict[str, Any]) -> None:
        """Have an account go on with another session."""
        await self._account_pool.replace_session(self._member(account_id), state)

    async def sign_in_by_form(self, account_id: str) -> None:
        """Sign an account in by the site's form."""
        await AccountSignIn(self._account_pool, self._member(account_id)).sign_in_by_form()

    @asynccontextmanager
    async def open_sign_in(self, account_id: str) -> AsyncIterator[SignInSession]:
        """Open the page on which a person signs an account in."""
        room = AccountSignIn(self._account_pool, self._member(account_id))
        async with room.open_sign_in() as session:
            yield session

    async def is_attended(self) -> bool:
        """Return whether a person is at work on an account that waits for one."""
        return self._account_pool.is_attended

    def _member(self, account_id: str) -> OpenAccount[AccountPages]:
        member = self._account_pool.member(account_id)
        if member is None:
            raise AccountNotFoundError(self._account_pool.plan.slug, account_id)
        return member
