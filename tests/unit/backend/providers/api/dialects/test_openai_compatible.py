"""OpenAI's dialect: what is passed on, what is taken out, and what is refused to be called an answer."""

from __future__ import annotations

import orjson
import pytest

from backend.provider_errors import ApiContentBlockedError, ApiFailedError, KeyLimitedError
from backend.providers.api.chat.passed_answer import parse_openai_usage
from backend.providers.api.chat.passed_stream import PassedStream
from backend.providers.api.dialects.openai_compatible import OpenAICompatible
from backend.providers.api.presets import PRESETS, Quirks
from backend.wire.chat_response import CompletionHead
from backend.wire.usage import TokenUsage

HEAD = CompletionHead("id", 1, "m")
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


def event(document: object) -> bytes:
    data = document if isinstance(document, bytes) else orjson.dumps(document)
    return b"data: " + data + b"\n\n"


def chunk(finish_reason: str | None = None, index: int = 0, **delta: object) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return event({"id": "c", "choices": [choice]})


USAGE_EVENT = event({"id": "c", "choices": [], "usage": USAGE})
DONE = event(b"[DONE]")
ANSWER = [chunk(role="assistant", content=""), chunk(content="Grüße 👋"), chunk("stop"), USAGE_EVENT, DONE]


def read(data: bytes, size: int, *, with_usage: bool) -> tuple[bytes, PassedStream]:
    stream = PassedStream(with_usage=with_usage)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join([*map(stream.feed, pieces), stream.close()]), stream


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_a_stream_comes_out_as_it_went_in_wherever_it_is_split(size, line_end):
    data = b"".join(ANSWER).replace(b"\n", line_end)

    passed, stream = read(data, size, with_usage=True)

    assert passed == b"".join(ANSWER[:4])
    assert stream.usage == TokenUsage(7, 5)


@pytest.mark.parametrize("with_usage", [True, False])
def test_no_client_finds_a_line_end_inside_an_event(with_usage):
    text = "one\x85two\u2028three\u2029"
    last = event(
        {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}], "usage": USAGE}
    )

    passed, _ = read(last, 999, with_usage=with_usage)

    (line,) = passed.decode().rstrip("\n").splitlines()
    assert orjson.loads(line[6:])["choices"][0]["delta"]["content"] == text


def test_usage_that_nobody_asked_for_is_taken_out():
    passed, stream = read(b"".join(ANSWER), 50, with_usage=False)

    assert passed == b"".join(ANSWER[:3])
    assert stream.usage == TokenUsage(7, 5)


def test_usage_beside_a_choice_is_taken_out_and_the_choice_stays():
    last = event({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE})

    passed, stream = read(chunk(content="a") + last, 999, with_usage=False)

    assert orjson.loads(passed.split(b"\n\n")[1][6:]).keys() == {"id", "choices"}
    assert stream.usage == TokenUsage(7, 5)


def test_comments_and_chunks_without_choices_are_not_passed_on():
    noise = b": PROCESSING\n\n" + event({"id": "c", "choices": [], "prompt_filter_results": []})

    passed, _ = read(noise + b"".join(ANSWER), 999, with_usage=False)

    assert passed == b"".join(ANSWER[:3])


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "a"},
        {"reasoning_content": "a"},
        {"reasoning": "a"},
        {"tool_calls": [{"index": 0}]},
        {"refusal": "no"},
    ],
)
def test_anything_of_an_answer_begins_it_but_a_role_does_not(delta):
    stream = PassedStream(with_usage=False)
    stream.feed(chunk(role="assistant", content=""))
    before = stream.has_begun

    stream.feed(chunk(**delta))

    assert (before, stream.has_begun) == (False, True)


def test_an_answer_of_several_choices_is_whole_when_each_is():
    stream = PassedStream(with_usage=False)
    stream.feed(chunk(content="a", index=0) + chunk(content="b", index=1) + chunk("stop", index=0))
    one = stream.is_finished

    stream.feed(chunk("stop", index=1))

    assert (one, stream.is_finished) == (False, True)


@pytest.mark.parametrize("end", [b"", DONE, b'data: {"choices": [{'])
def test_a_stream_without_finish_reason_is_no_answer(end):
    stream = PassedStream(with_usage=False)
    stream.feed(chunk(content="Hel") + end)

    with pytest.raises(ApiFailedError):
        stream.close()
    assert stream.has_begun


@pytest.mark.parametrize("cut", [1, 2])
def test_a_last_event_without_its_empty_line_is_passed_on(cut):
    stream = PassedStream(with_usage=True)
    passed = stream.feed(chunk(content="Hel") + USAGE_EVENT + chunk("stop", content="lo")[:-cut])

    last = stream.close()

    assert passed + last == chunk(content="Hel") + chunk("stop", content="lo") + USAGE_EVENT


def test_an_error_behind_the_role_is_told_as_it_is_when_the_stream_ends_there():
    stream = PassedStream(with_usage=False)
    limit = {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}
    stream.feed(chunk(role="assistant", content="") + event(limit))

    with pytest.raises(KeyLimitedError, match="slow down"):
        stream.close()


def test_text_before_an_error_is_passed_on_before_the_error_is_raised():
    stream = PassedStream(with_usage=False)

    passed = stream.feed(chunk(content="Hel") + event({"error": {"message": "broken"}}))

    assert passed == chunk(content="Hel")
    with pytest.raises(ApiFailedError, match="broken"):
        stream.feed(b"")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "a", "code": "rate_limit_exceeded"}, KeyLimitedError),
        ({"message": "a", "type": "insufficient_quota"}, KeyLimitedError),
        ({"message": "a", "code": "content_filter"}, ApiContentBlockedError),
        ({"message": "a", "code": 500}, ApiFailedError),
        ("just words", ApiFailedError),
    ],
)
def test_an_error_under_http_200_is_what_it_says(error, kind):
    with pytest.raises(kind):
        OpenAICompatible().completion(orjson.dumps({"error": error}), HEAD)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{"finish_reason": "stop"}]}',
        b'{"choices": [{"message": {"content": "Hel"}, "finish_reason": null}]}',
    ],
)
def test_what_is_no_whole_answer_is_an_error(body):
    with pytest.raises(ApiFailedError):
        OpenAICompatible().completion(body, HEAD)


