from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from automation.errors import SiteError
from backend.providers.api.chat.embedding_vectors import encode_vectors

NUMBERS = [0.25, -1.0, 3]
PACKED = base64.b64encode(struct.pack("<3f", *NUMBERS)).decode()


@pytest.mark.parametrize(
    ("came", "encoding", "told"),
    [
        (NUMBERS, "base64", PACKED),
        (PACKED, "base64", PACKED),
        (PACKED, "float", NUMBERS),
        (PACKED, None, NUMBERS),
        (NUMBERS, "float", NUMBERS),
        (NUMBERS, None, NUMBERS),
        (PACKED, "int8", PACKED),
        ([], "base64", ""),
    ],
)
def test_a_vector_is_written_as_it_was_asked_for(came, encoding, told):
    entries: list[Any] = [{"embedding": came}]

    assert encode_vectors(entries, encoding) is (came != told)
    assert entries == [{"embedding": told}]


@pytest.mark.parametrize(
    ("entry", "encoding"),
    [
        (7, None),
        ({}, None),
        ({"embedding": None}, "float"),
        ({"embedding": {}}, "base64"),
        ({"embedding": ["0.5"]}, "base64"),
        ({"embedding": [1e300]}, "base64"),
        ({"embedding": [[1.0]]}, "base64"),
        ({"embedding": "no base64"}, "float"),
        ({"embedding": base64.b64encode(b"12345").decode()}, None),
    ],
)
def test_what_is_no_vector_is_an_error(entry, encoding):
    with pytest.raises(SiteError):
        encode_vectors([entry], encoding)
