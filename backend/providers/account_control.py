"""Protocol for listing, changing and signing in the accounts of an open endpoint, in whatever process they live."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from backend.accounts.account_config import AccountConfig, AccountStatus, RateLimits
from backend.accounts.sign_ins import SignInSession


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """One account as it can be shown: plain data, without its secrets.

    Attributes:
        pace: Its own limits; None in a field means as the endpoint says.
        in_flight: Turns that run on it.
        left: Requests that it may still be asked in its period; None without a limit.
        is_awake: Its pages are open.
    """

    id: str
    username: str | None = None
    has_password: bool = False
    has_totp_secret: bool = False
    pace: RateLimits = field(default_factory=RateLimits)
    account_status: AccountStatus = field(default_factory=AccountStatus)
    in_flight: int = 0
    left: int | None = None
    is_awake: bool = False


def summarize(
    config: AccountConfig,
    account_status: AccountStatus,
    *,
    in_flight: int = 0,
    left: int | None = None,
    is_awake: bool = False,
) -> AccountSnapshot:
    """Return what may be shown of an account."""
    return AccountSnapshot(
        id=config.id,
        username=config.username,
        has_password=config.password is not None,
        has_totp_secret=config.totp_secret is not None,
        pace=RateLimits(**{name: getattr(config, name) for name in RateLimits.model_fields}),
        account_status=account_status,
        in_flight=in_flight,
        left=left,
        is_awake=is_awake,
    )


class AccountControl(Protocol):
    """The accounts of one open endpoint, named by their ids; what goes in and out is plain data.

    So they may live in another process. A method that names an account raises ``AccountNotFoundError`` where there is none
    of this id, and ``AutomationError`` where its browser can't be used.
    """

    async def list_accounts(self) -> list[AccountSnapshot]:
        """Return the accounts that take turns, oldest first."""
        ...

    async def reload(self) -> None:
        """Take on what was stored since, and let go of accounts that are no more.

        Raises:
            StorageError, VaultError: They can't be read.
        """
        ...

    async def clear(self, account_id: str) -> None:
        """Note that a person has put an account right; it takes turns again."""
        ...

    async def session(self, account_id: str) -> dict[str, Any] | None:
        """Return an account's session as it is now (Playwright's ``storage_state``); None where there is none."""
        ...

    async def replace_session(self, account_id: str, state: dict[str, Any]) -> None:
        """Have an account go on with another session; what it waited for a person for is over."""
        ...

    async def sign_in_by_form(self, account_id: str) -> None:
        """Fill the site's form with an account's credentials."""
        ...

    def open_sign_in(self, account_id: str) -> AbstractAsyncContextManager[SignInSession]:
        """Open the page on which a person signs an account in; it is closed at the end of the block."""
        ...

    async def is_attended(self) -> bool:
        """Return whether a person is at work on an account that waits for one, so that requests wait as well."""
        ...
