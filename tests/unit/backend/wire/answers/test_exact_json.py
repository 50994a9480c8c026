from __future__ import annotations

import json

import orjson
import pytest

from automation.errors import SiteError
from backend.wire.answers.exact_json import ExactNumber, RawJson, dump_exactly, parse_exactly, parse_lenient

NUMBERS = (
    "123456789012345678901234567890",
    "-123456789012345678901234567890",
    "18446744073709551616",
    "9223372036854775807",
    "0.10000000000000000555",
    "123456789.123456789123",
    "1.50",
    "1e2",
    "1E400",
    "1e-400",
    "-0",
    "-0.0",
    "0",
    "7",
    "1.5",
)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_is_written_as_it_was_read(number):
    raw = f'{{"a":[{number}],"b":{{"c":{number}}}}}'

    assert dump_exactly(parse_exactly(raw)) == raw.encode()
    assert dump_exactly(parse_exactly(raw.encode())) == raw.encode()


def test_an_exact_number_still_counts_as_one():
    assert ExactNumber("1.50") == 1.5


@pytest.mark.parametrize("parse", [parse_lenient, parse_exactly])
def test_half_a_surrogate_pair_is_read_and_written(parse):
    raw = b'{"\\ude00":["\\ud83d",1.50]}'

    document = parse(raw)

    assert document == {"\ude00": ["\ud83d", 1.5]}
    assert json.loads(dump_exactly(document)) == document


@pytest.mark.parametrize(
    "raw", [b"", b"{oops", b"[1,]", b"NaN", b"[1.5,Infinity]", b'"\xff"', b'"\xed\xa0\x80"', b"[" * 9000]
)
@pytest.mark.parametrize("parse", [parse_lenient, parse_exactly])
def test_what_is_no_json_is_an_error(parse, raw):
    with pytest.raises(ValueError):
        parse(raw)


def test_json_in_its_own_words_is_written_as_it_is():
    assert dump_exactly({"a": RawJson('{"b": 1.50}')}) == b'{"a":{"b": 1.50}}'
    assert json.loads(dump_exactly({"a": RawJson('{"b":"\ud83d"}')})) == {"a": {"b": "\ud83d"}}


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def test_what_orjson_nests_too_deep_to_write_is_written_all_the_same():
    raw = nested(300)

    assert dump_exactly(parse_lenient(raw)) == raw


def test_what_can_be_read_and_not_written_is_the_providers_error():
    document = orjson.loads(nested(1000))

    with pytest.raises(SiteError):
        dump_exactly(document)
