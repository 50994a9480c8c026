from __future__ import annotations

from datetime import UTC, datetime

import anyio

from backend.alerts.alerts import open_alerts
from backend.alerts.notices import Notice
from backend.endpoints.states import EndpointState, StateChange


class Listener:
    """A channel that remembers, and takes its time when it is held."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.news = anyio.Event()
        self.let_go = anyio.Event()
        self.let_go.set()

    async def send(self, notice: Notice) -> None:
        await self.let_go.wait()
        self.heard.append(f"{notice.endpoint} {notice.kind}")
        self.news.set()
        self.news = anyio.Event()

    async def wait_for(self, *expected: str) -> None:
        with anyio.fail_after(200):
            while sorted(self.heard) != sorted(expected):
                await self.news.wait()


def state(state: EndpointState) -> StateChange:
    return StateChange(state, None, datetime.now(UTC))


async def test_every_channel_hears_of_every_change():
    one, two = Listener(), Listener()

    async with open_alerts([one, two], 0.0) as alerts:
        alerts.on_state("a", state(EndpointState.ERROR))
        alerts.on_breaker("b", "disabled", "boom")
        await one.wait_for("a error", "b disabled")
        alerts.on_state("a", state(EndpointState.ACTIVE))
        await one.wait_for("a error", "b disabled", "a recovered")
        await two.wait_for("a error", "b disabled", "a recovered")

    assert sorted(one.heard) == sorted(two.heard)


async def test_trouble_that_is_held_back_is_told_when_its_time_has_come():
    listener = Listener()

    async with open_alerts([listener], 0.2) as alerts:
        for one in (EndpointState.ERROR, EndpointState.ACTIVE):
            alerts.on_state("a", state(one))
            await anyio.lowlevel.checkpoint()
            await listener.wait_for(
                *(["a error"] if one is EndpointState.ERROR else ["a error", "a recovered"])
            )
        alerts.on_state("a", state(EndpointState.ERROR))
        await listener.wait_for("a error", "a recovered", "a error")

    assert listener.heard == ["a error", "a recovered", "a error"]


async def test_reporting_does_not_wait_for_a_slow_channel_and_the_end_does_not_either():
    listener = Listener()
    listener.let_go = anyio.Event()

    with anyio.fail_after(200):
        async with open_alerts([listener], 0.0) as alerts:
            alerts.on_state("a", state(EndpointState.ERROR))
            await anyio.lowlevel.checkpoint()
            alerts.on_state("b", state(EndpointState.ERROR))

    assert listener.heard == []
