"""Chat-page client of a ``config.json``: the gateway's account pool, each account with its browser context."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from pydantic import ValidationError

from automation.account.session_import import find_session
from automation.browser.pool import open_browser_pool
from automation.errors import AutomationError
from automation.owned_tasks import owned_tasks
from automation.profiles.loader import SHIPPED_PROFILES
from automation.turn import Prompt, ReasoningDelta, SourceFound, TurnEvent, TurnFinished, join_answer
from backend.accounts.browser_profiles import BrowserProfiles
from backend.accounts.sealed_sessions import SealedSessions
from backend.accounts.states import AccountState
from backend.accounts.vault import Vault
from backend.errors import GatewayError, InvalidRequestError
from backend.providers.account_control import AccountSnapshot
from backend.providers.config import EndpointConfig
from backend.providers.kinds import AccountStores
from backend.providers.library.api_config import invalid_config_error, validate_endpoint
from backend.providers.library.call_types import AccountSummary, CallParams, CallResult
from backend.providers.library.config_file import ConfigFile, ProviderEntry
from backend.providers.library.exceptions import to_public_error
from backend.providers.library.stored_sessions import MemoryAccounts, SessionFiles
from backend.providers.protocol import PageProvider
from backend.providers.web_chat.opener import web_chat_opener
from backend.security.secret_files import load_or_create_secret
from backend.wire.chat_request import PinnedChatRequest
from backend.wire.translate import translate_messages

_MOST_PAGES = 12


class PageClient:
    """Sends calls to a chat page through its accounts, which fail over among themselves."""

    def __init__(self, name: str, entry: ProviderEntry, pages: PageProvider) -> None:
        self._name = name
        self._entry = entry
        self._pages = pages
        self._accounts: list[AccountSnapshot] = []

    def accounts(self) -> list[AccountSummary]:
        """Return how each account stands, as it was told when one last changed or a call ended."""
        now = datetime.now(UTC)
        return [_view_at(one, now) for one in self._accounts]

    async def refresh(self) -> None:
        """Ask how the accounts stand."""
        if self._pages.accounts is not None:
            self._accounts = await self._pages.accounts.list_accounts()

    async def follow(self) -> None:
        """Ask again whenever an account changes; for ever."""
        while True:
            await self._pages.until_changed()
            await self.refresh()

    async def call(self, params: CallParams) -> CallResult:
        """Return the answer; see ``Provider.call``."""
        model = params.model or self._entry.model
        model = self._entry.model_mapping.get(model, model) if model else None
        try:
            prompt = _prompt(params, model)
            async with self._pages.open_turn(prompt) as events:
                found = [event async for event in events]
        except (AutomationError, GatewayError) as exc:
            raise to_public_error(exc) from exc
        finally:
            await self.refresh()
        return _result(found, provider=self._name, model=model, ignored=_ignored(params))


def _view_at(account: AccountSnapshot, now: datetime) -> AccountSummary:
    """Return how an account stands, whose limit at the site ends by itself."""
    account_status = account.account_status
    if account_status.until is not None and account_status.until <= now:
        return AccountSummary(account.id, AccountState.IDLE)
    return AccountSummary(account.id, AccountState(account_status.state), account_status.reason)


@asynccontextmanager
async def open_page_client(name: str, entry: ProviderEntry, file: ConfigFile) -> AsyncIterator[PageClient]:
    """Hold a chat page open with its accounts; the first that can be is signed in.

    Raises:
        InvalidRequestError: The configuration can't work.
        AutomationError: The page can't be used by any account.
    """
    endpoint = _endpoint(name, entry)
    accounts = [account.config(place) for place, account in enumerate(entry.accounts)]
    vault = Vault(load_or_create_secret(file.data_dir / "secret_key")[0])
    files = SessionFiles(file.data_dir / "sessions")

    def sessions_for(slug: str, account: str) -> SealedSessions:
        return SealedSessions(files, vault, slug, account)

    for place, account in enumerate(entry.accounts):
        await _bring(sessions_for(name, account.name(place)), account.session, endpoint.base_url)
    profiles = BrowserProfiles(file.data_dir / "profiles", vault)
    await profiles.seal_left()
    stores = AccountStores(
        accounts=MemoryAccounts({name: accounts}), sessions_for=sessions_for, profiles_for=profiles.profile
    )
    async with open_browser_pool(file.browser_executable, _MOST_PAGES) as pool:
        folders = (file.selectors_dir, SHIPPED_PROFILES)
        opener = web_chat_opener(pool, stores, profile_folders=folders, headless=True)
        async with opener(endpoint) as pages, owned_tasks() as tasks:
            called = PageClient(name, entry, pages)
            await called.refresh()
            tasks.start_soon(called.follow)
            yield called


async def _bring(store: SealedSessions, given: dict[str, object], base_url: str) -> None:
    """Store a session that the configuration contains, unless a later one is stored already."""
    try:
        state = find_session(given, base_url)
    except ValueError as exc:
        raise InvalidRequestError(f"accounts: {exc}", "accounts") from exc
    if state is not None and await store.load() is None:
        await store.save(state)


def _endpoint(name: str, entry: ProviderEntry) -> EndpointConfig:
    if entry.base_url is None:
        field = f"providers.{name}.base_url"
        raise InvalidRequestError(f"{field}: is missing: where is the chat page?", field)
    return validate_endpoint(
        name,
        f"providers.{name}",
        provider_type="web_chat",
        base_url=entry.base_url,
        login_url=entry.login_url,
        profile=entry.profile or name,
        timeout_seconds=entry.timeout,
        browser_config=entry.browser_config,
        **entry.rate_limit.model_dump(exclude_none=True),
    )


def _prompt(params: CallParams, model: str | None) -> Prompt:
    try:
        request = PinnedChatRequest.model_validate({"messages": [dict(m) for m in params.messages]})
    except ValidationError as exc:
        raise invalid_config_error(exc) from exc
    return replace(translate_messages(request.messages, model), is_throwaway=True)


def _ignored(params: CallParams) -> list[str]:
    """Return the parameters that a page does not support."""
    switches = {"enable_thinking": params.enable_thinking, "enable_search": params.enable_search}
    return sorted([*(name for name, is_on in switches.items() if is_on), *params.extra])


def _result(events: list[TurnEvent], *, model: str | None, **metadata: object) -> CallResult:
    end = events[-1]
    assert isinstance(end, TurnFinished)
    return CallResult(
        raw_response=events,
        content=join_answer(events),
        reasoning="".join(event.text for event in events if isinstance(event, ReasoningDelta)) or None,
        sources=[
            {"url": event.url, "title": event.title} for event in events if isinstance(event, SourceFound)
        ],
        metadata={"model": model, "finish_reason": end.finish_reason, **metadata},
    )
