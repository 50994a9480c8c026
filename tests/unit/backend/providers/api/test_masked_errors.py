"""An endpoint's secrets are in no error, whichever way and in whichever dialect an API repeats them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from automation.errors import AutomationError
from backend.errors import GatewayError
from backend.providers.api.opener import ApiOpener
from backend.providers.api.reply import CompletionProvider
from backend.providers.config import EndpointConfig
from backend.wire.chat_response import CompletionHead
from tests.fakes.echoing_api import CUSTOM, Where, echoing_api

HEAD = CompletionHead("chatcmpl-1", 1, "e/m")
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
KEY = "secret-key-QwertyZuiop/+="
HEADERS = {"x-org": "secret-header-Qwerty", "x-more": "Token secret-token-Qwerty"}
SECRETS = ["secret-key", "secret-hea", "secret-tok", "Qwerty"]
DIALECTS: dict[str, dict[str, Any]] = {
    "openai": {"preset": "openai_compatible"},
    "anthropic": {"preset": "anthropic"},
    "google": {"preset": "google"},
    "ollama": {"preset": "ollama"},
    "custom": {"api": CUSTOM},
    "codegen": {"preset": "codegen", "api": {"org_id": "1"}},
}
PLACES: list[Where] = ["status", "refused", "body", "stream", "late", "line", "cut", "redirect"]


@asynccontextmanager
async def opened(dialect: str, url: str) -> AsyncIterator[CompletionProvider]:
    config = EndpointConfig.model_validate(
        {
            "name": "e",
            "provider_type": "rest_api",
            "base_url": url,
            "api_key": KEY,
            "headers": HEADERS,
            "slug": "e",
            **DIALECTS[dialect],
        }
    )
    async with aiohttp.ClientSession() as session, ApiOpener(session, {}).open(config) as provider:
        yield provider


async def errors_of(provider: CompletionProvider) -> list[BaseException]:
    """What everything raises that a provider can be asked."""
    caught: list[BaseException] = []

    async def streamed() -> None:
        async with provider.open_stream({**BODY, "stream": True}, HEAD, with_usage=True) as stream:
            try:
                async for _ in stream:
                    pass
            except (AutomationError, GatewayError) as exc:
                caught.append(exc)  # as it is before the context is left
                raise

    asked = [
        lambda: provider.complete(BODY, HEAD),
        streamed,
        lambda: provider.embed({"input": "hi", "model": "m"}, "m"),
        provider.models,
    ]
    for ask in asked:
        try:
            await ask()
        except (AutomationError, GatewayError) as exc:
            caught.append(exc)
    return caught


def told(exc: BaseException) -> str:
    """Everything that an error says to anybody."""
    return f"{exc} {exc.args} {vars(exc)}"


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_api_that_repeats_what_it_was_sent_gives_nothing_away(dialect, where, caplog):
    caplog.set_level("DEBUG")
    if dialect == "codegen" and where in {"stream", "late"}:
        pytest.skip("it has no streams")
    async with echoing_api(dialect, where) as url, opened(dialect, url) as provider:
        errors = await errors_of(provider)
        health = await provider.check()

    said = [*map(told, errors), str(health.reason), *(str(vars(record)) for record in caplog.records)]
    assert errors
    assert [words for words in said if any(secret in words for secret in SECRETS)] == []
