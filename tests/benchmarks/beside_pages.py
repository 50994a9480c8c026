"""Measures what an API request takes while ten chat pages stream through the same gateway, beside a floor of the same run.

The gateway is a process as it ships, started by ``serve.py``; the floor, ``pass_through.py``, is one before the same upstream. Both are asked
the same question by turns, a slice of time each, without pages and then while ten turns stream. What Chromium, the site and the readers of
the ten streams take from the machine, they take from both: what the ratio shows is that one process reads the pages and answers.

There are two endpoints of pages, since a browser has six connections to a host: of one, answers are read from the wire, of the other from
the page.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_process
import httpx

from demo.processes import free_port, running
from tests.benchmarks import closed_loop, pass_through, serve
from tests.benchmarks.closed_loop import Question
from tests.fakes.chat_site import FakeChatSite, profile_data

BAR = 1.5
"""The most that the gateway's p99 beside the pages may be, in times of the floor's."""

PAGES = 10
AT_ONCE = (1, 16)
SLICE_S = 2.0
PIECE_MS, PIECE_CHARACTERS = 50, 5
_START_S = 60.0
_BEGIN_S = 180.0  # ten pages load on a busy machine
_WORD_CHARACTERS = 7  # of "word42 ", rather less than they have
_TEXT = "What is a river, and where does its water come from? Say it in a few plain sentences. " * 2
_MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": _TEXT}]


@dataclass(slots=True)
class Sample:
    """Milliseconds of the requests to one server, slice by slice."""

    slices: list[list[float]] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many there were."""
        return sum(map(len, self.slices))

    @property
    def p50_ms(self) -> float:
        """The median of all."""
        return statistics.median(took_ms for each in self.slices for took_ms in each)

    @property
    def p99s_ms(self) -> list[float]:
        """Of each slice."""
        return [statistics.quantiles(each, n=100)[98] for each in self.slices]

    @property
    def p99_ms(self) -> float:
        """The median of the slices': what else runs on the machine for a moment spoils one of them, not the figure."""
        return statistics.median(self.p99s_ms)


@dataclass(frozen=True, slots=True)
class Row:
    """Both servers on ``at_once`` connections beside ``pages``."""

    pages: int
    at_once: int
    floor: Sample = field(default_factory=Sample)
    gateway: Sample = field(default_factory=Sample)

    @property
    def ratio(self) -> float:
        """The gateway's p99 in times of the floor's of the slice beside it; the median of all rounds."""
        pairs = zip(self.gateway.p99s_ms, self.floor.p99s_ms, strict=True)
        return statistics.median(gateway_ms / floor_ms for gateway_ms, floor_ms in pairs)


@dataclass(frozen=True, slots=True)
class Figures:
    """All rows, and how many pieces of an answer each page got a second meanwhile, and its reader."""

    rows: list[Row]
    written_a_second: float
    read_a_second: float


@dataclass(frozen=True, slots=True)
class _Servers:
    gateway_url: str
    gateway: Question
    floor: Question


@dataclass(slots=True)
class _Reader:
    """How much of its answer one of the ten clients has read."""

    characters: int = 0


def as_data(figures: Figures) -> dict[str, object]:
    """Return what is worth keeping."""
    rows = [
        {
            "pages": row.pages,
            "at_once": row.at_once,
            "floor": _summarise(row.floor),
            "gateway": _summarise(row.gateway),
            "ratio": round(row.ratio, 3),
        }
        for row in figures.rows
    ]
    rates = {"written_a_second": figures.written_a_second, "read_a_second": figures.read_a_second}
    return {"rows": rows, **rates}


def _summarise(sample: Sample) -> dict[str, float]:
    return {
        "requests": sample.requests,
        "p50_ms": round(sample.p50_ms, 3),
        "p99_ms": round(sample.p99_ms, 3),
    }


async def measure(rounds: int) -> Figures:
    """Ask both for ``rounds`` slices without and beside pages, on each number of connections."""
    lasts_s = rounds * len(AT_ONCE) * 2 * SLICE_S
    async with FakeChatSite.open() as site:
        with tempfile.TemporaryDirectory() as folder, _running_servers(Path(folder)) as servers:
            rows = await _compare(servers, 0, rounds)
            async with _streaming(servers.gateway_url, site, _BEGIN_S + 3 * lasts_s) as readers:
                started_s, read_before = time.monotonic(), _count_read(readers)
                rows += await _compare(servers, PAGES, rounds)
                ended_s, read_after = time.monotonic(), _count_read(readers)
            written = _count_written(site, started_s, ended_s)
    page_seconds = PAGES * (ended_s - started_s)
    read = (read_after - read_before) / PIECE_CHARACTERS
    return Figures(rows, round(written / page_seconds, 1), round(read / page_seconds, 1))


