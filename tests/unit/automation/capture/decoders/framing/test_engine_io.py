"""Socket.IO's packets in Engine.IO's frames."""

import pytest

from automation.capture.decoders.framing.engine_io import SocketEvent, parse_events
from automation.capture.decoders.protocol import StreamFormatError


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ('42["task_end",{}]', [SocketEvent("task_end", {})]),
        ('42["stop"]', [SocketEvent("stop", None)]),
        ('420["events:chat",{"a":1}]', [SocketEvent("events:chat", {"a": 1})]),
        ('42/chat,["a",1]', [SocketEvent("a", 1)]),
        ('42/chat,13["a",1]', [SocketEvent("a", 1)]),
        ('42["a",1]\x1e2\x1e42["b",2]', [SocketEvent("a", 1), SocketEvent("b", 2)]),
        ('44{"message":"No session"}', [SocketEvent("connect_error", "No session")]),
        ('451-["file",{"_placeholder":true,"num":0}]', []),
        ("430[true]", []),
        ('40{"sid":"x"}', []),
        ("40", []),
        ("2probe", []),
        ("6", []),
    ],
)
def test_a_frame_holds_these_events(frame, expected):
    events = parse_events(frame)

    assert events == expected


@pytest.mark.parametrize("frame", ["", "x", "4", "49[]", "42", '42["a"', "42[]", "42[1]", '42{"a":1}', "44{"])
def test_a_malformed_frame_is_refused(frame):
    with pytest.raises(StreamFormatError):
        parse_events(frame)
