"""API provider for programs that use this as a library: any preset, through the gateway's own dialects."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from random import SystemRandom
from typing import Any

import anyio
from pydantic import SecretStr

from automation.errors import AutomationError
from automation.library.interface import (
    BaseProvider,
    Messages,
    ProviderContext,
    ProviderResponse,
    ProviderStatus,
    ProviderType,
)
from automation.library.kept_open import KeptOpen
from backend.errors import GatewayError, InvalidRequestError
from backend.providers.api.opener import check_api
from backend.providers.api.reply import CompletionProvider
from backend.providers.library.api_calls import (
    build_completion_head,
    check_body,
    complete,
    only_model,
    opened_api,
    texts_in,
)
from backend.providers.library.api_config import (
    build_codegen_defaults,
    build_endpoint_config,
    own_retries,
    parse_api_config,
)
from backend.providers.library.call_types import CallResult
from backend.providers.library.retries import retry_wait_s

_CHANCE = SystemRandom()


class ApiBasedProvider(BaseProvider):
    """Answers through an API; ``config`` as in ``ApiConfig``."""

    def __init__(
        self,
        name: str,
        provider_type: ProviderType | str = ProviderType.API_BASED,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(name, provider_type, config)
        self._settings = parse_api_config(self.config)
        # Made without a key, so that what is wrong with the rest shows now.
        self._most_retries = own_retries(build_endpoint_config(name, self._settings, None), self._settings)
        self._kept: KeptOpen[CompletionProvider] | None = None
        self._api: CompletionProvider | None = None

    async def initialize(self, context: ProviderContext) -> None:
        """Get ready with the context's ``token`` (or ``api_key``), else the configuration's; nothing is asked yet.

        Raises:
            InvalidRequestError: The key is missing, or the configuration can't work.
        """
        await self.cleanup()
        self.context, self.status = context, ProviderStatus.INITIALIZING
        try:
            endpoint = build_endpoint_config(self.name, self._settings, _find_key(context))
            codegen = build_codegen_defaults(self._settings)
            check_api(endpoint, {}, codegen)
            kept = KeptOpen(opened_api(endpoint, codegen))
            self._api = await kept.open()
        except InvalidRequestError as exc:
            is_key = exc.param == "api_key"
            self.status = ProviderStatus.AUTHENTICATION_REQUIRED if is_key else ProviderStatus.ERROR
            raise
        self._kept, self.status = kept, ProviderStatus.ACTIVE

    async def send_message(self, message: Messages, **kwargs: Any) -> ProviderResponse:
        """Return the answer. ``kwargs`` are fields of OpenAI's chat body, such as ``model`` and ``temperature``.

        Raises:
            RuntimeError: It is not initialized.
        """
        tries = 0
        while True:
            tries += 1
            try:
                result = await self._ask(message, kwargs)
            except (AutomationError, GatewayError) as exc:
                wait_s = self._wait_after(exc, tries)
                if wait_s is None:
                    return ProviderResponse(
                        "", success=False, provider=self.name, error=str(exc), model=kwargs.get("model")
                    )
                await anyio.sleep(wait_s)
            else:
                return build_response(result, self.name)

    async def stream_message(self, message: Messages, **kwargs: Any) -> AsyncIterator[str]:
        """Yield the answer's text while it arrives; asked again only while nothing of it came.

        Raises:
            AutomationError, GatewayError: It failed; what came so far is not the whole answer.
            RuntimeError: It is not initialized.
        """
        tries = 0
        has_begun = False
        while True:
            tries += 1
            try:
                async with aclosing(self._deltas(message, kwargs)) as deltas:
                    async for text in deltas:
                        has_begun = True
                        yield text
            except (AutomationError, GatewayError) as exc:
                wait_s = None if has_begun else self._wait_after(exc, tries)
                if wait_s is None:
                    raise
                await anyio.sleep(wait_s)
            else:
                return

    async def health_check(self) -> bool:
        """Return whether the API is there and takes the key."""
        if self._api is None:
            return False
        return (await self._api.check()).is_healthy

    async def cleanup(self) -> None:
        """Close the connections; harmless where none is open."""
        kept, self._kept, self._api = self._kept, None, None
        self.status = ProviderStatus.INACTIVE
        if kept is not None:
            await kept.close()

    async def models(self) -> list[str]:
        """Return the provider's models; empty where it tells none."""
        return await self._opened_api().models()

    async def _ask(self, message: Messages, fields: Mapping[str, Any]) -> CallResult:
        api = self._opened_api()
        body = await self._body(api, message, fields)
        with self.answering():
            return await complete(api, body)

    async def _deltas(self, message: Messages, fields: Mapping[str, Any]) -> AsyncGenerator[str, None]:
        api = self._opened_api()
        body = {**await self._body(api, message, fields), "stream": True}
        check_body(body)
        with self.answering():
            async with KeptOpen(
                api.open_stream(body, build_completion_head(body), with_usage=False)
            ) as answer:
                async for events in answer:
                    for text in texts_in(events):
                        yield text

    async def _body(
        self, api: CompletionProvider, message: Messages, fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        messages = [{"role": "user", "content": message}] if isinstance(message, str) else list(message)
        model = fields.get("model") or self._settings.default_model
        model = self._settings.model_mapping.get(model, model) if model else await only_model(api)
        return {**fields, "messages": messages, **({"model": model} if model else {})}

    def _opened_api(self) -> CompletionProvider:
        if self._api is None:
            msg = f"the provider {self.name!r} is not open; call initialize() first"
            raise RuntimeError(msg)
        return self._api

    def _wait_after(self, error: Exception, tries: int) -> float | None:
        return retry_wait_s(error, tries, self._most_retries, self._settings.base_delay, _CHANCE.random())


def _find_key(context: ProviderContext) -> SecretStr | None:
    given = context.credentials.get("token") or context.credentials.get("api_key")
    return SecretStr(str(given)) if given else None


def build_response(result: CallResult, provider: str) -> ProviderResponse:
    """Return a whole answer in the form that all providers share."""
    metadata = dict(result.metadata)
    return ProviderResponse(
        result.content,
        success=True,
        provider=provider,
        model=metadata.pop("model", None),
        reasoning=result.reasoning,
        usage=metadata.pop("usage", {}),
        metadata={**metadata, "sources": result.sources},
    )
