"""Loads a program's ``config.json`` and opens its providers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from automation.errors import AutomationError
from automation.library.kept_open import KeptOpen
from backend.errors import GatewayError, InvalidRequestError
from backend.providers.library.call_types import (
    AccountSummary,
    CallParams,
    CallResult,
    PassthroughParser,
    ResponseParser,
)
from backend.providers.library.config_file import ConfigFile, ProviderEntry, parse_config
from backend.providers.library.exceptions import to_public_error


class ProviderClient(Protocol):
    """Protocol of a client of one provider."""

    def accounts(self) -> list[AccountSummary]:
        """Return every account's state."""
        ...

    async def call(self, params: CallParams) -> CallResult:
        """Return the answer."""
        ...


class ConfiguredProvider:
    """One provider of a configuration, open until ``close``; or an ``async with`` block."""

    def __init__(
        self, name: str, kept: KeptOpen[ProviderClient], called: ProviderClient, parser: ResponseParser
    ) -> None:
        self.name = name
        self._kept = kept
        self._called = called
        self._parser = parser

    @property
    def accounts(self) -> list[AccountSummary]:
        """Every account's state now."""
        return self._called.accounts()

    async def call(self, params: CallParams) -> CallResult:
        """Return the whole answer, of whichever account is available; waits for one within its limits.

        Raises:
            APIError: There is none. Which of its kinds (``NoAccountAvailable``, ``TokenExpired``, ``AccountBanned``,
                ``RateLimited``, ``AllRetriesFailed``) tells who should act.
        """
        return self._parser.parse(await self._called.call(params))

    async def close(self) -> None:
        """Let go of everything; harmless a second time."""
        await self._kept.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Config:
    """A configuration, from a JSON file or a dictionary of the same form (docs/library.md).

    Folders in a file are relative to the file.

    Raises:
        InvalidRequestError: It can't be used; ``param`` names the field at fault.
        OSError: The file can't be read.
    """

    def __init__(self, source: str | Path | Mapping[str, Any]) -> None:
        if isinstance(source, Mapping):
            self._file, self._folder = parse_config(source), Path()
        else:
            self._file, self._folder = _read(Path(source)), Path(source).parent
        self._opened = AsyncExitStack()

    @property
    def provider_names(self) -> list[str]:
        """The names that ``create_provider`` knows."""
        return list(self._file.providers)

    async def create_provider(self, name: str, parser: ResponseParser | None = None) -> ConfiguredProvider:
        """Open a provider; ``parser`` reads more out of its answers.

        Raises:
            KeyError: The configuration has none of this name.
            InvalidRequestError: What it says of it can't work; ``param`` names the field at fault.
            APIError: It can't be reached, or has no account.
        """
        if name not in self._file.providers:
            msg = f"there is no provider {name!r}; known: {', '.join(self._file.providers) or 'none'}"
            raise KeyError(msg)
        kept = KeptOpen(self._context(name, self._file.providers[name]))
        try:
            called = await kept.open()
        except AutomationError as exc:
            raise to_public_error(exc) from exc
        except GatewayError as exc:
            if isinstance(exc, InvalidRequestError):
                raise
            raise to_public_error(exc) from exc
        provider = ConfiguredProvider(name, kept, called, parser or PassthroughParser())
        self._opened.push_async_callback(provider.close)
        return provider

    async def close(self) -> None:
        """Close every provider that was created from this."""
        await self._opened.aclose()

    def _context(self, name: str, entry: ProviderEntry) -> AbstractAsyncContextManager[ProviderClient]:
        # Loaded only by a program that has use for it: a page's driver takes 60 MB.
        place = "backend.providers.library"
        if entry.is_page:
            opened: AbstractAsyncContextManager[ProviderClient] = import_module(
                f"{place}.page_client"
            ).open_page_client(name, entry, self._placed())
        else:
            opened = import_module(f"{place}.api_client").open_api_client(name, entry)
        return opened

    def _placed(self) -> ConfigFile:
        """Return the configuration with its folders as they are found from here."""
        folders = {name: self._folder / getattr(self._file, name) for name in ("data_dir", "selectors_dir")}
        return self._file.model_copy(update=folders)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _read(path: Path) -> ConfigFile:
    try:
        return parse_config(json.loads(path.read_text("utf-8")))
    except ValueError as exc:
        raise InvalidRequestError(f"{path.name} is not JSON: {exc}") from exc
