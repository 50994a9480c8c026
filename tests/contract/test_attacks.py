"""Attacks without a key on the gateway as it is started, at the usual limit on open files: others are served meanwhile."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from demo.processes import free_port
from tests.fakes.attackers import ATTACKS

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads memory in Linux's /proc"),
]

ROOT = Path(__file__).resolve().parents[2]
ATTACK_S = float(os.environ.get("ATTACK_S", "60"))
MOST_WAIT_S = 1.0
MOST_GROWTH_MB = 50
USUAL_FILES = 1024


@dataclass
class Attacked:
    """A gateway in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    async def worst_wait_s(self, while_running: subprocess.Popen[bytes]) -> float:
        """Ask another client's question again and again, each on a connection of its own; return the longest wait."""
        worst_s = 0.0
        while while_running.poll() is None:
            start = time.monotonic()
            async with httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as client:
                got = await client.get(f"http://127.0.0.1:{self.port}/health")
            assert got.status_code == 200
            worst_s = max(worst_s, time.monotonic() - start)
            await asyncio.sleep(0.1)
        return worst_s


def start_gateway(data_dir: Path, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    limited = f'ulimit -n {USUAL_FILES} && exec "$0" -m backend.main'
    with (data_dir / "gateway.log").open("ab") as log:
        command = ["bash", "-c", limited, sys.executable]
        env = {**os.environ, **settings}
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env, cwd=ROOT)


def start_attacker(name: str, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.fakes.attackers", name, str(port), str(ATTACK_S)]
    return subprocess.Popen(command, cwd=ROOT)


@asynccontextmanager
async def attacked_gateway(data_dir: Path) -> AsyncIterator[Attacked]:
    port = free_port()
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "DATA_DIR": str(data_dir), "AUTH": "on"}
    process = start_gateway(data_dir, settings)
    attacked = Attacked(process, port)
    try:
        async with (
            httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as client,
            asyncio.timeout(200),
        ):
            while True:
                try:
                    await client.get(f"http://127.0.0.1:{port}/health")
                    break
                except httpx.TransportError:
                    assert process.poll() is None, (data_dir / "gateway.log").read_text()
                    await asyncio.sleep(0.05)
        yield attacked
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_without_a_key_costs_others_neither_time_nor_memory(name, tmp_path, capsys):
    async with attacked_gateway(tmp_path) as gateway:
        before_mb = gateway.memory_mb
        attacker = start_attacker(name, gateway.port)
        try:
            worst_s = await gateway.worst_wait_s(attacker)
        finally:
            attacker.kill()
            await asyncio.to_thread(attacker.wait)
        grown_mb = gateway.memory_mb - before_mb

    with capsys.disabled():
        print(
            f"\n{name}: longest wait for /health {worst_s:.2f} s, memory {before_mb:.0f} {grown_mb:+.0f} MB"
        )
    assert attacker.returncode == 0
    assert worst_s <= MOST_WAIT_S
    assert grown_mb <= MOST_GROWTH_MB
