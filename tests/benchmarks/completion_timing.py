"""Measures early and late ends of answers whose stream pauses at random.

Real Chromium on the chat site, several pages at once. Every run has pauses of 0.5 to 8 s at random places. Pages have
all controls, some or none, and their answers travel in every way. Beside it, in the same runs, what a classifier would
have made of them that calls an answer complete when nothing came for one second, or for three.
"""

from __future__ import annotations

import itertools
import random
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import anyio

from automation.browser.pool import BrowserPool, open_browser_pool
from automation.timing import Timeouts
from automation.turn import TextDelta, TurnEvent
from tests.fakes.chat_provider import open_provider, prompt_of
from tests.fakes.chat_site import FakeChatSite, answer_to

PAGES = 12
TURNS_A_PAGE = 5
SEED = 20261124
QUIET_S = (1.0, 3.0)
ANSWERS = ("[[md:prose]]", "[[md:code]]", "[[md:list]]", "[[md:table]]", "[[count:40]]")

WIRE = ("fetch-sse", "eventsource", "xhr", "worker")
DOM = ("fetch-sse", "eventsource", "xhr", "worker", "dom-only", "websocket")
CONTROLS: dict[str, dict[str, Any]] = {
    "stop and finished": {},
    "stop only": {"finished": []},
    "finished only": {"stop": []},
    "no controls": {"stop": [], "finished": []},
}
PATIENCE = Timeouts(first_token_s=60, idle_s=45, lease_s=60)


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of page, read one way."""

    route: str
    variant: str
    controls: str

    @property
    def kind(self) -> str:
        """What tells the end: the wire's marker, or by name what the page has."""
        if self.route == "wire":
            return "wire"
        if self.variant in {"websocket", "locks-input", "aria-busy"} and self.controls == "no controls":
            return f"page, {'socket, nothing at all' if self.variant == 'websocket' else self.variant}"
        return f"page, {self.controls}"


@dataclass(slots=True)
class Row:
    """What came of the runs of one kind of page.

    ``late_ms`` is from the server's last byte to our end; ``cut`` counts answers that were called complete too early,
    ``quiet_wrong`` how many a quiet classifier would have cut, by its seconds; ``errors`` tells of turns that failed or
    were cut.
    """

    runs: int = 0
    cut: int = 0
    late_ms: list[float] = field(default_factory=list)
    quiet_wrong: dict[str, int] = field(default_factory=lambda: {f"{s:g}": 0 for s in QUIET_S})
    errors: list[str] = field(default_factory=list)


def as_data(rows: dict[str, Row]) -> dict[str, dict[str, Any]]:
    """Return what is worth keeping, by kind of page; milliseconds are from the server's last byte to our end."""
    return {kind: _join_event_data(rows[kind]) for kind in sorted(rows)}


def _join_event_data(row: Row) -> dict[str, Any]:
    late = statistics.quantiles(row.late_ms, n=100) if len(row.late_ms) > 1 else [float("nan")] * 99
    return {
        "runs": row.runs,
        "cut": row.cut,
        "failed": row.runs - row.cut - len(row.late_ms),
        "late_p50_ms": round(late[49], 1),
        "late_p95_ms": round(late[94], 1),
        "quiet_wrong": row.quiet_wrong,
        "errors": row.errors,
    }


async def measure(runs: int) -> dict[str, Row]:
    """Run at least ``runs`` turns on each route; return the rows by kind of page."""
    rows: dict[str, Row] = {}
    chance = random.Random(SEED)
    async with FakeChatSite.open() as site, open_browser_pool(None, max_pages=PAGES + 2) as browsers:
        send, receive = anyio.create_memory_object_stream[tuple[Case, list[str]]](1000)
        for case in _cases(runs):
            send.send_nowait((case, [_prompt(chance) for _ in range(TURNS_A_PAGE)]))
        send.close()
        async with receive, anyio.create_task_group() as tasks:
            for _ in range(PAGES):
                tasks.start_soon(_work, receive.clone(), browsers, site, rows)
    return rows


def _cases(runs: int) -> Iterator[Case]:
    """Yield as many pages as give ``runs`` turns on each route, the kinds in turn."""
    pages = -(-runs // TURNS_A_PAGE)
    wire = [Case("wire", variant, "stop and finished") for variant in WIRE]
    dom = [Case("dom", variant, controls) for controls in CONTROLS for variant in DOM]
    dom += [Case("dom", variant, "no controls") for variant in ("locks-input", "aria-busy")]
    # Every kind is met even in a short run.
    chosen = random.Random(SEED).sample(dom, len(dom))
    for case in (wire, chosen):
        yield from itertools.islice(itertools.cycle(case), pages)


def _prompt(chance: random.Random) -> str:
    tag = chance.choice(ANSWERS)
    pieces = len(list(answer_to(tag).pieces()))
    at = sorted(chance.sample(range(1, pieces), chance.randint(1, 2)))
    pauses = ",".join(f"{number}:{chance.uniform(0.5, 8.0):.2f}" for number in at)
    return f"{tag}[[pauses:{pauses}]][[slow:{chance.choice((4, 20, 60))}]]"


async def _work(
    cases: AsyncIterator[tuple[Case, list[str]]],
    browsers: BrowserPool,
    site: FakeChatSite,
    rows: dict[str, Row],
) -> None:
    async for case, prompts in cases:
        changes = CONTROLS[case.controls]
        is_wire = case.route == "wire"
        async with open_provider(
            browsers, site, case.variant, with_wire=is_wire, timeouts=PATIENCE, **changes
        ) as provider:
            for number, prompt in enumerate(prompts):
                # A number makes each prompt, and so its request, one of a kind.
                asked = f"{prompt} {case.route} {case.controls} {number}"
                async with provider.open_turn(prompt_of(asked)) as events:
                    await _run(events, asked, site, rows.setdefault(case.kind, Row()))


async def _run(events: AsyncIterator[TurnEvent], asked: str, site: FakeChatSite, row: Row) -> None:
    told, arrivals = "", []
    row.runs += 1
    try:
        async for event in events:
            arrivals.append(time.monotonic())
            told += event.text if isinstance(event, TextDelta) else ""
    except Exception as exc:  # noqa: BLE001 - counted and reported; the other runs go on
        row.errors.append(f"{type(exc).__name__}: {exc}")
        return
    ended_s = time.monotonic()
    request = next(r for r in reversed(site.requests) if r.prompt == asked)
    if told != request.answer.text:
        row.cut += 1
        row.errors.append(f"{asked!r} got {len(told)} of {len(request.answer.text)} characters")
        return
    # The end marker is read before the server has noted that its stream is over.
    await site.wait_for(lambda _: request.ended != "running")
    row.late_ms.append((ended_s - request.ended_s) * 1000)
    for quiet_s in QUIET_S:
        gaps = (after - before for (_, before), (_, after) in itertools.pairwise(request.written))
        row.quiet_wrong[f"{quiet_s:g}"] += any(gap >= quiet_s for gap in gaps)