@contextmanager
def _running_servers(folder: Path) -> Iterator[_Servers]:
    upstream, floor, gateway = (free_port() for _ in range(3))
    module = pass_through.__name__
    before = ["--upstream", f"http://127.0.0.1:{upstream}/v1"]
    at_floor = [module, "floor", "--port", str(floor), *before]
    at_gateway = [serve.__name__, "--port", str(gateway), *before]
    streaming = {"MAX_STREAMING": str(PAGES)}  # by default it is what the machine's cores bear
    with (
        running("upstream", [module, "upstream", "--port", str(upstream)], folder / "upstream", {}) as first,
        running("floor", at_floor, folder / "floor", {}) as second,
        running("gateway", at_gateway, folder / "gateway", streaming) as third,
    ):
        for port, server in ((upstream, first), (floor, second), (gateway, third)):
            server.wait_until_it_answers(f"http://127.0.0.1:{port}/health", _START_S)
        body = json.dumps({"model": serve.MODEL, "messages": _MESSAGES}).encode()
        yield _Servers(
            f"http://127.0.0.1:{gateway}",
            closed_loop.build_question(gateway, serve.KEY, body),
            closed_loop.build_question(floor, pass_through.KEY, body),
        )


async def _compare(servers: _Servers, pages: int, rounds: int) -> list[Row]:
    rows = [Row(pages, at_once) for at_once in AT_ONCE]
    for number in range(rounds + 1):
        for row in rows:
            both = [(servers.floor, row.floor), (servers.gateway, row.gateway)]
            # Who is asked first meets what the slice before left to be done.
            for question, sample in both if number % 2 else reversed(both):
                seconds = SLICE_S if number else SLICE_S / 4
                took_ms = await anyio.to_process.run_sync(closed_loop.ask, question, row.at_once, seconds)
                if number:  # the first round warms both up
                    sample.slices.append(took_ms)
    return rows


# -- the pages ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _streaming(gateway_url: str, site: FakeChatSite, lasts_s: float) -> AsyncIterator[list[_Reader]]:
    """Have ten turns stream for all of the block.

    Raises:
        ExceptionGroup: A turn failed, or ended before the block did.
    """
    headers = {"authorization": f"Bearer {serve.KEY}"}
    readers = [_Reader() for _ in range(PAGES)]
    words = int(lasts_s * 1000 / PIECE_MS * PIECE_CHARACTERS / _WORD_CHARACTERS)
    async with httpx.AsyncClient(base_url=gateway_url, headers=headers, timeout=_BEGIN_S) as client:
        slugs = [
            await _start_endpoint(client, site.url, with_wire=True),
            await _start_endpoint(client, site.other_url, with_wire=False),
        ]
        async with anyio.create_task_group() as tasks:
            for number, reader in enumerate(readers):
                prompt = f"[[count:{words}]][[slow:{PIECE_MS}]][[chunk:{PIECE_CHARACTERS}]] page {number}"
                tasks.start_soon(_read_turn, client, slugs[number % 2], prompt, reader)
            with anyio.fail_after(_BEGIN_S):
                while not all(reader.characters for reader in readers):
                    await anyio.sleep(0.05)
            yield readers
            tasks.cancel_scope.cancel()


async def _start_endpoint(client: httpx.AsyncClient, url: str, *, with_wire: bool) -> str:
    body = {
        "name": "pages wire" if with_wire else "pages dom",
        "provider_type": "web_chat",
        "base_url": url,
        "profile": profile_data("fetch-sse", with_wire=with_wire),
        "max_concurrent_requests": PAGES // 2,
    }
    created = (await client.post("/api/endpoints/", json=body)).raise_for_status().json()
    slug = str(created["slug"])
    (await client.post(f"/api/endpoints/{slug}/start")).raise_for_status()
    with anyio.fail_after(_BEGIN_S):
        while (endpoint := (await client.get(f"/api/endpoints/{slug}")).json())["state"] != "active":
            assert endpoint["state"] != "error", endpoint["state_reason"]
            await anyio.sleep(0.1)
    return slug


async def _read_turn(client: httpx.AsyncClient, slug: str, prompt: str, reader: _Reader) -> None:
    ask = {"model": slug, "messages": [{"role": "user", "content": prompt}], "stream": True}
    async with client.stream("POST", "/v1/chat/completions", json=ask) as response:
        async for line in response.aiter_lines():
            if line.startswith(("data: {", "{")):
                chunk = json.loads(line.removeprefix("data: "))
                assert "error" not in chunk, chunk["error"]
                reader.characters += sum(len(each["delta"].get("content") or "") for each in chunk["choices"])
    raise RuntimeError("A page's answer ended before the measurement did.")


def _count_read(readers: list[_Reader]) -> int:
    return sum(reader.characters for reader in readers)


def _count_written(site: FakeChatSite, started_s: float, ended_s: float) -> int:
    return sum(started_s <= at_s < ended_s for request in site.requests for _, at_s in request.written)
