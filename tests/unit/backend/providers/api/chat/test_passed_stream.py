"""Framing of a stream that is passed on, by the standard of server-sent events (WHATWG HTML 9.2.6)."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
import pytest

from automation.errors import SiteError
from backend.provider_errors import ApiFailedError
from backend.providers.api.chat.passed_stream import PassedStream


def chunk(text: str = "", finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    return b"data: " + orjson.dumps({"choices": [choice]}) + b"\n\n"


HELLO, END = chunk("Hello"), chunk("", "stop")
DONE = b"data: [DONE]\n\n"
FRAMES = {
    "empty data before": b"data:\n\n" + HELLO + END + DONE,
    "empty data amid": HELLO + b"data: \n\n" + END + DONE,
    "data without a colon": HELLO + b"data\n\n" + END + DONE,
    "an unknown field": b"x-trace: 17\n" + HELLO + END + DONE,
    "an event of unknown fields alone": HELLO + b"x-trace: 17\n\n" + END + DONE,
    "a byte order mark": b"\xef\xbb\xbf" + HELLO + END + DONE,
    "blanks behind the end marker": HELLO + END + b"data: [DONE] \n\n",
    "blanks before the end marker": HELLO + END + b"data:   [DONE]\n\n",
    "an end marker without its empty line": HELLO + END + b"data: [DONE]",
    "comments, ids and times": b": hi\n\nid: 7\nretry: 9\n" + HELLO + b":\n\n" + END + DONE,
    "no blank behind the colon": (HELLO + END + DONE).replace(b"data: ", b"data:"),
}


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_a_frame_that_the_standard_allows_means_what_it_says(frame, line_end, size):
    data = frame.replace(b"\n", line_end)
    stream = PassedStream(with_usage=True)

    passed = b"".join(stream.feed(data[at : at + size]) for at in range(0, len(data), size)) + stream.close()

    assert passed == HELLO + END


def test_data_of_several_lines_stays_one_event():
    event = b'data: {"choices": [{"index": 0,\ndata: "delta": {"content": "a"},\ndata: "finish_reason": "stop"}]}\n\n'
    stream = PassedStream(with_usage=True)

    passed = stream.feed(event) + stream.close()

    assert passed == event


def test_half_a_surrogate_pair_is_passed_on_as_it_came():
    halves = chunk("@").replace(b"@", b"\\ud83d") + chunk("@").replace(b"@", b"\\ude00") + END
    stream = PassedStream(with_usage=True)

    assert stream.feed(halves) + stream.close() == halves


@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource"])
def test_an_end_for_a_reason_that_leaves_no_answer_is_an_error(reason):
    stream = PassedStream(with_usage=True)
    stream.feed(HELLO)

    with pytest.raises(SiteError, match=reason):
        stream.feed(chunk("", reason))


def test_another_word_for_an_end_is_passed_on_as_openais():
    stream = PassedStream(with_usage=True)

    passed = stream.feed(HELLO + chunk("", "MAX_TOKENS")) + stream.close()

    assert passed == HELLO + chunk("", "length")


def feed_all(stream: PassedStream, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        stream.feed(piece)


@pytest.mark.parametrize("piece", [b"a" * 100_000, b"data: a\n" * 12_500], ids=["one line", "many lines"])
def test_an_event_without_an_end_is_given_up(piece):
    with pytest.raises(ApiFailedError, match="no end"):
        feed_all(PassedStream(with_usage=False), [piece] * 1_000)


def test_a_long_event_is_passed_on_whole_wherever_it_is_split():
    long = chunk("a" * 1_000_000)
    stream = PassedStream(with_usage=False)

    got = b"".join(stream.feed(long[at : at + 997]) + stream.feed(b"") for at in range(0, len(long), 997))

    assert got == long


def test_choices_without_an_end_are_an_error():
    choices = ({"index": number, "delta": {"content": "a"}} for number in range(10_000))
    events = (b"data: " + orjson.dumps({"choices": [choice]}) + b"\n\n" for choice in choices)

    with pytest.raises(ApiFailedError, match="more choices"):
        feed_all(PassedStream(with_usage=False), events)


@pytest.mark.parametrize("name", ["", "f"])
def test_calls_and_names_without_an_end_are_an_error(name):
    calls = (
        {
            "index": 0 if name else number,
            "id": "" if name else f"c{number}",
            "function": {"name": f"{name}{number}" if name else "g"},
        }
        for number in range(10_000)
    )
    events = (
        b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}) + b"\n\n"
        for call in calls
    )

    with pytest.raises(ApiFailedError, match="more calls of tools"):
        feed_all(PassedStream(with_usage=False), events)
