"""Account configuration and stored account status, and the repository protocol for both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from automation.account.credentials import one_time_password
from backend.accounts.policy import AccountLimits
from backend.accounts.states import AccountState

DEFAULT_ACCOUNT = "default"

T = TypeVar("T")


class RateLimits(BaseModel):
    """Rate limits of an account; None means the endpoint's.

    Attributes:
        max_requests_per_period: Within any ``period_seconds`` seconds.
        min_delay_between_requests: Seconds between the beginnings of two requests.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    max_requests_per_period: Annotated[int, Field(gt=0, le=1_000_000_000)] | None = None
    period_seconds: Annotated[float, Field(gt=0, le=31 * 24 * 3600)] | None = None
    min_delay_between_requests: Annotated[float, Field(ge=0, le=24 * 3600)] | None = None
    max_concurrent_requests: Annotated[int, Field(gt=0, le=100)] | None = None


class AccountDraft(RateLimits):
    """An account as its operator describes it.

    Attributes:
        totp_secret: Base32, as the site shows it beside its QR code; one-time passwords are made from it.
    """

    username: Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = (
        None
    )
    password: Annotated[SecretStr, Field(min_length=1, max_length=10_000)] | None = None
    totp_secret: Annotated[SecretStr, Field(min_length=1, max_length=1_000)] | None = None

    @field_validator("password", "totp_secret")
    @classmethod
    def _is_unicode(cls, secret: SecretStr | None) -> SecretStr | None:
        try:
            (secret.get_secret_value() if secret else "").encode()
        except UnicodeEncodeError:
            # From another error the secret could be read.
            msg = "must be Unicode text"
            raise ValueError(msg) from None
        return secret

    @field_validator("totp_secret")
    @classmethod
    def _is_base32(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is None:
            return None
        try:
            one_time_password(secret.get_secret_value(), 0.0)
        except ValueError as exc:
            msg = "must be base32, as the site shows it beside its QR code (letters and the digits 2 to 7)"
            raise ValueError(msg) from exc
        return secret


class AccountConfig(AccountDraft):
    """A draft with its id."""

    id: str


def own_account(username: str | None, password: SecretStr | None) -> AccountConfig:
    """Return the account that an endpoint's own settings describe."""
    return AccountConfig(id=DEFAULT_ACCOUNT, username=username, password=password)


def session_key(account: AccountConfig) -> str:
    """Return the name under which an account's session is kept: the endpoint's own has always had its user name."""
    return (account.username or account.id) if account.id == DEFAULT_ACCOUNT else account.id


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """Stored status of an account.

    Attributes:
        reason: Why it can't be used, with the site's words where there were any.
        until: End of the site's rate limit; None without one.
    """

    state: AccountState = AccountState.IDLE
    reason: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account as it is stored."""

    config: AccountConfig
    account_status: AccountStatus
    created_at: datetime


class AccountRepository(Protocol):
    """Stores accounts, their secrets encrypted. Every method raises ``StorageError``."""

    async def list_accounts(self, slug: str) -> list[StoredAccount]:
        """Return an endpoint's accounts, oldest first.

        Raises:
            VaultError: A secret can't be read.
        """
        ...

    async def add_account(self, slug: str, config: AccountConfig) -> StoredAccount:
        """Keep a new account."""
        ...

    async def update_account(self, slug: str, config: AccountConfig, account_status: AccountStatus) -> None:
        """Replace what is kept of an account."""
        ...

    async def save_status(self, slug: str, account_id: str, account_status: AccountStatus) -> None:
        """Store an account's status."""
        ...

    async def delete_account(self, slug: str, account_id: str) -> None:
        """Forget an account."""
        ...


def build_account_limits(account: RateLimits, endpoint: RateLimits) -> AccountLimits:
    """Return an account's own limits, with the endpoint's where it has none."""
    paces = (account, endpoint)
    return AccountLimits(
        max_requests=_first(None, (pace.max_requests_per_period for pace in paces)),
        period_s=_first(60.0, (pace.period_seconds for pace in paces)),
        min_delay_s=_first(0.0, (pace.min_delay_between_requests for pace in paces)),
        at_once=_first(1, (pace.max_concurrent_requests for pace in paces)),
    )


def _first(default: T, values: Iterable[T | None]) -> T:
    return next((value for value in values if value is not None), default)
