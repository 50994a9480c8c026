"""Measures the time until a prompt stands in each editor, read back and compared, beside Playwright's ``fill``.

Real editors in a real Chromium, lines as prompts have them. A way that has not put all of the prompt into the editor's own
model after ``LIMIT_S`` seconds, or has put something else there, is told as such instead of a time.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from playwright.async_api import Error as PlaywrightError

from automation.browser.pool import BrowserPool, open_browser_pool
from automation.errors import AutomationError
from tests.fakes.editors import EDITORS
from tests.fakes.editors.field import EditorField, open_field

SIZES = (1_000, 10_000, 100_000)
LIMIT_S = 20.0
SEED = 7
OURS, NAIVE = "this composer", "fill"
LETTERS = "abcdefghij klmnop qrstuvwxyz .,;"


@dataclass(frozen=True, slots=True)
class Row:
    """One editor and size: seconds, or what went wrong, by who entered the prompt."""

    editor: str
    characters: int
    took: dict[str, float | str]


async def measure(sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Return a row for each editor and size."""
    async with open_browser_pool(None, max_pages=2) as browsers:
        return [
            Row(
                editor,
                size,
                {OURS: await _ours(browsers, editor, size), NAIVE: await _fill(browsers, editor, size)},
            )
            for editor in EDITORS
            for size in sizes
        ]


def prompt_for(editor: str, characters: int) -> str:
    """Return a prompt of that length: lines of up to 60 letters, or one line where the editor has only one."""
    chance = random.Random(SEED)
    lines: list[str] = []
    while sum(map(len, lines)) + len(lines) < characters:
        lines.append("".join(chance.choice(LETTERS) for _ in range(chance.randrange(0, 60))).strip())
    return (" " if editor == "line" else "\n").join(lines)


async def _ours(browsers: BrowserPool, editor: str, characters: int) -> float | str:
    text = prompt_for(editor, characters)
    async with open_field(browsers, editor) as field:
        started_s = time.monotonic()
        try:
            await field.write(text)
        except AutomationError as exc:
            return type(exc).__name__
        return await _verdict(field, text, started_s)


async def _fill(browsers: BrowserPool, editor: str, characters: int) -> float | str:
    text = prompt_for(editor, characters)
    async with open_field(browsers, editor) as field:
        started_s = time.monotonic()
        try:
            await field.page.locator(".prompt").fill(text, timeout=LIMIT_S * 1000)
        except PlaywrightError:
            return f"over {LIMIT_S:g} s"
        return await _verdict(field, text, started_s)


async def _verdict(field: EditorField, text: str, started_s: float) -> float | str:
    took_s = time.monotonic() - started_s
    is_same = (await field.model()).rstrip("\n") == text.rstrip("\n")
    return round(took_s, 2) if is_same else "changed"
