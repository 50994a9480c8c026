"""The serializer in a real Chromium: what it reads back from pages that rendered known Markdown."""

import html
import json
import re
from pathlib import Path

import pytest
import pytest_asyncio
from bs4 import BeautifulSoup
from bs4.element import NavigableString
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.tasklists import tasklists_plugin
from playwright.async_api import async_playwright

from automation.browser.discovery import find_browser
from automation.capture.commit import AppendOnly

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = (ROOT / "automation/page/scripts/dom_to_markdown.js").read_text("utf-8")
RECORDINGS = ROOT / "tests/recordings"
SPEC = json.loads((RECORDINGS / "dom/commonmark-0.31.json").read_text("utf-8"))
CASES = json.loads((RECORDINGS / "dom/cases.json").read_text("utf-8"))
ANSWERS = {path.stem: path.read_text("utf-8") for path in sorted((RECORDINGS / "answers").glob("*.md"))}
SERIALIZE = """([pages, options]) => pages.map((page) => {
  const root = document.createElement("main");
  root.innerHTML = page;
  document.body.append(root);
  try { return parleyDomToMarkdown(root, options); } finally { root.remove(); }
})"""
CODE = re.compile(r'<pre><code(?: class="language-([^"]*)")?>(.*?)</code></pre>', re.DOTALL)
BLOCKS = "p|ul|ol|li|table|thead|tbody|tr|th|td|blockquote|h[1-6]|hr|br|section|details|summary"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page():
    async with async_playwright() as playwright:
        found = find_browser(None, playwright.chromium.executable_path)
        browser = await playwright.chromium.launch(executable_path=found.executable)
        page = await browser.new_page()
        await page.set_content("<!doctype html><body></body>")
        await page.add_script_tag(content=SCRIPT)
        yield page
        await browser.close()


def katex(tex, options):
    """A formula as KaTeX puts it into a page: TeX in an annotation, and a copy of glyphs to look at."""
    is_block = options["display_mode"]
    inner = (
        f'<span class="katex"><span class="katex-mathml"><math{" display=block" if is_block else ""}><semantics>'
        f'<mrow><mi>x</mi></mrow><annotation encoding="application/x-tex">{html.escape(tex)}</annotation>'
        '</semantics></math></span><span class="katex-html" aria-hidden="true">x=garbled</span></span>'
    )
    return f'<span class="katex-display">{inner}</span>' if is_block else inner


COMMONMARK = MarkdownIt("commonmark")
CHAT = MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(dollarmath_plugin, renderer=katex)
CHAT.use(tasklists_plugin)


def code_in_wrap(language, cls, code):
    head = f'<div class="code-header"><span>{language}</span><button>Copy code</button></div>'
    return f'<div class="code-block">{head}<pre><code class="{cls}">{code}</code></pre></div>'


def code_with_toolbar_inside(language, cls, code):
    head = f'<div class="flex">{language}</div><div><button aria-label="Copy"><svg></svg>Copy</button></div>'
    return f'<pre><div class="rounded">{head}<div dir="ltr"><code>{code}</code></div></div></pre>'


def code_with_number_on_each_line(language, cls, code):
    number = '<span class="line-number" style="user-select: none">{}</span>'
    lines = [number.format(i + 1) + line for i, line in enumerate(lines_of(code))]
    return (
        f'<pre><code class="{cls}">' + "\n".join(f"<span>{line}</span>" for line in lines) + "</code></pre>"
    )


def code_with_number_column(language, cls, code):
    numbers = "".join(f"{i + 1}\n" for i in range(len(lines_of(code))))
    head = f'<div class="toolbar"><div>{language}</div><div><button>Copy</button><button>Run</button></div></div>'
    return f'<div>{head}<pre><code style="float:left">{numbers}</code><code class="{cls}">{code}</code></pre></div>'


def code_as_lines(language, cls, code):
    return (
        f'<pre><code class="{cls}">'
        + "".join(f"<div>{line}</div>" for line in lines_of(code))
        + "</code></pre>"
    )


def code_as_table(language, cls, code):
    row = '<tr><td class="hljs-ln-numbers" data-line-number="{}"></td><td class="hljs-ln-line">{}</td></tr>'
    rows = "".join(row.format(i + 1, line) for i, line in enumerate(lines_of(code)))
    return f'<pre><code class="{cls}"><table><tbody>{rows}</tbody></table></code></pre>'


