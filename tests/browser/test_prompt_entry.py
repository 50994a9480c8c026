"""Prompts of every kind and size stand in real editors exactly as they were given, or nothing is sent."""

from __future__ import annotations

import random

import pytest

from automation.browser.pool import BrowserPool
from automation.errors import PageLostError, PromptRejectedError, PromptTooLargeError
from automation.timing import Timeouts
from tests.fakes.editors import EDITORS, NoEditors, editor_pages
from tests.fakes.editors.field import open_field

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SEVERAL_LINES = [name for name in EDITORS if name != "line"]
MARKED = [
    "- item",
    "1. one",
    "# Title",
    "```py\n\tcode()\n```",
    "> quote",
    "**bold**",
    "`code`",
    "[] task",
    "---",
]
PIECES = [
    "- item",
    "1. one",
    "# Title",
    "```py",
    "\tdef f():",
    "    return 1",
    " one space",
    "```",
    "",
    "",
    "> quote",
    "**bold** and *it* `code` ~~s~~",
    "a  b   c",
    "no\u00a0break",
    "zero\u200bwidth",
    "👩‍👩‍👧‍👦 🙂",
    "مرحبا world",
    "“quoted” -- ... (c)",
    "&amp; <b>x</b> &nbsp;",
    "trailing  ",
    "x\t\ty",
    "| a | b |",
    "[l](http://example.com)",
    "https://example.com/x ",
    "$x$",
]


def prompt(characters: int) -> str:
    chance = random.Random(7)
    lines = ["  first"]
    while sum(map(len, lines)) + len(lines) < characters:
        words = "".join(chance.choices("abcdefghij klmnop qrstuvwxyz .,;", k=chance.randrange(60))).strip()
        lines.append(chance.choice([*PIECES, words]))
    return "\n".join([*lines, "last"])


@pytest.fixture(scope="module", autouse=True)
def editors_are_there() -> None:
    try:
        editor_pages()
    except NoEditors as exc:
        pytest.skip(str(exc))


@pytest.mark.parametrize("editor", SEVERAL_LINES)
@pytest.mark.parametrize("characters", [1000, 10_000, 100_000])
async def test_a_prompt_is_sent_exactly(editor: str, characters: int, browsers: BrowserPool):
    text = prompt(characters)

    # Some editors take seconds for the longest; a page that hangs has a test of its own.
    async with open_field(browsers, editor, Timeouts(compose_s=200.0)) as field:
        await field.write(text)
        await field.send()

        assert await field.sent() == [text]


@pytest.mark.parametrize("editor", SEVERAL_LINES)
async def test_what_looks_like_markdown_is_sent_as_it_is(editor: str, browsers: BrowserPool):
    async with open_field(browsers, editor) as field:
        for text in MARKED:
            await field.write(text)
            await field.send()

        assert await field.sent() == list(MARKED)


@pytest.mark.parametrize("editor", EDITORS)
async def test_what_stood_in_the_field_is_gone(editor: str, browsers: BrowserPool):
    before = "old text" if editor == "line" else prompt(20_000)

    async with open_field(browsers, editor) as field:
        await field.write(before)
        await field.write("# new text")
        await field.send()

        assert await field.sent() == ["# new text"]


@pytest.mark.parametrize("editor", ["prosemirror", "tiptap", "lexical-rich", "quill"])
async def test_a_format_that_someone_began_is_gone(editor: str, browsers: BrowserPool):
    async with open_field(browsers, editor) as field:
        await field.page.focus(".prompt")
        await field.page.keyboard.type("- item" if editor == "quill" else "# Title")
        drawn = await field.page.inner_html(".prompt")
        await field.write("two\nlines")
        cleared = await field.page.inner_html(".prompt")

    assert "<li" in drawn or "<h1" in drawn
    assert "<li" not in cleared
    assert "<h1" not in cleared


async def test_a_single_line_refuses_line_ends_and_says_so(browsers: BrowserPool):
    async with open_field(browsers, "line") as field:
        with pytest.raises(PromptRejectedError, match="single line"):
            await field.write("two\nlines")
        await field.write("x" * 100_000)
        await field.send()

        assert await field.sent() == ["x" * 100_000]


async def test_a_single_line_takes_several_as_one_where_the_profile_says_so(browsers: BrowserPool):
    async with open_field(browsers, "line", single_line_input="flatten") as field:
        await field.write("two\n\n lines")

        assert await field.model() == "two lines"


async def test_the_longest_that_the_page_takes_is_counted_as_the_page_counts(browsers: BrowserPool):
    async with open_field(browsers, "textarea") as field:
        await field.page.evaluate("document.querySelector('.prompt').maxLength = 4")
        await field.write("🙂🙂")
        with pytest.raises(PromptTooLargeError) as caught:
            await field.write("🙂🙂x")

    assert (caught.value.size_characters, caught.value.limit_characters) == (5, 4)


async def test_a_page_that_cuts_a_prompt_is_found_out(browsers: BrowserPool):
    cut = "(event) => { event.target.value = event.target.value.slice(0, 50); }"
    async with open_field(browsers, "textarea") as field:
        await field.page.evaluate(f"document.querySelector('.prompt').addEventListener('input', {cut})")
        with pytest.raises(PromptTooLargeError) as caught:
            await field.write(prompt(1000))

    assert caught.value.limit_characters == 50


@pytest.mark.parametrize("editor", ["textarea", "editable"])
async def test_a_page_that_mends_quotes_is_sent_nothing(editor: str, browsers: BrowserPool):
    restore_lost_cookies = """(event) => { const key = "value" in event.target ? "value" : "textContent";
        event.target[key] = event.target[key].replaceAll('"', '”'); }"""
    async with open_field(browsers, editor) as field:
        await field.page.evaluate(
            f"document.querySelector('.prompt').addEventListener('input', {restore_lost_cookies})"
        )
        with pytest.raises(PromptRejectedError, match="changes this prompt"):
            await field.write('a "quoted" word')

        assert await field.sent() == []


async def test_a_prompt_that_is_changed_after_it_was_entered_is_entered_again(browsers: BrowserPool):
    async with open_field(browsers, "textarea") as field:
        await field.write("mine")
        await field.page.fill(".prompt", "another's")
        await field.send()

        assert await field.sent() == ["mine"]


async def test_a_prompt_that_the_page_keeps_changing_is_not_sent(browsers: BrowserPool):
    async with open_field(browsers, "textarea") as field:
        await field.write("mine")
        await field.page.evaluate(
            "setInterval(() => { document.querySelector('.prompt').value = 'yours'; }, 1)"
        )
        with pytest.raises(PromptRejectedError, match=r"changes? this prompt|changed this prompt"):
            await field.send()

        assert await field.sent() == []


async def test_a_page_that_hangs_on_a_prompt_is_lost(browsers: BrowserPool):
    hang = "(event) => { const end = Date.now() + 4000; while (Date.now() < end) { } }"
    async with open_field(browsers, "lexical-plain", Timeouts(compose_s=1.0)) as field:
        await field.page.evaluate(f"addEventListener('paste', {hang}, true)")
        with pytest.raises(PageLostError, match="did not answer"):
            await field.write(prompt(10_000))
