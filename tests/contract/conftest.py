"""A gateway on a real socket in front of a scripted site."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import uvicorn
from fastapi import FastAPI

from backend.app import create_app
from backend.assembly import OpenAuthenticator, open_authenticator
from backend.ending import Ending
from backend.providers.api.client_session import open_api_session
from backend.providers.api.opener import API_TRAITS, api_opener, check_api, native_apis_of
from backend.providers.config import EndpointConfig
from backend.providers.kinds import OpenedProviders, OpenProviders
from backend.providers.protocol import ProviderKind
from backend.providers.web_chat.profile_source import read_profile
from backend.server.limits import ConnectionLimits
from backend.server.server import GatewayServer, build_server_config
from backend.settings import Settings
from tests.fakes.databases import KINDS, open_test_database
from tests.fakes.scripted_api import ScriptedApi, scripted_api
from tests.fakes.scripted_provider import ScriptedSite

LIMITS = ConnectionLimits()
PROFILE = {"input": "textarea", "assistant_turn": ".assistant"}


class _Server(GatewayServer):
    """Tells when it listens, and leaves the test runner's signal handlers alone."""

    def __init__(
        self, config: uvicorn.Config, limits: ConnectionLimits, ending: Ending, grace_s: float
    ) -> None:
        super().__init__(config, limits, ending, grace_s)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self):
        yield


def providers_of(site: ScriptedSite) -> OpenProviders:
    @asynccontextmanager
    async def open_scripted(settings: Settings, _sessions: object) -> AsyncIterator[OpenedProviders]:
        def check(config: EndpointConfig) -> None:
            if config.provider_type == "web_chat":
                read_profile(config, settings.profile_folders)
            else:
                check_api(config, settings.provider_keys)

        async with open_api_session() as session:
            api = ProviderKind(api_opener(session, settings.provider_keys), API_TRAITS, native_apis_of)
            kinds = {"rest_api": api, "api_token": api}
            yield OpenedProviders(kinds, check, lambda: {"status": "scripted"}, {"web_chat": site.open})

    return open_scripted


@dataclass
class RunningGateway:
    """A gateway that listens."""

    url: str
    site: ScriptedSite
    rest: httpx.AsyncClient
    app: FastAPI
    server: GatewayServer

    @cached_property
    def openai(self) -> openai.AsyncOpenAI:
        # Loading certificates takes longer than most of these tests, and nothing here speaks TLS.
        http = openai.DefaultAsyncHttpxClient(verify=False)
        return openai.AsyncOpenAI(
            base_url=f"{self.url}/v1", api_key="not-needed", max_retries=0, timeout=200, http_client=http
        )

    async def create(self, name: str = "Demo", **fields: Any) -> httpx.Response:
        body = {
            "name": name,
            "provider_type": "web_chat",
            "base_url": "http://127.0.0.1:1/",
            "profile": PROFILE,
        }
        return await self.rest.post("/api/endpoints/", json={**body, **fields})

    async def started(self, name: str = "Demo", **fields: Any) -> str:
        """Create and start an endpoint, wait until it is active, and return its slug."""
        created = await self.create(name, **fields)
        assert created.status_code == 201, created.text
        slug: str = created.json()["slug"]
        await self.rest.post(f"/api/endpoints/{slug}/start")
        await self.wait_for(slug, "active")
        return slug

    async def started_api(self, name: str, url: str, **fields: Any) -> str:
        """Create and start an API endpoint, wait until it is active, and return its slug."""
        api = {"provider_type": "api_token", "base_url": url, "profile": None, "api_key": "up-key", **fields}
        return await self.started(name, **api)

    async def state(self, slug: str = "demo") -> str:
        state: str = (await self.rest.get(f"/api/endpoints/{slug}")).json()["state"]
        return state

    async def wait_for(self, slug: str, state: str) -> dict[str, Any]:
        """Follow the endpoint's events until it is in this state."""
        async with self.rest.stream("GET", f"/api/endpoints/{slug}/events") as events:
            async for line in events.aiter_lines():
                if line.startswith("data: ") and f'"state":"{state}"' in line:
                    break
        document: dict[str, Any] = (await self.rest.get(f"/api/endpoints/{slug}")).json()
        return document

    async def ask(self, text: str = "Hello", **body: Any) -> httpx.Response:
        document = {"model": "demo", "messages": [{"role": "user", "content": text}], **body}
        return await self.rest.post("/v1/chat/completions", json=document)


@asynccontextmanager
async def run_gateway(
    data_dir: Path,
    site: ScriptedSite | None = None,
    *,
    providers: OpenProviders | None = None,
    open_authenticator: OpenAuthenticator = open_authenticator,
    limits: ConnectionLimits = LIMITS,
    grace_s: float = 0.0,
    **settings: Any,
) -> AsyncIterator[RunningGateway]:
    """Serve ``site``, or real ``providers``, on a free port until the block is left; ``settings`` are the gateway's."""
    site = site or ScriptedSite()
    profiles = {"selectors_dir": data_dir} if data_dir.exists() else {}
    values = {"data_dir": data_dir, "host": "127.0.0.1", **profiles, **settings}
    read = Settings(_env_file=None, **values)
    app = create_app(
        read,
        providers or providers_of(site),
        open_authenticator=open_authenticator,
    )
    config = build_server_config(app, "127.0.0.1", 0, trusted_proxies=read.trusted_proxies)
    config.timeout_graceful_shutdown = 1
    server = _Server(config, limits, app.ending, grace_s)
    serving = asyncio.create_task(server.serve())
    try:
        listening = asyncio.create_task(server.listening.wait())
        await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED, timeout=200)
        assert server.started, "the gateway did not start; see the log"
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, timeout=200, verify=False) as rest:
            gateway = RunningGateway(url, site, rest, app, server)
            yield gateway
            if "openai" in vars(gateway):
                await gateway.openai.close()
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
def site() -> ScriptedSite:
    return ScriptedSite()


@pytest.fixture
async def gateway(tmp_path: Path, site: ScriptedSite):
    async with run_gateway(tmp_path, site) as running:
        yield running


@pytest.fixture
async def api():
    async with scripted_api() as running:
        yield running


@pytest.fixture
async def api_gateway(gateway: RunningGateway, api: ScriptedApi):
    """A gateway with the API endpoint ``api``, whose model is ``m``."""
    await gateway.started_api("api", api.url)
    return gateway


@pytest.fixture(params=KINDS)
async def database_url(request: pytest.FixtureRequest, tmp_path: Path):
    async with open_test_database(request.param, tmp_path) as address:
        yield address