def code_in_editor(language, cls, code):
    lines = "".join(f'<div class="cm-line">{line or "<br>"}</div>' for line in lines_of(code))
    head = f"<div><span>{language}</span><button>Copy</button></div>"
    editor = f'<div class="cm-gutters">1<br>2</div><div class="cm-content">{lines}</div>'
    return f'<div>{head}<div class="cm-editor">{editor}</div></div>'


SHAPES = [
    code_in_wrap,
    code_with_toolbar_inside,
    code_with_number_on_each_line,
    code_with_number_column,
    code_as_lines,
    code_as_table,
    code_in_editor,
]


def lines_of(code):
    return code.removesuffix("\n").split("\n")


def rendered(markdown, shape=None):
    """An answer as a chat page shows it, its code blocks dressed up by ``shape``."""
    page = CHAT.render(markdown)
    if shape is None:
        return page

    def dress(found):
        language = found[1] or ""
        return shape(language, f"hljs language-{language}" if language else "hljs", found[2])

    return CODE.sub(dress, page)


def normalized(page):
    """HTML without the differences that nobody sees: order of attributes, and white space around blocks."""
    parts = re.split(r"(<pre>.*?</pre>)", written(BeautifulSoup(page, "html.parser")), flags=re.DOTALL)
    for i in range(0, len(parts), 2):
        text = re.sub(r"\s+", " ", parts[i])
        parts[i] = re.sub(rf" ?(</?(?:{BLOCKS})(?: [^>]*)?>) ?", r"\1", text).strip()
    return "".join(parts)


def written(node):
    if isinstance(node, NavigableString):
        return html.escape(str(node))
    attributes = "".join(f" {name}={value!r}" for name, value in sorted(node.attrs.items()))
    inner = "".join(map(written, node.children))
    return inner if node.name == "[document]" else f"<{node.name}{attributes}>{inner}</{node.name}>"


async def read(page, pages, **options):
    return await page.evaluate(SERIALIZE, [pages, options])


async def test_the_examples_of_commonmark_render_the_same_again(page):
    examples = [one["markdown"] for one in SPEC if one["section"] not in ("HTML blocks", "Raw HTML")]
    sources = [COMMONMARK.render(example) for example in examples]

    got = await read(page, sources)

    same = [
        normalized(source) == normalized(COMMONMARK.render(one["markdown"]))
        for source, one in zip(sources, got, strict=True)
    ]
    print(f"CommonMark 0.31: {sum(same)} of {len(same)} render the same")
    assert len(same) == 588
    assert sum(same) / len(same) >= 0.97


@pytest.mark.parametrize("shape", [None, *SHAPES], ids=lambda shape: shape.__name__ if shape else "bare")
async def test_answers_render_the_same_again_whatever_surrounds_their_code(page, shape):
    got = await read(page, [rendered(answer, shape) for answer in ANSWERS.values()])

    again = [CHAT.render(one["markdown"]) for one in got]
    sources = [CHAT.render(answer) for answer in ANSWERS.values()]
    different = [
        name
        for name, source, back in zip(ANSWERS, sources, again, strict=True)
        if normalized(source) != normalized(back)
    ]
    print(f"{len(ANSWERS) - len(different)} of {len(ANSWERS)} answers render the same; not {different}")
    assert len(ANSWERS) >= 25
    assert len(different) / len(ANSWERS) <= 0.05
    code = [[found.groups() for found in CODE.finditer(source)] for source in sources]
    assert [[found.groups() for found in CODE.finditer(back)] for back in again] == code


async def test_a_streamed_answer_is_sent_early_and_never_taken_back(page):
    diverged, altered, lags = [], [], []
    for name, answer in ANSWERS.items():
        grown = [answer[:end] for end in range(6, len(answer) + 6, 6)]
        got = await read(page, [rendered(part, code_in_wrap) for part in grown])
        text, behind = AppendOnly(), []
        for one in got:
            units = one["markdown"].encode("utf-16-le")[: 2 * one["stable"]]
            text.update(one["markdown"], len(units.decode("utf-16-le")))
            behind.append(len(one["markdown"]) - len(text.emitted))
        final = got[-1]["markdown"]
        text.finish(final)
        lags.append(sum(behind) / len(behind))
        if text.diverged:
            diverged.append(name)
        elif normalized(CHAT.render(text.emitted)) != normalized(CHAT.render(final)):
            altered.append(name)

    print(f"{len(ANSWERS)} answers: diverged {diverged}, mean lag {sum(lags) / len(lags):.1f} characters")
    assert altered == []
    assert len(diverged) / len(ANSWERS) <= 0.02
    assert sum(lags) / len(lags) <= 60


