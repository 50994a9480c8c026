"""The waits of a turn and their defaults."""

from dataclasses import FrozenInstanceError, asdict

import pytest

from automation.timing import Timeouts


def test_waiting_for_the_first_token_is_longer_than_waiting_between_two():
    timeouts = Timeouts()

    assert timeouts.first_token_s is not None
    assert timeouts.idle_s is not None
    assert timeouts.first_token_s > timeouts.idle_s


def test_only_the_waits_on_the_model_may_be_unlimited_and_only_the_whole_turn_is_so_by_default():
    unlimited = [name for name, value in asdict(Timeouts()).items() if value is None]

    assert unlimited == ["turn_s"]


def test_timeouts_are_a_value():
    timeouts = Timeouts(idle_s=3.0)

    assert timeouts == Timeouts(idle_s=3.0)
    with pytest.raises(FrozenInstanceError):
        timeouts.idle_s = 4.0  # type: ignore[misc]
