"""What the tap tells are values: equal when alike, and never changed."""

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from automation.capture.tap_events import BodyBytes, BodyEnded, SocketMessage, TapEvent


def test_events_are_equal_when_they_tell_the_same():
    assert BodyBytes("1", b"a") == BodyBytes("1", b"a")
    assert SocketMessage("1", "a", outgoing=True) != SocketMessage("1", "a", outgoing=False)


def test_an_event_can_not_be_changed_once_told():
    event = BodyEnded("1", None)

    with pytest.raises(FrozenInstanceError):
        event.failure = "x"  # type: ignore[misc]


def test_every_event_tells_which_request_or_socket_it_is_about():
    first_fields = {kind: next(iter(kind.__dataclass_fields__)) for kind in get_args(TapEvent)}

    assert set(first_fields.values()) == {"request_id", "socket_id"}