@pytest.mark.parametrize("case", CASES["read"], ids=lambda case: case["name"])
async def test_a_page_reads_as(page, case):
    [got] = await read(page, ["".join(case["page"])], **case.get("options", {}))

    assert got["markdown"] == "\n".join(case["markdown"])
    assert got["thinking"] == case.get("thinking", "")


@pytest.mark.parametrize("case", CASES["stable"], ids=lambda case: case["name"])
async def test_of_an_unfinished_page_may_be_sent(page, case):
    [got] = await read(page, ["".join(case["page"])])

    assert got["markdown"][: got["stable"]] == case["stable"]


async def test_the_length_of_what_is_stable_counts_utf_16_units_and_splits_no_pair(page):
    [got] = await read(page, ["<p>👍🏽👨‍👩‍👧 and so on"])

    sent = got["markdown"].encode("utf-16-le")[: 2 * got["stable"]].decode("utf-16-le")
    assert sent == "👍🏽👨‍👩‍👧 and so"


async def test_open_shadow_roots_and_slots_are_read_in_the_order_they_are_shown(page):
    got = await page.evaluate("""() => {
      const host = document.createElement("chat-message");
      host.innerHTML = "<p>Slotted <b>text</b></p><p slot=late>Last</p>";
      host.attachShadow({mode: "open"}).innerHTML =
        "<h2>Head</h2><button>Copy</button><slot></slot><p>Own</p><slot name=late></slot><slot name=no>Fallback</slot>";
      document.body.append(host);
      try { return parleyDomToMarkdown(host, {}).markdown; } finally { host.remove(); }
    }""")

    assert got == "## Head\n\nSlotted **text**\n\nOwn\n\nLast\n\nFallback"


async def test_a_page_that_grew_reads_like_one_that_is_read_for_the_first_time(page):
    grown = [
        rendered(answer[:end], code_in_wrap) for answer in ANSWERS.values() for end in range(99, 999, 99)
    ]

    got = await page.evaluate(
        """(pages) => {
          const root = document.createElement("main"), again = [], fresh = [];
          document.body.append(root);
          for (const one of pages) {
            root.innerHTML = one;
            again.push(parleyDomToMarkdown(root, {}));
            const copy = root.cloneNode(true);
            root.replaceWith(copy);
            fresh.push(parleyDomToMarkdown(copy, {}));
            copy.replaceWith(root);
          }
          root.remove();
          return {again, fresh};
        }""",
        grown,
    )

    assert got["again"] == got["fresh"]


async def test_reading_never_changes_the_page(page):
    got = await page.evaluate(
        """(answers) => {
          document.body.innerHTML = answers.join("");
          const before = document.documentElement.outerHTML;
          let changes = 0;
          const observer = new MutationObserver((records) => { changes += records.length; });
          observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
          parleyDomToMarkdown(document.body, {exclude: [".none"], thinking: [".think"], cursor: "|"});
          changes += observer.takeRecords().length;
          const isSame = document.documentElement.outerHTML === before;
          document.body.innerHTML = "";
          return {isSame, changes};
        }""",
        [rendered(answer, code_in_wrap) for answer in ANSWERS.values()],
    )

    assert got == {"isSame": True, "changes": 0}


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("/img/fox.png", "https://chat.example/img/fox.png"),
        ("fox.png?w=2", "https://chat.example/c/fox.png?w=2"),
        ("//cdn.example/fox.png", "https://cdn.example/fox.png"),
        ("https://cdn.example/fox", "https://cdn.example/fox"),
        ("data:image/png;base64,AAAA", "data:image/png;base64,AAAA"),
    ],
)
async def test_an_images_address_leads_to_it_from_anywhere(page, source, address):
    await page.evaluate("""() => {
      const base = Object.assign(document.createElement("base"), { id: "base", href: "https://chat.example/c/1" });
      document.head.append(base);
    }""")
    try:
        (read,) = await page.evaluate(SERIALIZE, [[f'<p><img alt="A fox" src="{source}"></p>'], {}])
    finally:
        await page.evaluate("() => document.getElementById('base').remove()")

    assert read["markdown"] == f"![A fox]({address})"
