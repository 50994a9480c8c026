"""No-op account and conversation methods shared by API providers."""

from __future__ import annotations

import anyio

from automation.errors import AutomationError
from automation.turn import ChatLink
from backend.providers.account_control import AccountControl


class WithoutAccounts:
    """No-op account and conversation methods of a ``Provider``."""

    @property
    def problem(self) -> AutomationError | None:
        """None: a problem is known only after a request."""
        return None

    @property
    def accounts(self) -> AccountControl | None:
        """None: there are no accounts."""
        return None

    async def until_changed(self) -> None:
        """Wait for ever."""
        await anyio.sleep_forever()

    async def forget_chat(self, chat: ChatLink) -> bool:  # noqa: ARG002  there are none
        """Return False."""
        return False
