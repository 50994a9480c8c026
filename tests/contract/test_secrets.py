"""Secrets go in and to the site that they are for, and come out nowhere else."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from backend.observability.logs import JsonFormatter, TextFormatter
from tests.contract.conftest import run_gateway
from tests.fakes.alert_receivers import run_hook
from tests.fakes.echoing_api import echoing_api
from tests.fakes.scripted_api import answers, completion

SECRETS = {
    "password": "secret-password",
    "api_key": "secret-key",
    "headers": {"x-org": "secret-header", "x-more": "Token secret-token"},
    "browser_config": {
        "proxy": {"server": "http://127.0.0.1:1", "username": "u", "password": "secret-proxy"}
    },
}
HOMES = [
    "https://api.openai.com.evil.example/v1",
    "http://api.openai.com/v1",
    "https://api.openai.com:8443/v1",
    "https://api.openai.com/v1/../v2",
    "https://api.openai.com/other",
    "https://api.openai.com\\@evil.example/v1",
    "https://evil.example/https://api.openai.com/v1",
]
ADDRESSES = [
    "/api/endpoints/",
    "/api/endpoints/api",
    "/api/endpoints/api/health",
    "/api/endpoints/api/metrics",
    "/api/endpoints/api/accounts",
    "/api/endpoints/api/accounts/default",
    "/api/endpoints/api/accounts/default/session",
    "/api/rotations/",
    "/api/conversations",
    "/api/usage/",
    "/v1/models",
    "/v1/models/api",
    "/ready",
    "/metrics",
    "/openapi.json",
]


async def test_no_answer_and_no_line_of_the_log_has_a_secret(gateway, api, caplog):
    caplog.set_level(logging.DEBUG)
    api.plays(
        answers({"error": {"message": "bad key secret-key, secret-token", "code": "invalid_api_key"}}, 401)
    )
    fields = {
        "provider_type": "api_token",
        "base_url": api.url,
        "profile": None,
        "username": "ada",
        **SECRETS,
    }
    told = [await gateway.create("api", **fields)]
    direct = {"browser_config": {"proxy": None}}
    told.append(await gateway.rest.patch("/api/endpoints/api", json=direct))
    told.append(await gateway.rest.post("/api/endpoints/api/start"))
    await gateway.wait_for("api", "active")

    told += [await gateway.ask(model="api"), await gateway.ask(model="api", stream=True)]
    told += [await gateway.rest.get(address) for address in ADDRESSES]
    told.append(await gateway.rest.patch("/api/endpoints/api", json={**SECRETS, "weight": -1}))
    told.append(await gateway.create("other", **fields, nonsense="secret-nonsense"))
    lines = [f.format(r) for r in caplog.records for f in (JsonFormatter(), TextFormatter())]

    assert [got.status_code for got in told if got.status_code >= 500 and got.status_code != 503] == []
    assert [got.url for got in told if "secret-" in got.text] == []
    assert [line for line in lines if "secret-" in line] == []


async def test_an_api_gets_its_key_and_its_headers_and_nothing_of_the_clients(gateway, api):
    api.plays(answers(completion("Hi")))
    await gateway.started_api("api", api.url, api_key="secret-key", headers={"X-Org": "secret-header"})

    await gateway.rest.post(
        "/v1/chat/completions",
        json={"model": "api", "messages": [{"role": "user", "content": "Hi"}]},
        headers={
            "authorization": "Bearer the-clients",
            "cookie": "a=b",
            "x-org": "mine",
            "x-forwarded-for": "1.2.3.4",
        },
    )

    [asked] = api.asked
    assert asked.headers["authorization"] == "Bearer secret-key"
    assert asked.headers["x-org"] == "secret-header"
    assert {"cookie", "x-forwarded-for"}.isdisjoint(asked.headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_takes_the_key_nowhere(api_gateway, api, status):
    api.plays(answers(b"", status, {"location": f"{api.url}/elsewhere"}))

    got = await api_gateway.ask(model="api")

    assert (got.status_code, got.json()["error"]["code"]) == (502, "site_error")
    assert len(api.asked) == 1


@pytest.mark.parametrize("base_url", HOMES)
@pytest.mark.parametrize("is_patch", [False, True], ids=["post", "patch"])
async def test_a_key_of_the_settings_is_for_its_own_providers_address_alone(
    tmp_path, site, base_url, is_patch
):
    async with run_gateway(tmp_path, site, openai_api_key="secret-of-the-settings") as gateway:
        fields = {"provider_type": "api_token", "preset": "openai", "profile": None}
        if is_patch:
            await gateway.create("api", **fields, base_url=None)
            got = await gateway.rest.patch("/api/endpoints/api", json={"base_url": base_url})
        else:
            got = await gateway.create("api", **fields, base_url=base_url)

    assert (got.status_code, got.json()["error"]["param"]) == (
        400,
        "api_key" if "@" not in base_url else "base_url",
    )
    assert "secret" not in got.text


async def test_a_proxys_password_reaches_the_proxy_of_an_api_and_nothing_else(gateway, api):
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 502 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        proxy = {"server": f"http://127.0.0.1:{port}", "username": "u", "password": "p"}
        await gateway.started_api(
            "api", "http://far.example/v1", models=["m"], browser_config={"proxy": proxy}
        )
        await gateway.ask(model="api")

    assert heads[-1].startswith(b"POST http://far.example/v1/chat/completions")
    assert b"proxy-authorization: basic dtpw" in heads[-1].lower()


@pytest.mark.parametrize("name", ["..", "."])
async def test_a_model_cannot_lead_a_custom_api_elsewhere(gateway, api, name):
    described = {
        "request": {"path": "/models/{{model}}/ask", "body": {"q": "{{prompt}}"}},
        "response": {"text": "text"},
    }
    api.plays(answers({"text": "Hi"}))
    await gateway.started_api("api", api.url, preset="custom", api=described, models=[name])

    got = await gateway.ask(model=f"api/{name}")

    assert got.status_code == 400
    assert api.asked == []


KEY = "secret-of-the-api-QwertyZuiop"
DOORS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hi"}]},
    "/v1/messages": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9},
    "/v1/responses": {"input": "Hi"},
    "/v1/embeddings": {"input": "Hi"},
}


def gives_away(log) -> list[str]:
    lines = [f.format(r) for r in log.records for f in (JsonFormatter(), TextFormatter())]
    return [line for line in lines if "Qwerty" in line]


@pytest.mark.parametrize("where", ["status", "body", "stream", "late"])
async def test_an_api_that_repeats_its_key_tells_it_to_no_client_and_no_log(gateway, caplog, where):
    caplog.set_level(logging.DEBUG)
    async with echoing_api("openai", where) as url:
        await gateway.started_api("api", url, api_key=KEY, models=["m"])
        told = [
            await gateway.rest.post(path, json={"model": "api", "stream": is_streamed, **body})
            for path, body in DOORS.items()
            for is_streamed in (False, True)
        ]
        told += [await gateway.rest.get(f"/api/endpoints/api{what}") for what in ("", "/health", "/metrics")]

    assert [got.url for got in told if "Qwerty" in got.text] == []
    assert gives_away(caplog) == []


async def test_an_api_that_repeats_the_key_it_refuses_tells_it_to_no_receiver_of_alerts(
    tmp_path, caplog, unused_tcp_port
):
    caplog.set_level(logging.DEBUG)
    async with (
        run_hook(unused_tcp_port) as hook,
        echoing_api("openai", "refused") as url,
        run_gateway(tmp_path, alert_webhook_url=hook.url) as gateway,
    ):
        await gateway.create(
            "api", provider_type="api_token", base_url=url, profile=None, api_key=KEY, retry_attempts=0
        )
        await gateway.rest.post("/api/endpoints/api/start")
        await hook.wait_for(1)
        shown = await gateway.rest.get("/api/endpoints/api")

    assert "…" in hook.bodies[0]["reason"]
    assert "Qwerty" not in str(hook.bodies) + shown.text
    assert gives_away(caplog) == []
