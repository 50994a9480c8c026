"""What a delta of the wire costs this process, in an answer of N deltas and in one of 8 N.

Each kind of stream is driven from DevTools' events through the tap, the decoder and the capture to the client's
chunks, without a browser: what is measured is this process's CPU alone. A delta that costs in a long answer what it costs in
a short one gives 8. Of sites that send the whole text with each delta, each one is looked at once, so that theirs is
the ratio of CPU to bytes. Beside it one page in Chromium, of whose cost this process's share is measured.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass

from automation.browser.pool import open_browser_pool
from automation.timing import Timeouts
from automation.web_provider.chat_site import ChatSite
from tests.fakes.chat_provider import ask, open_provider
from tests.fakes.chat_site import FakeChatSite
from tests.fakes.wire_drive import drive
from tests.fakes.wire_streams import STREAMS, Frame, StreamKind, pieces_of_answer

TIMES = 8
FEW, FEW_SNAPSHOTS, FEW_ON_PAGE = 2000, 250, 400
WORDS_IN_PIECE = 5
BAR = 10.0
"""The most that 8 times the deltas may cost, times."""

PATIENCE = Timeouts(first_token_s=60, idle_s=60, lease_s=60)


@dataclass(frozen=True, slots=True)
class Row:
    """CPU seconds of both answers: the least of several rounds, since others' work on the machine only adds to it."""

    name: str
    few: int
    few_s: float
    many_s: float
    bytes_ratio: float = TIMES

    @property
    def ratio(self) -> float:
        """How many times as much the long answer costs; by byte where those are more than the deltas."""
        return self.many_s / self.few_s / (self.bytes_ratio / TIMES)


def measure(rounds: int, part: int = 1) -> list[Row]:
    """Return one row for each kind of stream; ``part`` divides the number of deltas."""
    return [_row(name, kind, rounds, part) for name, kind in STREAMS.items()]


def _row(name: str, kind: StreamKind, rounds: int, part: int) -> Row:
    few = (FEW_SNAPSHOTS if kind.is_cumulative else FEW) // part
    few_frames, many_frames = (kind.write(_pieces(count)) for count in (few, few * TIMES))
    few_s, many_s = [], []
    _cpu_s(kind, kind.write(_pieces(50)))
    for _ in range(rounds):
        few_s.append(_cpu_s(kind, few_frames))
        many_s.append(_cpu_s(kind, many_frames))
    ratio = _bytes(many_frames) / _bytes(few_frames) if kind.is_cumulative else TIMES
    return Row(name, few, min(few_s), min(many_s), ratio)


def _pieces(count: int) -> list[str]:
    return [piece * WORDS_IN_PIECE for piece in pieces_of_answer(count)]


def _cpu_s(kind: StreamKind, frames: Sequence[Frame]) -> float:
    gc.collect()
    started_s = time.process_time()
    asyncio.run(drive(kind, frames))
    return time.process_time() - started_s


def _bytes(frames: Sequence[Frame]) -> int:
    return sum(len(str(frame.params)) for frame in frames)


async def measure_page(rounds: int, part: int = 1) -> Row:
    """Return the row of a page in Chromium whose site streams faster than anybody reads."""
    few = FEW_ON_PAGE // part
    few_s, many_s = [], []
    async with (
        open_browser_pool(None, max_pages=1) as browsers,
        FakeChatSite.open() as site,
        open_provider(browsers, site, "fetch-sse", timeouts=PATIENCE) as provider,
    ):
        await _page_cpu_s(provider, site, 10)
        for _ in range(rounds):
            few_s.append(await _page_cpu_s(provider, site, few))
            many_s.append(await _page_cpu_s(provider, site, few * TIMES))
    return Row("a page in Chromium, by words", few, min(few_s), min(many_s))


async def _page_cpu_s(provider: ChatSite, site: FakeChatSite, count: int) -> float:
    """Return what this process's own thread spent; the chat site runs in another one of it."""
    started_s = time.thread_time()
    reply = await ask(provider, f"[[count:{count}]][[slow:2]]")
    spent_s = time.thread_time() - started_s
    assert reply.text == site.requests[-1].answer.text
    return spent_s
