"""Measures the live view of one page: a frame's age, a click's delay, and bytes on the line.

The page appends a word thirty times a second, in headless Chromium, and the view is read in the same process. A click's
way is measured on the same page while it stands still and changes colour when it is clicked.

python -m tests.benchmarks.live_view [--seconds 20] [--clicks 30]
"""

from __future__ import annotations

import argparse
import asyncio
import io
import statistics
import time
from dataclasses import dataclass

from PIL import Image

from automation.browser.pool import open_browser_pool
from automation.sign_in.followed_pages import open_followed_pages
from automation.sign_in.live_events import Frame, FrameSeen, Pointer
from automation.sign_in.live_view import LiveView, open_live_view
from automation.stealth.options import BrowserConfig

_WARM_UP_S = 2.0
_MOST_WAIT_S = 10.0
PAGE = """<!doctype html><body style="margin:0;font:15px sans-serif">
<div id="button" style="position:fixed;left:0;top:0;width:200px;height:100px;background:rgb(255,0,0)"></div>
<main style="margin-top:100px"></main><script>
  const button = document.querySelector("#button"), main = document.querySelector("main");
  let is_red = true, appending = 0;
  button.onmousedown = () => {
    is_red = !is_red;
    button.style.background = is_red ? "rgb(255,0,0)" : "rgb(0,0,255)";
  };
  onkeydown = () => {
    if (appending) { clearInterval(appending); appending = 0; return; }
    appending = setInterval(() => {
      main.append(" word" + Math.random().toString(36).slice(2, 8));
      scrollTo(0, 1e9);
    }, 1000 / 30);
  };
</script>"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds, frames and kilobytes a second of one view."""

    frames_a_second: float
    kilobytes_a_second: float
    frame_age_p50_ms: float
    frame_age_p95_ms: float
    click_to_frame_p50_ms: float
    click_to_frame_p95_ms: float


async def measure(seconds: float, clicks: int, *, headless: bool = True) -> Figures:
    """Watch the busy page for ``seconds``, then click ``clicks`` times on the still one."""
    async with open_browser_pool(None, max_pages=2) as browsers:
        context = await browsers.new_context(BrowserConfig(headless=headless), None)
        page = await context.new_page()
        await page.set_content(PAGE)
        async with open_followed_pages(page) as pages, open_live_view(pages) as view:
            await page.keyboard.press("a")
            await _watch(view, _WARM_UP_S)
            ages_ms, sizes, took_s = await _watch(view, seconds)
            await page.keyboard.press("a")
            await _watch(view, _WARM_UP_S)
            ways_ms = [await _click(view, is_red=number % 2 == 1) for number in range(clicks)]
    return Figures(
        frames_a_second=round(len(sizes) / took_s, 1),
        kilobytes_a_second=round(sum(sizes) / took_s / 1000, 1),
        frame_age_p50_ms=round(statistics.median(ages_ms), 1),
        frame_age_p95_ms=round(statistics.quantiles(ages_ms, n=100)[94], 1),
        click_to_frame_p50_ms=round(statistics.median(ways_ms), 1),
        click_to_frame_p95_ms=round(statistics.quantiles(ways_ms, n=100)[94], 1),
    )


async def _watch(view: LiveView, seconds: float) -> tuple[list[float], list[int], float]:
    """Read frames for some seconds; return their ages in milliseconds, their sizes, and how long it took."""
    ages_ms: list[float] = []
    sizes: list[int] = []
    began_s = time.monotonic()
    while (left_s := began_s + seconds - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(left_s):
                frame = await _next_frame(view)
        except TimeoutError:
            break
        ages_ms.append((time.time() - frame.at_s) * 1000)
        sizes.append(len(frame.jpeg))
    return ages_ms, sizes, time.monotonic() - began_s


async def _next_frame(view: LiveView) -> Frame:
    async for event in view.events():
        if isinstance(event, Frame):
            await view.handle(FrameSeen())
            return event
    msg = "the view is over"
    raise RuntimeError(msg)


async def _click(view: LiveView, *, is_red: bool) -> float:
    """Press the button and return the milliseconds until a frame shows it in the other colour."""
    began_s = time.monotonic()
    point = {"x": 100, "y": 50, "button": "left", "clicks": 1}
    await view.handle(Pointer.model_validate({"action": "down", "buttons": 1, **point}))
    async with asyncio.timeout(_MOST_WAIT_S):
        while _is_red(await _next_frame(view)) != is_red:
            pass
    took_ms = (time.monotonic() - began_s) * 1000
    await view.handle(Pointer.model_validate({"action": "up", **point}))
    return took_ms


def _is_red(frame: Frame) -> bool:
    pixel = Image.open(io.BytesIO(frame.jpeg)).convert("RGB").getpixel((60, 40))
    assert isinstance(pixel, tuple)
    return pixel[0] > pixel[2]


def print_figures(figures: Figures) -> None:
    """Print one line a figure, with its goal."""
    print("\nLive view of a page with 30 appended words a second, one view")
    print(f"{'frames a second':32}{figures.frames_a_second:>12}")
    print(f"{'kB a second':32}{figures.kilobytes_a_second:>12}   goal: at most 600")
    ages = f"{figures.frame_age_p50_ms:.0f} ({figures.frame_age_p95_ms:.0f})"
    print(f"{'frame age, ms p50 (p95)':32}{ages:>12}   goal: p50 at most 250")
    ways = f"{figures.click_to_frame_p50_ms:.0f} ({figures.click_to_frame_p95_ms:.0f})"
    print(f"{'click to frame, ms p50 (p95)':32}{ways:>12}   goal: p50 at most 200")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clicks", type=int, default=30)
    parser.add_argument("--headed", action="store_true")
    chosen = parser.parse_args()
    print_figures(asyncio.run(measure(chosen.seconds, chosen.clicks, headless=not chosen.headed)))
