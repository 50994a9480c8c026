"""The live view shows the page in front and does what a person does, as the browser's own events."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
import pytest
from PIL import Image
from playwright.async_api import BrowserContext, Page

from automation.browser.pool import BrowserPool
from automation.owned_tasks import owned_tasks
from automation.sign_in.followed_pages import FollowedPages, open_followed_pages
from automation.sign_in.live_events import (
    AnswerDialog,
    ChooseOption,
    DialogOpened,
    FileChooserOpened,
    Frame,
    FrameSeen,
    GiveFiles,
    GivenFile,
    Key,
    LiveEvent,
    Navigate,
    PageChanged,
    Pointer,
    SelectOpened,
    Text,
    Wheel,
)
from automation.sign_in.live_view import LiveView, open_live_view
from automation.sign_in.qr_code import watch_for_qr_codes
from automation.stealth.options import BrowserConfig
from tests.fakes.sign_in_site import SignInSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

T = TypeVar("T", bound=LiveEvent)
RED, GREEN = (255, 0, 0), (0, 160, 0)
COUNTING = """<!doctype html><title>Counting</title><body style="margin:0;height:3000px">
<button style="position:fixed;left:0;top:0;width:200px;height:100px;background:#f00;border:0"></button>
<input style="position:fixed;left:0;top:120px;width:200px">
<script>
  window.seen = [];
  document.querySelector("button").onclick = (e) => {
    e.target.style.background = "rgb(0, 160, 0)"; seen.push(["click", e.isTrusted, e.detail]);
  };
  for (const kind of ["keydown", "keyup"]) addEventListener(kind, (e) => seen.push([kind, e.key, e.keyCode, e.isTrusted]));
</script>"""
LISTS = """<!doctype html><body style="margin:0">
<select style="position:absolute;left:40px;top:30px;width:120px;height:30px">
  <option>one</option><optgroup label="more"><option>two</option><option disabled>three</option></optgroup>
</select><script>
  window.seen = [];
  for (const kind of ["input", "change"]) document.querySelector("select")
    .addEventListener(kind, (e) => seen.push([kind, e.target.value]));
</script>"""


class Watcher:
    """Reads a view's events as a client does, and waits for one of a kind."""

    def __init__(self, view: LiveView) -> None:
        self.view = view
        self.seen: list[LiveEvent] = []
        self.is_over = False
        self._news = anyio.Event()

    async def read(self) -> None:
        async for event in self.view.events():
            self.seen.append(event)
            if isinstance(event, Frame):
                await self.view.handle(FrameSeen())
            self._news.set()
        self.is_over = True
        self._news.set()

    async def until(self, kind: type[T], is_it: Callable[[T], bool] = lambda _: True) -> T:
        with anyio.fail_after(200):
            while True:
                news = self._news = anyio.Event()
                for event in reversed(self.seen):
                    if isinstance(event, kind) and is_it(event):
                        return event
                await news.wait()

    async def until_over(self) -> None:
        with anyio.fail_after(200):
            while not self.is_over:
                news = self._news = anyio.Event()
                await news.wait()

    async def click(self, x: float, y: float) -> None:
        await self.view.handle(Pointer(action="move", x=x, y=y))
        for action, buttons in (("down", 1), ("up", 0)):
            await self.view.handle(Pointer(action=action, x=x, y=y, button="left", buttons=buttons, clicks=1))


@asynccontextmanager
async def watching(pages: FollowedPages) -> AsyncIterator[Watcher]:
    async with open_live_view(pages) as view, owned_tasks() as tasks:
        watcher = Watcher(view)
        tasks.start_soon(watcher.read)
        yield watcher


@asynccontextmanager
async def shown(browsers: BrowserPool, html: str) -> AsyncIterator[tuple[Page, Watcher]]:
    context = await browsers.new_context(BrowserConfig(), None)
    try:
        page = await context.new_page()
        await page.set_content(html)
        async with open_followed_pages(page) as pages, watching(pages) as watcher:
            yield page, watcher
    finally:
        await context.close()


