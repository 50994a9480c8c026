"""WHATWG HTML 9.2.6, example by example."""

import time

import pytest

from automation.capture.decoders.framing.lines import LINE_LIMIT_BYTES
from automation.capture.decoders.framing.sse import ServerSentEvent, SseParser
from automation.capture.decoders.protocol import StreamFormatError


def parse(*pieces):
    parser = SseParser()
    return [event for piece in pieces for event in parser.feed(piece)]


def message(data, event="message", last_id=""):
    return ServerSentEvent(event, data, last_id)


EXAMPLES = {
    "one line": (b"data: hello\n\n", [message("hello")]),
    "several data lines": (b"data: YHOO\ndata: +2\ndata: 10\n\n", [message("YHOO\n+2\n10")]),
    "only one space is taken off": (b"data:  two\ndata:none\n\n", [message(" two\nnone")]),
    "an empty data line is a newline": (b"data\ndata\n\ndata:", [message("\n")]),
    "no data, no event": (b"event: ping\n\nid: 3\n\n: comment\n\n", []),
    "a name counts for one event": (
        b"event: add\ndata: 1\n\ndata: 2\n\n",
        [message("1", "add"), message("2")],
    ),
    "an id stays": (
        b"id: 7\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n",
        [message("1", last_id="7"), message("2", last_id="7"), message("3")],
    ),
    "an id with a null is ignored": (b"id: 7\0\ndata: 1\n\n", [message("1")]),
    "unknown fields are ignored": (b"retry: 10\nfoo: bar\ndata: 1\n\n", [message("1")]),
    "carriage returns": (b"data: 1\r\rdata: 2\r\r", [message("1"), message("2")]),
    "both": (b"data: 1\r\n\r\ndata: 2\r\n\r\n", [message("1"), message("2")]),
    "mixed": (b"data: 1\r\n\ndata: 2\n\rdata: 3\r\r\n", [message("1"), message("2"), message("3")]),
    "a byte order mark": (b"\xef\xbb\xbfdata: 1\n\n", [message("1")]),
    "characters of two to four bytes": ("data: é€🎉\n\n".encode(), [message("é€🎉")]),
    "an event without its blank line is not complete": (b"data: 1\n\ndata: 2\n", [message("1")]),
}


@pytest.mark.parametrize(("stream", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_a_stream_in_one_piece_gives_its_events(stream, expected):
    events = parse(stream)

    assert events == expected


@pytest.mark.parametrize(("stream", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_a_stream_byte_by_byte_gives_the_same_events(stream, expected):
    events = parse(*(bytes([byte]) for byte in stream))

    assert events == expected


@pytest.mark.parametrize(("stream", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_a_stream_cut_in_two_anywhere_gives_the_same_events(stream, expected):
    found = [parse(stream[:at], b"", stream[at:]) for at in range(len(stream))]

    assert found == [expected] * len(stream)


def test_a_line_of_32_mebibytes_is_read_and_a_longer_one_refused():
    longest = b"data: " + b"x" * (LINE_LIMIT_BYTES - 6)

    (event,) = parse(longest, b"\n\n")

    assert len(event.data) == LINE_LIMIT_BYTES - 6
    with pytest.raises(StreamFormatError, match="a line exceeds"):
        parse(longest, b"x")


def test_an_event_of_many_lines_has_the_same_limit():
    line = b"data: " + b"x" * (LINE_LIMIT_BYTES // 2) + b"\n"

    with pytest.raises(StreamFormatError, match="an event exceeds"):
        parse(line, line, line)


def test_an_event_of_empty_lines_has_a_limit_as_well(monkeypatch):
    monkeypatch.setattr("automation.capture.decoders.framing.sse.LINE_LIMIT_BYTES", 1000)

    with pytest.raises(StreamFormatError, match="an event exceeds"):
        parse(b"data:\n" * 2000)


def test_bytes_that_are_not_utf_8_are_refused():
    with pytest.raises(StreamFormatError, match="not UTF-8"):
        parse(b"data: \xff\xfe\n")


def test_a_line_cut_inside_a_character_is_refused_when_the_line_ends():
    with pytest.raises(StreamFormatError, match="not UTF-8"):
        parse("data: é".encode()[:-1], b"\n")


def test_a_long_line_in_small_pieces_costs_time_in_proportion_to_its_length():
    def cost_s(size):
        parser = SseParser()
        pieces = [b"data: "] + [b"xxxxxxxx"] * (size // 8)
        began = time.process_time()
        for piece in pieces:
            list(parser.feed(piece))
        return time.process_time() - began

    small, large = (min(cost_s(size) for _ in range(3)) for size in (10_000, 200_000))

    # 20 times the bytes; scanning the whole buffer for each piece would cost 400 times.
    assert large < small * 150
