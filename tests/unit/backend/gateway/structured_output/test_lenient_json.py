"""JSON as models write it: one reading or none."""

from __future__ import annotations

import json

import pytest

from backend.gateway.structured_output.lenient_json import LenientJsonError, read_json, read_value

STRICT = [
    "{}",
    "[]",
    '{"a": [1, -2.50, 1e3, true, false, null, "x"]}',
    '"\\u00fc \\ud83d\\ude00 \\n \\" \\\\ \\/"',
    '[[[["deep"]]]]',
    "0",
    '{"": {"": ""}}',
]


@pytest.mark.parametrize("text", STRICT)
def test_strict_json_is_read_as_json_reads_it(text):
    node = read_json(f" \n{text}\t")

    assert node.value == json.loads(text)
    assert json.loads(node.text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "strict"),
    [
        ("{'a': 'it\\'s'}", '{"a": "it\'s"}'),
        ("{“a”: “it’s”}", '{"a": "it’s"}'),
        ("[1, 2,]", "[1, 2]"),
        ("{a: 1, $b_c: 2}", '{"a": 1, "$b_c": 2}'),
        ('"one\ntwo\tthree"', '"one\\ntwo\\tthree"'),
        ("[True, False, None]", "[true, false, null]"),
        ('"say “hi”"', '"say “hi”"'),
        ("1.000000000000000000001", "1.000000000000000000001"),
    ],
)
def test_what_has_one_reading_is_mended(text, strict):
    node = read_json(text)

    assert node.text == strict
    assert json.loads(node.text) == node.value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "value was expected"),
        ("{", "'}' was expected"),
        ('{"a" 1}', "':' was expected"),
        ('{"a": 1 "b": 2}', "'}' was expected"),
        ("[1 2]", "']' was expected"),
        ("[,]", "value was expected"),
        ('"a" "b"', "something follows"),
        ('"no end', "no end"),
        ("'it's'", "something follows"),
        ('“a "b" c”', "mixes"),
        ('"\\x41"', "escape"),
        ('"\\u12"', "escape"),
        ("NaN", "value was expected"),
        ("01", "value was expected"),
        ("1.", "value was expected"),
        ("+1", "value was expected"),
        ("undefined", "value was expected"),
        ('{"a": 1, "a": 1}', "twice"),
        ("[" * 100, "nested"),
        ("1" * 5000, "value was expected"),
    ],
)
def test_what_has_no_single_reading_is_refused(text, why):
    with pytest.raises(LenientJsonError, match=why):
        read_json(text)


def test_half_a_surrogate_pair_stays_an_escape():
    assert read_json('["\\ud83d"]').text == '["\\ud83d"]'


def test_an_error_says_where():
    with pytest.raises(LenientJsonError, match="line 2, column 6"):
        read_json('{\n"a": ?}')


def test_a_value_is_read_out_of_a_longer_text():
    node = read_value('call {"a": 1} now', 5)

    assert (node.value, node.end) == ({"a": 1}, 13)
