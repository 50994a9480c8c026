"""Gestures reach the page as the browser's own events, at a person's pace or at once, and never wait for ever."""

from random import Random

import pytest
from playwright.async_api import Error as PlaywrightError

from automation.errors import PageLostError
from automation.stealth.input_devices import InputDevices
from automation.stealth.pacing import Point
from tests.fakes.input_page import InputPage, QuickPace


@pytest.fixture
def page():
    return InputPage()


@pytest.fixture
def hand(page):
    return InputDevices(page, 10.0, QuickPace(Random(1)))


async def test_without_a_pace_a_click_is_one_event_in_the_middle(page):
    plain = InputDevices(page, 10.0, None)

    await plain.move_to(Point(50, 20), 40, 10, "sending")
    await plain.click("sending")

    assert page.events == [("click", 50, 20, 0.0)]


async def test_at_a_persons_pace_the_pointer_goes_a_way_and_clicks_where_it_ends(page, hand):
    await hand.move_to(Point(500, 300), 40, 10, "sending")
    await hand.click("sending")

    *way, (kind, x, y, press_ms) = page.events
    assert len(way) >= 30
    assert {event[0] for event in way} == {"move"}
    assert (kind, x, y) == ("click", *way[-1][1:])
    assert (abs(x - 500) <= 8, abs(y - 300) <= 2) == (True, True)
    assert 80 <= press_ms <= 140


async def test_the_next_way_begins_where_the_last_one_ended(page, hand):
    await hand.move_to(Point(500, 300), 0, 0, "clicking")
    page.events.clear()

    await hand.move_to(Point(500, 300), 0, 0, "clicking")

    assert all(event[1:] == pytest.approx((500, 300)) for event in page.events)


async def test_what_is_on_no_key_is_typed_as_an_event_of_its_own(page, hand):
    await hand.type("aÄ\nB", "composing")

    assert [event[:2] for event in page.events] == [
        ("press", "a"),
        ("insert", "Ä"),
        ("insert", "\n"),
        ("press", "Shift+B"),
    ]
    assert all(50 <= event[2] <= 100 for event in page.events if event[0] == "press")


async def test_without_a_pace_no_key_is_held(page):
    await InputDevices(page, 10.0, None).press("Enter", "sending")

    assert page.events == [("press", "Enter", 0.0)]


async def test_a_page_that_does_not_react_is_lost_after_the_limit(page):
    page.hangs = True

    with pytest.raises(PageLostError, match=r"did not react within 0\.001 s while sending"):
        await InputDevices(page, 0.001, None).press("Enter", "sending")


async def test_a_page_that_is_gone_is_lost(page):
    page.error = PlaywrightError("Target closed")

    with pytest.raises(PageLostError, match="lost while sending: Target closed"):
        await InputDevices(page, 10.0, None).insert("Hi", "sending")
