"""Codegen over a real socket: limits, slow runs, failures, and connections that break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from automation.errors import (
    FirstTokenTimeout,
    UnreachableError,
)
from backend.errors import InvalidRequestError, ProviderRefusedError
from backend.provider_errors import ApiFailedError, KeyLimitedError, KeyRefusedError
from backend.providers.api.codegen.provider import KEEP_ALIVE, CodegenProvider
from backend.providers.api.codegen.runs import CodegenDefaults
from backend.providers.api.place import ApiPlace, ApiTimeouts
from backend.wire.chat_response import CompletionHead

HEAD = CompletionHead("chatcmpl-1", 1, "codegen/codegen-standard")
BODY = {"model": "gpt-4", "messages": [{"role": "user", "content": "hi"}]}
OPTIONS = CodegenDefaults(org_id="323", base_delay_s=0.001, max_retries=3)

Answer = Callable[[web.Request], web.StreamResponse]


@dataclass
class Codegen:
    """Answers creations and looks by their scripts, each last answer over and over.

    Attributes:
        is_let_go: Looks wait for it.
        looked: Set with every look that came.
    """

    creations: list[Answer]
    looks: list[Answer]
    asked: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    look_count: int = 0
    is_let_go: asyncio.Event = field(default_factory=asyncio.Event)
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    async def create(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        self.authorizations.append(request.headers.get("authorization"))
        return _next(self.creations)(request)

    async def look(self, request: web.Request) -> web.StreamResponse:
        self.look_count += 1
        self.looked.set()
        await self.is_let_go.wait()
        return _next(self.looks)(request)


def _next(script: list[Answer]) -> Answer:
    return script.pop(0) if len(script) > 1 else script[0]


def run(status: str, **more: object) -> Answer:
    return lambda _request: web.json_response({"id": 7, "status": status, **more})


def http(status: int, words: str = "", **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _request: web.json_response({"detail": words} if words else {}, status=status, headers=told)


def cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def ask(provider: CodegenProvider, *, is_streamed: bool) -> bytes:
    if not is_streamed:
        return (await provider.complete(BODY, HEAD)).body
    async with provider.open_stream(BODY, HEAD, with_usage=False) as stream:
        return b"".join([event async for event in stream])


STARTED = run("ACTIVE")
DONE = run("COMPLETE", result="Grüße", web_url="https://codegen.com/7")


@asynccontextmanager
async def opened(
    creations: list[Answer],
    looks: list[Answer],
    *,
    is_let_go: bool = True,
    first_token_s: float | None = 20.0,
    keep_alive_s: float = 10.0,
) -> AsyncIterator[tuple[CodegenProvider, Codegen]]:
    site = Codegen(creations, looks)
    if is_let_go:
        site.is_let_go.set()
    app = web.Application()
    app.router.add_post("/v1/organizations/323/agent/run", site.create)
    app.router.add_get("/v1/organizations/323/agent/run/7", site.look)
    app.router.add_get("/v1/organizations/323/agent/runs", site.look)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        place = ApiPlace(
            str(server.make_url("")).rstrip("/"),
            {"authorization": "Bearer t"},
            timeouts=ApiTimeouts(first_token_s=first_token_s),
        )
        yield CodegenProvider(session, place, OPTIONS, keep_alive_s), site
        site.is_let_go.set()


async def test_a_run_is_looked_after_until_its_result_is_there():
    async with opened([STARTED], [run("pending"), run("ACTIVE"), DONE]) as (provider, site):
        whole = await provider.complete(BODY, HEAD)

    assert orjson.loads(whole.body)["choices"][0]["message"]["content"] == "Grüße"
    assert site.asked == [{"prompt": "hi", "model": "codegen-advanced"}]
    assert site.authorizations == ["Bearer t"]
    assert site.look_count == 3


@pytest.mark.parametrize(
    ("creations", "looks"),
    [
        ([http(429, "slow down"), http(503), STARTED], [DONE]),
        ([http(429, retry_after="0"), STARTED], [DONE]),
        ([STARTED], [http(429), http(500), http(502, "bad"), DONE]),
        ([STARTED], [cut, cut, DONE]),
    ],
)
async def test_what_passes_is_waited_for(creations, looks):
    async with opened(creations, looks) as (provider, _site):
        whole = await provider.complete(BODY, HEAD)

    assert orjson.loads(whole.body)["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("creations", "looks", "error"),
    [
        ([http(429, "slow down")], [DONE], KeyLimitedError),
        ([http(402, "no credit")], [DONE], KeyLimitedError),
        ([http(401, "bad token")], [DONE], KeyRefusedError),
        ([http(422, "prompt is too long")], [DONE], ProviderRefusedError),
        ([http(500, "oops")], [DONE], ApiFailedError),
        ([cut], [DONE], ApiFailedError),
        ([STARTED], [run("FAILED", result="no such repo")], ApiFailedError),
        ([STARTED], [run("COMPLETE")], ApiFailedError),
        ([STARTED], [http(500)], ApiFailedError),
        ([STARTED], [http(404, "no such run")], ProviderRefusedError),
        ([STARTED], [lambda _request: web.Response(text="<html>")], ApiFailedError),
    ],
)
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_failure_is_told_as_what_it_is(creations, looks, error, is_streamed):
    async with opened(list(creations), list(looks)) as (provider, site):
        with pytest.raises(error) as caught:
            await ask(provider, is_streamed=is_streamed)

    assert type(caught.value) is error
    assert site.look_count <= OPTIONS.max_retries + 1


@pytest.mark.parametrize("answer", [cut, http(500), http(504)], ids=["cut", "500", "504"])
async def test_a_run_that_may_have_begun_is_not_started_twice(answer):
    async with opened([answer], [DONE]) as (provider, site):
        with pytest.raises(ApiFailedError):
            await provider.complete(BODY, HEAD)

    assert len(site.asked) == 1


async def test_a_rest_that_is_longer_than_the_time_left_is_told_at_once():
    async with opened([http(429, "slow down", retry_after="3600")], [DONE]) as (provider, site):
        with pytest.raises(KeyLimitedError) as caught:
            await provider.complete(BODY, HEAD)

    assert caught.value.retry_after_s == 3600
    assert len(site.asked) == 1


async def test_a_run_that_takes_too_long_is_a_timeout():
    async with opened([STARTED], [DONE], is_let_go=False, first_token_s=0.1) as (provider, site):
        with pytest.raises(FirstTokenTimeout) as caught:
            await provider.complete(BODY, HEAD)
        assert site.look_count == 1

    assert caught.value.waited_s == 0.1


async def test_a_stream_is_kept_alive_until_the_result_is_there():
    async with (
        opened([STARTED], [DONE], is_let_go=False, keep_alive_s=0.02) as (provider, site),
        provider.open_stream(BODY, HEAD, with_usage=True) as stream,
    ):
        first = await anext(stream)
        site.is_let_go.set()
        events = [event async for event in stream]

    written = [orjson.loads(event[6:]) for event in events if event != KEEP_ALIVE]
    assert first == KEEP_ALIVE
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in written[:-1]) == "Grüße"
    assert written[-2]["choices"][0]["finish_reason"] == "stop"
    assert written[-1]["usage"]["estimated"] is True


async def test_a_failure_after_a_keep_alive_ends_the_stream_with_an_error():
    failed = run("ERROR", result="out of memory")
    async with (
        opened([STARTED], [failed], is_let_go=False, keep_alive_s=0.02) as (provider, site),
        provider.open_stream(BODY, HEAD, with_usage=False) as stream,
    ):
        first = await anext(stream)
        site.is_let_go.set()
        with pytest.raises(ApiFailedError, match="out of memory") as caught:
            [event async for event in stream]

    assert first == KEEP_ALIVE
    assert "ended as error" in str(caught.value)


async def test_nobody_looks_after_a_run_whose_client_left():
    async with opened([STARTED], [run("ACTIVE")], is_let_go=False, keep_alive_s=0.02) as (provider, site):
        async with provider.open_stream(BODY, HEAD, with_usage=False):
            await site.looked.wait()
        others = asyncio.all_tasks()
        site.is_let_go.set()

        assert site.look_count == 1
        assert not [task for task in others if "_tell" in repr(task.get_coro())]


@pytest.mark.parametrize(
    ("answer", "is_healthy"),
    [(http(200), True), (http(404), True), (http(401), False), (http(503), False), (cut, False)],
    ids=["200", "404", "401", "503", "cut"],
)
async def test_a_check_tells_whether_the_token_is_taken(answer, is_healthy):
    async with opened([STARTED], [answer]) as (provider, _site):
        health = await provider.check()

    assert health.is_healthy is is_healthy
    assert (health.reason is None) is is_healthy


async def test_nobody_there_is_told_as_that():
    async with aiohttp.ClientSession() as session:
        provider = CodegenProvider(session, ApiPlace("http://127.0.0.1:9", {}), OPTIONS)
        with pytest.raises(UnreachableError) as caught:
            await provider.complete(BODY, HEAD)

    assert "127.0.0.1:9" in str(caught.value)


async def test_other_names_of_models_are_listed_and_embeddings_refused():
    async with opened([STARTED], [DONE]) as (provider, _site):
        models = await provider.models()
        with pytest.raises(InvalidRequestError) as caught:
            await provider.embed({"input": "a"}, "m")

    assert {"codegen-standard", "codegen-advanced", "gpt-4"} <= set(models)
    assert caught.value.param == "model"
