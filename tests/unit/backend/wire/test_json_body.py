from __future__ import annotations

import pytest

from backend.errors import InvalidRequestError
from backend.wire.chat_response import to_json
from backend.wire.json_body import MOST_DEPTH, MOST_VALUES, check_keepable, parse_json


@pytest.mark.parametrize(
    ("raw", "document"),
    [
        (b'{"a":[1,2.5,true,null,"\xc3\xbc"]}', {"a": [1, 2.5, True, None, "ü"]}),
        (b'"\\ud800"', "\ud800"),
        (b'{"\\ud83d":"\\udc00x"}', {"\ud83d": "\udc00x"}),
        (b'["\\ud800", 123456789012345678901234567890]', ["\ud800", 123456789012345678901234567890]),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    ],
)
def test_json_is_read_exactly(raw, document):
    assert parse_json(raw) == document


@pytest.mark.parametrize(
    "number",
    [
        b"123456789012345678901234567890",
        b"0.10000000000000000555",
        b"123456789.123456789123",
        b"-18446744073709551616",
    ],
)
def test_numbers_that_would_be_rounded_are_written_as_they_came(number):
    raw = b'{"seed":' + number + b',"tools":[{"maximum":' + number + b"}]}"

    assert to_json(parse_json(raw)) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"NaN",
        b"1e999",
        b'["\\ud800", NaN]',
        b'["\\ud800", -1e999]',
        b'["\\ud800", ' + b"9" * 5_000 + b"]",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\x01"',
        '{"a":1}'.encode("utf-16"),
        b"[" * 100_000 + b"]" * 100_000,
        b'["\\ud800",' + b"[" * 100_000 + b"]" * 100_000 + b"]",
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_is_no_json_is_refused(raw):
    with pytest.raises(InvalidRequestError, match="The body is not JSON"):
        parse_json(raw)


@pytest.mark.parametrize("opening", [(b"[", b"]"), (b'{"a":', b"}")])
def test_only_what_is_nested_too_deep_is_refused_for_it(opening):
    begin, end = opening
    inner = b"[1]"

    parse_json(begin * (MOST_DEPTH - 1) + inner + end * (MOST_DEPTH - 1))
    with pytest.raises(InvalidRequestError, match=f"more than {MOST_DEPTH} deep"):
        parse_json(begin * MOST_DEPTH + inner + end * MOST_DEPTH)


@pytest.mark.parametrize(
    "values", [b"1,", b"[],", b"{},", b'"a",', b'"\\"",', b'{"a":1},', b'"\\ud800",'], ids=repr
)
def test_more_values_than_memory_should_hold_are_refused(values):
    with pytest.raises(InvalidRequestError, match=f"more than {MOST_VALUES} values"):
        parse_json(b"[" + values * (MOST_VALUES + 1) + b"1]")


@pytest.mark.parametrize("text", [b"{,[", b'\\"{,', b"\\\\,{["], ids=repr)
def test_what_stands_in_a_text_is_no_value(text):
    raw = b'["' + text * MOST_VALUES + b'"]'

    [found] = parse_json(raw)

    assert len(found) >= 2 * MOST_VALUES


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ("\0", None),
        ({"name": "a\0"}, "name"),
        ({"a": [{"b": "\ud800"}]}, "a.0.b"),
        ({"a": {"\udfff": 1}}, "a.\\udfff"),
    ],
)
def test_text_that_cannot_be_kept_is_refused_by_its_name(document, param):
    with pytest.raises(InvalidRequestError, match="can't be kept") as refused:
        check_keepable(document)

    assert refused.value.param == param


def test_every_other_text_can_be_kept():
    document = {"ü😀": ["\x01\r\n\u2028", 1, None, True, {"": ""}]}

    check_keepable(document)

    assert document == {"ü😀": ["\x01\r\n\u2028", 1, None, True, {"": ""}]}
