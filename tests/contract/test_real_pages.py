"""The gateway as it ships: its own wiring, a real browser, a chat page that answers."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from backend.providers.registry import open_providers
from tests.contract.conftest import RunningGateway, run_gateway
from tests.fakes.chat_site import MARKDOWN, FakeChatSite, profile_data

pytestmark = pytest.mark.browser


@asynccontextmanager
async def real_gateway(data_dir: Path) -> AsyncIterator[RunningGateway]:
    async with run_gateway(data_dir, providers=open_providers) as gateway:
        yield gateway


def fields(page: FakeChatSite, variant: str, **more: Any) -> dict[str, Any]:
    return {"base_url": page.url, "profile": profile_data(variant), "max_concurrent_requests": 1, **more}


async def test_a_pages_answer_reaches_openais_client_exactly_and_streams(tmp_path):
    async with FakeChatSite.open() as page, real_gateway(tmp_path) as gateway:
        await gateway.started(**fields(page, "fetch-sse"))

        stream = await gateway.openai.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": "[[md:code]]"}], stream=True
        )
        chunks = [chunk.choices[0] async for chunk in stream]
        ready = (await gateway.rest.get("/ready")).json()
        health = (await gateway.rest.get("/api/endpoints/demo/health")).json()

    assert "".join(c.delta.content or "" for c in chunks) == MARKDOWN["code"]
    assert len(chunks) > 3
    assert chunks[-1].finish_reason == "stop"
    assert ready["endpoints"]["demo"]["state"] == "active"
    assert (health["status"], health["pages"]["limit"]) == ("healthy", 1)


async def test_a_session_is_kept_sealed_and_used_again_after_a_restart(tmp_path):
    async with FakeChatSite.open() as page:
        async with real_gateway(tmp_path) as gateway:
            await gateway.started(**fields(page, "login", username="ada", password="lovelace"))
        stored = b"".join(path.read_bytes() for path in tmp_path.glob("parley.db*"))

        async with real_gateway(tmp_path) as gateway:
            await gateway.wait_for("demo", "active")
            answered = await gateway.ask("[[echo:still signed in]]")

        assert answered.json()["choices"][0]["message"]["content"] == "still signed in"
        assert page.sign_ins == [("ada", True)]
        assert page.sessions
        assert all(session.encode() not in stored for session in page.sessions)


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(
    ("prompt", "status", "code"),
    [("[[error]]", 502, "site_error"), ("[[wait:60]]", 504, "first_token_timeout")],
)
async def test_a_prompt_that_the_site_has_is_asked_nowhere_else(tmp_path, prompt, status, code, is_streamed):
    async with FakeChatSite.open() as page, FakeChatSite.open() as other, real_gateway(tmp_path) as gateway:
        await gateway.started("Other", **fields(other, "fetch-sse"))
        await gateway.started(**fields(page, "fetch-sse", first_token_seconds=5, fallbacks=["other"]))

        refused = await gateway.ask(prompt, stream=is_streamed)

    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["sent"]) == (status, code, "yes")
    assert refused.headers["x-gateway-sent"] == "yes"
    assert refused.headers["x-should-retry"] == "false"
    assert (len(page.requests), other.requests) == (1, [])


async def test_a_prompt_that_the_site_refused_to_take_is_asked_elsewhere(tmp_path):
    async with FakeChatSite.open() as page, FakeChatSite.open() as other, real_gateway(tmp_path) as gateway:
        await gateway.started("Other", **fields(other, "fetch-sse"))
        await gateway.started(**fields(page, "fetch-sse", fallbacks=["other"]))

        answered = await gateway.ask("[[limit]]")

    # The other site refuses it as well: what counts is that each was asked once.
    assert answered.json()["error"]["sent"] == "no"
    assert "x-should-retry" not in answered.headers
    assert (len(page.requests), len(other.requests)) == (1, 1)


async def test_an_address_where_nothing_listens_is_an_error_with_its_reason(tmp_path):
    async with real_gateway(tmp_path) as gateway:
        await gateway.create(retry_attempts=0)
        await gateway.rest.post("/api/endpoints/demo/start")

        document = await gateway.wait_for("demo", "error")

    assert "http://127.0.0.1:1/" in document["state_reason"]


async def test_a_profile_is_tried_over_rest_without_an_endpoint(tmp_path):
    wrong = {**profile_data("fetch-sse"), "input": "textarea.promt", "timeouts": {"ready_s": 3}}
    async with FakeChatSite.open() as page, real_gateway(tmp_path) as gateway:
        right = await gateway.rest.post(
            "/api/profiles/try",
            json={"url": page.url, "profile": profile_data("fetch-sse"), "ask": "[[echo:Yes indeed]]"},
        )
        changed = await gateway.rest.post("/api/profiles/try", json={"url": page.url, "profile": wrong})
        late = await gateway.rest.post(
            "/api/profiles/try", json={"url": page.url, "profile": wrong, "timeout_seconds": 0.05}
        )
        listed = (await gateway.rest.get("/api/endpoints/")).json()
        browser = (await gateway.rest.get("/ready")).json()["browser"]

    told = right.json()
    assert (right.status_code, told["ok"], told["advice"]) == (200, True, "Nothing to change.")
    assert (told["answer"]["text"], told["answer"]["source"]) == ("Yes indeed", "wire")
    assert base64.b64decode(told["screenshot"]).startswith(b"\x89PNG")
    assert {row["key"] for row in told["roles"]} >= {"input", "send", "stop", "assistant_turn"}
    assert (changed.status_code, changed.json()["error"]["code"]) == (200, "site_changed")
    assert changed.json()["advice"].startswith("'input' matches nothing on the page")
    assert (late.status_code, late.json()["error"]["code"]) == (504, "trial_timeout")
    assert listed == []
    assert browser["pages"] == 0
