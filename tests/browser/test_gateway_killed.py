"""A gateway that is killed leaves no browser behind, and goes on after a restart as if nothing had been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from demo.processes import free_port
from tests.browser.process_kills import below, is_alive, on_this_machine
from tests.fakes.chat_site import FakeChatSite, profile_data

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds processes in Linux's /proc"),
]

GONE_S = 200.0  # half a second on an idle machine


class GatewayProcess:
    """The gateway as ``make run`` starts it, in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], rest: httpx.AsyncClient) -> None:
        self.process = process
        self.rest = rest

    async def ask(self, text: str) -> httpx.Response:
        document = {"model": "demo", "messages": [{"role": "user", "content": text}]}
        return await self.rest.post("/v1/chat/completions", json=document)

    async def kill(self) -> float:
        """Kill it with SIGKILL, and return after how many seconds all of its processes were gone."""
        family = [process.pid for process in below(self.process.pid)]
        assert family, "the gateway had no browser"
        self.process.kill()
        await anyio.to_thread.run_sync(self.process.wait)
        start = time.monotonic()
        with anyio.fail_after(GONE_S):
            while any(map(is_alive, family)):
                await anyio.sleep(0.02)
        return time.monotonic() - start


@asynccontextmanager
async def gateway_process(data_dir: Path) -> AsyncIterator[GatewayProcess]:
    port = free_port()
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "DATA_DIR": str(data_dir)}
    process = start_process(data_dir, settings)
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=200, trust_env=False, verify=False
        ) as rest:
            with anyio.fail_after(200):
                while not await is_listening(rest):
                    assert process.poll() is None, (data_dir / "gateway.log").read_text()
                    await anyio.sleep(0.05)
            yield GatewayProcess(process, rest)
    finally:
        if process.poll() is None:
            process.terminate()
        await anyio.to_thread.run_sync(process.wait)


def start_process(data_dir: Path, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    with (data_dir / "gateway.log").open("ab") as log:
        command = [sys.executable, "-m", "backend.main"]
        env = {**os.environ, **settings}
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env)


async def is_listening(rest: httpx.AsyncClient) -> bool:
    try:
        return (await rest.get("/health")).is_success
    except httpx.TransportError:
        return False


async def start_endpoint(gateway: GatewayProcess, site: FakeChatSite, isolation: str = "shared") -> None:
    body: dict[str, Any] = {
        "name": "demo",
        "provider_type": "web_chat",
        "base_url": site.url,
        "profile": profile_data("login"),
        "username": "ada",
        "password": "lovelace",
        "browser_config": {"isolation": isolation},
    }
    assert (await gateway.rest.post("/api/endpoints/", json=body)).status_code == 201
    assert (await gateway.rest.post("/api/endpoints/demo/start")).is_success
    assert (await gateway.ask("[[echo:first]]")).is_success


@pytest.mark.parametrize("isolation", ["shared", "profile"])
@pytest.mark.parametrize("in_a_turn", [False, True], ids=["idle", "streaming"])
async def test_a_killed_gateway_leaves_no_browser_and_its_next_start_no_second_sign_in(
    in_a_turn: bool, isolation: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    async with FakeChatSite.open() as site:
        async with gateway_process(tmp_path) as gateway:
            await start_endpoint(gateway, site, isolation)
            if in_a_turn:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(turn_that_is_cut, gateway)
                    await site.wait_for(lambda s: len(s.requests) == 2 and bool(s.requests[1].sent))
                    gone_s = await gateway.kill()
            else:
                gone_s = await gateway.kill()

        async with gateway_process(tmp_path) as gateway:
            start = time.monotonic()
            answer = await gateway.ask("[[echo:again]]")
            again_s = time.monotonic() - start

    with capsys.disabled():
        print(f"\n  all processes gone after {gone_s:.2f} s; the next start answered after {again_s:.2f} s")
    assert answer.json()["choices"][0]["message"]["content"] == "again"
    assert site.sign_ins == [("ada", True)]
    at_rest = [path.name for path in (tmp_path / "profiles").rglob("*") if path.is_file()]
    assert at_rest == (["ada.sealed"] if isolation == "profile" else [])


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["browser", "driver"])
async def test_a_gateway_whose_browser_or_driver_is_killed_stays_active_and_answers_again(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    replies: list[httpx.Response] = []

    async def long_turn() -> None:
        replies.append(await gateway.ask("[[count:400]][[slow:30]]"))

    async with FakeChatSite.open() as site, gateway_process(tmp_path) as gateway:
        await start_endpoint(gateway, site)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(long_turn)
            await site.wait_for(lambda s: len(s.requests) == 2 and bool(s.requests[1].sent))
            for process in below(gateway.process.pid):
                if process.kind == kind:
                    os.kill(process.pid, signal.SIGKILL)
        start = time.monotonic()
        answer = await gateway.ask("[[echo:again]]")
        again_s = time.monotonic() - start
        state = (await gateway.rest.get("/api/endpoints/demo")).json()["state"]
        metrics = (await gateway.rest.get("/metrics")).text

    with capsys.disabled():
        print(f"\n  {kind} killed: answered again after {again_s:.2f} s")
    assert replies[0].status_code == 502
    assert replies[0].json()["error"]["code"] == "site_error"
    assert answer.json()["choices"][0]["message"]["content"] == "again"
    assert again_s < on_this_machine(10)
    assert state == "active"
    assert f'parley_browser_ends_total{{cause="{kind}_gone"}} 1.0' in metrics
    assert site.sign_ins == [("ada", True)]


async def turn_that_is_cut(gateway: GatewayProcess) -> None:
    with pytest.raises(httpx.TransportError):
        await gateway.ask("[[count:400]][[slow:30]]")
