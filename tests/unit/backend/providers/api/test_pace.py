"""A limit of requests in a time: who may go at once, who waits, and who doesn't count."""

from __future__ import annotations

import anyio
import pytest

from backend.providers.api.pace import Pace


class Time:
    """A clock that moves only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


async def test_only_those_beyond_the_limit_wait_until_the_window_has_moved_on():
    time = Time()
    pace = Pace(2, 30.0, time.clock, time.sleep)

    await pace.wait()
    time.now_s += 10
    for _ in range(3):
        await pace.wait()

    assert time.slept == [20.0, 10.0]


async def test_after_the_window_nobody_waits():
    time = Time()
    pace = Pace(1, 30.0, time.clock, time.sleep)

    await pace.wait()
    time.now_s += 30
    await pace.wait()

    assert time.slept == []


async def test_whoever_gives_up_does_not_count():
    time = Time()

    async def give_up(_seconds: float) -> None:
        raise TimeoutError

    pace = Pace(1, 30.0, time.clock, give_up)
    await pace.wait()
    with pytest.raises(TimeoutError):
        await pace.wait()
    time.now_s += 30
    with anyio.fail_after(200):
        await pace.wait()

    assert pace.due_in_s == 30.0
