"""Every profile that ships, against the real chat page that it describes.

The llama.cpp page comes with the demo's wheels. The others are installed beside their start scripts in the folder that
``RIGS_DIR`` names (``<name>/start.sh PORT UPSTREAM``) and stand in front of its ``mock_llm.py``; without that folder
their tests are skipped: ``RIGS_DIR=… make test ARGS="-m rig"``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx
import pytest

from automation.browser.pool import BrowserPool, open_browser_pool
from automation.errors import SiteError
from automation.profiles.loader import SHIPPED_PROFILES, load_profile
from automation.stealth.options import BrowserConfig
from automation.timing import Timeouts
from automation.web_provider.chat_site import ChatSite, Credentials, WebChatConfig
from demo.processes import free_port
from demo.site import has_model
from tests.fakes.chat_provider import MemorySessions, Reply, Talk, ask, open_with_account, prompt_of

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ROOT = Path(__file__).resolve().parents[2]
RIGS = os.environ.get("RIGS_DIR", "")
CREDENTIALS = {
    "chainlit": Credentials("admin", "admin"),
    "open-webui": Credentials("admin@example.com", "admin-password"),
}
INSTALL_S = 1500


@contextlib.contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=ROOT, start_new_session=True
        )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate()


async def until_it_answers(url: str, limit_s: float) -> None:
    async with httpx.AsyncClient(timeout=5) as client:
        with anyio.fail_after(limit_s):
            while True:
                try:
                    if (await client.get(url)).status_code < 500:
                        return
                except httpx.TransportError:
                    await anyio.sleep(0.2)


@contextlib.asynccontextmanager
async def opened(
    browsers: BrowserPool,
    url: str,
    name: str,
    sessions: MemorySessions | None = None,
    *,
    by_session: bool = False,
) -> AsyncIterator[ChatSite]:
    config = WebChatConfig(
        base_url=url,
        login_url=None,
        profile=load_profile(name, [SHIPPED_PROFILES]),
        credentials=None if by_session else CREDENTIALS.get(name),
        browser=BrowserConfig(),
        max_pages=2,
        timeouts=Timeouts(idle_s=30),
        name=name,
    )
    async with open_with_account(browsers, config, sessions or MemorySessions()) as provider:
        yield provider


@pytest.mark.skipif(not has_model(), reason="the demo's wheels are not installed (demo/model-wheels.txt)")
async def test_llama_cpps_page_answers_two_conversations_at_once_from_the_wire(
    browsers: BrowserPool, tmp_path: Path
):
    port = free_port()
    replies: list[Reply] = []
    command = [sys.executable, "-m", "demo.site", "model", "--port", str(port)]
    with running(command, tmp_path / "site.log"):
        await until_it_answers(f"http://127.0.0.1:{port}/health", 60)
        async with opened(browsers, f"http://127.0.0.1:{port}/", "llama-cpp") as provider:

            async def one(text: str) -> None:
                replies.append(await ask(provider, text))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(one, "Name one colour.")
                tasks.start_soon(one, "Name one animal.")

    assert len(replies) == 2
    assert all(reply.text.strip() and reply.finished.source == "wire" for reply in replies)
    assert all(reply.deltas > 1 for reply in replies if len(reply.text) > 20)


@pytest.mark.skipif(not has_model(), reason="the demo's wheels are not installed (demo/model-wheels.txt)")
async def test_llama_cpps_chats_go_on_after_a_restart(browsers: BrowserPool, tmp_path: Path):
    port, sessions = free_port(), MemorySessions()
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "demo.site", "model", "--port", str(port)]
    with running(command, tmp_path / "site.log"):
        await until_it_answers(f"{url}health", 60)
        async with opened(browsers, url, "llama-cpp", sessions) as provider:
            talk = Talk(provider)
            replies = [await talk.say("Name one colour."), await talk.say("Name another one.")]
            await talk.until_kept()
        async with opened(browsers, url, "llama-cpp", sessions) as provider:
            talk.provider = provider
            replies.append(await talk.say("And a third one."))

    assert [reply.finished.is_continued for reply in replies] == [False, True, True]
    assert all(reply.text.strip() for reply in replies)


@pytest.mark.rig
@pytest.mark.timeout(INSTALL_S + 300)
@pytest.mark.skipif(not RIGS, reason="RIGS_DIR names no folder with the real chat pages")
@pytest.mark.parametrize(
    "name", ["gradio", "chainlit", "open-webui", "streamlit", "deep-chat", "assistant-ui"]
)
async def test_a_real_page_answers_exactly_reports_errors_and_is_stopped(
    name: str, browsers: BrowserPool, tmp_path: Path
):
    upstream, page = free_port(), free_port()
    upstream_url, page_url = f"http://127.0.0.1:{upstream}", f"http://127.0.0.1:{page}/"
    mock = [sys.executable, str(Path(RIGS, "mock_llm.py")), "--port", str(upstream)]
    rig = ["bash", str(Path(RIGS, name, "start.sh")), str(page), upstream_url]
    with running(mock, tmp_path / "mock.log"), running(rig, tmp_path / "rig.log"):
        await until_it_answers(page_url, INSTALL_S)
        async with opened(browsers, page_url, name) as provider:
            counted = await ask(provider, "[[count:60]]")
            markdown = await ask(provider, "[[case:table]] Ünïcödé 🚀")
            with pytest.raises(SiteError) as refused:
                await ask(provider, "[[error:500]]")
            async with provider.open_turn(prompt_of("[[count:600]][[slow:30]]")) as events:
                await anext(events)
            after = await ask(provider, "[[echo:still here]]")
            talk = Talk(provider)
            said = [await talk.say(f"turn {turn} [[echo:answer {turn}]]") for turn in range(3)]

    assert counted.text == " ".join(f"word{i}" for i in range(1, 61))
    assert counted.finished.source == "wire"
    assert counted.deltas > 10
    assert markdown.text.strip() == Path(RIGS, "corpus", "table.md").read_text("utf-8").strip()
    assert "500" in refused.value.site_message
    assert after.text == "still here"
    assert [reply.text for reply in said] == [f"answer {turn}" for turn in range(3)]
    assert [reply.finished.is_continued for reply in said] == [False, True, True]


@pytest.mark.rig
@pytest.mark.timeout(INSTALL_S + 300)
@pytest.mark.skipif(not RIGS, reason="RIGS_DIR names no folder with the real chat pages")
@pytest.mark.parametrize("name", ["chainlit", "open-webui"])
async def test_a_real_page_needs_no_second_sign_in_after_a_restart(name: str, tmp_path: Path):
    upstream, page, sessions = free_port(), free_port(), MemorySessions()
    page_url = f"http://127.0.0.1:{page}/"
    mock = [sys.executable, str(Path(RIGS, "mock_llm.py")), "--port", str(upstream)]
    rig = ["bash", str(Path(RIGS, name, "start.sh")), str(page), f"http://127.0.0.1:{upstream}"]
    visited: list[str] = []
    with running(mock, tmp_path / "mock.log"), running(rig, tmp_path / "rig.log"):
        await until_it_answers(page_url, INSTALL_S)
        async with (
            open_browser_pool(None, max_pages=5) as browsers,
            opened(browsers, page_url, name, sessions) as provider,
        ):
            await ask(provider, "[[echo:before]]")
        # Another browser, and no credentials: only the session that was kept can let it in.
        async with (
            open_browser_pool(None, max_pages=5) as browsers,
            opened(browsers, page_url, name, sessions, by_session=True) as provider,
        ):
            context = await provider.account.context()
            context.on("request", lambda request: visited.append(request.url))
            after = await ask(provider, "[[echo:after]]")
            await provider.visit()

    assert after.text == "after"
    assert any(url.startswith(page_url) for url in visited)
    assert [url for url in visited if urlsplit(url).path in ("/login", "/auth")] == []
