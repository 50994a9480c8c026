"""Cited pages, in every shape, each once."""

import pytest

from automation.capture.decoders.sources import Sources
from automation.turn import SourceFound

A = SourceFound("https://a.example", "A")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("https://a.example", [SourceFound("https://a.example", "")]),
        ({"url": "https://a.example", "title": "A"}, [A]),
        ({"uri": "https://a.example", "name": "A"}, [A]),
        ({"link": "https://a.example", "title": "A", "name": "B"}, [A]),
        ({"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}, [A]),
        ({"source": {"url": "https://a.example", "title": "A"}, "startIndex": 1}, [A]),
        ({"web": {"uri": "https://a.example", "title": "A"}}, [A]),
        ({"url": "https://a.example", "title": "A", "source": "web"}, [A]),
        (
            [{"url": "https://a.example", "title": "A"}, "http://b.example"],
            [A, SourceFound("http://b.example", "")],
        ),
        ([[{"url": "https://a.example", "title": "A"}]], [A]),
        ({"url": "file.pdf"}, []),
        ({"url": "javascript:alert(1)"}, []),
        ({"url": 5, "title": "A"}, []),
        ("[1]", []),
        (None, []),
        (5, []),
    ],
)
def test_a_source_is_found_in_the_shapes_that_sites_use(value, found):
    assert Sources().find(value) == found


def test_a_source_is_told_once():
    sources = Sources()
    first = sources.find({"url": "https://a.example", "title": "A"})

    again = sources.find(["https://a.example", "https://b.example"])

    assert first == [A]
    assert again == [SourceFound("https://b.example", "")]
