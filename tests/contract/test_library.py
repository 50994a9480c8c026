"""Programs that use this as a library, in front of an API on a socket: retries, accounts, streams, every dialect."""

from __future__ import annotations

import asyncio
import gc
import json

import pytest

from automation.errors import RateLimitedError, SiteError
from automation.library.interface import ProviderContext, ProviderStatus
from backend.errors import InvalidRequestError
from backend.providers import CallParams, Config, ProviderFactory, ProviderManager
from backend.providers.library.exceptions import (
    AllRetriesFailed,
    APIError,
    NoAccountAvailable,
    RateLimited,
    TokenExpired,
)
from tests.fakes.scripted_api import STREAM_HEAD, ScriptedApi, completion, delta, streams
from tests.fakes.scripted_api import answers as answers_and_leaves

ERROR = {"error": {"message": "overloaded", "type": "server_error"}}
REFUSED = {"error": {"message": "bad key", "type": "invalid_request_error", "code": "invalid_api_key"}}
HELLO = CallParams([{"role": "user", "content": "Hello!"}])

GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "fine"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4},
}
CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "fine"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 1},
}
LLAMA = {
    "model": "m",
    "message": {"role": "assistant", "content": "fine"},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 3,
    "eval_count": 1,
}


def answers(document, status=200, headers=None):
    """A whole response that says that the connection ends with it: the next request comes at once, and must not use it."""
    return answers_and_leaves(document, status, {"connection": "close", **(headers or {})})


def made(api: ScriptedApi, name: str = "mine", **config: object):
    return ProviderFactory.create_provider(name, {"base_url": api.url, "base_delay": 0.01, **config})


@pytest.mark.parametrize(
    ("name", "answer", "path"),
    [
        ("openai", completion("fine"), "/v1/chat/completions"),
        ("anthropic", CLAUDE, "/v1/messages"),
        ("google", GEMINI, "/v1/models/m:generateContent"),
        ("ollama", LLAMA, "/v1/api/chat"),
    ],
)
async def test_every_dialect_answers_by_its_presets_name(api, name, answer, path):
    api.plays(answers(answer))
    async with made(api, name, default_model="m") as provider:
        await provider.initialize(ProviderContext(name, "token", {"token": "up-key"}))

        response = await provider.send_message([{"role": "user", "content": "Hello"}])

    assert (response.content, response.success, response.error) == ("fine", True, None)
    assert response.usage["total_tokens"] > 0
    assert api.asked[0].path == path
    assert any("up-key" in value for value in api.asked[0].headers.values()) or name == "ollama"


async def test_what_may_pass_is_asked_again(api):
    api.plays(answers(ERROR, 500), answers(ERROR, 429, {"retry-after": "0"}), answers(completion("fine")))
    async with made(api) as provider:
        await provider.initialize(ProviderContext("mine"))

        response = await provider.send_message("Hello", temperature=0.5)

    assert response.content == "fine"
    assert [asked.json["temperature"] for asked in api.asked] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("script", "tries", "status"),
    [
        (answers(ERROR, 500), 3, ProviderStatus.ERROR),
        (answers(ERROR, 429, {"retry-after": "90"}), 1, ProviderStatus.RATE_LIMITED),
        (answers(REFUSED, 401), 1, ProviderStatus.AUTHENTICATION_REQUIRED),
        (answers({"choices": []}), 3, ProviderStatus.ERROR),
    ],
)
async def test_a_failure_that_stays_is_told_and_never_an_answer(api, script, tries, status):
    api.plays(script)
    async with made(api) as provider:
        await provider.initialize(ProviderContext("mine"))

        response = await provider.send_message("Hello")
        after = provider.status

    assert (response.success, response.content, after) == (False, "", status)
    assert response.error
    assert len(api.asked) == tries


async def test_a_stream_is_begun_anew_only_while_nothing_of_it_came(api):
    api.plays(answers(ERROR, 500), streams("fi", "ne"))
    async with made(api) as provider:
        await provider.initialize(ProviderContext("mine"))
        whole = [text async for text in provider.stream_message("Hello")]
        api.plays([STREAM_HEAD, delta(content="half"), "hang up"])
        got: list[str] = []

        async def read() -> None:
            async for text in provider.stream_message("Hello"):
                got.append(text)  # noqa: PERF401  the list must be there when it breaks off

        with pytest.raises(SiteError):
            await read()

    assert ("".join(whole), got) == ("fine", ["half"])
    assert len(api.asked) == 3


async def test_a_stream_that_is_left_or_dropped_ends_at_the_api(api):
    api.plays([STREAM_HEAD, delta(content="Hello"), asyncio.Event()])
    async with made(api) as provider, ProviderManager() as manager:
        await manager.add_provider(provider, ProviderContext("mine"))
        texts = manager.stream_message("mine", "Hello")
        first = await anext(texts)

        del texts
        gc.collect()
        async with asyncio.timeout(60):
            await api.left.wait()

    assert first == "Hello"


async def test_an_api_that_needs_a_key_is_not_opened_without(api):
    provider = made(api, "openai")

    with pytest.raises(InvalidRequestError, match="api_key is missing"):
        await provider.initialize(ProviderContext("openai"))
    assert provider.status is ProviderStatus.AUTHENTICATION_REQUIRED
    with pytest.raises(RuntimeError, match="initialize"):
        await provider.send_message("Hello")


