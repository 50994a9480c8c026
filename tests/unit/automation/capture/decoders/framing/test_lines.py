"""Lines, whatever their ends and wherever the stream is cut."""

import pytest

from automation.capture.decoders.framing.lines import LINE_LIMIT_BYTES, LineSplitter
from automation.capture.decoders.protocol import StreamFormatError

EXAMPLES = {
    "all line ends": (b"a\nb\r\nc\rd", ["a", "b", "c"], "d"),
    "blank lines": (b"\n\r\n\ra\n", ["", "", "", "a"], ""),
    "a byte order mark": (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"], ""),
    "a byte order mark alone": (b"\xef\xbb\xbf", [], ""),
    "long characters": ("é€🎉\n".encode(), ["é€🎉"], ""),
    "other line ends of Unicode are text": ("a\u2028b\x85c\x0bd\n".encode(), ["a\u2028b\x85c\x0bd"], ""),
    "nothing": (b"", [], ""),
}


def split(*pieces):
    splitter = LineSplitter()
    return [line for piece in pieces for line in splitter.feed(piece)], splitter.rest()


@pytest.mark.parametrize(("stream", "lines", "rest"), EXAMPLES.values(), ids=EXAMPLES)
def test_lines_are_the_same_in_one_piece_and_byte_by_byte(stream, lines, rest):
    assert split(stream) == (lines, rest)
    assert split(*(bytes([byte]) for byte in stream)) == (lines, rest)


def test_a_line_that_ends_inside_a_character_is_refused():
    with pytest.raises(StreamFormatError, match="not UTF-8"):
        split("é".encode()[:1])


def test_a_line_over_32_mebibytes_is_refused():
    with pytest.raises(StreamFormatError, match="a line exceeds"):
        split(b"x" * LINE_LIMIT_BYTES, b"x")
