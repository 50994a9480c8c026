"""Measures how much of an answer survives a page: Markdown, rendered, read back from the DOM in a real Chromium.

What counts:

- *CommonMark*: the examples of CommonMark 0.31 but for its two sections on raw HTML. A renderer renders an example, the
  serializer reads the page, the same renderer renders what was read: the example counts when both pages show the same
  (``canonical.js`` says what a reader can tell apart). A renderer that doesn't follow CommonMark is held to its own page.
  *textual* is the same with HTML compared as text, but for white space around blocks.
- *Realistic*: answers as models write them, each rendered as chat pages do and dressed up in each of several ways: code
  with toolbars, line numbers, gutters, highlighting, as rows or an editor's lines; prose in ``div``, bold as styled spans,
  copies for screen readers, names of icons. *Code exact* is the share of dressed answers with every line of code intact.
- *Append-only*: each answer grows by ``STEP`` characters, is rendered and read anew, and what is stable is sent.
  *Affected* are answers whose page contradicted text already sent; *lag* is how many characters of the Markdown that is
  on the page were not sent yet, on average. The baseline sends the growth of the page's ``innerText``.

The baselines turn the same dressed pages into Markdown with converters off the shelf.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from automation.browser.discovery import find_browser
from automation.capture.commit import AppendOnly
from tests.benchmarks.rendering import CONVERTERS, RENDERERS, Renderers, normalized, open_renderers

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT / "tests/recordings"
OURS = "this serializer"
NAIVE = "innerText growth"
STEP = 6
# The growth of a text costs its square: what comes after so many characters isn't watched growing.
GROWN = 4_000
RAW_HTML = ("HTML blocks", "Raw HTML")
# Streamdown brings its own toolbars and lines, so only its prose is dressed.
DRESSES = [
    *((code, "plain") for code in ("bare", "headed", "inside", "numbered", "column", "rows")),
    *((code, "plain") for code in ("shiki", "editor", "monaco", "divs")),
    *(("headed", prose) for prose in ("divs", "styled", "furnished")),
]
# What the classes of utility style sheets do, as far as it decides what is shown.
STYLE = """
.block { display: block } .inline-block { display: inline-block } .flex { display: flex } .hidden { display: none }
.absolute { position: absolute } .relative { position: relative }
.sr-only { position: absolute; width: 1px; height: 1px; overflow: hidden; clip: rect(0, 0, 0, 0) }
"""
READ = """([pages, code, prose]) => pages.map((page) => {
  const root = document.createElement('main');
  root.innerHTML = page;
  document.body.append(root);
  parleyDress.apply(root, code, prose);
  try { return [parleyDomToMarkdown(root, {}).markdown, root.innerHTML]; } finally { root.remove(); }
})"""
GROW = """(pages) => {
  const root = document.createElement('main');
  document.body.append(root);
  try {
    return pages.map((page) => {
      root.innerHTML = page;
      parleyDress.apply(root, 'headed', 'plain');
      const { markdown, stable } = parleyDomToMarkdown(root, {});
      return [markdown, stable, root.innerText];
    });
  } finally { root.remove(); }
}"""


@dataclass(frozen=True)
class Row:
    """Figures of one way to read one renderer's pages; percentages but for ``lag``, in characters."""

    renderer: str
    reader: str
    commonmark: float | None = None
    textual: float | None = None
    realistic: float | None = None
    code_exact: float | None = None
    affected: float | None = None
    lag: float | None = None


@dataclass(frozen=True)
class Growth:
    """One answer watched growing: whether the page took back what was sent, and the mean lag in characters."""

    diverged: bool
    lag: float
    text: str
    final: str


