"""Framing of a stream that is passed on, by the standard of server-sent events (WHATWG HTML 9.2.6)."""

from __future__ import annotations

import orjson
import pytest

from automation.errors import SiteError
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
