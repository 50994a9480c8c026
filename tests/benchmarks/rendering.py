"""Markdown as chat pages render it: JavaScript renderers in one Node process, markdown2 here.

The packages are pinned in ``renderers/package.json`` and installed beside it at the first use.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import markdown2
from bs4 import BeautifulSoup
from bs4.element import PageElement, Tag
from markdownify import MarkdownConverter

FOLDER = Path(__file__).with_name("renderers")
RENDERERS = ("markdown-it", "marked", "react-markdown", "markdown2", "streamdown")
CONVERTERS = ("turndown", "markdownify")
_BLOCKS = "p|ul|ol|li|table|thead|tbody|tr|th|td|blockquote|h[1-6]|hr|br|section|details|summary|div|eqn|link"
_MARKDOWN2_PLAIN = ["fenced-code-blocks", "tables"]
_MARKDOWN2_CHAT = [*_MARKDOWN2_PLAIN, "strike", "task_list", "footnotes"]


class Renderers:
    """Every renderer and off-the-shelf converter by name."""

    def __init__(self, node: asyncio.subprocess.Process) -> None:
        self._node = node

    async def run(self, renderer: str, documents: list[str], profile: str) -> list[str]:
        """Return the HTML of each document; for a converter, the Markdown of each page.

        ``profile`` is ``plain``, ``chat``, which adds what chat pages add to a renderer (math, footnotes, task lists,
        bare links), or ``growing``, the same for an answer that is not complete yet.
        """
        if renderer == "markdown2":
            extras = _MARKDOWN2_PLAIN if profile == "plain" else _MARKDOWN2_CHAT
            return [markdown2.markdown(text, extras=extras) for text in documents]
        if renderer == "markdownify":
            converter = MarkdownConverter(heading_style="ATX")
            return [converter.convert(page) for page in documents]
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        request = {"renderer": renderer, "profile": profile, "documents": documents}
        self._node.stdin.write(json.dumps(request).encode() + b"\n")
        await self._node.stdin.drain()
        reply = await self._node.stdout.readline()
        if not reply:
            msg = f"{renderer} failed; see the messages of Node above."
            raise RuntimeError(msg)
        pages: list[str] = json.loads(reply)
        return pages


def renderers_problem() -> str | None:
    """Return why the renderers can't run here, or None."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    return f"{' and '.join(missing)} missing on PATH" if missing else None


@asynccontextmanager
async def open_renderers() -> AsyncIterator[Renderers]:
    """Start the renderers, installing their packages where that wasn't done.

    Raises:
        RuntimeError: There is no Node, or the packages couldn't be installed.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        msg = "The fidelity benchmark needs node and npm on PATH."
        raise RuntimeError(msg)
    await _install(npm)
    process = await asyncio.create_subprocess_exec(
        node,
        "render.mjs",
        cwd=FOLDER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 30,
    )
    try:
        yield Renderers(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _install(npm: str) -> None:
    wanted = (FOLDER / "package.json").read_bytes()
    done = FOLDER / "node_modules" / ".installed.json"
    if done.exists() and done.read_bytes() == wanted:
        return
    install = await asyncio.create_subprocess_exec(
        npm, "install", "--no-package-lock", "--no-audit", "--no-fund", cwd=FOLDER
    )
    if await install.wait():
        msg = f"npm install failed in {FOLDER}"
        raise RuntimeError(msg)
    done.write_bytes(wanted)


def normalized(page: str) -> str:
    """Return HTML without differences that nobody sees: order of attributes, white space around blocks."""
    parts = re.split(r"(<pre[ >].*?</pre>)", _written(BeautifulSoup(page, "html.parser")), flags=re.DOTALL)
    for i in range(0, len(parts), 2):
        text = re.sub(r"\s+", " ", parts[i])
        parts[i] = re.sub(rf" ?(</?(?:{_BLOCKS})(?: [^>]*)?>) ?", r"\1", text).strip()
    return "".join(parts)


def _written(node: PageElement) -> str:
    if not isinstance(node, Tag):
        return str(node).replace("&", "&amp;").replace("<", "&lt;")
    inner = "".join(map(_written, node.children))
    if node.name == "[document]":
        return inner
    attributes = "".join(f" {name}={value!r}" for name, value in sorted(node.attrs.items()))
    return f"<{node.name}{attributes}>{inner}</{node.name}>"
