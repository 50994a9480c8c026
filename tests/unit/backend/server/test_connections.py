from __future__ import annotations

import logging

import pytest

from backend.server.connections import WaitingConnections


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Connection:
    def __init__(self) -> None:
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def waiting(clock: Clock) -> WaitingConnections:
    return WaitingConnections(2, 2, clock)


def test_nobody_is_ended_while_there_is_room(waiting):
    idle = Connection()
    waiting.without_head.add(idle)

    assert waiting.admit(2)
    assert not idle.is_aborted


def test_of_those_without_a_head_the_oldest_is_ended(waiting, clock):
    older, newer, uploading = Connection(), Connection(), Connection()
    waiting.without_body.add(uploading)
    waiting.without_head.add(older)
    clock.now_s += 1
    waiting.without_head.add(newer)

    assert waiting.admit(3)
    assert [c.is_aborted for c in (older, newer, uploading)] == [True, False, False]


def test_one_whose_head_may_be_on_its_way_is_ended_only_where_there_is_no_other(waiting, clock):
    new, uploading, deaf = Connection(), Connection(), Connection()
    waiting.without_body.add(uploading)
    waiting.unread.add(deaf)
    clock.now_s += 1
    waiting.without_head.add(new)

    admitted = [waiting.admit(3) for _ in range(4)]

    assert admitted == [True, True, True, False]
    assert (uploading.is_aborted, deaf.is_aborted, new.is_aborted) == (True, True, True)


def test_one_that_is_served_or_gone_is_never_ended(waiting):
    served = Connection()
    waiting.without_head.add(served)
    waiting.forget(served)

    assert not waiting.admit(3)
    assert not served.is_aborted


def test_the_log_says_so_every_ten_seconds_with_what_happened_meanwhile(waiting, clock, caplog):
    caplog.set_level(logging.WARNING)
    for _ in range(5):
        waiting.admit(3)
    clock.now_s += 10
    waiting.admit(3)

    told = [(record.__dict__["refused"], record.__dict__["closed"]) for record in caplog.records]

    assert told == [(1, 0), (5, 0)]


def test_sockets_of_strangers_replace_each_other_only_after_a_while(waiting, clock):
    sockets = [Connection(), Connection()]
    for socket in sockets:
        waiting.unknown_sockets.add(socket)

    at_once = waiting.admit_socket()
    clock.now_s += 1
    later = waiting.admit_socket()

    assert (at_once, later) == (False, True)
    assert [socket.is_aborted for socket in sockets] == [True, False]
