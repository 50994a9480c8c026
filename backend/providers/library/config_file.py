"""Model of ``config.json``: providers, their accounts and these accounts' rate limits. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from backend.accounts.account_config import AccountConfig, AccountDraft, RateLimits
from backend.errors import InvalidRequestError
from backend.providers.config import BrowserSettings
from backend.providers.fields import HttpAddress
from backend.providers.library.api_config import invalid_config_error

RateLimitConfig = RateLimits


class AccountEntry(AccountDraft):
    """One account: a key of an API, or who signs in on a page, or a session that is signed in already.

    Attributes:
        id: For results and errors; its place in the list where there is none.
        username: Also ``email``.
        api_key: Also ``token``.
        storage_state: Playwright's; ``cookies`` alone will do.
        rate_limit: Its own; what it leaves out is the provider's.
    """

    model_config = ConfigDict(populate_by_name=True)

    id: str | None = None
    username: Annotated[
        str | None, Field(validation_alias=AliasChoices("username", "email"), min_length=1, max_length=300)
    ] = None
    api_key: Annotated[SecretStr | None, Field(validation_alias=AliasChoices("api_key", "token"))] = None
    cookies: list[dict[str, Any]] | None = None
    storage_state: dict[str, Any] | None = None
    rate_limit: RateLimits = RateLimits()

    @property
    def is_of_a_page(self) -> bool:
        """Whether it signs in on a page."""
        return any(given is not None for given in (self.username, self.cookies, self.storage_state))

    @property
    def session(self) -> dict[str, Any]:
        """What it brings of a session, by the names that ``find_session`` knows."""
        given = {"cookies": self.cookies, "storage_state": self.storage_state}
        return {name: value for name, value in given.items() if value is not None}

    def config(self, place: int) -> AccountConfig:
        """Return it as an account of an endpoint."""
        return AccountConfig(
            id=self.name(place),
            username=self.username,
            password=self.password,
            totp_secret=self.totp_secret,
            **self.rate_limit.model_dump(),
        )

    def name(self, place: int) -> str:
        """Return its id, else one of its place in the list."""
        return self.id or f"account-{place + 1}"


class ProviderEntry(BaseModel):
    """One provider: a web chat page where ``profile`` or its accounts say so, else an API.

    Attributes:
        preset: Which API; left out, the provider's own name.
        profile: A page's profile, a name in ``selectors_dir`` or the profile itself; left out, the provider's own name.
        model: Used where a call names no model.
        timeout: Seconds that an API's answer may take to begin, and a page's whole turn may take.
        wait_seconds: Time that a call waits for an account within its rate limit.
        rate_limit: Rate limit of each account.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    type: Literal["api", "web_chat"] | None = None
    preset: str | None = None
    base_url: HttpAddress | None = None
    login_url: HttpAddress | None = None
    profile: str | dict[str, Any] | None = None
    model: str | None = None
    model_mapping: dict[str, str] = Field(default_factory=dict)
    org_id: str | None = None
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    api: dict[str, Any] | None = None
    timeout: Annotated[float, Field(gt=0)] | None = None
    wait_seconds: Annotated[float, Field(ge=0, le=24 * 3600)] = 120.0
    browser_config: BrowserSettings = BrowserSettings()
    accounts: tuple[AccountEntry, ...] = ()
    rate_limit: RateLimits = RateLimits()

    @property
    def is_page(self) -> bool:
        """Whether a chat page answers and not an API."""
        if self.type is not None:
            return self.type == "web_chat"
        return self.profile is not None or any(account.is_of_a_page for account in self.accounts)


class ConfigFile(BaseModel):
    """The whole file.

    Attributes:
        data_dir: Where pages' sessions are kept, sealed, with the key to them.
        selectors_dir: Where profiles are found by name.
        browser_executable: None for the browser that is found.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    providers: dict[str, ProviderEntry]
    data_dir: Path = Path("data")
    selectors_dir: Path = Path("selectors")
    browser_executable: str | None = None


def parse_config(document: Any) -> ConfigFile:
    """Return a configuration, checked.

    Raises:
        InvalidRequestError: ``param`` names the field at fault, such as ``providers.deepseek.accounts.0.email``.
    """
    if not isinstance(document, Mapping):
        msg = "config: must be a JSON object."
        raise InvalidRequestError(msg)
    try:
        return ConfigFile.model_validate(document)
    except ValidationError as exc:
        raise invalid_config_error(exc) from exc
