import pytest

from automation.sign_in.live_events import Key
from automation.sign_in.live_input import key_params

ALT, CTRL, META, SHIFT = 1, 2, 4, 8


@pytest.mark.parametrize(
    ("key", "modifiers", "text"),
    [
        ("a", 0, "a"),
        ("A", SHIFT, "A"),
        ("Enter", 0, "\r"),
        ("@", ALT | CTRL, "@"),
        ("a", CTRL, None),
        ("a", META, None),
        ("a", ALT, None),
        ("Tab", 0, None),
        ("F5", 0, None),
        ("Dead", 0, None),
    ],
)
def test_a_key_that_writes_carries_its_text_and_others_none(key, modifiers, text):
    params = key_params(Key(action="down", key=key, modifiers=modifiers))

    assert params.get("text") == text
    assert params["type"] == ("keyDown" if text else "rawKeyDown")


def test_a_key_that_goes_up_writes_nothing():
    params = key_params(Key(action="up", key="a", key_code=65))

    assert (params["type"], params["windowsVirtualKeyCode"]) == ("keyUp", 65)
    assert "text" not in params


def test_the_number_pad_is_told_apart():
    assert key_params(Key(action="down", key="5", location=3))["isKeypad"]
