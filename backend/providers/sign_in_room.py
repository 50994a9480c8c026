"""Where an account of a chat page signs in: a ``SignInRoom`` before its browser context."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from automation.web_provider.account import Account
from automation.web_provider.config import WebChatConfig
from automation.web_provider.form_sign_in import sign_in_by_form
from automation.web_provider.interactive_sign_in import InteractiveSignIn, open_interactive_sign_in


@dataclass(frozen=True, slots=True)
class AccountRoom:
    """One account's.

    Attributes:
        put_right: Called when the account is signed in and its sign-in page closed: what waited for a person may go on.
    """

    account: Account
    config: WebChatConfig
    put_right: Callable[[], None]

    @asynccontextmanager
    async def open_sign_in(self) -> AsyncIterator[InteractiveSignIn]:
        """Open the page on which a person signs in; it is closed at the end of the block.

        Raises:
            AutomationError: It can't be opened.
        """
        async with open_interactive_sign_in(self.account, self.config) as sign_in:
            yield sign_in
        if sign_in.status.state == "signed_in":
            self.put_right()

    async def sign_in_by_form(self) -> None:
        """Fill the site's form with the account's credentials.

        Raises:
            AutomationError: The form refused, or the site can't be reached.
        """
        await sign_in_by_form(self.account, self.config)
        self.put_right()