def test_a_whole_answer_is_passed_on_byte_for_byte():
    choice = {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}
    body = b" " + orjson.dumps({"choices": [choice], "usage": USAGE, "their_own": 1})

    got = OpenAICompatible().completion(body, HEAD)

    assert (got.body, got.usage) == (body, TokenUsage(7, 5))


def test_unknown_fields_go_to_the_provider_unchanged():
    sent = OpenAICompatible().chat({**BODY, "their_own": {"a": [1]}, "seed": 3}, is_streamed=False)

    assert orjson.loads(sent.body) == {**BODY, "their_own": {"a": [1]}, "seed": 3}


def test_usage_is_always_asked_for_in_streams():
    sent = OpenAICompatible().chat({**BODY, "stream": True}, is_streamed=True)

    assert orjson.loads(sent.body)["stream_options"] == {"include_usage": True}


def test_the_quirks_of_an_api_are_kept():
    body = {
        **BODY,
        "messages": [{"role": "developer", "content": "be brief"}],
        "max_completion_tokens": 5,
        "seed": 3,
        "tool_choice": "required",
        "stream_options": {"include_usage": True},
    }

    sent = orjson.loads(OpenAICompatible(PRESETS["mistral"].quirks).chat(body, is_streamed=True).body)

    assert sent == {
        "model": "m",
        "messages": [{"role": "system", "content": "be brief"}],
        "max_tokens": 5,
        "random_seed": 3,
        "tool_choice": "any",
    }


@pytest.mark.parametrize(
    ("preset", "model", "names"),
    [
        ("openai", "gpt-9", ["web_search_options"]),
        ("openai", "gpt-9-search-preview", []),
        ("openrouter", "any", []),
        ("deepseek", "any", ["web_search_options"]),
        ("mistral", "any", ["prompt_cache_key", "user", "web_search_options"]),
        ("groq", "any", ["prompt_cache_key", "web_search_options"]),
    ],
)
def test_what_an_api_is_known_to_refuse_is_told(preset, model, names):
    body = {**BODY, "model": model, "web_search_options": {}, "prompt_cache_key": "k", "user": "u"}

    assert OpenAICompatible(PRESETS[preset].quirks).refused(body) == names


@pytest.mark.parametrize(("preset", "is_sent"), [("deepseek", True), ("mistral", False), ("groq", False)])
def test_earlier_reasoning_is_sent_back_where_it_is_not_refused(preset, is_sent):
    said = {"role": "assistant", "content": "yo", "reasoning_content": "hm"}

    request = OpenAICompatible(PRESETS[preset].quirks).chat({**BODY, "messages": [said]}, is_streamed=False)

    [message] = orjson.loads(request.body)["messages"]
    assert ("reasoning_content" in message) is is_sent
    assert message["content"] == "yo"


def test_quirks_leave_the_clients_body_alone():
    body = {**BODY, "max_completion_tokens": 5}

    OpenAICompatible(Quirks(max_tokens="max_tokens")).chat(body, is_streamed=False)

    assert body == {**BODY, "max_completion_tokens": 5}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"error": {"message": "m", "code": "c", "param": "p"}}', ("m", "c", "p")),
        (b'{"error": {"message": "m", "type": "t", "code": null}}', ("m", "t", None)),
        (b'{"error": "m"}', ("m", "", None)),
        (b'{"detail": [{"msg": "m"}]}', ('[{"msg":"m"}]', "", None)),
        (b'{"message": "m"}', ("m", "", None)),
        (b'[{"error": {"message": "m"}}]', ("m", "", None)),
        (b"<html>", ("", "", None)),
        (b"7", ("", "", None)),
    ],
)
def test_what_an_error_body_says_is_found_in_every_form(body, told):
    said = OpenAICompatible().refusal(body)

    assert (said.message, said.code, said.param) == told


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"data": [{"id": "a"}, {"id": "b"}]}', ["a", "b"]),
        (b'{"models": [{"name": "a"}]}', ["a"]),
        (b'[{"id": "a"}, 7]', ["a"]),
    ],
)
def test_models_are_read_from_every_form(body, names):
    assert OpenAICompatible().models(body) == names


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"data": 7}'])
def test_what_is_no_list_of_models_is_an_error(body):
    with pytest.raises(ApiFailedError):
        OpenAICompatible().models(body)


@pytest.mark.parametrize(
    ("usage", "read_as"),
    [
        (USAGE, TokenUsage(7, 5)),
        ({**USAGE, "prompt_tokens_details": {"cached_tokens": 3}}, TokenUsage(7, 5, cached=3)),
        ({**USAGE, "prompt_cache_hit_tokens": 2}, TokenUsage(7, 5, cached=2)),
        ({**USAGE, "completion_tokens_details": {"reasoning_tokens": 4}}, TokenUsage(7, 5, reasoning=4)),
        ({"prompt_tokens": 7}, TokenUsage(7, 0)),
        ({"prompt_tokens": "many"}, None),
        (None, None),
        ([], None),
    ],
)
def test_usage_is_read_by_everybodys_names(usage, read_as):
    assert parse_openai_usage(usage) == read_as
