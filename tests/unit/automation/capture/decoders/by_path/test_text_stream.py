"""Bodies that are the answer."""

import pytest

from automation.capture.decoders.by_path.text_stream import TextStreamDecoder
from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd
from tests.recordings.replay import bodies, byte_by_byte, play_body

TEXT = 'Hello **wörld** 🎉\n\n- one\n- two\n\n```py\nif x < 1:\n    print("a\\tb")\n```\n'


@pytest.mark.parametrize("split", [list, byte_by_byte])
@pytest.mark.parametrize("version", ["v4", "v5", "v7"])
def test_a_recorded_text_stream_is_read(version, split):
    told = play_body(split(bodies(f"vercel_ai/{version}-text")[0]), TextStreamDecoder())

    assert (told.text, told.ends) == (TEXT, [WireEnd()])


@pytest.mark.parametrize("split", [list, byte_by_byte])
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("\ufeffa", "a"),
        ("a\ufeff", "a\ufeff"),
        ("\r\n a\0b \r", "\r\n a\0b \r"),
        ("<!doctype html>", "<!doctype html>"),
        ("data: x\n\n", "data: x\n\n"),
    ],
)
def test_nothing_of_the_text_is_changed(body, text, split):
    told = play_body(split([body.encode()]), TextStreamDecoder())

    assert (told.text, told.ends) == (text, [WireEnd()])


def test_a_character_in_two_pieces_waits_for_its_rest():
    first, rest = "🎉".encode()[:2], "🎉".encode()[2:]
    reader = TextStreamDecoder()

    assert reader.feed(first) == [WireAlive()]
    assert play_body([rest], reader).text == "🎉"


def test_an_empty_body_is_no_answer():
    assert play_body([b"\xef\xbb\xbf"], TextStreamDecoder()).ends == []


def test_broken_bytes_are_refused():
    with pytest.raises(StreamFormatError, match="not UTF-8"):
        TextStreamDecoder().feed(b"a\xffb")


def test_a_body_that_ends_inside_a_character_is_refused():
    reader = TextStreamDecoder()
    reader.feed("é".encode()[:1])

    with pytest.raises(StreamFormatError, match="not UTF-8"):
        reader.closed()
