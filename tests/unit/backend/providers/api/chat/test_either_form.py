"""A whole answer where a stream was asked for, and the reverse: both mean what the right form does."""

from __future__ import annotations

import json

import pytest

from automation.errors import SiteError
from backend.provider_errors import KeyLimitedError
from backend.providers.api.chat.either_form import EitherStream, read_completion
from backend.providers.api.dialects.google import Google
from backend.providers.api.dialects.openai_compatible import OpenAICompatible
from backend.wire.usage import TokenUsage
from tests.fakes.upstream_answers import GOOGLE_EVENTS, HEAD, SAMPLES, read_stream, read_whole, to_bytes

OF_EVENTS = ["openai", "anthropic", "google"]
BEGINNINGS = (b"", b"\n\n ", b"\xef\xbb\xbf")


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("name", OF_EVENTS)
def test_a_whole_answer_in_the_place_of_a_stream_is_its_chunks(name, beginning, size):
    sample = SAMPLES[name]
    raw = beginning + to_bytes(sample.whole)
    expected = read_whole(sample.dialect.completion(to_bytes(sample.whole), HEAD).body, "chat")
    stream = EitherStream(sample.dialect, HEAD, with_usage=True)

    events = b"".join(stream.feed(raw[at : at + size]) for at in range(0, len(raw), size)) + stream.close()

    assert read_stream(events, "chat") == expected
    assert isinstance(stream.usage, TokenUsage)
    assert json.loads(events.split(b"\n\n")[-2][6:])["usage"]["prompt_tokens"] == 7


@pytest.mark.parametrize("beginning", [*BEGINNINGS, b": hi\n\n", b"id: 1\n"])
@pytest.mark.parametrize("name", OF_EVENTS)
def test_a_stream_in_the_place_of_a_whole_answer_is_what_it_adds_up_to(name, beginning):
    sample = SAMPLES[name]
    expected = read_whole(sample.dialect.completion(to_bytes(sample.whole), HEAD).body, "chat")

    whole = read_completion(sample.dialect, beginning + sample.stream(), HEAD)

    assert read_whole(whole.body, "chat") == expected
    assert whole.usage is not None


def test_the_lines_of_a_stream_of_ollama_are_a_whole_answer_too():
    sample = SAMPLES["ollama"]

    whole = sample.dialect.completion(sample.stream(), HEAD)

    assert read_whole(whole.body, "chat") == read_whole(
        sample.dialect.completion(to_bytes(sample.whole), HEAD).body, "chat"
    )


def test_a_list_of_documents_is_a_stream_of_them():
    stream = EitherStream(Google(), HEAD, with_usage=False)

    events = stream.feed(to_bytes(GOOGLE_EVENTS)) + stream.close()

    assert read_stream(events, "chat").text == "Grüße 👋"


@pytest.mark.parametrize("name", OF_EVENTS)
def test_the_form_that_was_asked_for_is_read_as_ever(name):
    sample = SAMPLES[name]
    stream = EitherStream(sample.dialect, HEAD, with_usage=True)
    plain = sample.dialect.stream(HEAD, with_usage=True)

    assert stream.feed(sample.stream()) + stream.close() == plain.feed(sample.stream()) + plain.close()
    assert (stream.has_begun, stream.is_finished, stream.usage) == (True, True, plain.usage)


@pytest.mark.parametrize(
    "raw", [b"", b" \n", b"{", b"[", b"{}", b'{"choices": [{"message": {}}]}', b"data: {}\n\n"]
)
def test_what_is_no_answer_in_either_form_is_an_error(raw):
    stream = EitherStream(OpenAICompatible(), HEAD, with_usage=True)

    with pytest.raises(SiteError):
        stream.feed(raw) + stream.close()
    with pytest.raises(SiteError):
        read_completion(OpenAICompatible(), raw, HEAD)


def test_an_error_in_the_place_of_a_stream_is_what_it_says():
    stream = EitherStream(OpenAICompatible(), HEAD, with_usage=True)
    stream.feed(b'{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}')

    with pytest.raises(KeyLimitedError, match="slow down"):
        stream.close()