async def test_a_field_of_another_kind_is_refused_before_anything_is_sent(api):
    async with made(api) as provider:
        await provider.initialize(ProviderContext("mine"))

        response = await provider.send_message("Hello", temperature="hot")
        with pytest.raises(InvalidRequestError):
            await anext(provider.stream_message("Hello", temperature="hot"))

    assert "temperature" in str(response.error)
    assert api.asked == []


def configured(api: ScriptedApi, *keys: str, **entry: object) -> Config:
    accounts = [{"id": key, "api_key": key} for key in keys]
    return Config({"providers": {"p": {"base_url": api.url, "model": "m", "accounts": accounts, **entry}}})


def keys_asked(api: ScriptedApi) -> list[str]:
    return [asked.headers["authorization"].removeprefix("Bearer ") for asked in api.asked]


async def test_a_call_that_one_account_fails_is_asked_of_another(api):
    api.plays(answers(REFUSED, 401), answers(ERROR, 429), answers(completion("fine")))
    async with configured(api, "a", "b", "c") as config:
        provider = await config.create_provider("p")

        result = await provider.call(HELLO)
        again = await provider.call(HELLO)
        states = [(one.id, one.status.value) for one in provider.accounts]

    assert (result.content, result.metadata["account"], again.metadata["account"]) == ("fine", "c", "c")
    assert keys_asked(api) == ["a", "b", "c", "c"]
    assert states == [("a", "need_login"), ("b", "rate_limited"), ("c", "idle")]


@pytest.mark.parametrize(
    ("keys", "script", "error"),
    [
        (["a"], answers(REFUSED, 401), TokenExpired),
        (["a"], answers(ERROR, 429, {"retry-after": "7"}), RateLimited),
        (["a"], answers(ERROR, 500), APIError),
        (["a", "b"], answers(ERROR, 500), AllRetriesFailed),
        (["a", "b"], answers({"error": {"message": "no", "type": "invalid_request_error"}}, 400), APIError),
    ],
)
async def test_a_call_that_nobody_answers_tells_why(api, keys, script, error):
    api.plays(script)
    async with configured(api, *keys) as config:
        provider = await config.create_provider("p")

        with pytest.raises(APIError) as caught:
            await provider.call(HELLO)

    assert type(caught.value) is error
    is_about_the_request = keys == ["a", "b"] and error is APIError
    assert len(api.asked) == (1 if is_about_the_request else len(keys))


async def test_an_accounts_limits_are_kept(api):
    api.plays(answers(completion("fine")))
    limits = {"max_requests_per_period": 1, "period_seconds": 60.0}
    async with configured(api, "a", "b", rate_limit=limits, wait_seconds=0) as config:
        provider = await config.create_provider("p")
        await provider.call(HELLO)
        await provider.call(HELLO)

        with pytest.raises(RateLimited) as caught:
            await provider.call(HELLO)

    assert caught.value.retry_after_s > 50
    assert keys_asked(api) == ["a", "b"]


async def test_calls_at_once_are_spread_over_the_accounts(api):
    api.plays(answers(completion("fine")))
    async with configured(api, "a", "b") as config:
        provider = await config.create_provider("p")

        async with asyncio.TaskGroup() as tasks:
            for _ in range(8):
                tasks.create_task(provider.call(HELLO))

    assert sorted(keys_asked(api)) == ["a"] * 4 + ["b"] * 4


async def test_extra_fields_thinking_and_search_are_passed_on(api):
    api.plays(answers(completion("fine", reasoning_content="Hm")))
    params = CallParams(
        HELLO.messages, enable_thinking=True, enable_search=True, extra={"top_k": 5}, model="gpt-4"
    )
    async with configured(api, "a", model_mapping={"gpt-4": "big"}) as config:
        provider = await config.create_provider("p")

        result = await provider.call(params)

    body = api.asked[0].json
    assert (body["model"], body["reasoning_effort"], body["web_search_options"], body["top_k"]) == (
        "big",
        "medium",
        {},
        5,
    )
    assert (result.reasoning, result.rankings) == ("Hm", ())


async def test_a_parser_of_the_programs_reads_more_out_of_answers(api):
    from dataclasses import replace

    class Ranks:
        def parse(self, result):
            return replace(result, rankings=[{"place": 1, "name": result.content}])

    api.plays(answers(completion("fine")))
    async with configured(api, "a") as config:
        result = await (await config.create_provider("p", Ranks())).call(HELLO)

    assert result.rankings == [{"place": 1, "name": "fine"}]


async def test_a_provider_without_an_account_that_needs_one_is_told(api):
    config = Config({"providers": {"openai": {"base_url": api.url}}})

    with pytest.raises(NoAccountAvailable, match=r"providers\.openai\.accounts"):
        await config.create_provider("openai")
    with pytest.raises(KeyError, match="known: openai"):
        await config.create_provider("nobody")
    assert config.provider_names == ["openai"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"providers": {"a": {"accounts": [{"pasword": "hunter2"}]}}}', "\xff"]
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(InvalidRequestError) as caught:
        Config(path)
    assert "hunter2" not in str(caught.value)


async def test_a_page_that_is_nowhere_is_refused_by_name():
    config = Config({"providers": {"deepseek": {"accounts": [{"email": "a@b", "password": "c"}]}}})

    with pytest.raises(InvalidRequestError) as caught:
        await config.create_provider("deepseek")

    assert caught.value.param == "providers.deepseek.base_url"


def test_limits_are_told_by_their_own_error():
    assert issubclass(RateLimited, APIError)
    assert not issubclass(RateLimitedError, APIError)
    assert (
        json.dumps(HELLO.body("m")) == '{"messages": [{"role": "user", "content": "Hello!"}], "model": "m"}'
    )
