"""A browser is given no secret, keeps no download, opens no window of a page's own, and has Chromium's sandbox where it can."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from automation.browser.discovery import is_root
from automation.browser.pool import BrowserPool, open_browser_pool
from automation.stealth.options import BrowserConfig
from tests.browser.process_kills import below
from tests.fakes.chat_provider import ask, open_provider
from tests.fakes.chat_site import FakeChatSite

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in Linux's /proc"),
]

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ("SECRET_KEY", "OPENAI_API_KEY", "CODEGEN_TOKEN", "DATABASE_URL", "SOMEBODYS_OWN")
DOWNLOADS = """<script>
for (let i = 0; i < 5; i++) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([new Uint8Array(5_000_000)]));
  link.download = `file-${i}.bin`;
  document.documentElement.append(link);
  link.click();
}
document.title = "clicked";
</script>"""
WINDOWS = """<button style="position:fixed;inset:0;width:100%">x</button><script>
const open_some = () => { for (let i = 0; i < 20; i++) { window.open("/idle?" + i, "_blank"); window.open("/idle", "_blank", "noopener"); } };
open_some();
document.querySelector("button").onclick = () => { open_some(); document.title = "clicked"; };
document.title = "loaded";
</script>"""


@asynccontextmanager
async def serving(html: str) -> AsyncIterator[str]:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="idle" if request.path == "/idle" else html, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@pytest.fixture
def short_path():
    """A folder whose name leaves room for a socket's in it."""
    with tempfile.TemporaryDirectory(prefix="p", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


async def test_no_program_of_a_browser_has_a_secret_of_ours(monkeypatch):
    for name in SECRETS:
        monkeypatch.setenv(name, "secret-of-ours")
    async with open_browser_pool(None, max_pages=1) as pool:
        context = await pool.new_context(BrowserConfig(headless=False), None)
        await context.new_page()
        seen = {}
        for process in below(os.getpid()):
            try:
                seen[process.pid] = Path(f"/proc/{process.pid}/environ").read_bytes()
            except OSError:
                continue  # it has ended, or is another user's

    assert len(seen) > 3
    assert [pid for pid, variables in seen.items() if b"secret-of-ours" in variables] == []


@pytest.mark.parametrize("isolation", ["shared", "profile"])
async def test_a_page_that_saves_files_saves_none(isolation, short_path, monkeypatch):
    tmp_path = short_path
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    config = BrowserConfig()
    async with serving(DOWNLOADS) as url, open_browser_pool(None, max_pages=1) as pool:
        if isolation == "profile":
            context = await pool.open_own(config, tmp_path / "profile")
        else:
            context = await pool.new_context(config, None)
        page = await context.new_page()
        await page.goto(url)
        await page.wait_for_function("document.title === 'clicked'")
        # Whatever a download would have written is written by the time that a page of the same browser has loaded again.
        for _ in range(3):
            await page.goto(f"{url}idle")
        large = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size >= 5_000_000]

    assert large == []


async def test_a_page_opens_no_window_by_itself_and_those_that_a_click_opens_are_closed(
    browsers: BrowserPool, site: FakeChatSite
):
    before = browsers.popups_closed
    async with (
        serving(WINDOWS) as url,
        open_provider(browsers, site, "fetch-sse") as provider,
        provider.pool.lend(60) as chat,
    ):
        page = chat.connection.page
        context = page.context
        own = len(context.pages)
        await page.goto(url)
        await page.wait_for_function("document.title === 'loaded'")
        by_itself = browsers.popups_closed - before
        await page.mouse.click(100, 100)
        await page.wait_for_function("document.title === 'clicked'")
        async with asyncio.timeout(60):
            while len(context.pages) > own or browsers.popups_closed == before:
                await asyncio.sleep(0.05)

    assert by_itself == 0

    assert browsers.popups_closed > before


async def test_a_chat_page_whose_site_opens_windows_answers_all_the_same(
    browsers: BrowserPool, site: FakeChatSite
):
    async with open_provider(browsers, site, "fetch-sse") as provider:
        async with provider.pool.lend(60) as chat:
            await chat.connection.page.evaluate(
                "document.body.addEventListener('click', () => window.open('/'))"
            )
        reply = await ask(provider, "[[echo:still here]]")

    assert reply.text == "still here"


# -- the sandbox ---------------------------------------------------------------------------------------------------------

LOOK = """
import asyncio, json, pathlib
from automation.browser.discovery import sandbox_obstacle
from automation.browser.pool import open_browser_pool
from automation.stealth.options import BrowserConfig

async def main():
    async with open_browser_pool(None, max_pages=1) as pool:
        context = await pool.new_context(BrowserConfig(), None)
        page = await context.new_page()
        sums = await page.evaluate("1 + 1")
        processes = await pool.processes(context.browser)
        facts = []
        for process in processes:
            folder = pathlib.Path(f"/proc/{process.pid}")
            arguments = (folder / "cmdline").read_bytes().split(b"\\0")
            status = dict(line.split(":\\t", 1) for line in (folder / "status").read_text().splitlines() if ":\\t" in line)
            facts.append({"kind": process.kind, "unsafe": b"--no-sandbox" in arguments, "seccomp": status["Seccomp"], "spaces": len(status["NSpid"].split())})
        print(json.dumps({"obstacle": sandbox_obstacle(), "sums": sums, "processes": facts}))

asyncio.run(main())
"""


def as_ordinary_user() -> list[str]:
    """The command that runs Python as somebody who is not root; skips the test where that can't be."""
    if not is_root():
        return [sys.executable]
    python = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin")
    if shutil.which("setpriv") is None or python is None:
        pytest.skip("runs as root, and there is no way to be another user who has this Python")
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python]


def test_an_ordinary_users_browser_has_the_sandbox_where_the_system_allows_it(tmp_path):
    tmp_path.chmod(0o777)
    packages = [path for path in sys.path if path.endswith("site-packages")]
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TMPDIR": "/tmp",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *packages]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [*as_ordinary_user(), "-c", LOOK]
    done = subprocess.run(
        command, env=variables, cwd="/", capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if told["obstacle"]:
        pytest.skip(f"no sandbox here: {told['obstacle']}")

    renderers = [process for process in told["processes"] if process["kind"] == "renderer"]

    assert told["sums"] == 2
    assert renderers
    assert not any(process["unsafe"] for process in told["processes"])
    assert all(process["seccomp"] == "2" and process["spaces"] > 1 for process in renderers)
