"""A page that is silent is asked, and what its renderer computed meanwhile tells a hang from work."""

import itertools

import pytest

from automation.browser.processes import BrowserProcess
from automation.errors import PageLostError
from automation.page.life import PageLife
from tests.unit.automation.capture.fake_channel import FakeChannel

PID = 2**22 + 1  # above the most that Linux gives, so that nothing else is known of it


class Page:
    """A DOM tap that is silent: asked, it answers or lets its time pass."""

    def __init__(self, answers):
        self.heard_s = float("-inf")
        self.asked = 0
        self._answers = answers

    async def answers(self, timeout_s):
        self.asked += 1
        return self._answers


def life_of(page, *cpu_s, requests=(f"{PID}.7",)):
    spent = iter(cpu_s)

    async def processes():
        used = next(spent)
        if used is None:
            raise PageLostError("The browser is gone, or does not answer.")
        return (BrowserProcess(PID, "renderer", used),)

    # Each look at the clock is ten seconds after the one before.
    clock = itertools.count(0.0, 10.0)
    life, channel = PageLife(page, processes, lambda: next(clock)), FakeChannel()
    life.attach(channel)
    for request in requests:
        channel.tell("Network.requestWillBeSent", requestId=request)
    return life


@pytest.mark.parametrize(
    ("answers", "cpu_s", "hangs"),
    [
        (False, (3.0, 3.0), True),
        (False, (3.0, 3.4), True),
        (False, (3.0, 9.0), False),
        (True, (3.0,), False),
        (False, (3.0, None), False),
        (False, (None,), False),
    ],
)
async def test_only_silence_without_work_is_a_hang(answers, cpu_s, hangs):
    assert await life_of(Page(answers), *cpu_s).hangs() is hangs


async def test_of_a_page_whose_renderer_is_not_known_nothing_is_concluded():
    life = life_of(Page(answers=False), 0.0, 0.0, requests=())

    assert life.renderers == frozenset()
    assert not await life.hangs()


def test_the_renderers_are_those_that_the_pages_requests_named():
    assert life_of(Page(answers=True)).renderers == {PID}
