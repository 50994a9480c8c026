from __future__ import annotations

import anyio
import pytest

from automation.errors import SiteError
from backend.gateway.cache.in_flight import Flight, InFlight, open_in_flight


class Upstream:
    """Tells ``one`` and, when it is let go on, ``two``; counts how often it is asked."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.asked = 0
        self.cancelled = anyio.Event()
        self.go_on = anyio.Event()
        self.began = anyio.Event()
        self._failure = failure

    async def __call__(self, flight: Flight) -> None:
        self.asked += 1
        flight.headers = {"content-type": "text/plain"}
        flight.write(b"one")
        self.began.set()
        try:
            await self.go_on.wait()
        except anyio.get_cancelled_exc_class():
            self.cancelled.set()
            raise
        if self._failure is not None:
            raise self._failure
        flight.write(b"two")


async def read_all(in_flight: InFlight, upstream: Upstream, into: list[bytes], key: str = "k") -> None:
    async with in_flight.join(key, upstream) as flight:
        async for chunk in flight.read():
            into += [chunk]


async def test_requests_that_arrive_together_share_one_answer():
    async with open_in_flight() as in_flight:
        upstream = Upstream()
        heard: list[list[bytes]] = [[], [], []]

        async with anyio.create_task_group() as readers:
            for into in heard:
                readers.start_soon(read_all, in_flight, upstream, into)
            await upstream.began.wait()
            upstream.go_on.set()

        assert (upstream.asked, heard) == (1, [[b"one", b"two"]] * 3)


async def test_who_comes_late_reads_from_the_beginning():
    async with open_in_flight() as in_flight:
        upstream = Upstream()
        heard: list[bytes] = []

        async with in_flight.join("k", upstream) as first:
            await upstream.began.wait()
            async with anyio.create_task_group() as readers:
                readers.start_soon(read_all, in_flight, upstream, heard)
                upstream.go_on.set()
            told = [chunk async for chunk in first.read()]

        assert heard == told == [b"one", b"two"]


async def test_the_answer_goes_on_when_the_first_who_asked_hangs_up():
    async with open_in_flight() as in_flight:
        upstream = Upstream()
        heard: list[bytes] = []
        first = anyio.CancelScope()

        async def hang_up_early() -> None:
            with first:
                await read_all(in_flight, upstream, [])

        async with anyio.create_task_group() as readers:
            readers.start_soon(hang_up_early)
            await upstream.began.wait()
            readers.start_soon(read_all, in_flight, upstream, heard)
            while not heard:
                await anyio.lowlevel.checkpoint()
            first.cancel()
            await anyio.lowlevel.checkpoint()
            upstream.go_on.set()

        assert (upstream.asked, heard, upstream.cancelled.is_set()) == (1, [b"one", b"two"], False)


async def test_an_answer_that_nobody_waits_for_any_more_is_stopped():
    async with open_in_flight() as in_flight:
        upstream = Upstream()

        async with in_flight.join("k", upstream):
            await upstream.began.wait()
        with anyio.fail_after(200):
            await upstream.cancelled.wait()

        assert len(in_flight) == 0


async def test_a_failure_is_told_to_everyone_after_what_came_before():
    async with open_in_flight() as in_flight:
        upstream = Upstream(SiteError("boom"))
        heard: list[list[bytes]] = [[], []]
        failures: list[str] = []

        async def read(into: list[bytes]) -> None:
            try:
                await read_all(in_flight, upstream, into)
            except SiteError as exc:
                failures.append(exc.site_message)

        async with anyio.create_task_group() as readers:
            for into in heard:
                readers.start_soon(read, into)
            await upstream.began.wait()
            upstream.go_on.set()

        assert (heard, failures) == ([[b"one"]] * 2, ["boom", "boom"])


async def test_a_failure_is_no_answer_to_the_next_request():
    async with open_in_flight() as in_flight:
        failing, working = Upstream(SiteError("boom")), Upstream()
        failing.go_on.set()
        working.go_on.set()
        heard: list[bytes] = []

        with pytest.raises(SiteError):
            await read_all(in_flight, failing, [])
        await read_all(in_flight, working, heard)

        assert heard == [b"one", b"two"]


async def test_another_request_has_an_answer_of_its_own():
    async with open_in_flight() as in_flight:
        upstream = Upstream()
        upstream.go_on.set()
        heard: list[list[bytes]] = [[], []]

        async with anyio.create_task_group() as readers:
            readers.start_soon(read_all, in_flight, upstream, heard[0], "k")
            readers.start_soon(read_all, in_flight, upstream, heard[1], "other")

        assert upstream.asked == 2


async def test_a_complete_answer_can_be_kept():
    async with open_in_flight() as in_flight:
        upstream = Upstream()
        upstream.go_on.set()

        async with in_flight.join("k", upstream) as flight:
            chunks = [chunk async for chunk in flight.read()]

        assert flight.answer().chunks == tuple(chunks)
        assert flight.answer().headers == {"content-type": "text/plain"}


async def test_readers_are_told_when_the_gateway_stops():
    upstream = Upstream()
    flights: list[Flight] = []

    async with open_in_flight() as in_flight:
        reading = in_flight.join("k", upstream)
        flights.append(await reading.__aenter__())
        await upstream.began.wait()

    with pytest.raises(Exception, match="stopped"):
        [chunk async for chunk in flights[0].read()]
    await reading.__aexit__(None, None, None)
