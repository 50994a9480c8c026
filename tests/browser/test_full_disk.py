"""On a disk that is full, sessions can't be stored: turns go on, the stored session stays, and the log says what to do."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from automation.browser.pool import open_browser_pool
from backend.accounts.sealed_sessions import SealedSessions
from backend.accounts.vault import Vault
from backend.persistence.endpoints import SqlEndpoints
from backend.persistence.engine import open_database
from backend.persistence.sessions import SqlSessions
from backend.providers.config import EndpointConfig
from tests.fakes.chat_provider import ADA, ask, open_provider
from tests.fakes.chat_site import FakeChatSite

pytestmark = pytest.mark.browser

SIZE_KB = 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_KB}k", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@asynccontextmanager
async def stored_sessions(disk: Path) -> AsyncIterator[SealedSessions]:
    fields: dict[str, Any] = {
        "slug": "demo",
        "name": "demo",
        "provider_type": "web_chat",
        "base_url": "http://x/",
        "profile": "p",
    }
    vault = Vault("key")
    async with open_database(f"sqlite+aiosqlite:///{disk / 'parley.db'}") as engine:
        if not await SqlEndpoints(engine, vault).list_endpoints():
            await SqlEndpoints(engine, vault).add_endpoint(EndpointConfig.model_validate(fields))
        yield SealedSessions(SqlSessions(engine), vault, "demo", "ada")


def fill(disk: Path) -> Path:
    """Write until nothing more fits."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 512)
        except OSError:
            return filler


async def test_turns_go_on_and_the_stored_session_stays(small_disk: Path, caplog: pytest.LogCaptureFixture):
    async with (
        FakeChatSite.open() as site,
        open_browser_pool(None, max_pages=4) as pool,
        stored_sessions(small_disk) as sessions,
        open_provider(pool, site, "login", credentials=ADA, sessions=sessions) as provider,
    ):
        stored = await sessions.load()
        filler = fill(small_disk)
        with caplog.at_level(logging.WARNING):
            while "session_not_saved" not in caplog.text:
                # A page of SQLite's may have room for one or two more.
                await provider.account.try_save()
        answer = await ask(provider, "[[echo:still here]]")
        kept = await sessions.load()
        filler.unlink()
        await provider.account.save()
        renewed = await sessions.load()

    reasons = [record.__dict__["reason"] for record in caplog.records if record.msg == "session_not_saved"]
    assert "Free some space" in reasons[0]
    assert answer.text == "still here"
    assert stored is not None
    assert kept is not None
    assert kept["cookies"] == stored["cookies"]
    assert renewed is not None
    assert renewed["cookies"]
    assert site.sign_ins == [("ada", True)]