def colour_at(frame: Frame, x: int, y: int) -> tuple[int, int, int]:
    image = Image.open(io.BytesIO(frame.jpeg)).convert("RGB")
    pixel = image.getpixel((x * image.width // frame.width, y * image.height // frame.height))
    assert isinstance(pixel, tuple)
    return pixel[0], pixel[1], pixel[2]


def looks(colour: tuple[int, int, int], x: int = 100, y: int = 50) -> Callable[[Frame], bool]:
    def is_it(frame: Frame) -> bool:
        return all(abs(a - b) < 30 for a, b in zip(colour_at(frame, x, y), colour, strict=True))

    return is_it


async def until_seen(page: Page, wanted: object) -> None:
    await page.wait_for_function("(wanted) => JSON.stringify(window.seen) === wanted", arg=wanted)


async def test_a_frame_shows_the_page_at_most_1280_by_800_and_tells_its_size(browsers: BrowserPool):
    async with shown(browsers, COUNTING) as (page, watcher):
        frame = await watcher.until(Frame, looks(RED))
        size = await page.evaluate("[innerWidth, innerHeight]")

    image = Image.open(io.BytesIO(frame.jpeg))
    assert (image.format, image.width <= 1280, image.height <= 800) == ("JPEG", True, True)
    assert [frame.width, frame.height] == size
    assert abs(time.time() - frame.at_s) < 15


async def test_a_click_is_trusted_and_changes_the_frame(browsers: BrowserPool):
    async with shown(browsers, COUNTING) as (page, watcher):
        await watcher.until(Frame, looks(RED))
        await watcher.click(100, 50)
        await watcher.until(Frame, looks(GREEN))
        seen = await page.evaluate("seen")

    assert seen == [["click", True, 1]]


async def test_keys_and_pasted_text_reach_the_field_that_was_clicked(browsers: BrowserPool):
    async with shown(browsers, COUNTING) as (page, watcher):
        await watcher.click(100, 130)
        for action in ("down", "up"):
            await watcher.view.handle(Key(action=action, key="a", code="KeyA", key_code=65))
        await watcher.view.handle(Text(text="bä 你好"))
        await watcher.view.handle(Key(action="down", key="Backspace", code="Backspace", key_code=8))
        value = await page.input_value("input")
        seen = await page.evaluate("seen")

    assert value == "abä 你"
    assert seen[:2] == [["keydown", "a", 65, True], ["keyup", "a", 65, True]]


async def test_the_wheel_scrolls(browsers: BrowserPool):
    async with shown(browsers, COUNTING) as (page, watcher):
        await watcher.view.handle(Wheel(x=300, y=300, dy=500))

        scrolled = await page.wait_for_function("scrollY > 100 && scrollY")
        assert 100 < await scrolled.json_value() <= 500


async def test_a_native_list_is_told_with_its_place_and_the_choice_is_set(browsers: BrowserPool):
    async with shown(browsers, LISTS) as (page, watcher):
        await watcher.click(100, 45)
        opened = await watcher.until(SelectOpened)
        await watcher.view.handle(ChooseOption(number=opened.number, index=1))
        await until_seen(page, '[["input","two"],["change","two"]]')

    assert opened.rect == pytest.approx((40, 30, 120, 30))
    assert [(o.label, o.group, o.is_chosen, o.is_enabled) for o in opened.options] == [
        ("one", "", True, True),
        ("two", "more", False, True),
        ("three", "more", False, False),
    ]


async def test_lists_are_told_also_after_a_navigation_and_in_frames_of_another_site(browsers: BrowserPool):
    async with SignInSite.open() as site, shown(browsers, COUNTING) as (page, watcher):
        await page.goto(site.page("choices"))
        await page.set_content(
            f"<body style='margin:0'><iframe style='position:absolute;left:50px;top:0;border:0;width:600px;height:300px'"
            f" src='{site.foreign_url}/choices/login'>"
        )
        await page.frame_locator("iframe").locator("select").wait_for()
        await watcher.click(200, 60)
        opened = await watcher.until(SelectOpened)
        await watcher.view.handle(ChooseOption(number=opened.number, index=1))
        value = await page.frame_locator("iframe").locator("select").input_value()

    assert opened.rect == pytest.approx((90, 40, 260, 44))
    assert value == "member"


async def test_a_list_is_opened_by_a_key_and_left_as_it_was(browsers: BrowserPool):
    async with shown(browsers, LISTS) as (page, watcher):
        await page.focus("select")
        await watcher.view.handle(Key(action="down", key=" ", code="Space", key_code=32))
        opened = await watcher.until(SelectOpened)
        await watcher.view.handle(ChooseOption(number=opened.number, index=None))
        seen = await page.evaluate("seen")

    assert opened.rect is None
    assert seen == []


async def test_a_list_in_a_frame_is_placed_where_it_lies_in_the_page(browsers: BrowserPool):
    framed = f"<body style='margin:0'><iframe style='position:absolute;left:200px;top:100px;border:0' srcdoc='{LISTS}'>"
    async with shown(browsers, framed) as (page, watcher):
        await page.frame_locator("iframe").locator("select").wait_for()
        await watcher.click(300, 145)
        opened = await watcher.until(SelectOpened)
        await watcher.view.handle(ChooseOption(number=opened.number, index=1))
        value = await page.frame_locator("iframe").locator("select").input_value()

    assert (opened.rect, value) == ((240, 130, 120, 30), "two")


async def test_the_pages_own_scripts_see_nothing_of_the_view(browsers: BrowserPool):
    async with shown(browsers, LISTS) as (page, watcher):
        await watcher.until(Frame)
        before = await page.evaluate(
            "Object.getOwnPropertyNames(window).filter((n) => n === 'lists' || /^[bw][0-9a-f]{12}$/.test(n))"
        )

    assert before == []


async def test_a_file_chooser_is_told_and_filled_with_the_persons_files(browsers: BrowserPool):
    html = "<body style='margin:0'><input type=file multiple style='position:absolute;left:0;top:0;width:300px;height:60px'>"
    async with shown(browsers, html) as (page, watcher):
        await watcher.click(30, 10)
        opened = await watcher.until(FileChooserOpened)
        data = base64.b64encode(b"hello")
        given = [GivenFile(name=f"{n}.txt", media_type="text/plain", data=data) for n in "ab"]
        await watcher.view.handle(GiveFiles(number=opened.number, files=tuple(given)))
        names = await page.evaluate(
            "Promise.all([...document.querySelector('input').files].map(async (f) => [f.name, await f.text()]))"
        )

    assert opened.takes_several
    assert names == [["a.txt", "hello"], ["b.txt", "hello"]]


ASKING = """<!doctype html><body style="margin:0"><button style="width:300px;height:100px"></button><script>
  window.seen = [];
  document.querySelector("button").onmousedown = () => seen.push([confirm("Really?"), prompt("Name?", "nobody")]);
</script>"""


async def test_dialogs_are_told_and_answered_while_the_page_stands_still(browsers: BrowserPool):
    async with shown(browsers, ASKING) as (page, watcher):
        await watcher.click(50, 50)
        first = await watcher.until(DialogOpened)
        await watcher.click(50, 50)
        await watcher.view.handle(AnswerDialog(number=first.number, accept=True))
        second = await watcher.until(DialogOpened, lambda e: e.dialog == "prompt")
        await watcher.view.handle(AnswerDialog(number=second.number, accept=True, text="Ada"))
        await until_seen(page, '[[true,"Ada"]]')

    assert (first.dialog, first.message) == ("confirm", "Really?")
    assert (second.message, second.default_text) == ("Name?", "nobody")


async def test_dialogs_that_nobody_sees_are_declined(browsers: BrowserPool):
    context = await browsers.new_context(BrowserConfig(), None)
    try:
        page = await context.new_page()
        await page.set_content(ASKING)
        async with open_followed_pages(page) as pages:
            async with watching(pages) as watcher:
                await watcher.click(50, 50)
                opened = await watcher.until(DialogOpened)
            await until_seen(page, "[[false,null]]")
            asked_for = await page.evaluate("window.seen.length")
    finally:
        await context.close()

    assert (opened.message, asked_for) == ("Really?", 1)


async def test_a_popup_comes_to_the_front_and_its_opener_comes_back_when_it_closes(browsers: BrowserPool):
    html = """<!doctype html><title>Opener</title><body style="height:90vh;background:#f00"><script>
      document.body.onclick = () => open("", "", "width=500,height=400").document.write(
        "<title>Popup</title><body style='height:90vh;background:#00a000' onclick='window.close()'>");
    </script>"""
    async with shown(browsers, html) as (_, watcher):
        await watcher.until(Frame, looks(RED))
        await watcher.click(100, 50)
        popup = await watcher.until(PageChanged, lambda e: e.depth == 2)
        await watcher.until(Frame, looks(GREEN))
        await watcher.click(100, 50)
        back = await watcher.until(PageChanged, lambda e: e.depth == 1 and e is not watcher.seen[0])
        await watcher.until(Frame, looks(RED))

    assert (popup.url, back.title) == ("about:", "Opener")


async def test_the_view_is_over_when_the_last_window_is_gone(browsers: BrowserPool):
    async with shown(browsers, COUNTING) as (page, watcher):
        await watcher.until(Frame)
        await page.close()

        await watcher.until_over()
        shown_last = watcher.seen[-1]

    assert watcher.is_over
    assert isinstance(shown_last, Frame | PageChanged)


async def test_an_address_is_told_without_its_query_and_one_goes_back(browsers: BrowserPool, site):
    async with shown(browsers, COUNTING) as (page, watcher):
        first, second = site.page("fetch-sse"), f"{site.page('dom-only')}?code=secret#token"
        await page.goto(first)
        await page.goto(second)
        told = await watcher.until(PageChanged, lambda e: "dom-only" in e.url)
        await watcher.view.handle(Navigate(to="back"))
        await page.wait_for_url(first)

    assert told.url == site.page("dom-only")


async def test_without_a_sign_that_frames_were_seen_two_come_and_then_the_newest(browsers: BrowserPool):
    async def painted(context: BrowserContext) -> Page:
        page = await context.new_page()
        await page.set_content(
            "<body style='background:#f00'><script>window.n = 0; setInterval(() => document.title = ++n, 30);"
            "setInterval(() => document.body.style.borderTop = (n % 50) + 'px solid blue', 30)</script>"
        )
        return page

    context = await browsers.new_context(BrowserConfig(), None)
    try:
        page = await painted(context)
        async with open_followed_pages(page) as pages, open_live_view(pages) as view:
            frames: list[Frame] = []
            with anyio.move_on_after(60) as limit:
                async for event in view.events():
                    frames += [event] if isinstance(event, Frame) else []
                    if len(frames) == 2:
                        # That is all it may get: two more seconds show it.
                        limit.deadline = anyio.current_time() + 2.0
            unseen = len(frames)
            await view.handle(FrameSeen())
            with anyio.move_on_after(60):
                async for event in view.events():
                    frames += [event] if isinstance(event, Frame) else []
                    if isinstance(event, Frame):
                        break
    finally:
        await context.close()

    assert (unseen, len(frames)) == (2, 3)
    # It shows what there is now, not what came right after the second.
    assert frames[-1].at_s - frames[1].at_s > 1.0


async def test_whoever_comes_again_to_a_page_that_stands_still_sees_it(browsers: BrowserPool):
    context = await browsers.new_context(BrowserConfig(), None)
    try:
        page = await context.new_page()
        await page.set_content(COUNTING)
        async with open_followed_pages(page) as pages, owned_tasks() as tasks:
            tasks.start_soon(watch_for_qr_codes, pages, lambda _: None)
            size = await page.evaluate("[innerWidth, innerHeight]")
            seen = []
            for _ in range(10):
                async with watching(pages) as watcher:
                    seen.append(await watcher.until(Frame, looks(RED)))
    finally:
        await context.close()

    assert [[frame.width, frame.height] for frame in seen] == [size] * 10