class Bench:
    """A page with our scripts, and the renderers."""

    def __init__(self, page: Page, renderers: Renderers) -> None:
        self._page = page
        self._renderers = renderers

    async def read(self, pages: list[str], code: str, prose: str) -> list[list[str]]:
        """Return Markdown and dressed HTML of each page."""
        got: list[list[str]] = await self._page.evaluate(READ, [pages, code, prose])
        return got

    async def same(self, renderer: str, pages: list[str], markdown: list[str], profile: str) -> list[bool]:
        """Return which texts show the same as their pages when the renderer renders them."""
        return [a == b for a, b in zip(*await self._both(renderer, pages, markdown, profile), strict=True)]

    async def _both(
        self, renderer: str, pages: list[str], markdown: list[str], profile: str
    ) -> tuple[list[str], list[str]]:
        again = await self._renderers.run(renderer, markdown, profile)
        return await self.canonical(pages), await self.canonical(again)

    async def canonical(self, pages: list[str]) -> list[str]:
        """Return what a reader can tell apart of each page."""
        got: list[str] = await self._page.evaluate("(pages) => pages.map(parleyCanonical)", pages)
        return got

    async def commonmark(self, renderer: str) -> list[Row]:
        """Return a row for each reader: the examples of CommonMark."""
        examples = [one["markdown"] for one in specification()]
        pages = await self._renderers.run(renderer, examples, "plain")
        read = await self.read(pages, "bare", "plain")
        rows = []
        for reader in (OURS, *CONVERTERS):
            markdown = await self._converted(reader, read)
            again = await self._renderers.run(renderer, markdown, "plain")
            same = await self.same(renderer, pages, markdown, "plain")
            text = [a == b or normalized(a) == normalized(b) for a, b in zip(pages, again, strict=True)]
            rows.append(Row(renderer, reader, commonmark=_percent(same), textual=_percent(text)))
        return rows

    async def _converted(self, reader: str, read: list[list[str]]) -> list[str]:
        if reader == OURS:
            return [markdown for markdown, _ in read]
        return await self._renderers.run(reader, [html for _, html in read], "plain")

    async def realistic(self, renderer: str, answers: Sequence[str]) -> list[Row]:
        """Return a row for each reader: all answers in all dresses."""
        pages = await self._renderers.run(renderer, list(answers), "chat")
        same: dict[str, list[bool]] = {reader: [] for reader in (OURS, *CONVERTERS)}
        exact: dict[str, list[bool]] = {reader: [] for reader in same}
        for code, prose in DRESSES:
            if renderer == "streamdown" and code not in ("bare", "headed"):
                continue
            read = await self.read(pages, code, prose)
            for reader in same:
                markdown = await self._converted(reader, read)
                shown, again = await self._both(renderer, pages, markdown, "chat")
                same[reader] += [a == b for a, b in zip(shown, again, strict=True)]
                exact[reader] += [_code(a) == _code(b) for a, b in zip(shown, again, strict=True)]
        return [
            Row(renderer, reader, realistic=_percent(same[reader]), code_exact=_percent(exact[reader]))
            for reader in same
        ]

    async def grow(self, renderer: str, answer: str) -> tuple[Growth, Growth]:
        """Watch one answer grow through a renderer, sent by our rule and by the baseline's."""
        answer = answer[:GROWN]
        parts = [answer[:end] for end in range(STEP, len(answer) + STEP, STEP)]
        pages = await self._renderers.run(renderer, parts, "growing")
        snapshots = await self._page.evaluate(GROW, pages)
        return (
            sent([(markdown, stable) for markdown, stable, _ in snapshots]),
            sent_growth([text for _, _, text in snapshots]),
        )

    async def append_only(self, renderer: str, answers: Sequence[str]) -> list[Row]:
        """Return our row and the baseline's: all answers growing."""
        pairs = [await self.grow(renderer, answer) for answer in answers]
        rows = []
        for reader, growths in zip((OURS, NAIVE), zip(*pairs, strict=True), strict=True):
            lag = sum(one.lag for one in growths) / len(growths)
            rows.append(
                Row(renderer, reader, affected=_percent([one.diverged for one in growths]), lag=round(lag, 1))
            )
        return rows


def sent(snapshots: list[tuple[str, int]]) -> Growth:
    """Send snapshots of (Markdown, stable UTF-16 units) as the gateway does."""
    text, behind = AppendOnly(), 0
    diverged = False
    for markdown, stable in snapshots:
        text.update(markdown, len(markdown.encode("utf-16-le")[: 2 * stable].decode("utf-16-le")))
        behind += len(markdown) - len(text.emitted)
    final = snapshots[-1][0]
    text.finish(final)
    return Growth(diverged or text.diverged, behind / len(snapshots), text.emitted, final)


def sent_growth(texts: list[str]) -> Growth:
    """Send whatever a text has become longer by, as a naive reader does."""
    emitted, behind, diverged = "", 0, False
    for text in texts:
        if text.startswith(emitted):
            emitted = text
        else:
            diverged = True
        behind += max(0, len(text) - len(emitted))
    return Growth(diverged, behind / len(texts), emitted, texts[-1])


def specification() -> list[dict[str, Any]]:
    """Return the examples of CommonMark 0.31 without its sections on raw HTML."""
    examples = json.loads((RECORDINGS / "dom/commonmark-0.31.json").read_text("utf-8"))
    return [one for one in examples if one["section"] not in RAW_HTML]


def load_answers(folders: Sequence[Path] = (RECORDINGS / "answers",)) -> dict[str, str]:
    """Return the Markdown of each answer by name."""
    return {path.stem: path.read_text("utf-8") for folder in folders for path in sorted(folder.glob("*.md"))}


@asynccontextmanager
async def open_bench() -> AsyncIterator[Bench]:
    """Start Chromium and the renderers."""
    async with open_renderers() as renderers, async_playwright() as playwright:
        found = find_browser(None, playwright.chromium.executable_path)
        browser = await playwright.chromium.launch(executable_path=found.executable)
        page = await browser.new_page()
        await page.set_content(f"<!doctype html><style>{STYLE}</style><body></body>")
        for script in (
            ROOT / "automation/page/scripts/dom_to_markdown.js",
            RECORDINGS / "dom/dress.js",
            RECORDINGS / "dom/canonical.js",
        ):
            await page.add_script_tag(content=script.read_text("utf-8"))
        yield Bench(page, renderers)
        await browser.close()


async def measure(answers: dict[str, str]) -> list[dict[str, Any]]:
    """Return the rows of the table as plain data."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    async with open_bench() as bench:
        for renderer in RENDERERS:
            parts = [
                *await bench.commonmark(renderer),
                *await bench.realistic(renderer, list(answers.values())),
                *await bench.append_only(renderer, list(answers.values())),
            ]
            for part in parts:
                known = {name: value for name, value in asdict(part).items() if value is not None}
                rows.setdefault((part.renderer, part.reader), {}).update(known)
    return list(rows.values())


def _percent(hits: Sequence[bool]) -> float:
    return round(100 * sum(hits) / len(hits), 1)


def _code(page: str) -> list[str]:
    return [part.partition("</pre>")[0].partition("⏎")[2] for part in page.split("<pre>")[1:]]
