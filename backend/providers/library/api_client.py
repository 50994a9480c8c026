"""API client of a ``config.json``: its keys are accounts, and a call that fails with one is retried with another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from pydantic import SecretStr

from automation.errors import AutomationError
from backend.accounts.account_config import RateLimits, build_account_limits
from backend.accounts.policy import may_try_another
from backend.errors import GatewayError
from backend.providers.api.client_session import open_api_session
from backend.providers.api.opener import api_opener, check_api
from backend.providers.config import EndpointConfig
from backend.providers.library.api_calls import complete, only_model
from backend.providers.library.api_config import ApiConfig, build_endpoint_config
from backend.providers.library.call_types import AccountSummary, CallParams, CallResult
from backend.providers.library.config_file import AccountEntry, ProviderEntry
from backend.providers.library.exceptions import NoAccountAvailable, all_failed
from backend.providers.library.key_pool import KeyAccount, KeyPool

# An API tells its own limits; without any in the configuration a key is asked as often at once as a program likes.
_AT_ONCE = 100


class ApiClient:
    """Sends calls to one API, with fail-over between its keys."""

    def __init__(self, name: str, entry: ProviderEntry, pool: KeyPool) -> None:
        self._name = name
        self._entry = entry
        self._pool = pool

    def accounts(self) -> list[AccountSummary]:
        """Return every account's state."""
        return self._pool.views()

    async def call(self, params: CallParams) -> CallResult:
        """Return the answer; see ``Provider.call``."""
        tried: list[str] = []
        errors: list[AutomationError | GatewayError] = []
        while True:
            try:
                async with self._pool.lend(tried) as account:
                    tried.append(account.id)
                    return await self._ask(account, params)
            except (AutomationError, GatewayError) as exc:
                errors.append(exc)
                was_asked = len(tried) == len(errors)
                if not (was_asked and self._may_go_on(exc, tried)):
                    raise all_failed(errors) from exc

    async def _ask(self, account: KeyAccount, params: CallParams) -> CallResult:
        model = params.model or self._entry.model
        model = self._entry.model_mapping.get(model, model) if model else await only_model(account.api)
        return await complete(account.api, params.body(model), provider=self._name, account=account.id)

    def _may_go_on(self, error: AutomationError | GatewayError, tried: list[str]) -> bool:
        if isinstance(error, GatewayError) or not may_try_another(error, len(tried)):
            return False
        return self._pool.has_other(tried)


@asynccontextmanager
async def open_api_client(name: str, entry: ProviderEntry) -> AsyncIterator[ApiClient]:
    """Hold an API open with all of its keys; nothing is asked yet.

    Raises:
        InvalidRequestError: The configuration can't work.
        NoAccountAvailable: The API wants a key, and there is no account.
    """
    places = list(enumerate(entry.accounts)) or [(0, AccountEntry())]
    async with open_api_session() as session, AsyncExitStack() as opened:
        accounts = []
        for place, account in places:
            endpoint = _endpoint(name, entry, account.api_key)
            api = await opened.enter_async_context(api_opener(session, {})(endpoint))
            limits = build_account_limits(account.rate_limit, _default_pace(entry))
            accounts.append(KeyAccount(account.name(place), api, limits))
        yield ApiClient(name, entry, KeyPool(accounts, entry.wait_seconds))


def _endpoint(name: str, entry: ProviderEntry, api_key: SecretStr | None) -> EndpointConfig:
    names = ("preset", "base_url", "org_id", "headers", "api", "timeout")
    fields: Mapping[str, object] = {field: getattr(entry, field) for field in names}
    endpoint = build_endpoint_config(name, ApiConfig.model_validate(fields), api_key)
    try:
        check_api(endpoint, {})
    except GatewayError as exc:
        if getattr(exc, "param", None) == "api_key":
            msg = f"providers.{name}.accounts: each account of this API needs an api_key."
            raise NoAccountAvailable(msg) from exc
        raise
    return endpoint


def _default_pace(entry: ProviderEntry) -> RateLimits:
    """Return the rate limits of an account that has none of its own."""
    given = entry.rate_limit.model_dump(exclude_none=True)
    return RateLimits.model_validate({"max_concurrent_requests": _AT_ONCE, **given})
