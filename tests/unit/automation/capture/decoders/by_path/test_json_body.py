"""One JSON value for the whole answer."""

import pytest

from automation.capture.decoders.by_path.json_body import JsonBodyDecoder
from automation.capture.decoders.framing import whole_body
from automation.capture.decoders.framing.whole_body import WholeBody
from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireError
from automation.profiles.wire_format import Wire
from automation.turn import ReasoningDelta, SourceFound, TextDelta


def decoder():
    wire = Wire(
        decoder="json_body",
        urls="*",
        text_path=["answer", "data.messages.-1.text"],
        reasoning_path="thoughts",
        sources_path="docs",
        finish_reason_path="why",
    )
    return JsonBodyDecoder(wire)


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"answer": "Hé"}', [TextDelta("Hé"), WireEnd()]),
        (
            '\ufeff{\n  "answer": "a",\n  "thoughts": "b"\n}\n',
            [ReasoningDelta("b"), TextDelta("a"), WireEnd()],
        ),
        (
            '{"data": {"messages": [{"text": "q"}, {"text": "a"}]}, "why": "length"}',
            [TextDelta("a"), WireEnd("length")],
        ),
        (
            '{"answer": "a", "docs": [{"url": "https://a.example", "title": "A"}]}',
            [TextDelta("a"), SourceFound("https://a.example", "A"), WireEnd()],
        ),
        ('{"error": "Too many requests"}', [WireError("Too many requests", "rate_limited")]),
        ('{"chats": []}', [WireAlive()]),
        ('{"answer": ""}', [WireAlive()]),
        ("null", [WireAlive()]),
    ],
)
def test_the_body_is_read_at_its_end(body, expected, split):
    reader = decoder()
    data = body.encode()

    before = [
        event for piece in ([bytes([b]) for b in data] if split else [data]) for event in reader.feed(piece)
    ]

    assert set(before) == {WireAlive()}
    assert reader.closed() == expected


@pytest.mark.parametrize(
    "body", [b"", b'{"answer": "a', b"<html>", b'{"answer": "\xff"}', b'{"answer": 5}', b"{}{}"]
)
def test_a_body_that_is_cut_or_something_else_is_refused(body):
    reader = decoder()
    reader.feed(body)

    with pytest.raises(StreamFormatError):
        reader.closed()


def test_a_body_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(whole_body, "BODY_LIMIT_BYTES", 10)
    body = WholeBody()
    body.feed(b" " * 10)

    with pytest.raises(StreamFormatError, match="exceeds 10 bytes"):
        body.feed(b" ")
