"""The window slides, callers don't share it, and what was refused costs nothing."""

from __future__ import annotations

from backend.security import rate_limit
from backend.security.rate_limit import RateLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_more_than_allowed_is_refused_until_the_first_is_old_enough():
    clock = Clock()
    limit = RateLimit(2, 10.0, clock)
    limit.count("a")
    clock.now = 4.0
    limit.count("a")

    refused = limit.count("a")
    clock.now = 10.0
    again = limit.count("a")

    assert (refused.is_exceeded, refused.remaining, refused.reset_s) == (True, 0, 6.0)
    assert (again.is_exceeded, again.remaining) == (False, 0)


def test_callers_have_limits_of_their_own():
    limit = RateLimit(1, 10.0, Clock())
    limit.count("a")

    assert limit.count("b").is_exceeded is False


def test_headers_are_openais():
    told = RateLimit(3, 60.0, Clock()).count("a").headers()

    assert told == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "60.000s",
    }


def test_callers_who_sent_nothing_lately_are_forgotten_and_the_others_are_not(monkeypatch):
    monkeypatch.setattr(rate_limit, "_FORGET_AT", 2)
    clock = Clock()
    limit = RateLimit(1, 10.0, clock)
    limit.count("idle")
    clock.now = 9.0
    limit.count("busy")
    clock.now = 11.0
    limit.count("new")

    assert set(limit._windows) == {"busy", "new"}
    assert limit.count("busy").is_exceeded


def test_of_more_callers_than_can_be_known_those_who_came_first_are_forgotten(monkeypatch):
    monkeypatch.setattr(rate_limit, "_FORGET_AT", 4)
    limit = RateLimit(1, 10.0, Clock())
    for caller in range(100):
        limit.count(str(caller))

    assert len(limit._windows) <= 4
    assert limit.count("99").is_exceeded
