from __future__ import annotations

import pytest

from backend.gateway.cache.cached_answer import (
    CachedAnswer,
    CachedAnswerError,
    CacheWish,
    cache_key,
    decode_answer,
    is_cacheable,
    parse_cache_control,
    variant,
)
from backend.wire.answers.exact_json import ExactNumber

BODY = {"model": "gpt-4", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5}


@pytest.mark.parametrize(
    "same",
    [
        {"user": "ada"},
        {"metadata": {"a": "b"}},
        {"model": "alias-of-it"},
        {"stream": False},
        {"stream": None, "stop": None},
        {"messages": [{"content": "Hi", "role": "user"}]},
    ],
)
def test_who_asks_and_how_it_is_written_does_not_change_the_key(same):
    assert cache_key({**BODY, **same}, "demo/m") == cache_key(BODY, "demo/m")


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [{"role": "user", "content": "Hi "}]},
        {"temperature": 0.6},
        {"seed": 1},
        {"tools": []},
        {"max_tokens": 5},
        {"stream": True},
        {"an_unknown_field": 1},
    ],
)
def test_what_changes_the_answer_changes_the_key(other):
    assert cache_key({**BODY, **other}, "demo/m") != cache_key(BODY, "demo/m")


@pytest.mark.parametrize(
    "text", ["\ud83d", 123456789012345678901234567890, ExactNumber("0.10000000000000000555")]
)
def test_a_request_that_orjson_cannot_write_or_would_round_has_a_key_of_its_own(text):
    body = {**BODY, "their_own": text}

    assert cache_key(body, "demo/m") == cache_key(dict(body), "demo/m")
    assert cache_key(body, "demo/m") != cache_key({**BODY, "their_own": 0.1}, "demo/m")


def test_another_model_or_scope_is_another_key():
    keys = {
        cache_key(BODY, "a"),
        cache_key(BODY, "b"),
        cache_key(BODY, "a", "key-1"),
        cache_key(BODY, "a", "key-2"),
    }

    assert len(keys) == 4


@pytest.mark.parametrize(
    ("body", "form"),
    [
        ({}, "whole"),
        ({"stream_options": {"include_usage": True}}, "whole"),
        ({"stream": True}, "stream"),
        ({"stream": True, "stream_options": {"include_usage": False}}, "stream"),
        ({"stream": True, "stream_options": {"include_usage": True}}, "stream+usage"),
    ],
)
def test_each_form_of_an_answer_is_kept_by_itself(body, form):
    assert variant(body) == form


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, True),
        ({"conversation": "auto"}, True),
        ({"temperature": 2}, True),
        ({"conversation": "new"}, False),
        ({"conversation": "conv_1"}, False),
        ({"store": True}, False),
    ],
)
def test_a_request_that_leaves_something_behind_is_not_answered_from_the_cache(body, expected):
    assert is_cacheable(body) is expected


@pytest.mark.parametrize(
    ("header", "wish"),
    [
        (None, CacheWish(may_read=True, may_store=True)),
        ("max-age=60", CacheWish(may_read=True, may_store=True)),
        ("no-cache", CacheWish(may_read=False, may_store=True)),
        ("No-Cache, max-age=5", CacheWish(may_read=False, may_store=True)),
        ("max-age=0", CacheWish(may_read=False, may_store=True)),
        ("no-store", CacheWish(may_read=False, may_store=False)),
    ],
)
def test_cache_control_is_obeyed(header, wish):
    assert parse_cache_control(header) == wish


@pytest.mark.parametrize("chunks", [(), (b"",), (b"one",), (b"a\n", b"", b"\nb\x00\xff")])
def test_an_answer_comes_back_chunk_by_chunk(chunks):
    answer = CachedAnswer(chunks, {"content-type": "text/event-stream"})

    assert decode_answer(answer.encode()) == answer


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"{}", b"[]\n", b'{"sizes": 3, "headers": {}}\n', CachedAnswer([b"abc"]).encode()[:-1]],
)
def test_what_is_no_whole_answer_is_refused(data):
    with pytest.raises(CachedAnswerError):
        decode_answer(data)
