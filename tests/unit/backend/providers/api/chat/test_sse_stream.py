"""Framing of the translated streams, by the standard of server-sent events (WHATWG HTML 9.2.6)."""

from __future__ import annotations

import pytest

from tests.fakes.upstream_answers import SAMPLES, client_reads

# Each puts something into a stream that the standard allows, and that says nothing.
NOISE = {
    "empty data": lambda stream: stream.replace(b"\n\n", b"\n\ndata:\n\n", 3),
    "blank data": lambda stream: stream.replace(b"\n\n", b"\n\ndata:  \n\n", 3),
    "an unknown field": lambda stream: stream.replace(b"data:", b"x-trace: 17\ndata:", 3),
    "a byte order mark": lambda stream: b"\xef\xbb\xbf" + stream,
    "comments": lambda stream: stream.replace(b"\n\n", b"\n\n: ping\n\n", 3),
    "OpenAI's end": lambda stream: stream + b"data: [DONE] \n\n",
    "no blank behind the colon": lambda stream: stream.replace(b"data: ", b"data:"),
    "other line ends": lambda stream: stream.replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
@pytest.mark.parametrize("name", ["anthropic", "google"])
def test_what_says_nothing_in_a_stream_changes_nothing(name, noise, size):
    sample = SAMPLES[name]
    plain = client_reads(sample.dialect, sample.stream(), "messages", is_streamed=True)

    noisy = client_reads(sample.dialect, noise(sample.stream()), "messages", is_streamed=True, size=size)

    assert noisy == plain
    assert noisy.error is None
