"""Sign-in host for one account of an open endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from automation.errors import AutomationError, PoolFullError
from automation.owned_tasks import owned_tasks
from backend.accounts.open_account import OpenAccount
from backend.accounts.sign_ins import SignInSession
from backend.accounts.states import AccountState
from backend.providers.web_chat.account_pool import AccountPool
from backend.providers.web_chat.site_browsers import AccountPages


class AccountSignIn:
    """Sign-in host of one account, which takes turns again afterwards."""

    def __init__(self, account_pool: AccountPool, member: OpenAccount[AccountPages]) -> None:
        self._account_pool = account_pool
        self._member = member

    @asynccontextmanager
    async def open_sign_in(self) -> AsyncIterator[SignInSession]:
        """Open the page on which a person signs in; it is closed at the end of the block.

        Raises:
            AutomationError: There is no such page now.
        """
        member = self._member
        with member.kept_awake():
            async with AsyncExitStack() as page:
                session = await self._opened(page)
                async with owned_tasks() as tasks:
                    tasks.start_soon(_end_with, member, session)
                    yield session
            if session.status.state == "signed_in":
                member.clear()

    async def _opened(self, page: AsyncExitStack) -> SignInSession:
        """Open the page; where all pages are taken, evict another account's."""
        member, browsers = self._member, self._account_pool.plan.browsers
        expects_check = member.state is AccountState.NEED_CAPTCHA
        while True:
            try:
                return await page.enter_async_context(
                    browsers.open_sign_in(member.config, expects_check=expects_check)
                )
            except PoolFullError:
                if not await self._account_pool.make_room(member):
                    raise

    async def sign_in_by_form(self) -> None:
        """Fill the site's form with the account's credentials.

        Raises:
            AutomationError: It refused, or could not be filled.
        """
        member = self._member
        with member.kept_awake():
            try:
                await self._account_pool.plan.browsers.sign_in_by_form(member.config)
            except AutomationError as exc:
                self._account_pool.note_failure(member, exc)
                raise
        member.clear()


async def _end_with(member: OpenAccount[AccountPages], session: SignInSession) -> None:
    """End a sign-in when its account is removed, changed or closed: its success would be lost."""
    await member.ended.wait()
    session.cancel()
