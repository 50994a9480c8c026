"""Foreign JSON: strict about syntax, easy about shape."""

import pytest

from automation.capture.decoders.framing.json_shape import as_dict, as_list, as_text, decode_json
from automation.capture.decoders.protocol import StreamFormatError


def test_json_is_parsed_and_anything_else_refused():
    value = decode_json('{"a": [1]}')

    assert value == {"a": [1]}
    with pytest.raises(StreamFormatError, match="not JSON"):
        decode_json('{"a": ')


@pytest.mark.parametrize("value", [None, 1, True, "text", [1], {"a": 1}])
def test_a_value_of_another_shape_reads_as_empty(value):
    shapes = as_dict(value), as_list(value), as_text(value)

    assert shapes == (
        value if isinstance(value, dict) else {},
        value if isinstance(value, list) else [],
        value if isinstance(value, str) else "",
    )


def test_json_of_many_brackets_that_is_not_deep_is_read():
    assert decode_json(f"[{','.join(['[]'] * 1000)}]") == [[]] * 1000
