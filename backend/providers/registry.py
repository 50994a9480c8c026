"""Registry of provider kinds, and opening of what they share."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from automation.browser.capacity import default_max_streaming
from automation.browser.discovery import find_browser
from automation.errors import BrowserUnavailableError
from automation.owned_tasks import owned_tasks
from automation.workbench.report import TrialReport
from backend.providers.api.client_session import open_api_session
from backend.providers.api.codegen.runs import CodegenDefaults
from backend.providers.api.opener import API_TRAITS, api_opener, check_api, native_apis_of
from backend.providers.config import EndpointConfig
from backend.providers.kinds import AccountStores, OpenedProviders, TrialOrder
from backend.providers.protocol import PageProvider, ProviderKind
from backend.providers.web_chat.profile_source import read_profile, resolve_profile
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.providers.web_chat.pages import OpenedPages


@asynccontextmanager
async def open_providers(settings: Settings, stores: AccountStores) -> AsyncIterator[OpenedProviders]:
    """Hand out the openers; browsers start when the first endpoint needs one, and end with the context."""
    codegen = CodegenDefaults(
        settings.codegen_base_url,
        settings.codegen_org_id,
        settings.codegen_default_model,
        settings.codegen_timeout,
        settings.codegen_max_retries,
        settings.codegen_base_delay,
    )

    def check_key(config: EndpointConfig) -> None:
        check_api(config, settings.provider_keys, codegen)

    def check_profile(config: EndpointConfig) -> None:
        read_profile(config, settings.profile_folders)

    checks = {"web_chat": check_profile, "rest_api": check_key, "api_token": check_key}
    pages = _Pages(settings, stores)
    async with (
        open_api_session() as session,
        owned_tasks() as tasks,
    ):
        tasks.start_soon(pages.keep)
        api = ProviderKind(api_opener(session, settings.provider_keys, codegen), API_TRAITS, native_apis_of)
        kinds = {"rest_api": api, "api_token": api}
        yield OpenedProviders(
            kinds,
            lambda config: checks[config.provider_type](config),
            pages.status,
            {"web_chat": pages.open},
            pages.try_profile,
        )


class _Pages:
    """Browser pool that is opened, and its drivers imported, with the first page.

    A browser's driver takes 60 MB and a third of a second to import, which a gateway of APIs alone has no use for.
    """

    def __init__(self, settings: Settings, stores: AccountStores) -> None:
        self._settings = settings
        self._stores = stores
        self._is_wanted = anyio.Event()
        self._is_there = anyio.Event()
        self._pages: OpenedPages | None = None

    async def keep(self) -> None:
        """Hold the pool from when it is wanted until the task is cancelled: it must be left by whoever entered it."""
        await self._is_wanted.wait()
        # In a thread: on a busy machine it takes seconds, in which requests would find nobody.
        pages = await anyio.to_thread.run_sync(import_module, "backend.providers.web_chat.pages")
        async with pages.open_pages(self._settings, self._stores) as self._pages:
            self._is_there.set()
            await anyio.sleep_forever()

    async def try_profile(self, order: TrialOrder) -> TrialReport:
        """Be a ``TryProfile``."""
        profile = resolve_profile(order.profile, self._settings.profile_folders, "<request>")
        return await (await self._opened()).try_profile(order, profile)

    async def _opened(self) -> OpenedPages:
        self._is_wanted.set()
        await self._is_there.wait()
        assert self._pages is not None
        return self._pages

    @asynccontextmanager
    async def open(self, config: EndpointConfig) -> AsyncIterator[PageProvider]:
        """Be a ``PageProviderOpener``."""
        async with (await self._opened()).open(config) as provider:
            yield provider

    def status(self) -> dict[str, Any]:
        """Describe the pool, as ``BrowserPool.status`` does, also before there is one."""
        if self._pages is not None:
            return self._pages.status()
        settings, executable, problem = self._settings, None, None
        try:
            executable = str(find_browser(settings.browser_executable).executable)
        except BrowserUnavailableError as exc:
            problem = str(exc)
        return {
            "executable": executable,
            "browsers": 0,
            "ended": {},
            "pages": 0,
            "max_pages": settings.max_pages,
            "streaming": 0,
            "waiting_to_stream": 0,
            "max_streaming": settings.max_streaming or default_max_streaming(os.cpu_count() or 1),
            "problem": problem,
        }
