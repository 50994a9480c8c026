"""Clicks go to what the agent finds, and only to what is visible and uncovered."""

from random import Random

import pytest

from automation.errors import SiteChangedError
from automation.page.hands import PageInput
from tests.fakes.input_page import InputPage, QuickPace

BUTTON = {"x": 50, "y": 20, "width": 40, "height": 10, "clear": True, "enabled": True, "covered_by": None}
COVERED = {**BUTTON, "clear": False, "covered_by": "div.toast"}


class Agent:
    """Answers where a role's element is, from a script for each role; the last entry stays."""

    def __init__(self, **points):
        self.points = {role: list(found) for role, found in points.items()}
        self.waits = []

    async def call(self, name, *args, timeout_s=5.0):
        if name == "until":
            self.waits.append(args[0])
            return True
        script = self.points.get(args[0], [None])
        return script.pop(0) if len(script) > 1 else script[0]

    async def frame_offset(self):
        return 100.0, 200.0


def hands_on(page, agent, human_input="off"):
    return PageInput(page, agent, human_input, QuickPace(Random(1)))


@pytest.fixture
def page():
    return InputPage()


async def test_a_click_goes_to_the_middle_in_the_chats_frame(page):
    await hands_on(page, Agent(send=[BUTTON])).click("send", "sending")

    assert page.events == [("click", 150.0, 220.0, 0.0)]


async def test_what_is_not_there_is_a_changed_page(page):
    with pytest.raises(SiteChangedError) as caught:
        await hands_on(page, Agent()).click("send", "sending")

    assert (caught.value.profile_key, caught.value.step) == ("send", "sending")


async def test_what_covers_the_element_is_dismissed_and_waited_for(page):
    agent = Agent(send=[COVERED, BUTTON], dismiss=[BUTTON, None])

    await hands_on(page, agent).click("send", "sending")

    assert len(page.events) == 2
    assert agent.waits == [{"dismiss": False}, {"clear:send": True}]


async def test_an_element_that_stays_covered_is_never_clicked(page):
    with pytest.raises(SiteChangedError, match=r"covered by <div\.toast>"):
        await hands_on(page, Agent(send=[COVERED])).click("send", "sending")

    assert page.events == []


@pytest.mark.parametrize("found", [None, COVERED, {**BUTTON, "enabled": False}])
async def test_what_may_be_missing_is_left_alone_unless_it_can_be_clicked(page, found):
    assert not await hands_on(page, Agent(stop=[found])).click_if_there("stop", "stopping")
    assert page.events == []


async def test_a_person_looks_again_before_the_click_and_follows_what_moved(page):
    moved = {**BUTTON, "x": 400}

    await hands_on(page, Agent(send=[BUTTON, moved]), "paste").click("send", "sending")

    assert page.events[-1][0] == "click"
    assert abs(page.events[-1][1] - 500) <= 8


async def test_a_person_does_not_click_what_went_away_on_the_way(page):
    hands = hands_on(page, Agent(stop=[BUTTON, None]), "paste")

    assert not await hands.click_if_there("stop", "stopping")
    assert "click" not in {event[0] for event in page.events}


@pytest.mark.parametrize(
    ("human_input", "text", "types"),
    [("off", "Hi", False), ("paste", "Hi", False), ("typed", "Hi", True), ("typed", "x" * 501, False)],
)
def test_only_short_prompts_are_typed_and_only_where_that_is_wanted(page, human_input, text, types):
    assert hands_on(page, Agent(), human_input).types(text) is types
