"""Measures what it costs that an answer from the wire is compared with what its page shows before it is called complete.

Turns with and without the comparison alternate on one page, whose site shows each piece at once; what is measured is the
time from the site's last byte to our end.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from automation.browser.pool import open_browser_pool
from automation.capture.pipeline import TurnCapture
from automation.timing import Timeouts
from automation.web_provider.chat_site import ChatSite
from tests.fakes.chat_provider import ask, open_provider
from tests.fakes.chat_site import FakeChatSite

BAR_MS = 5.0
"""The most that the comparison may add to the median."""

_WARM_UP = 3
_PATIENCE = Timeouts(first_token_s=60, idle_s=60, lease_s=60)


@dataclass(slots=True)
class Figures:
    """Milliseconds from the site's last byte to our end, of each turn."""

    with_witness: list[float] = field(default_factory=list)
    without: list[float] = field(default_factory=list)

    @property
    def added_ms(self) -> float:
        """What the comparison adds to the median."""
        return statistics.median(self.with_witness) - statistics.median(self.without)


async def measure(turns: int) -> Figures:
    """Ask so many turns each way."""
    figures = Figures()
    async with (
        open_browser_pool(None, max_pages=4) as browsers,
        FakeChatSite.open() as site,
        open_provider(browsers, site, "fetch-sse", timeouts=_PATIENCE) as provider,
    ):
        for turn in range(_WARM_UP + turns):
            with_ms = await _time_end(provider, site, f"[[md:prose]] with {turn}")
            with _without_witness():
                without_ms = await _time_end(provider, site, f"[[md:prose]] without {turn}")
            if turn >= _WARM_UP:
                figures.with_witness.append(with_ms)
                figures.without.append(without_ms)
    return figures


@contextmanager
def _without_witness() -> Iterator[None]:
    """Let no turn that ends in this block ask its page: the product has no switch for that."""

    async def hear_nothing(self: TurnCapture) -> tuple[str, ...]:
        return ()

    kept = TurnCapture._hear_witness
    TurnCapture._hear_witness = hear_nothing  # type: ignore[method-assign]
    try:
        yield
    finally:
        TurnCapture._hear_witness = kept  # type: ignore[method-assign]


async def _time_end(provider: ChatSite, site: FakeChatSite, prompt: str) -> float:
    reply = await ask(provider, prompt)
    ended_s = time.monotonic()
    request = site.requests[-1]
    assert (reply.text, reply.finished.source) == (request.answer.text, "wire")
    await site.wait_for(lambda _: request.ended != "running")
    return (ended_s - request.ended_s) * 1000
